/**
 * The arithmetic of the limiter, pure: GCRA in whole numbers, quotas by day, and leases out of both.
 *
 * What is kept to: within any time, as the object knows it, no more is admitted than burst + rate × time, and in a day of UTC no more than a
 * quota. Tokens that isolates hold in leases are used later than they were granted, when the bucket might have filled again. So they count as
 * still being in it: it fills only as far as leaves room for what is out (`refilled`). A lease that is settled or over is out no longer; what was
 * given back is there again, what was not counts as spent. By this, what is in the bucket and unused in leases is at no time more than would be
 * in a bucket that saw every use at once. It needs only that no isolate uses a lease after the object took it for over: see leases.ts.
 */
import type { Limit } from "../core/limiting.ts"

/** Tokens that an isolate may use without asking. */
export interface Lease {
  readonly id: string
  readonly tokens: number
}

/** What is remembered of a key. */
export interface Bucket {
  /** How far the theoretical arrival time lies ahead, in units of a token; of a quota, what was used today. What is leased is in it. */
  readonly debt: number
  /** Milliseconds since 1970: the latest time that any caller told. Never goes back. */
  readonly at: number
  /** What is out. */
  readonly leases: readonly Lease[]
}

/** A grant that could still be undone as though it had not been: by no more than was owed ever since. Kept in memory only. */
export interface Grant {
  readonly id: string
  /** Units. */
  readonly spare: number
}

/** What an isolate asks of a key at once. */
export interface Ask {
  /** Names this grant, and the lease with it: never used twice. Null for tokens that nobody will give back. */
  readonly id: string | null
  /** How many calls wait, each for the cost of the limit. */
  readonly calls: number
  /** Tokens that it would lease besides. */
  readonly prefetch: number
  /** Leases that it uses no longer, each with what it did not use. */
  readonly settled: readonly Lease[]
  /** Tokens of earlier grants, taken for calls that another limit refused. `id` is the grant's. */
  readonly refunds: readonly Lease[]
  /** Tokens that calls turned out to cost. */
  readonly charged: number
}

/** The question of one call that leases nothing. */
export const oneCall: Ask = { id: null, calls: 1, prefetch: 0, settled: [], refunds: [], charged: 0 }

/** What it is answered. */
export interface Answer {
  /** How many of the calls that wait. */
  readonly admitted: number
  /** Tokens of the lease. */
  readonly leased: number
  /** Whole tokens that are left. */
  readonly remaining: number
  /** Milliseconds after which one more such call is admitted, if nothing else is; 0 when all were. */
  readonly waitMs: number
  /** Milliseconds after which everything is left again. */
  readonly resetMs: number
  /** Some were refused, and nothing can make it sooner than `waitMs`. */
  readonly firm: boolean
}

/** How long an isolate uses a lease, by its own clock and from before it asked. */
export const leaseMs = 5000
/** How long a lease is out at most: by as much an isolate's clock may go back unnoticed. By a timer, never by a clock: a clock that steps ends none. */
export const leaseLifeMs = leaseMs + 5000

/** A token in units: one unit a millisecond is one token a day, so that a rate of whole tokens a day is exact in whole numbers. */
const token = 86_400_000
const dayMs = 86_400_000
const minutesPerDay = 1440
const burstMax = 1_000_000
const perDayMax = 10_000_000
/** Debt beyond it is forgiven: an end to waiting, and whole numbers that a double holds. */
const chargedRooms = 4
const grantsMax = 64
const leasesMax = 256
/** Of what is left, this part is leased at most; and nothing when less than half is left. */
const leasedPart = 8

interface Measures {
  /** Units that may be owed. */
  readonly room: number
  /** Units that a call takes. */
  readonly cost: number
  /** Units that are paid back in a millisecond; null: all of them at midnight. */
  readonly perMs: number | null
}

/**
 * A limit in units.
 * @throws RangeError when it makes no sense
 */
export function measuresOf(limit: Limit): Measures {
  const most = "perDay" in limit ? limit.perDay : limit.burst
  // The small addend undoes binary fractions: 1/12 a minute is 120 a day, not 119.
  const rate = "perDay" in limit ? null : Math.floor(limit.ratePerMinute * minutesPerDay + 1e-6)
  const whole = Number.isSafeInteger(most) && Number.isSafeInteger(limit.cost)
  if (!whole || most < 1 || most > (rate === null ? perDayMax : burstMax) || limit.cost < 1 || limit.cost > most)
    throw new RangeError(
      "A limit needs a burst of 1 to 1,000,000 or 1 to 10,000,000 tokens a day, and a cost within it",
    )
  if (rate !== null && !(Number.isSafeInteger(rate) && rate >= 1 && rate <= token))
    throw new RangeError("A limit needs a rate of one token a day to 60,000 a minute")
  return { room: most * token, cost: limit.cost * token, perMs: rate }
}

/** The next midnight of UTC. */
function midnightAfter(at: number): number {
  return (Math.floor(at / dayMs) + 1) * dayMs
}

/** Milliseconds after which so many units are paid. */
function msToPay(units: number, perMs: number | null, at: number): number {
  if (units <= 0) return 0
  return perMs === null ? midnightAfter(at) - at : Math.ceil(units / perMs)
}

/** The longest that such a call waits when nothing was charged, in milliseconds from `at`. */
export function longestWaitMs(limit: Limit, at: number): number {
  const { cost, perMs } = measuresOf(limit)
  return msToPay(cost, perMs, at)
}

