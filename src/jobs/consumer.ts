/**
 * Runs what the queue names: takes a lease on the oldest due job of a key, runs it, then the next of that key. Another consumer may be about the same
 * key: the lease's number decides whose batch commits. What fails is put back or given up; it holds up its own key and nothing else.
 */
import { defaultRetry, type Job } from "../core/job.ts"
import { type JobOrder, jobOfSubject, outboxPurpose } from "../core/outbox.ts"
import { asProblem, Problem } from "../core/problem.ts"
import { claimNext, type LeasedRow, putBack, type Ticket } from "../database/leases.ts"
import { bury } from "./burial.ts"
import { attemptJob } from "./door.ts"
import type { JobPorts } from "./ports.ts"
import { isPassing, pauseMs } from "./retrying.ts"

/** A lease outlives its attempt by so long: for opening, committing, and clocks that differ. */
const leaseMarginMs = 30_000
const strangeSeconds = 60
/** A consumer leaves the rest of a long key to the next one: the platform ends a batch after 15 minutes. */
const drainMs = 180_000
const drainJobs = 100

/** Of the local queue, which waits for a batch before it begins the next: one job that hangs must not hold up the others. */
const patienceMs = 1000

/**
 * Takes batches of the queue. The rows in D1 are the truth, so no message is ever sent back: what fails here is due again by itself.
 * @param behind keeps work going after the batch was answered
 */
export function consumer(
  ports: JobPorts,
  behind: (work: Promise<unknown>) => void,
): (tickets: readonly Ticket[]) => Promise<void> {
  const { pipeline } = ports
  const drain = async (ticket: Ticket) => {
    try {
      await drainKey(ports, ticket)
    } catch (cause) {
      pipeline.observe({ kind: "fault", at: pipeline.now().toISOString(), where: `job ${ticket.subject}`, cause })
    }
  }
  return async (tickets) => {
    const all = Promise.all(tickets.map(drain))
    behind(all)
    // In production the queue opens further batches beside one that takes its time.
    await (pipeline.development ? Promise.race([all, scheduler.wait(patienceMs)]) : all)
  }
}

/** Runs the due jobs of one key, in order. */
async function drainKey(ports: JobPorts, { subject, ticket }: Ticket): Promise<void> {
  const { pipeline, registry, database } = ports
  const job = registry.jobs.get(jobOfSubject(subject).job) ?? null
  const leaseMs = (job?.timeoutSeconds ?? strangeSeconds) * 1000 + leaseMarginMs
  const started = pipeline.now().getTime()
  for (let done = 0; done < drainJobs && pipeline.now().getTime() - started < drainMs; done++) {
    const now = pipeline.now()
    const until = new Date(now.getTime() + leaseMs)
    const row = await claimNext(database, { subject, ticket: done === 0 ? ticket : null, now, until })
    if (row === null) return
    await work(ports, job, row)
    // A job without a key is alone under its subject.
    if (jobOfSubject(subject).key === row.id) return
  }
  pipeline.poke()
}

async function work(ports: JobPorts, job: Job | null, row: LeasedRow): Promise<void> {
  const order = await opened(ports, row)
  const hopeless = order === null ? unreadable() : job === null ? null : hopelessness(job, row, ports.pipeline.now())
  if (hopeless !== null) return giveUp(ports, row, order, hopeless)
  const problem =
    job === null || order === null ? unknownJob() : await attemptJob(ports, { job, order, row }).catch(asProblem)
  if (problem === null) return
  const retry = job?.retry ?? defaultRetry
  // A job that this program does not know may be known to the one before or after it.
  const isHopeful = (job === null || isPassing(problem)) && row.attempts < retry.attempts
  if (!isHopeful) return giveUp(ports, row, order, problem)
  const pause = pauseMs(retry, row.attempts, problem, ports.chance())
  const due = new Date(ports.pipeline.now().getTime() + pause)
  if (await putBack(ports.database, row, due, sentenceOf(problem))) tell(ports, row, false, problem)
  ports.pipeline.poke()
}

async function opened({ sealer }: JobPorts, { id, payload }: LeasedRow): Promise<JobOrder | null> {
  const text = await sealer.open(outboxPurpose, id, payload)
  try {
    return text === null ? null : (JSON.parse(text) as JobOrder)
  } catch {
    // Sealed by us and yet no JSON: as unreadable as what does not open.
    return null
  }
}

function unreadable(): Problem {
  return new Problem("DATA_LOSS", "The message does not open under KEK")
}

function unknownJob(): Problem {
  return new Problem("UNIMPLEMENTED", "No job has this name in the program that runs now")
}

/** Why it is not even tried; null when it is. */
function hopelessness({ retry, lifeSeconds }: Job, row: LeasedRow, now: Date): Problem | null {
  // Each attempt before took its runtime with it, or it would have been put back with its fault.
  if (row.attempts > retry.attempts)
    return new Problem("DEADLINE_EXCEEDED", "The runtime ended before the job did, in its last attempt too")
  const since = Date.parse(row.notBefore ?? row.createdAt)
  if (lifeSeconds !== null && now.getTime() - since > lifeSeconds * 1000)
    return new Problem("DEADLINE_EXCEEDED", "It is too late to be of use")
  return null
}

async function giveUp(ports: JobPorts, row: LeasedRow, order: JobOrder | null, problem: Problem): Promise<void> {
  if (await bury(ports, row, order, { code: problem.code, sentence: sentenceOf(problem) }))
    tell(ports, row, true, problem)
}

/** In the operator's words: what was thrown says more than what a caller would hear. */
function sentenceOf({ code, message, options }: Problem): string {
  const { cause, violations = [] } = options
  const faults = violations.map(({ path, message: fault }) => `${path} ${fault}`).join("; ")
  return [`${code}: ${message}`, faults, cause === undefined ? "" : String(cause)]
    .filter((part) => part !== "")
    .join(" | ")
}

function tell({ pipeline }: JobPorts, { id, subject, attempts }: LeasedRow, givenUp: boolean, problem: Problem): void {
  const at = pipeline.now().toISOString()
  const cause = problem.options.cause ?? problem
  pipeline.observe({
    kind: "undelivered",
    at,
    id,
    topic: "job",
    job: jobOfSubject(subject).job,
    attempts,
    givenUp,
    cause,
  })
}
