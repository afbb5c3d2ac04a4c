/**
 * Jobs: work that happens after a commit and may fail and be tried again. A job is enqueued by `changes.enqueue`, so it exists only when the change
 * that wants it was committed, and it is run at least once; its own changes and its removal commit together, so what it writes is written once.
 */
import type * as z from "zod"
import type { Context } from "./context.ts"
import type { Json } from "./json.ts"
import type { Operation } from "./operation.ts"
import type { Mail } from "./outbox.ts"

/**
 * How often and how patiently a job is tried. The n-th pause is any time up to `firstSeconds` × 2ⁿ⁻¹ and `maxSeconds` (full jitter): jobs that failed
 * together do not come back together.
 */
export interface Retry {
  /** Attempts in all, the first included; default 8. Then it becomes a dead letter. */
  readonly attempts: number
  /** Default 5. */
  readonly firstSeconds: number
  /** Default 3600. */
  readonly maxSeconds: number
}

export const defaultRetry: Retry = Object.freeze({ attempts: 8, firstSeconds: 5, maxSeconds: 3600 })

/** The world outside, for jobs alone: a handler of an operation changes data and lets a job tell others. */
export interface Outbound {
  /**
   * Calls somebody else's HTTP interface: bounded in time and in the size of the answer, no redirects, no private addresses.
   * @throws Problem UNAVAILABLE or DEADLINE_EXCEEDED, which a job tries again; PERMISSION_DENIED for an address that may not be called
   */
  fetch(
    url: string,
    /**
     * `cutAt`: takes so many bytes of the answer's body and lets the rest go, instead of refusing an answer that is too large. `atMost`: refuses
     * an answer with more bytes.
     */
    init?: RequestInit & { readonly timeoutMs?: number; readonly cutAt?: number; readonly atMost?: number },
  ): Promise<Response>
}

/** What a job's handler gets, beside its input. The principal is the system on behalf of whoever caused the job. */
export interface JobContext extends Context {
  /** Id of the message, the same in every attempt: give it to whoever must know a repetition. */
  readonly id: string
  /** 1 for the first. */
  readonly attempt: number
  readonly outbound: Outbound
  /** Sends a letter now. Throws when it did not leave. */
  send(mail: Mail): Promise<void>
  /** Tells how far a tracked job is, at once: 0 to 100. */
  progress(percent: number, note?: string): Promise<void>
}

/** What `job()` takes. */
export interface JobOptions<I extends z.ZodObject> {
  readonly summary?: string
  readonly input: I
  readonly retry?: Partial<Retry>
  /** What jobs are ordered by: those of one key run one after another, in the order of their enqueuing. Left out: in no order. */
  key?(input: z.output<I>): string
  /** Keeps a record of the run in `job_runs`, which its owner can read and watch. */
  readonly tracked?: true
  /** How long one attempt may take, seconds; default 60, at most 600. */
  readonly timeoutSeconds?: number
  /** How long after its enqueuing (or the instant that it was for) it is of use, seconds; then it is given up. Left out: for ever. */
  readonly lifeSeconds?: number
  handle(call: JobContext & { readonly input: z.output<I> }): Promise<unknown> | unknown
}

/** A declared job. */
export interface Job<N extends string = string, I extends z.ZodObject = z.ZodObject> {
  readonly name: N
  readonly summary?: string
  readonly input: I
  readonly retry: Retry
  readonly tracked: boolean
  readonly timeoutSeconds: number
  readonly lifeSeconds: number | null
  /** Made of a schedule: runs this operation in the place of a handler. */
  readonly operation?: string
  key(input: z.output<I>): string | null
  handle(call: JobContext & { readonly input: never }): unknown
}

/**
 * Declares a job.
 * @param name `noun.verb`, unique in the application
 * @throws Error for bounds that no job may have
 */
export function job<const N extends string, I extends z.ZodObject>(name: N, options: JobOptions<I>): Job<N, I> {
  const retry = { ...defaultRetry, ...options.retry }
  const { timeoutSeconds = 60, lifeSeconds = null, key } = options
  if (!/^[a-z][A-Za-z0-9_]*(\.[a-z][A-Za-z0-9_]*)+$/.test(name))
    throw new Error(`The job ${name} is not named noun.verb`)
  if (!(retry.attempts >= 1 && retry.attempts <= 100)) throw new Error(`${name}: retry.attempts is 1 to 100`)
  if (!(retry.firstSeconds >= 1 && retry.firstSeconds <= retry.maxSeconds && retry.maxSeconds <= 86_400))
    throw new Error(`${name}: retry.firstSeconds is 1 or more, maxSeconds at least that and at most a day`)
  if (!(timeoutSeconds >= 1 && timeoutSeconds <= 600)) throw new Error(`${name}: timeoutSeconds is 1 to 600`)
  if (lifeSeconds !== null && !(lifeSeconds >= 1)) throw new Error(`${name}: lifeSeconds is 1 or more`)
  return {
    name,
    ...(options.summary === undefined ? {} : { summary: options.summary }),
    input: options.input,
    retry,
    timeoutSeconds,
    lifeSeconds,
    tracked: options.tracked === true,
    key: (input) => key?.(input) ?? null,
    handle: options.handle as never,
  }
}

/** Something that happens by the clock. */
export interface Cron {
  /** Five fields, UTC: `"0 3 * * *"`. */
  readonly schedule: string
  /** Runs as the system. */
  readonly target: Operation | Job
  readonly input: Json
}

/**
 * Declares what happens by the clock; each due minute becomes one job, whichever isolate sees it first.
 * @param schedule five cron fields, UTC
 */
export function cron(schedule: string, target: Operation | Job, input: Json = {}): Cron {
  return { schedule, target, input }
}

/** What `changes.enqueue` may be told beside the input. */
export interface EnqueueOptions {
  /** Not before this instant. */
  readonly at?: Date
}

/** Adds a job to what commits. */
export type Enqueue = <I extends z.ZodObject>(
  job: Job<string, I>,
  input: z.input<I>,
  options?: EnqueueOptions,
) => { readonly runId: string | null }

/** A job's name stands in the log where an operation's stands, so no two share one. */
export function jobsOf(jobs: readonly Job[], operations: { has(name: string): boolean }): ReadonlyMap<string, Job> {
  const byName = new Map<string, Job>()
  for (const job of jobs) {
    if (operations.has(job.name))
      throw new Error(`${job.name} is the name of a job and of an operation; rename one of them`)
    if (byName.has(job.name)) throw new Error(`Two jobs are named ${job.name}`)
    byName.set(job.name, job)
  }
  return byName
}
