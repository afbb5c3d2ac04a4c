/** `log.prune`: the maintenance of the log at once, for administrators. A timer does the same each minute. */
import * as z from "zod"
import type { Operation } from "../core/operation.ts"
import { role } from "../core/policy.ts"
import { pruneLog, type Retention } from "./archive.ts"
import { type LogKeeping, sealLog } from "./seal.ts"

const input = z.strictObject({}).meta({ id: "PruneLog" })

const output = z
  .object({
    sealed: z.int().describe("Segments that were closed and sealed"),
    pruned: z.int().describe("Segments that went to the archive and left the database"),
  })
  .meta({ id: "LogPruned" })

/** `log.prune`. Bounded: a long log takes several calls. */
export function pruneOperation(ports: () => LogKeeping & Retention): Operation {
  return {
    name: "log.prune",
    kind: "mutation",
    summary: "Seal what is to be sealed, archive and prune what is older than the retention",
    input,
    output,
    policy: role("admin"),
    credential: "session",
    rest: { method: "POST", path: "/log/prune" },
    engine: async (_: z.output<typeof input>, { reading: { now } }) => {
      const sealed = await sealLog(ports(), now)
      return { sealed, pruned: await pruneLog(ports(), now) }
    },
  }
}
