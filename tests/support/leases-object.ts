/** The object of the limiter for `leases-world.ts`: its real arithmetic over a row, with a memory that can be lost. Knows what it promised. */
import type { Limit } from "../../src/core/limiting.ts"
import { type Answer, type Ask, type Bucket, type Grant, leaseLifeMs, serve } from "../../src/server/bucket.ts"

/** What happened to it. */
export type ObjectHappening =
  | "restarts of the object with a lease out"
  | "leases that expired"
  | "leases that returned tokens"
  | "refunds"
  | "charges"
  | "buckets forgotten"
  | "firm refusals"

/** See above. */
export class ModelObject {
  /** The latest time that it was told. */
  time = Number.NEGATIVE_INFINITY
  /** What was promised and not kept, in words. */
  readonly broken: string[] = []
  /** Its time when it served a question, by the grant's id. */
  readonly servedAt = new Map<string, number>()
  readonly #count: (what: ObjectHappening) => void
  readonly #setTimer: (milliseconds: number, ring: () => void) => void
  #row: { bucket: Bucket; restsAt: number } | null = null
  #grants: readonly Grant[] = []
  #over = new Set<string>()
  #timed = new Set<string>()
  #promises: { until: number; cost: number }[] = []

  constructor(count: (what: ObjectHappening) => void, setTimer: (milliseconds: number, ring: () => void) => void) {
    this.#count = count
    this.#setTimer = setTimer
  }

  /** Whether tokens are out. */
  get hasLeases(): boolean {
    return (this.#row?.bucket.leases.length ?? 0) > 0
  }

  #startTimers(): void {
    const over = this.#over
    for (const { id } of this.#row?.bucket.leases ?? []) {
      if (this.#timed.has(id)) continue
      this.#timed.add(id)
      this.#setTimer(leaseLifeMs, () => over.add(id))
    }
  }

  serve(limit: Limit, ask: Ask, now: number): Answer {
    const known = this.#row?.bucket ?? null
    this.#startTimers()
    const { answer, bucket, grants, changed, restsAt } = serve(known, this.#grants, this.#over, limit, ask, now)
    this.time = Math.max(this.time, now)
    if (ask.refunds.some(({ id }) => this.#grants.some((grant) => grant.id === id && grant.spare > 0)))
      this.#count("refunds")
    if (ask.charged > 0) this.#count("charges")
    if (ask.settled.some(({ tokens }) => tokens > 0)) this.#count("leases that returned tokens")
    for (const { id } of known?.leases ?? []) if (this.#over.has(id)) this.#count("leases that expired")
    for (const { until, cost } of this.#promises)
      if (answer.admitted > 0 && this.time < until && limit.cost >= cost)
        this.broken.push(`admitted ${until - this.time} ms too soon`)
    if (answer.firm) {
      this.#count("firm refusals")
      this.#promises.push({ until: now + answer.waitMs, cost: limit.cost })
    }
    if (ask.id !== null) this.servedAt.set(ask.id, this.time)
    this.#grants = grants
    if (changed) this.#row = { bucket, restsAt }
    this.#startTimers()
    return answer
  }

  /** Loses its memory, not its row. The timers of before ring for nobody. */
  restart(): void {
    if (this.hasLeases) this.#count("restarts of the object with a lease out")
    this.#grants = []
    this.#over = new Set()
    this.#timed = new Set()
  }

  /** Its alarm: forgets what has been at rest for a minute by its clock. True when it did. */
  sweep(clock: number): boolean {
    if (this.#row === null) return false
    this.#startTimers()
    const { restsAt, bucket } = this.#row
    if (restsAt + 60_000 > clock || !bucket.leases.every(({ id }) => this.#over.has(id))) return false
    this.#row = null
    this.#grants = []
    this.time = Math.max(this.time, restsAt)
    this.#count("buckets forgotten")
    return true
  }
}
