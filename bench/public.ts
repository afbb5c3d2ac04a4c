/** The workspace's tasks as a back end that anyone may read, on the same database: with a cache and without, to be held against each other. */
import { anyone, app, nobody, resource } from "selvage"
import { taskTable } from "../src/app/tasks.ts"
import { worker } from "../src/worker.ts"

export { Feed, Hub, Limiter, Topic, User } from "../src/worker.ts"

/**
 * The Worker.
 * @param isCached whether answers are kept for everybody
 */
export function publicWorker(isCached: boolean) {
  const tasks = resource("tasks", {
    table: taskTable,
    tenant: "organizationId",
    policy: { read: anyone(), create: nobody(), update: nobody(), delete: nobody() },
    filter: ["organizationId", "projectId"],
    operations: ["list", "get"],
    ...(isCached ? { cache: { public: "10m", swr: "10m" } as const } : {}),
  })
  // One hasty caller, who is nobody: counted as everywhere, by a limit that no bench comes to.
  const wide = { per: "principal", rate: "1000/s", burst: 1_000_000 } as const
  return worker(app({ title: "Public tasks", resources: [tasks], limits: { default: wide, search: wide } }))
}
