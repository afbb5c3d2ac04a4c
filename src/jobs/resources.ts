/** The nouns of jobs: what was given up, and how far tracked jobs are. Written by the engine alone. */
import { any, is, me, nobody, role, rule } from "../core/policy.ts"
import { resource } from "../core/registry.ts"
import { deadLetterTable, jobRunTable } from "../database/schema.ts"

const administrator = rule("administrators", role("admin"))

/** Jobs that were given up, for administrators: `dead_letters.replay` tries one again, `dead_letters.delete` forgets it. */
export const deadLetters = resource("dead_letters", {
  table: deadLetterTable,
  tenant: "none",
  summary: "A job that was given up",
  policy: { read: administrator, create: nobody(), update: nobody(), delete: administrator },
  filter: ["job"],
  operations: ["list", "get", "delete"],
})

/** How far the jobs are that were declared as tracked. Whoever caused one sees it. */
export const jobRuns = resource("job_runs", {
  table: jobRunTable,
  tenant: "none",
  summary: "A job under way, or done",
  policy: {
    read: any(rule("my own", is("ownerId", me)), administrator),
    create: nobody(),
    update: nobody(),
    delete: nobody(),
  },
  filter: ["ownerId"],
  operations: ["list", "get"],
})
