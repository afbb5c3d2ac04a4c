/**
 * The isolate's side of the limiter: calls take from what it has leased, ask the object together, and are refused by refusals that stand.
 *
 * The object takes a lease for over after `leaseLifeMs` of a timer. The isolate must not use it after that, and ends it by whatever comes first:
 * - its clock says that `leaseMs` have passed since before it asked;
 * - its clock is seen to go back by more than a second: it drops every lease. (By less, it stands still: calls read the clock when they begin.)
 * - a timer behind the call that fetched it, steady whatever the clock says, ends it `leaseMs` after the answer, or when it lay idle for a second,
 *   and gives back what is left. An answer that took longer than patience has is no lease.
 * What remains possible: the clock goes back by about five seconds or more within the life of a lease, no call sees it, and the timer was lost with
 * its call. Then what is left of that lease may be used late, and so much more admitted, once: an eighth of the burst at most.
 */
import type { Behind, Limit, Verdict } from "../core/limiting.ts"
import { type Answer, type Ask, leaseMs } from "./bucket.ts"
import * as holdings from "./holdings.ts"
import type { Carrier, Refusal } from "./verdicts.ts"
import { isCarried, isSameRate, isWorthCarrying, unavailable, verdictOf } from "./verdicts.ts"

/** The world of leases. */
export interface LeasePorts {
  /** Asks the object of a key. Throws when it does not answer. */
  ask(key: string, limit: Limit, ask: Ask, now: number): Promise<Answer>
  /** Resolves after so many milliseconds by a steady timer; rejects at once when the signal says so. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
  /** The clock of the isolate, as it is after a wait. */
  now(): Date
  /** A text that nothing else has. */
  newId(): string
  readonly carrier: Carrier
  /** Told of what failed behind a call and harms nobody: verdicts that the carrier did not take or give. */
  tell(cause: unknown): void
}

/** How an isolate leases. */
export interface LeaseRules {
  /** A lease that nobody drew from for so many milliseconds is given back. */
  readonly idleMs: number
  /** A question that takes longer has failed, in milliseconds. */
  readonly patienceMs: number
  /** The carrier is asked about a key again after so many milliseconds without a call that the object admitted. */
  readonly carrierMs: number
  /** Keys that are remembered; beyond it the one is forgotten that has not asked for longest. */
  readonly keys: number
}

export const defaultLeaseRules: LeaseRules = { idleMs: 1000, patienceMs: 3000, carrierMs: 60_000, keys: 10_000 }

/** A clock that is behind by no more milliseconds stands still. */
const standstillMs = 1000

/** A call that waits. */
interface Waiting {
  readonly limit: Limit
  /** The question that asks for it; null while it waits for one. */
  flight: Flight | null
  verdict: Verdict | null
}

/** A question on its way, for the calls that waited when it left. */
interface Flight {
  readonly calls: Set<Waiting>
  /** Never rejects; never resolves when the call that it belongs to is gone. */
  readonly landed: Promise<true>
  /** Took longer than patience has. */
  isLate: boolean
  failure: unknown
}

/** A key. */
interface Entry extends holdings.Holding {
  readonly waiting: Set<Waiting>
  flight: Flight | null
  /** When the carrier was last asked, and which refusal it has by what was read or written here. */
  carriedAt: number
  carried: Refusal | null
  /** A charge is on its way to the object. */
  isCharging: boolean
}

const never = Number.NEGATIVE_INFINITY

function newEntry(): Entry {
  const calls = { waiting: new Set<Waiting>(), flight: null }
  return { ...holdings.newHolding(), ...calls, carriedAt: never, carried: null, isCharging: false }
}

/** The leases of an isolate. */
export class Leases {
  readonly #ports: LeasePorts
  readonly #rules: LeaseRules
  /** The key that asked last stands last. */
  readonly #entries = new Map<string, Entry>()
  /** The isolate's time: the latest that any call told. */
  #now = never
  /** How often the clock was seen to go back. */
  #steps = 0

