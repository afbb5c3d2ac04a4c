/**
 * The object that counts for a key: one row of SQLite, one synchronous step a call, so that calls follow one another. It counts by the arithmetic of
 * bucket.ts; a refusal writes nothing, what is granted is written before the answer leaves, and an object at rest holds nothing.
 */
import { DurableObject } from "cloudflare:workers"
import type { Limit } from "../core/limiting.ts"
import { migrateObject } from "../database/object-steps.ts"
import { type Answer, type Ask, type Bucket, type Grant, type Lease, leaseLifeMs, serve } from "./bucket.ts"

/** What is at rest is forgotten so many milliseconds later: clocks of callers that are behind by less cannot begin anew sooner. */
const sweepMs = 60_000

const steps = [
  // "if not exists": objects of the first release have the table and no number.
  [
    `create table if not exists "buckets"
       ("key" text primary key, "debt" integer not null, "at" integer not null, "restsAt" integer not null) without rowid`,
  ],
  // What is out, as JSON: with the bucket in one row it is one row written.
  [`alter table "buckets" add column "leases" text not null default '[]'`],
] as const

/** Counts for the keys that are asked of it; usually one. */
export class Limiter extends DurableObject {
  #ready = false
  #alarmed = false
  /** The latest grants by key. Lost with the object's memory: then they cannot be undone. */
  readonly #grants = new Map<string, readonly Grant[]>()
  /** What stops the timers of leases that are out. One that was out when memory was lost begins anew, when the key is next asked for. */
  readonly #timers = new Map<string, () => void>()
  /** Leases whose time is over, that still stand in their row. */
  readonly #over = new Set<string>()

  get #sql(): SqlStorage {
    if (!this.#ready) migrateObject(this.ctx.storage, steps)
    this.#ready = true
    return this.ctx.storage.sql
  }

  /**
   * Answers a question about a key. Nothing is awaited, so calls follow one another.
   * @param now milliseconds since 1970, of the caller
   */
  serve(key: string, limit: Limit, ask: Ask, now: number): Answer {
    const row = this.#sql
      .exec<{ debt: number; at: number; leases: string }>(
        'select "debt", "at", "leases" from "buckets" where "key" = ?',
        key,
      )
      .toArray()[0]
    const known: Bucket | null = row ? { ...row, leases: JSON.parse(row.leases) as Lease[] } : null
    const leases = known?.leases ?? []
    this.#time(leases)
    const served = serve(known, this.#grants.get(key) ?? [], this.#over, limit, ask, now)
    this.#grants.set(key, served.grants)
    if (!served.changed) return served.answer
    const { bucket, restsAt } = served
    this.#sql.exec(
      `insert into "buckets" values (?1, ?2, ?3, ?4, ?5)
         on conflict ("key") do update set "debt" = ?2, "at" = ?3, "restsAt" = ?4, "leases" = ?5`,
      key,
      bucket.debt,
      bucket.at,
      restsAt,
      JSON.stringify(bucket.leases),
    )
    this.#forget(leases.filter(({ id }) => !bucket.leases.some((lease) => lease.id === id)))
    this.#time(bucket.leases)
    if (!this.#alarmed) {
      this.#alarmed = true
      // Not awaited: the answer leaves only when the alarm is stored, too.
      void this.ctx.storage.setAlarm(Math.max(restsAt, Date.now()) + sweepMs)
    }
    return served.answer
  }

  /** Sets timers for leases that have none. */
  #time(leases: readonly Lease[]): void {
    for (const { id } of leases) {
      if (this.#timers.has(id) || this.#over.has(id)) continue
      const end = () => {
        this.#timers.delete(id)
        this.#over.add(id)
      }
      const timer = setTimeout(end, leaseLifeMs)
      this.#timers.set(id, () => clearTimeout(timer))
    }
  }

  /** Of leases that are out no longer. */
  #forget(leases: readonly Lease[]): void {
    for (const { id } of leases) {
      this.#timers.get(id)?.()
      this.#timers.delete(id)
      this.#over.delete(id)
    }
  }

  /** Forgets the keys at rest, and everything when none is left. */
  override async alarm(): Promise<void> {
    this.#alarmed = false
    const now = Date.now()
    const atRest = this.#sql
      .exec<{ key: string; leases: string }>(
        'select "key", "leases" from "buckets" where "restsAt" <= ?',
        now - sweepMs,
      )
      .toArray()
    for (const { key, leases: text } of atRest) {
      const leases = JSON.parse(text) as Lease[]
      this.#time(leases)
      if (!leases.every(({ id }) => this.#over.has(id))) continue
      this.#sql.exec('delete from "buckets" where "key" = ?', key)
      this.#grants.delete(key)
      this.#forget(leases)
    }
    const { next } = this.#sql.exec<{ next: number | null }>('select min("restsAt") "next" from "buckets"').one()
    if (next === null) {
      // An object that holds nothing costs nothing. Other calls wait until it is done.
      this.#ready = false
      await this.ctx.storage.deleteAll()
      return
    }
    this.#alarmed = true
    await this.ctx.storage.setAlarm(Math.max(next + sweepMs, now + sweepMs))
  }
}
