/**
 * The object that counts for a key: one row of SQLite, one synchronous step a call, so that calls follow one another. It refuses by the
 * arithmetic of limiter.ts; a refusal writes nothing, and an object at rest holds nothing.
 */
import { DurableObject } from "cloudflare:workers"
import type { Rate, Verdict } from "../core/limiting.ts"
import { takeFrom } from "./limiter.ts"

/** An alarm is not set closer than this: clearing is not urgent. */
const sweepMs = 60_000

/** Counts for the keys that are asked of it; usually one. */
export class Limiter extends DurableObject {
  #ready = false
  #alarmed = false

  get #sql(): SqlStorage {
    const { sql } = this.ctx.storage
    if (!this.#ready)
      sql.exec(
        `create table if not exists "buckets"
           ("key" text primary key, "debt" integer not null, "at" integer not null, "restsAt" integer not null) without rowid`,
      )
    this.#ready = true
    return sql
  }

  /**
   * Takes tokens of a key. Nothing is awaited, so calls follow one another.
   * @param now milliseconds since 1970
   */
  take(key: string, limit: Rate, now: number): Verdict {
    const known = this.#sql
      .exec<{ debt: number; at: number }>('select "debt", "at" from "buckets" where "key" = ?', key)
      .toArray()[0]
    const { verdict, bucket, restsAt } = takeFrom(known ?? null, limit, now)
    if (!verdict.admitted) return verdict
    this.#sql.exec(
      `insert into "buckets" values (?1, ?2, ?3, ?4)
         on conflict ("key") do update set "debt" = ?2, "at" = ?3, "restsAt" = ?4`,
      key,
      bucket.debt,
      bucket.at,
      restsAt,
    )
    if (!this.#alarmed) {
      this.#alarmed = true
      // Not awaited: the answer leaves only when the alarm is stored, too.
      void this.ctx.storage.setAlarm(Math.max(restsAt, Date.now() + sweepMs))
    }
    return verdict
  }

  /** Forgets the keys at rest, and everything when none is left. */
  override async alarm(): Promise<void> {
    this.#alarmed = false
    const now = Date.now()
    this.#sql.exec('delete from "buckets" where "restsAt" <= ?', now)
    const { next } = this.#sql.exec<{ next: number | null }>('select min("restsAt") "next" from "buckets"').one()
    if (next === null) {
      // An object that holds nothing costs nothing. Other calls wait until it is done.
      this.#ready = false
      await this.ctx.storage.deleteAll()
      return
    }
    this.#alarmed = true
    await this.ctx.storage.setAlarm(Math.max(next, now + sweepMs))
  }
}
