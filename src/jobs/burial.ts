/** Dead letters: a job that is given up goes from the outbox into a table of its own, in one batch, so that what waited behind it goes on. */
import type { Write } from "../core/changes.ts"
import type { Code } from "../core/code.ts"
import { type JobOrder, jobOfSubject } from "../core/outbox.ts"
import { system } from "../core/principal.ts"
import { Problem } from "../core/problem.ts"
import type { LeasedRow } from "../database/leases.ts"
import { redactedCause } from "../database/outbox.ts"
import type { JobPorts } from "./ports.ts"
import { deadLetters } from "./resources.ts"
import { plainBatch, runWrite } from "./runs.ts"

const givingUp = system("a job was given up")

/**
 * Buries a job. The message stands in the dead letter as it stood, sealed.
 * @param why for the administrator; kept without addresses and tokens
 * @returns false when it is in other hands by now
 */
export async function bury(
  { pipeline }: JobPorts,
  row: LeasedRow,
  order: JobOrder | null,
  why: { readonly code: Code; readonly sentence: string },
): Promise<boolean> {
  const { job, key } = jobOfSubject(row.subject)
  const now = pipeline.now()
  const values = {
    job,
    key,
    messageId: row.id,
    onBehalfOf: order?.onBehalfOf ?? null,
    attempts: row.attempts,
    code: why.code,
    lastError: redactedCause(why.sentence),
    enqueuedAt: row.createdAt,
    payload: row.payload,
  }
  const id = pipeline.ids.mint("dead")
  const writes: Write[] = [{ kind: "create", resource: deadLetters.name, id, values, as: givingUp }]
  if (order !== null && order.run !== null)
    writes.push(runWrite(order.run, { status: "failed", finishedAt: now.toISOString() }))
  try {
    await pipeline.openStore({ bookmark: null, fresh: true }).commit({
      ...plainBatch,
      operation: job,
      requestId: order?.requestId ?? row.id,
      principal: givingUp,
      now,
      writes,
      lease: { message: row.id, attempt: row.attempts, ends: true },
    })
  } catch (fault) {
    if (fault instanceof Problem && fault.code === "ABORTED") return false
    throw fault
  }
  pipeline.poke()
  return true
}
