/** Everything that the engine can tell an operator, as one closed union. Logger, metrics and reports are folds over it. */
import type { Code } from "./code.ts"
import type { Principal } from "./principal.ts"

/** Time spent in one stage, in milliseconds. */
export interface Span {
  readonly stage: string
  readonly milliseconds: number
}

/**
 * What the cache did for a call: gave what it had (`hit`, or `stale` while it is renewed behind), or had nothing (`miss`); `pass`: the answer was made for
 * this call alone.
 */
export type CacheState = "hit" | "stale" | "miss" | "pass"

/** What a call cost in the database. */
export interface Cost {
  /** D1 round trips. */
  trips: number
  rowsRead: number
  rowsWritten: number
}

/** Who calls, in a word; a key and a program that acts for somebody are told from the person. */
export type CallerKind = Principal["kind"] | "key" | "program"

export type Observation =
  | {
      readonly kind: "call"
      readonly at: string
      readonly requestId: string
      readonly traceId: string | null
      readonly door: string
      /** null when no operation was resolved. */
      readonly operation: string | null
      /** Id of the user, "anonymous" or "system". */
      readonly actor: string
      readonly code: Code | "OK"
      readonly milliseconds: number
      readonly cost: Cost
      /** What the cache did, for calls that it may answer. */
      readonly cache?: CacheState
      /** Set for calls of what is deprecated: who still makes them, in a word, and until when they may. */
      readonly deprecated?: { readonly caller: CallerKind; readonly sunset: string | null; readonly isPast: boolean }
      /** What went wrong inside, for INTERNAL and its like; redacted by the logger. */
      readonly cause?: unknown
    }
  | {
      readonly kind: "stale_decision"
      readonly at: string
      readonly requestId: string
      readonly operation: string
      readonly attempt: number
    }
  | { readonly kind: "replayed"; readonly at: string; readonly requestId: string; readonly operation: string }
  | {
      readonly kind: "undelivered"
      readonly at: string
      readonly id: string
      readonly topic: string
      /** Its name, when it is a job. */
      readonly job?: string
      readonly attempts: number
      /** True when it will not be tried again. */
      readonly givenUp: boolean
      readonly cause: unknown
    }
  | {
      /** Somebody came back from a provider, and it did not hold. */
      readonly kind: "provider_refused"
      readonly at: string
      readonly requestId: string
      /** Its name. */
      readonly provider: string
      /** What was wrong, in a word: `state`, `signature`, `replayed`, … */
      readonly fault: string
      /** A sentence, without anything that was sent. */
      readonly detail: string
    }
  | { readonly kind: "fault"; readonly at: string; readonly where: string; readonly cause: unknown }
  | { readonly kind: "unhealthy"; readonly at: string; readonly part: string; readonly cause: unknown }

/** Tells an operator. Never throws, never waits. */
export type Observe = (observation: Observation) => void
