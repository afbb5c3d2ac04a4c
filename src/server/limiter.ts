/**
 * An exact limiter: GCRA in whole numbers, counted by the object of a key (limiter-object.ts), so one call is one hop. Within any time it
 * admits no more than burst + rate × time, however many ask at once and whatever their clocks say. When the object cannot be reached the
 * answer is UNAVAILABLE, never admission. Loads without a runtime: the class stands apart.
 */
import { networkOf } from "../core/address.ts"
import type { Limit, Limiting, Rate, Verdict } from "../core/limiting.ts"
import { Problem } from "../core/problem.ts"

/** What is remembered of a key. `debt` is how far the theoretical arrival time lies ahead, in units of a token. */
export interface Bucket {
  readonly debt: number
  /** Milliseconds since 1970; never goes back. */
  readonly at: number
}

/** A token in units: one unit a millisecond is one token a day, so that a rate of whole tokens a day is exact in whole numbers. */
const unitsPerToken = 86_400_000
const minutesPerDay = 1440
const burstMax = 1_000_000
const keyLengthMax = 512

function unitsPerMs({ ratePerMinute, burst, cost }: Rate): number {
  // The small addend undoes binary fractions: 1/12 a minute is 120 a day, not 119.
  const rate = Math.floor(ratePerMinute * minutesPerDay + 1e-6)
  const whole = Number.isSafeInteger(burst) && Number.isSafeInteger(cost) && Number.isSafeInteger(rate)
  if (!whole || rate < 1 || rate > unitsPerToken || burst < 1 || burst > burstMax || cost < 1 || cost > burst)
    throw new RangeError("A limit needs at least one token a day, a burst of 1 to 1,000,000 and a cost within it")
  return rate
}

/**
 * GCRA in whole numbers: one step, pure.
 * @param bucket what is remembered; null for a key at rest
 * @param now milliseconds since 1970; earlier than before counts as no time
 * @returns the verdict, what to remember when it was admitted, and when the key is at rest again
 */
export function takeFrom(
  bucket: Bucket | null,
  limit: Rate,
  now: number,
): { readonly verdict: Verdict; readonly bucket: Bucket; readonly restsAt: number } {
  const rate = unitsPerMs(limit)
  const at = Math.max(bucket?.at ?? now, now)
  const before = bucket?.debt ?? 0
  // No longer than it takes to pay everything back: the product stays a whole number that a double holds.
  const elapsed = Math.min(at - (bucket?.at ?? at), Math.ceil(before / rate))
  const debt = Math.max(0, before - elapsed * rate)
  const room = limit.burst * unitsPerToken
  const wanted = debt + limit.cost * unitsPerToken
  const admitted = wanted <= room
  const owed = admitted ? wanted : debt
  const secondsFor = (units: number): number => Math.ceil(Math.ceil(Math.max(0, units) / rate) / 1000)
  // A caller whose clock is behind waits for the difference too.
  const behind = at - now
  return {
    verdict: {
      admitted,
      remaining: Math.max(0, Math.floor((room - owed) / unitsPerToken)),
      retryAfterSeconds: admitted ? 0 : Math.max(1, secondsFor(wanted - room + behind * rate)),
      resetSeconds: secondsFor(owed),
      firm: false,
      local: false,
      grant: null,
    },
    bucket: { debt: owed, at },
    restsAt: at + Math.ceil(owed / rate),
  }
}

/** The object's method over a call, as a stub gives it. */
interface Counting {
  take(key: string, limit: Rate, now: number): Promise<Verdict>
}

/** Name of the object that counts for a key. */
export function limiterObjectName(key: string): string {
  return `limit/${key}`
}

const rateOf = (limit: Limit): Rate =>
  "perDay" in limit ? { ratePerMinute: limit.perDay / 1440, burst: limit.perDay, cost: limit.cost } : limit

/**
 * Counts by key, `<what>/<whom>` such as `sign-in/address/2001:db8:0:1::/64`.
 * @throws Problem UNAVAILABLE when the object does not answer; RangeError for a limit or a key that makes no sense
 */
export function limiting(namespace: DurableObjectNamespace): Limiting {
  const take = async (key: string, limit: Rate, now: Date): Promise<Verdict> => {
    unitsPerMs(limit)
    if (key.length > keyLengthMax) throw new RangeError("A limiter's key is too long")
    try {
      const stub = namespace.getByName(limiterObjectName(key)) as unknown as Counting
      return await stub.take(key, limit, now.getTime())
    } catch (cause) {
      throw new Problem("UNAVAILABLE", "The service cannot count calls right now", { cause })
    }
  }
  return {
    take: (key, limit, now) => take(key, rateOf(limit), now),
    async admit(key, limit, now) {
      const verdict = await take(key, rateOf(limit), now)
      if (!verdict.admitted)
        throw new Problem("RESOURCE_EXHAUSTED", "Too many requests", { retryAfterSeconds: verdict.retryAfterSeconds })
      return verdict
    },
    draw: (key, limit, now) => take(key, rateOf(limit), now),
    restore: () => undefined,
    charge: (key, limit, tokens, now, behind) => behind(take(key, { ...rateOf(limit), cost: tokens }, now)),
  }
}

/** Letters that one sender may have sent by handlers: thirty at once, then one in two minutes. Letters of accounts have limits of their own. */
export function letterLimit(limiter: Limiting): (sender: string, count: number, now: Date) => Promise<void> {
  return async (sender, cost, now) => {
    await limiter.admit(`letters/${networkOf(sender)}`, { ratePerMinute: 1 / 2, burst: 30, cost }, now)
  }
}