  constructor(ports: LeasePorts, rules: LeaseRules = defaultLeaseRules) {
    this.#ports = ports
    this.#rules = rules
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.#entries.size
  }

  /** Like `Limiting.draw`. The limit and the key make sense. */
  draw(key: string, limit: Limit, now: Date, behind: Behind): Verdict | Promise<Verdict> {
    this.#see(now)
    const entry = this.#entries.get(key)
    return (entry && holdings.answerOf(entry, limit, this.#now)) ?? this.#learn(key, limit, behind)
  }

  /** Like `Limiting.restore`. */
  restore(key: string, limit: Limit, drawn: Verdict): void {
    const entry = this.#entries.get(key)
    if (entry) holdings.restoreTo(entry, limit, drawn)
  }

  /** Like `Limiting.charge`. */
  charge(key: string, limit: Limit, tokens: number, now: Date, behind: Behind): void {
    this.#see(now)
    const entry = this.#entryOf(key)
    holdings.chargeTo(entry, limit, tokens, this.#now)
    if (entry.charged === 0 || entry.isCharging) return
    entry.isCharging = true
    behind(
      this.#ports.sleep(this.#rules.idleMs).then(() => {
        entry.isCharging = false
        return this.#settle(key, limit, entry)
      }),
    )
  }

  /** Takes note of the time. */
  #see(now: Date): void {
    const at = now.getTime()
    if (at < this.#now - standstillMs) {
      this.#steps += 1
      this.#now = at
      for (const entry of this.#entries.values()) {
        holdings.endLease(entry)
        entry.refusal = null
      }
    }
    this.#now = Math.max(this.#now, at)
  }

