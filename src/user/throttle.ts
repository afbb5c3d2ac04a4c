/**
 * The throttle of sign-in: an attempt is reserved before any hash is computed, and completed with its outcome. Refuses even the right password
 * while a bucket is throttled, so guessing in parallel gains nothing; never locks for good, and never a device that signed in before because
 * of what others do elsewhere.
 *
 * What is reserved counts as failed until it is completed; what is never completed has failed. Five failures are free, then each one makes
 * the bucket wait: 1 s, doubling to 15 min.
 */
import type { Attempt, Outcome, Reservation } from "../core/user-object.ts"
import { record } from "./security-events.ts"
import { hex, short, type Turn } from "./turn.ts"

const freeFailures = 5
const waitMaxMs = 15 * 60_000
const ticketMs = 60_000
/** NIST SP 800-63B §3.2.2: at most 100 consecutive failures. */
const consecutiveMax = 100
/** A ghost or a known device that was quiet for so long is forgotten. */
const quietMs = 24 * 3600_000

const unknown = "unknown"
/** Second factors have buckets of their own: a right password must not forgive wrong codes. */
const factorPrefix = "factor/"
/** What is never forgotten by time alone. */
export const lastingBuckets = [unknown, `${factorPrefix}${unknown}`] as const

function bucketOf(sql: SqlStorage, attempt: Attempt): string {
  if (attempt.ghost !== undefined) return `ghost/${attempt.ghost}`
  const known = sql
    .exec<{ id: string }>(
      'select "id" from "devices" where "id" in (?1, (select "device" from "sessions" where "sid" = ?2)) limit 1',
      attempt.device,
      attempt.session ?? null,
    )
    .toArray()[0]
  return known === undefined ? unknown : `device/${known.id}`
}

function addFailures(sql: SqlStorage, bucket: string, count: number, at: number): void {
  sql.exec(
    `insert into "buckets" values (?1, ?2, ?3) on conflict ("name") do update set
       "failures" = "failures" + excluded."failures", "lastAt" = max("lastAt", excluded."lastAt")`,
    bucket,
    count,
    at,
  )
}

/** Turns tickets that were never completed into failures. */
function settle(sql: SqlStorage, now: number): void {
  const over = sql
    .exec<{ bucket: string; count: number; at: number }>(
      'select "bucket", count(*) "count", max("at") "at" from "tickets" where "expiresAt" <= ? group by "bucket"',
      now,
    )
    .toArray()
  for (const { bucket, count, at } of over) addFailures(sql, bucket, count, at)
  if (over.length > 0) sql.exec('delete from "tickets" where "expiresAt" <= ?', now)
}

function waitMs(failures: number): number {
  return failures < freeFailures ? 0 : Math.min(waitMaxMs, 1000 * 2 ** Math.min(failures - freeFailures, 20))
}

/** Asks for one attempt at the password. Admitted ones hold a ticket for a minute. */
export function reserve(turn: Turn, attempt: Attempt): Reservation {
  settle(turn.sql, turn.now)
  return reserveIn(turn, bucketOf(turn.sql, attempt))
}

/** The same for a second factor, by the device of the sign-in or of the session. */
export function reserveCode(turn: Turn, attempt: Pick<Attempt, "device" | "session">): Reservation {
  settle(turn.sql, turn.now)
  return reserveIn(turn, `${factorPrefix}${bucketOf(turn.sql, attempt)}`)
}

function reserveIn(turn: Turn, bucket: string): Reservation {
  const { sql, now } = turn
  const { failures, lastAt } = sql
    .exec<{ failures: number; lastAt: number }>(
      `select coalesce((select "failures" from "buckets" where "name" = ?1), 0) + count(*) "failures",
         max(coalesce((select "lastAt" from "buckets" where "name" = ?1), 0), coalesce(max("at"), 0)) "lastAt"
       from "tickets" where "bucket" = ?1`,
      bucket,
    )
    .one()
  const confirmByMail = failures >= consecutiveMax && !bucket.includes("device/")
  const left = lastAt + waitMs(failures) - now
  if (failures >= freeFailures && left > 0)
    return { admitted: false, retryAfterSeconds: Math.ceil(left / 1000), ticket: null, confirmByMail }
  const ticket = hex(turn.random(16))
  sql.exec('insert into "tickets" values (?, ?, ?, ?, ?)', ticket, bucket, now, now + ticketMs, confirmByMail ? 1 : 0)
  return { admitted: true, retryAfterSeconds: 0, ticket, confirmByMail }
}

/** Takes the ticket of an attempt; null when it is unknown, used or over. */
function take(turn: Turn, ticket: string): { readonly bucket: string; readonly confirmByMail: boolean } | null {
  const { sql, now } = turn
  settle(sql, now)
  const held = sql
    .exec<{ bucket: string; confirm: number }>(
      'delete from "tickets" where "id" = ? returning "bucket", "confirm"',
      ticket,
    )
    .toArray()[0]
  return held === undefined ? null : { bucket: held.bucket, confirmByMail: held.confirm === 1 }
}

/** Counts a failure. Gives how many there are in a row. */
function fail({ sql, now }: Turn, bucket: string): number {
  addFailures(sql, bucket, 1, now)
  return sql.exec<{ failures: number }>('select "failures" from "buckets" where "name" = ?', bucket).one().failures
}

/** Forgets the failures of a bucket. */
function clear(sql: SqlStorage, bucket: string): void {
  sql.exec('delete from "buckets" where "name" = ?', bucket)
}

/**
 * Closes an attempt. A success clears its own bucket, but not when a mail has to confirm it: then the bucket stays until `forgive`.
 * @returns null when the ticket is unknown, used or over: the attempt counts as failed and must open nothing
 */
export function complete(turn: Turn, outcome: Outcome): { readonly confirmByMail: boolean } | null {
  const held = take(turn, outcome.ticket)
  if (held === null) return null
  const { bucket, confirmByMail } = held
  if (!outcome.ok) {
    const failures = fail(turn, bucket)
    const from = { address: short(outcome.address, 60), userAgent: short(outcome.userAgent, 300) }
    record(turn, "signin.failed", { bucket: bucket === unknown ? unknown : "device", failures }, from)
  } else if (confirmByMail) addFailures(turn.sql, bucket, 0, turn.now)
  else clear(turn.sql, bucket)
  return { confirmByMail }
}

/**
 * Closes an attempt at a second factor. A success clears its bucket.
 * @param decide whether the proof counts; asked only while the attempt is open
 * @returns how many failed in a row, 0 for a success; null when the ticket is unknown, used or over
 */
export function completeCode(turn: Turn, ticket: string, decide: () => boolean): number | null {
  const held = take(turn, ticket)
  if (held === null) return null
  if (!decide()) return fail(turn, held.bucket)
  clear(turn.sql, held.bucket)
  return 0
}

/** Forgets the failures of unknown devices. */
export function forgive(sql: SqlStorage): void {
  clear(sql, unknown)
}

/** Forgets the wrong codes of unknown devices: something that nobody guesses was given there. */
export function forgiveCodes(sql: SqlStorage): void {
  clear(sql, `${factorPrefix}${unknown}`)
}

/** Clears what is over. The shared buckets stay: their failures are consecutive until somebody succeeds. */
export function sweepThrottle(turn: Turn): void {
  settle(turn.sql, turn.now)
  turn.sql.exec(
    'delete from "buckets" where "name" not in (?, ?) and "lastAt" <= ?',
    ...lastingBuckets,
    turn.now - quietMs,
  )
}
