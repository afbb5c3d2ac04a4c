/**
 * Verdicts: as the object answers them, as an isolate remembers those that stand, and as KV carries the long ones to isolates that have not asked
 * yet. KV is late and may lose them: that costs a hop, and refuses nobody whom the object would admit.
 */
import type { Limit, Verdict } from "../core/limiting.ts"
import { Problem } from "../core/problem.ts"
import { type Answer, longestWaitMs, resetSecondsOf } from "./bucket.ts"
import { blockedKey } from "./keys.ts"

/** The verdict on one of the calls that an answer is about. `grant` names what it was taken from. */
export function verdictOf(answer: Answer, admitted: boolean, grant: string | null): Verdict {
  return {
    admitted,
    remaining: answer.remaining + answer.leased,
    retryAfterSeconds: admitted ? 0 : Math.max(1, Math.ceil(answer.waitMs / 1000)),
    resetSeconds: Math.ceil(answer.resetMs / 1000),
    firm: !admitted && answer.firm,
    local: false,
    grant: admitted ? grant : null,
  }
}

/** The refusal of a call that could not be counted. */
export function unavailable(cause: unknown): Problem {
  return new Problem("UNAVAILABLE", "The service cannot count calls right now", { cause })
}

/** A firm refusal: before `until` calls of this cost or more are refused. */
export interface Refusal {
  readonly limit: Limit
  /** Milliseconds since 1970. */
  readonly until: number
  /** Whole tokens that were left, too few for the call. */
  readonly remaining: number
}

function ratesOf(limit: Limit): string {
  return "perDay" in limit ? `${limit.perDay} a day` : `${limit.ratePerMinute} a minute, ${limit.burst} at once`
}

/** Whether two limits differ by no more than the cost of a call. A plan may change what a key is allowed. */
export function isSameRate(a: Limit, b: Limit): boolean {
  if ("perDay" in a) return "perDay" in b && a.perDay === b.perDay
  return !("perDay" in b) && a.ratePerMinute === b.ratePerMinute && a.burst === b.burst
}

/** The verdict that a refusal already is; null when it says nothing about this call. */
export function refusedBy(refusal: Refusal | null, limit: Limit, at: number): Verdict | null {
  if (refusal === null || at >= refusal.until || limit.cost < refusal.limit.cost) return null
  if (!isSameRate(limit, refusal.limit)) return null
  return {
    admitted: false,
    remaining: refusal.remaining,
    retryAfterSeconds: Math.max(1, Math.ceil((refusal.until - at) / 1000)),
    resetSeconds: resetSecondsOf(limit, refusal.remaining, at),
    firm: true,
    local: true,
    grant: null,
  }
}

/** KV keeps nothing for a shorter time. */
const carriedMs = 60_000
/** What a location read is not asked for again within this time: the least that KV allows. */
const cacheSeconds = 30
/** Bytes of a KV key. */
const nameMax = 512

/** Where verdicts are carried. */
export interface Carrier {
  /** Until when calls are refused, milliseconds since 1970; null when nothing is known, or nothing that could be true. */
  read(key: string, limit: Limit, at: number): Promise<number | null>
  /** Carries a refusal on that has at least a minute to go. */
  write(key: string, refusal: Refusal, at: number): Promise<void>
}

/** Whether a refusal by this limit may be long enough to be carried. */
export function isCarried(limit: Limit, at: number): boolean {
  return longestWaitMs(limit, at) >= carriedMs
}

/** Whether this refusal is, and one that readers believe: what was charged makes a call wait for longer than its limit alone. */
export function isWorthCarrying({ limit, until }: Refusal, at: number): boolean {
  return until - at >= carriedMs && until - at <= longestWaitMs(limit, at)
}

/** Verdicts in KV: the value is the instant until which calls are refused (RFC 3339). */
export function kvCarrier(kv: KVNamespace): Carrier {
  const nameOf = (key: string, limit: Limit): string | null => {
    const name = blockedKey(encodeURIComponent(`${ratesOf(limit)}, ${limit.cost} a call`), encodeURIComponent(key))
    return name.length <= nameMax ? name : null
  }
  return {
    async read(key, limit, at) {
      const name = nameOf(key, limit)
      const text = name === null ? null : await kv.get(name, { cacheTtl: cacheSeconds })
      const until = text === null ? Number.NaN : Date.parse(text)
      // What is no instant, is past, or is later than this limit can make anybody wait, is not ours.
      return until > at && until - at <= longestWaitMs(limit, at) ? until : null
    },
    async write(key, { limit, until }, at) {
      const name = nameOf(key, limit)
      if (name === null) return
      await kv.put(name, new Date(until).toISOString(), {
        expirationTtl: Math.max(carriedMs / 1000, Math.ceil((until - at) / 1000)),
      })
    },
  }
}
