/**
 * Tells those who answer for an organization that 80 % or all of its budget is spent, once a day and mark, in their inbox (and by letter when nobody
 * looks). The isolate whose report passed the mark enqueues the job; one that dies in that moment takes the warning with it, never the budget.
 */
import * as z from "zod"
import type { Ids } from "../core/context.ts"
import { type Job, job } from "../core/job.ts"
import { jobMessage } from "../core/job-message.ts"
import type { Outbox } from "../core/outbox.ts"
import type { Store } from "../core/ports.ts"
import { system } from "../core/principal.ts"
import { type Account, bounded, type Passed, renewalOf } from "../core/usage.ts"

/** Name of the engine's job. */
const warningJob = "usage.warn"

/** Whom one warning reaches at most. */
export const warnedMax = 50

/** The world of who enqueues. */
export interface WarnerPorts {
  readonly outbox: Outbox
  readonly ids: Ids
  openStore(): Store
  poke(): void
  now(): Date
}

/** Enqueues a warning for each mark; only organizations have anybody to tell. */
export function warner(
  ports: WarnerPorts,
): (account: Account, passed: readonly Passed[], day: string) => Promise<void> {
  return async ({ kind, id }, passed, day) => {
    if (kind !== "organization") return
    const now = ports.now()
    const principal = system("a budget is nearly spent")
    const requestId = ports.ids.mint("usage")
    const messages = passed.map((one) =>
      jobMessage(
        { principal, requestId },
        warningJob,
        { organizationId: id, day, ...one },
        { key: id, notBefore: null, run: null },
      ),
    )
    const outbox = await ports.outbox.prepare(messages, now)
    const parts = { writes: [], decidedOn: [], required: [], reads: [], idempotency: null }
    await ports.openStore().commit({ operation: warningJob, requestId, principal, now, ...parts, outbox })
    ports.poke()
  }
}

const input = z.strictObject({
  organizationId: z.string(),
  day: z.string(),
  what: z.enum(bounded),
  percent: z.int(),
  budget: z.int(),
})

/**
 * The job that tells them.
 * @param answerable ids of the users who answer for an organization, `warnedMax` at most
 */
export function warningJobOf(answerable: (organizationId: string) => Promise<readonly string[]>): Job {
  const made = job(warningJob, {
    summary: "Tells that a budget is nearly spent",
    input,
    key: ({ organizationId }) => organizationId,
    handle: async ({ input: { organizationId, day, what, percent, budget }, changes }) => {
      const rows = what === "rowsRead" ? "rows read" : "rows written"
      const title =
        percent < 100 ? `${percent} % of today's budget of ${rows} is spent` : `Today's budget of ${rows} is spent`
      const renewal = `It is ${budget} a day, and renews at ${renewalOf(day).toISOString()}.`
      const stops = what === "rowsRead" ? "Calls" : "Changes"
      const body = percent < 100 ? renewal : `${stops} are refused until then. ${renewal}`
      const data = { organizationId, day, what, percent, budget }
      for (const userId of await answerable(organizationId))
        changes.notify(userId, { kind: "usage.budget", title, body, data })
    },
  })
  return made as unknown as Job
}