/** Seconds after which everything is left again, when so many tokens are left at a time. */
export function resetSecondsOf(limit: Limit, remaining: number, at: number): number {
  const { room, perMs } = measuresOf(limit)
  return Math.ceil(msToPay(room - remaining * token, perMs, at) / 1000)
}

/** Tokens by which a charge can exceed what the limit allows at once; more is forgiven. */
export function chargeMaxOf(limit: Limit): number {
  return (chargedRooms * measuresOf(limit).room) / token
}

/** Units that are out. */
function outOf(leases: readonly Lease[]): number {
  return leases.reduce((sum, { tokens }) => sum + tokens, 0) * token
}

/** The bucket at a later time. An earlier one counts as no time. */
function refilled(bucket: Bucket, { perMs }: Measures, now: number): Bucket {
  const at = Math.max(bucket.at, now)
  // No longer than it takes to pay everything back: the product stays a whole number that a double holds.
  const paid =
    perMs === null
      ? midnightAfter(at) > midnightAfter(bucket.at)
        ? bucket.debt
        : 0
      : Math.min(at - bucket.at, Math.ceil(bucket.debt / perMs)) * perMs
  // What is out cannot be paid back: how it is used is not known yet.
  return { ...bucket, at, debt: Math.max(outOf(bucket.leases), bucket.debt - paid) }
}

/** How many tokens are leased of those wanted: few when little is left, so that near the limit each call asks. */
function leasable(ask: Ask, { room, cost, perMs }: Measures, { debt, at, leases }: Bucket): number {
  const left = room - debt
  // What is out at midnight counts as used on the new day: none is out then, unless clocks disagree.
  const endsToday = perMs !== null || midnightAfter(at) === midnightAfter(at + leaseLifeMs)
  if (ask.id === null || 2 * left < room || leases.length >= leasesMax || !endsToday) return 0
  const tokens = Math.min(ask.prefetch, Math.floor(left / token / leasedPart))
  return tokens - (tokens % (cost / token))
}

/** What a question makes of a key. */
export interface Served {
  readonly answer: Answer
  readonly bucket: Bucket
  readonly grants: readonly Grant[]
  /** Whether the bucket is worth a write. */
  readonly changed: boolean
  /** When nothing is owed any more, milliseconds since 1970. */
  readonly restsAt: number
}

/** What comes back: leases that ended, refunds. */
function returned(bucket: Bucket, grants: readonly Grant[], over: ReadonlySet<string>, ask: Ask) {
  let { debt } = bucket
  const slack = debt - outOf(bucket.leases)
  let spare: readonly Grant[] = grants.map((grant) => ({ ...grant, spare: Math.min(grant.spare, slack) }))
  const unused = new Map(ask.settled.map(({ id, tokens }) => [id, tokens]))
  const leases = bucket.leases.filter(({ id, tokens }) => {
    if (over.has(id)) return false
    const back = unused.get(id)
    if (back !== undefined) debt -= Math.min(back, tokens) * token
    return back === undefined
  })
  for (const { id, tokens } of ask.refunds) {
    const units = Math.min(tokens * token, spare.find((grant) => grant.id === id)?.spare ?? 0)
    debt -= units
    spare = spare.map((grant) => ({ ...grant, spare: Math.max(0, grant.spare - units) }))
  }
  return { debt, leases, spare }
}

/**
 * Answers a question, in one step.
 * @param known what is remembered; null for a key at rest
 * @param grants the latest, of the same key
 * @param over leases whose time is over. They end after the time up to now was counted as though they were still out: when they were used is not known
 * @param now milliseconds since 1970, of the caller
 */
export function serve(
  known: Bucket | null,
  grants: readonly Grant[],
  over: ReadonlySet<string>,
  limit: Limit,
  ask: Ask,
  now: number,
): Served {
  const measures = measuresOf(limit)
  const { room, cost, perMs } = measures
  const before = refilled(known ?? { debt: 0, at: now, leases: [] }, measures, now)
  const back = returned(before, grants, over, ask)
  const charged = Math.max(back.debt, Math.min(back.debt + ask.charged * token, chargedRooms * room))
  const admitted = Math.min(ask.calls, Math.max(0, Math.floor((room - charged) / cost)))
  const taken = { debt: charged + admitted * cost, at: before.at, leases: back.leases }
  const isRefused = admitted < ask.calls
  const leased = isRefused ? 0 : leasable(ask, measures, taken)
  const lease = leased > 0 && ask.id !== null ? [{ id: ask.id, tokens: leased }] : []
  const leases = [...back.leases, ...lease]
  const debt = taken.debt + leased * token
  const { at } = before
  const out = outOf(leases)
  const firm = isRefused && out === 0
  // A caller whose clock is behind waits for the difference too. What is out may be in the way until it is over.
  const toPay = msToPay(debt + cost - room, perMs, at) + at - now
  const waitMs = perMs !== null && out + cost > room ? Math.max(toPay, leaseLifeMs) : toPay
  const isNew = ask.id !== null && admitted + leased > 0
  return {
    answer: {
      admitted,
      leased,
      remaining: Math.max(0, Math.floor((room - debt) / token)),
      waitMs: isRefused ? waitMs : 0,
      resetMs: msToPay(debt, perMs, at),
      firm,
    },
    bucket: { debt, at, leases },
    // A firm refusal is a promise: what was taken before it is not given back any more.
    grants: firm
      ? []
      : [...back.spare, ...(isNew ? [{ id: ask.id, spare: room * chargedRooms }] : [])].slice(-grantsMax),
    changed: debt !== before.debt || leases.length !== before.leases.length || lease.length > 0,
    restsAt: at + msToPay(debt, perMs, at),
  }
}
