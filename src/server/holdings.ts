/** What an isolate knows of one key of the limiter: the lease that it draws from, a refusal that stands, what the object is still to be told. Pure. */
import type { Limit, Verdict } from "../core/limiting.ts"
import { type Answer, type Ask, chargeMaxOf, type Lease, leaseMs, resetSecondsOf } from "./bucket.ts"
import { type Refusal, refusedBy } from "./verdicts.ts"

/** A lease in use. */
export interface Held extends Lease {
  /** Tokens that are left of it. */
  left: number
  /** By the isolate's clock, milliseconds since 1970. */
  readonly until: number
  /** What the object had left besides. */
  readonly remaining: number
}

/** What is known of a key. */
export interface Holding {
  lease: Held | null
  refusal: Refusal | null
  /** Tokens that the lease before was worth. */
  demand: number
  /** When the object was last asked, how often in a row soon after the time before, and when it last admitted a call. */
  askedAt: number
  warmth: number
  admittedAt: number
  /** What the object is to be told: leases that ended, tokens of grants that come back, charges. */
  settled: Lease[]
  refunds: Map<string, number>
  charged: number
}

const never = Number.NEGATIVE_INFINITY
/** More is not leased at once, however many are wanted. */
const prefetchMax = 10_000
/** Demand lasts when so many questions followed one another. A lease for less would often come back unused, and that is a message, too. */
const warmthMin = 2

/** Of a key that was never asked for. */
export function newHolding(): Holding {
  return {
    lease: null,
    refusal: null,
    demand: 0,
    askedAt: never,
    warmth: 0,
    admittedAt: never,
    settled: [],
    refunds: new Map(),
    charged: 0,
  }
}

function isAlive(lease: Held | null, at: number): lease is Held {
  return lease !== null && at < lease.until
}

/** What memory says to a call: admitted by the lease, refused by what stands, or null: the object must be asked. */
export function answerOf(holding: Holding, limit: Limit, at: number): Verdict | null {
  const { lease } = holding
  if (!isAlive(lease, at) || lease.left < limit.cost) return refusedBy(holding.refusal, limit, at)
  lease.left -= limit.cost
  const remaining = lease.remaining + lease.left
  return {
    admitted: true,
    remaining,
    retryAfterSeconds: 0,
    resetSeconds: resetSecondsOf(limit, remaining, at),
    firm: false,
    local: true,
    grant: lease.id,
  }
}

/** Takes back what a call had drawn. Into the lease that it came out of, as though it had never left; the rest is for the object to judge. */
export function restoreTo(holding: Holding, limit: Limit, { admitted, local, grant }: Verdict): void {
  if (!admitted || grant === null) return
  if (local && holding.lease?.id === grant) holding.lease.left += limit.cost
  else holding.refunds.set(grant, (holding.refunds.get(grant) ?? 0) + limit.cost)
}

/** Charges tokens: the lease first, then the object is told. */
export function chargeTo(holding: Holding, limit: Limit, tokens: number, at: number): void {
  const { lease } = holding
  const paid = isAlive(lease, at) ? Math.min(lease.left, tokens) : 0
  if (lease !== null) lease.left -= paid
  holding.charged = Math.min(holding.charged + tokens - paid, chargeMaxOf(limit))
}

/** Ends the lease in use: what is left of it goes back with the next message. */
export function endLease(holding: Holding): void {
  const { lease } = holding
  if (lease === null) return
  holding.lease = null
  holding.demand = lease.tokens - lease.left
  holding.settled.push({ id: lease.id, tokens: lease.left })
}

/** What the object is to be told, and no second time. */
export function takeUntold(holding: Holding): Pick<Ask, "settled" | "refunds" | "charged"> {
  const { settled, charged } = holding
  const refunds = [...holding.refunds].map(([id, tokens]) => ({ id, tokens }))
  Object.assign(holding, { settled: [], refunds: new Map(), charged: 0 })
  return { settled, refunds, charged }
}

/**
 * The question for calls that wait. While demand lasts a lease that was used up is worth twice as much, one that was not what was used of it;
 * otherwise nothing is leased.
 * @param warmMs within so many milliseconds of the last question this one is soon
 */
export function questionOf(holding: Holding, limit: Limit, id: string, calls: number, at: number, warmMs: number): Ask {
  const usedUp = holding.lease !== null && holding.lease.left < limit.cost
  holding.warmth = at - holding.askedAt < warmMs ? holding.warmth + 1 : 0
  endLease(holding)
  const wanted = Math.max(usedUp ? 2 * holding.demand : holding.demand, calls * limit.cost)
  holding.askedAt = at
  return { id, calls, prefetch: holding.warmth < warmthMin ? 0 : Math.min(wanted, prefetchMax), ...takeUntold(holding) }
}

/**
 * Takes note of an answer.
 * @param askedAt when it was asked for
 * @param now the time by now; null when the answer is too old, or of unknown age because the clock was seen to go back
 */
export function remember(
  holding: Holding,
  limit: Limit,
  id: string,
  answer: Answer,
  askedAt: number,
  now: number | null,
): void {
  const until = askedAt + leaseMs
  if (answer.leased > 0) {
    // Another question was answered first, or this one came too late: unused.
    if (holding.lease !== null || now === null || now >= until) holding.settled.push({ id, tokens: answer.leased })
    else holding.lease = { id, tokens: answer.leased, left: answer.leased, until, remaining: answer.remaining }
  }
  if (now === null) return
  if (answer.admitted > 0) holding.admittedAt = askedAt
  if (answer.firm) holding.refusal = { limit, until: askedAt + answer.waitMs, remaining: answer.remaining }
}