  #entryOf(key: string): Entry {
    const entry = this.#entries.get(key) ?? newEntry()
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    // What is forgotten has its timer still, which gives the tokens back.
    const [oldest] = this.#entries.size > this.#rules.keys ? this.#entries.keys() : []
    if (oldest !== undefined) this.#entries.delete(oldest)
    return entry
  }

  /**
   * Waits for the object, together with others. A promise of another call never settles when that call goes away, so nobody waits for longer than a
   * question may take, and who waited in vain asks.
   */
  async #learn(key: string, limit: Limit, behind: Behind): Promise<Verdict> {
    const entry = this.#entryOf(key)
    const call: Waiting = { limit, flight: null, verdict: null }
    entry.waiting.add(call)
    try {
      await this.#readCarrier(key, limit, entry)
      for (let failures = 0; ; ) {
        const known = call.verdict ?? holdings.answerOf(entry, limit, this.#now)
        if (known !== null) return known
        const awaited = call.flight ?? entry.flight
        const flight = awaited ?? this.#depart(key, limit, entry, behind)
        const hasLanded = await this.#within(flight.landed)
        this.#see(this.#ports.now())
        flight.isLate ||= !hasLanded
        if (flight.isLate && entry.flight === flight) entry.flight = null
        // Who is answered is answered; who was not on it asks next.
        if (call.verdict !== null || !flight.calls.delete(call)) continue
        failures += 1
        if (awaited === null || failures > 1)
          throw unavailable(flight.failure ?? new Error("The limiter's object is too slow"))
        call.flight = null
        entry.waiting.add(call)
      }
    } finally {
      // Who goes without an answer leaves its tokens to be given back.
      entry.waiting.delete(call)
      call.flight?.calls.delete(call)
    }
  }

  /** What comes of a promise; null when it takes too long. */
  async #within<T>(work: Promise<T>): Promise<T | null> {
    const timer = new AbortController()
    const late = this.#ports.sleep(this.#rules.patienceMs, timer.signal).then(() => null)
    try {
      return await Promise.race([work, late])
    } finally {
      timer.abort()
    }
  }

  /** Sets out with all calls that wait for the same. */
  #depart(key: string, limit: Limit, entry: Entry, behind: Behind): Flight {
    const { promise: landed, resolve } = Promise.withResolvers<true>()
    const flight: Flight = { calls: new Set(), landed, isLate: false, failure: null }
    for (const call of entry.waiting) {
      if (call.limit.cost !== limit.cost || !isSameRate(call.limit, limit)) continue
      call.flight = flight
      flight.calls.add(call)
      entry.waiting.delete(call)
    }
    entry.flight = flight
    behind(this.#fly(key, limit, entry, flight, () => resolve(true)))
    return flight
  }

  /** Asks, and hands out what is answered. Then looks after the lease. */
  async #fly(key: string, limit: Limit, entry: Entry, flight: Flight, land: () => void): Promise<void> {
    const [at, steps, id] = [this.#now, this.#steps, this.#ports.newId()]
    const ask = holdings.questionOf(entry, limit, id, flight.calls.size, at, this.#rules.idleMs)
    try {
      const answer = await this.#ports.ask(key, limit, ask, at)
      this.#see(this.#ports.now())
      let { admitted } = answer
      for (const call of flight.calls) call.verdict = verdictOf(answer, admitted-- > 0, id)
      // Of calls that did not wait so long.
      if (admitted > 0) entry.refunds.set(id, admitted * limit.cost)
      holdings.remember(entry, limit, id, answer, at, steps === this.#steps && !flight.isLate ? this.#now : null)
    } catch (cause) {
      flight.failure = cause
      // Perhaps they were counted, perhaps not: twice rather than never.
      entry.charged += ask.charged
    } finally {
      if (entry.flight === flight) entry.flight = null
      land()
    }
    await Promise.all([this.#writeCarrier(key, entry), this.#watch(key, limit, entry, id)])
  }

  /** Ends a lease by a steady timer: when it lies idle, and when its time is over. */
  async #watch(key: string, limit: Limit, entry: Entry, id: string): Promise<void> {
    const { lease } = entry
    if (lease?.id !== id) return
    let isIdle = false
    for (let passed = 0; passed < leaseMs && !isIdle; passed += this.#rules.idleMs) {
      const { left } = lease
      await this.#ports.sleep(this.#rules.idleMs)
      // The next question has told the object.
      if (entry.lease !== lease) return
      isIdle = lease.left === left
    }
    holdings.endLease(entry)
    await this.#settle(key, limit, entry)
  }

  /** Tells the object what it is to be told, when no question did. */
  async #settle(key: string, limit: Limit, entry: Entry): Promise<void> {
    const untold = holdings.takeUntold(entry)
    if (untold.settled.length + untold.refunds.length + untold.charged === 0) return
    try {
      await this.#ports.ask(key, limit, { id: null, calls: 0, prefetch: 0, ...untold }, this.#now)
    } catch (cause) {
      entry.charged += untold.charged
      throw cause
    }
  }

  /** Learns of a refusal that other isolates met, when nothing else is known of the key. */
  async #readCarrier(key: string, limit: Limit, entry: Entry): Promise<void> {
    const at = this.#now
    const knownAt = Math.max(entry.carriedAt, entry.admittedAt)
    if (!isCarried(limit, at) || at - knownAt < this.#rules.carrierMs) return
    entry.carriedAt = at
    try {
      const until = await this.#within(this.#ports.carrier.read(key, limit, at))
      this.#see(this.#ports.now())
      if (until === null) return
      entry.refusal = { limit, until, remaining: 0 }
      entry.carried = entry.refusal
    } catch (cause) {
      this.#ports.tell(cause)
    }
  }

  /** Tells other isolates of a refusal, once. */
  async #writeCarrier(key: string, entry: Entry): Promise<void> {
    const { refusal } = entry
    if (refusal === null || refusal === entry.carried || !isWorthCarrying(refusal, this.#now)) return
    entry.carried = refusal
    try {
      await this.#ports.carrier.write(key, refusal, this.#now)
    } catch (cause) {
      this.#ports.tell(cause)
    }
  }
}
