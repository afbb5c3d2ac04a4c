/** The record of a tracked job: a row that its owner can read and watch. Each step commits at once, in a batch of its own, with its event. */
import type { Changes, Write } from "../core/changes.ts"
import type { Json } from "../core/json.ts"
import type { Lease } from "../core/ports.ts"
import { system } from "../core/principal.ts"
import { invalid } from "../core/problem.ts"
import type { JobPorts } from "./ports.ts"
import { jobRuns } from "./resources.ts"

const tracking = system("progress of a job")
const noteLength = 500

/** What every batch of jobs has in common. */
export const plainBatch = { decidedOn: [], reads: [], required: [], idempotency: null, outbox: [] } as const

/** A change of the record. */
export function runWrite(id: string, values: Readonly<Record<string, Json>>): Write {
  return { kind: "update", resource: jobRuns.name, id, values, version: null, as: tracking }
}

/** A job whose record is kept. */
export interface Tracked {
  readonly job: string
  readonly requestId: string
  /** Id of the record. */
  readonly run: string
  readonly lease: Lease
}

async function commit(
  { pipeline }: JobPorts,
  { job, requestId, run, lease }: Tracked,
  values: Record<string, Json>,
): Promise<void> {
  const store = pipeline.openStore({ bookmark: null, fresh: true })
  const writes = [runWrite(run, values)]
  await store.commit({
    ...plainBatch,
    operation: job,
    requestId,
    principal: tracking,
    now: pipeline.now(),
    writes,
    lease: { ...lease, ends: false },
  })
  pipeline.poke()
}

/** Tells that an attempt has begun. */
export function beginRun(ports: JobPorts, tracked: Tracked): Promise<void> {
  return commit(ports, tracked, { status: "running", finishedAt: null })
}

/**
 * Tells how far a job is.
 * @param percent 0 to 100
 * @throws Problem INVALID_ARGUMENT for what is no percentage; ABORTED when the job is in other hands by now
 */
export async function tellProgress(ports: JobPorts, tracked: Tracked, percent: number, note?: string): Promise<void> {
  if (!(percent >= 0 && percent <= 100)) throw invalid("/percent", "invalid_value", "A percentage is 0 to 100")
  const told = note === undefined ? {} : { note: note.slice(0, noteLength) }
  await commit(ports, tracked, { percent: Math.round(percent), ...told })
}

/** The end, in the batch that ends the job. */
export function endRun(changes: Changes, run: string, now: Date): void {
  changes.as(tracking).update(jobRuns, run, { status: "done", percent: 100, finishedAt: now.toISOString() })
}
