/** What a door is to the pipeline: four functions over its wire. Everything else happens once, in `pipeline.ts`. */
import type { JobContext } from "./job.ts"
import type { Json } from "./json.ts"
import type { ToldLimit } from "./limit.ts"
import type { CacheState, Cost, Span } from "./observation.ts"
import type { SessionEffect } from "./operation.ts"
import type { Credentials, Lease } from "./ports.ts"
import type { Principal, System } from "./principal.ts"
import type { Problem } from "./problem.ts"
import type { CompiledOperation } from "./registry.ts"

/** What a door found in its wire: the operation, its facts, and how to decode the input when its time comes. */
export interface Match {
  readonly operation: CompiledOperation
  /** Reads and parses the body. Called after authentication, at most once. Throws INVALID_ARGUMENT. */
  decode(): Promise<Json> | Json
  readonly idempotencyKey: string | null
  /** How long the key is remembered; `limits.idempotencySeconds` when left out. */
  readonly idempotencySeconds?: number
  readonly expectedVersion: number | null
  readonly bookmark: string | null
  /** True for a call that is to be tried and not done: it answers with a `Rehearsal` (rehearsal.ts). */
  readonly rehearsal?: boolean
  /** The job that this call is; at the door of jobs alone. */
  readonly job?: JobCall
}

/** A job under way, as the stages see it. */
export interface JobCall {
  /** What commits, commits under it and ends it. */
  readonly lease: Lease
  /** What its handler gets beside what every handler gets. */
  readonly context: Pick<JobContext, "id" | "attempt" | "outbound" | "send" | "progress">
}

/** A way in. `W` is a request in the door's own form, `R` its answer. */
export interface Door<W, R> {
  readonly name: string
  /**
   * States who calls: the system, for calls that come from inside. Nobody is authenticated then and nobody limited; every other stage is the
   * same. Doors to the outside leave it out.
   */
  principal?(wire: W): System
  /**
   * Whoever the door has let in already: their address was limited and they were authenticated, once for all that comes in one connection or
   * message. Their calls are limited as ever.
   */
  admitted?(wire: W): Principal
  /** From headers alone: authentication comes before any body is read. */
  credentials(wire: W): Credentials
  /** Which operation. Throws NOT_FOUND, or UNIMPLEMENTED, in the shared codes. */
  resolve(wire: W): Match | Promise<Match>
  encode(wire: W, output: Json, facts: Facts): R
  encodeProblem(wire: W, problem: Problem, facts: Facts): R
}

/** How an answer stands to the caches. */
export interface CachedFacts {
  readonly state: CacheState
  /** How whoever is on the way may keep the answer; null: it is for this caller alone. */
  readonly shared: SharedFacts | null
}

/** What shared caches are to know of an answer (RFC 9111). Lengths are whole seconds. */
export interface SharedFacts {
  readonly ageSeconds: number
  readonly freshSeconds: number
  readonly staleSeconds: number
  /** Hash of the content. */
  readonly tag: string
  /** False: callers with a credential are answered otherwise. */
  readonly everybody: boolean
}

/** What an encoder may tell about a call, beside its output. */
export interface Facts {
  readonly requestId: string
  readonly operation: CompiledOperation | null
  readonly principal: Principal
  /** Where the database stood after the call; the client sends it back to read its own writes. */
  readonly bookmark: string | null
  readonly replayed: boolean
  /** What the call was counted by, the tightest first; empty when nothing was counted. */
  readonly limits: readonly ToldLimit[]
  /** For doors with cookies: what to set or to clear. */
  readonly session: SessionEffect | null
  /** Set for operations whose answers are cached. */
  readonly cached: CachedFacts | null
  /** Cost and spans: null unless in development or for administrators, since they are a side channel. */
  readonly receipt: {
    readonly cost: Cost
    /** Nano-dollars; what is in it stands at `estimateOf` of prices.ts. */
    readonly estimate: number
    readonly spans: readonly Span[]
  } | null
}

/** Facts of the transport that every door has. */
export interface Arrival {
  readonly requestId: string
  /** W3C trace id from `traceparent`, when the caller sent a valid one. */
  readonly traceId: string | null
  readonly signal: AbortSignal
}

/**
 * The pipeline over the registry and the world of an isolate. Doors that are loaded late are given it: what they import themselves stays small, since
 * a bundler keeps whole what is imported late.
 */
export type Call = <W, R>(door: Door<W, R>, wire: W, arrival: Arrival) => Promise<R>
