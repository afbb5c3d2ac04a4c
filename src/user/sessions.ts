/**
 * The session machine: made, refreshed by counter, listed, ended. Refuses to tell an absent session from an expired or stolen one.
 *
 * A refresh presents the current counter (it rotates) or, within 30 s of the rotation, the one before (the answer was lost, or two tabs ask
 * at once: the same successor again). Any other counter under a valid MAC is a stolen token: the session ends and the user is told.
 */

import { isMultiFactor, type Renewal } from "../core/factors.ts"
import type { Grant, Lifetime, NewSession, Presented, SessionView } from "../core/user-object.ts"
import { accountOf } from "./account.ts"
import { rememberDevice } from "./devices.ts"
import { dropPending } from "./pending.ts"
import { owe } from "./revocations.ts"
import { record } from "./security-events.ts"
import { epochOf, raiseEpoch, short, type Turn } from "./turn.ts"

/** For everybody. */
export const userLifetime: Lifetime = { idleSeconds: 30 * 86_400, hardSeconds: 180 * 86_400 }
/** For administrators. */
export const administratorLifetime: Lifetime = { idleSeconds: 12 * 3600, hardSeconds: 24 * 3600 }

const graceMs = 30_000
/** Added to the life of an access token: clocks differ, and answers travel. */
const slackMs = 60_000
const accessSecondsDefault = 600
const sessionsMax = 100

/** Why a session ended. */
export type Reason = "revoked" | "reuse" | "expired" | "replaced" | "crowded" | "inactive" | "destroyed"

type Row = {
  sid: string
  seed: ArrayBuffer
  counter: number
  rotatedAt: number
  createdAt: number
  lastSeenAt: number
  idleMs: number
  hardAt: number
  accessUntil: number
  authTime: number
  amr: string
  label: string | null
  userAgent: string | null
  address: string | null
  device: string | null
}

const expiry = (row: Row): number => Math.min(row.lastSeenAt + row.idleMs, row.hardAt)

function find(sql: SqlStorage, sid: string): Row | null {
  return sql.exec<Row>('select * from "sessions" where "sid" = ?', sid).toArray()[0] ?? null
}

/** The seed of a session, for its MACs; null when there is no such session. */
export function seedOf(sql: SqlStorage, sid: string): Uint8Array | null {
  const row = sql.exec<{ seed: ArrayBuffer }>('select "seed" from "sessions" where "sid" = ?', sid).toArray()[0]
  return row === undefined ? null : new Uint8Array(row.seed)
}

/** Ends sessions: rows gone, hub owed, one event. Gives how many there were. The only place where a session ends. */
function end(turn: Turn, rows: readonly Row[], reason: Reason): number {
  if (rows.length === 0) return 0
  for (const row of rows) {
    turn.sql.exec('delete from "sessions" where "sid" = ?', row.sid)
    turn.ended.push(row.sid)
    owe(turn, { id: row.sid, belowEpoch: null, until: row.accessUntil })
  }
  record(turn, reason === "reuse" ? "session.reuse" : "session.ended", { reason, sids: rows.map((row) => row.sid) })
  return rows.length
}

function grantOf(turn: Turn, row: Row, counter: number): Omit<Grant, "mac"> {
  return {
    sid: row.sid,
    counter,
    epoch: epochOf(turn.sql),
    amr: JSON.parse(row.amr),
    authTime: row.authTime,
    expiresAt: row.hardAt,
    idleExpiresAt: expiry(row),
    account: accountOf(turn.sql),
  }
}

/** Makes room: the session that was not seen for the longest time ends. */
function makeRoom(turn: Turn): void {
  const crowd = turn.sql
    .exec<Row>(
      `select * from "sessions" order by "lastSeenAt" desc, "createdAt" desc limit -1 offset ${sessionsMax - 1}`,
    )
    .toArray()
  end(turn, crowd, "crowded")
}

/** A session to be made, as the object itself says it. */
export type SessionToMake = Omit<NewSession, "key" | "account" | "ticket" | "isWhole"> & {
  /** The end that it takes over from the session before it. */
  readonly hardAt?: number
}

/** True when no session may be made: the account is closed. */
export function isClosed(sql: SqlStorage): boolean {
  const account = accountOf(sql)
  return account !== null && account.status !== "active"
}

/**
 * Makes a session with counter 0. Whoever asks has seen to the second factor.
 * @param seed 32 random bytes
 * @returns null when the account is not active or the sid was used
 */
export function createSession(turn: Turn, given: SessionToMake, seed: Uint8Array): Omit<Grant, "mac"> | null {
  const { sql, now } = turn
  sweepSessions(turn)
  if (isClosed(sql) || find(sql, given.sid)) return null
  const replaced = given.replaces ? find(sql, given.replaces) : null
  if (replaced) end(turn, [replaced], "replaced")
  makeRoom(turn)
  const { idleSeconds, hardSeconds } = given.lifetime ?? userLifetime
  const label = short(given.label, 100)
  const userAgent = short(given.userAgent, 300)
  const address = short(given.address, 60)
  sql.exec(
    'insert into "sessions" values (?1, ?2, 0, ?3, ?3, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)',
    given.sid,
    seed,
    now,
    idleSeconds * 1000,
    given.hardAt ?? now + hardSeconds * 1000,
    accessUntilOf(turn, given.accessSeconds),
    given.authTime ?? now,
    JSON.stringify(given.amr),
    label,
    userAgent,
    address,
    given.device ?? null,
  )
  if (given.device) rememberDevice(turn, given.device, label ?? userAgent)
  record(turn, "session.created", { sid: given.sid, amr: given.amr }, { label, userAgent, address })
  return grantOf(turn, find(sql, given.sid) as Row, 0)
}

/**
 * Goes on with a session under a new id: what is proved now stands beside what was proved then, and its end stays.
 * @returns null when the session does not live, or the account is not active
 */
export function renewSession(turn: Turn, renewal: Renewal, seed: Uint8Array): Omit<Grant, "mac"> | null {
  const row = find(turn.sql, renewal.of)
  if (row === null || turn.now >= expiry(row)) return null
  const { device, label, userAgent, address, idleMs, hardAt } = row
  const amr = [...new Set<string>([...JSON.parse(row.amr), ...renewal.amr])]
  const lifetime = { idleSeconds: idleMs / 1000, hardSeconds: 0 }
  const { sid, accessSeconds } = renewal
  const same = { device, label, userAgent, address, lifetime, hardAt }
  const grant = createSession(turn, { sid, accessSeconds, amr, replaces: row.sid, ...same }, seed)
  if (grant !== null) record(turn, "session.renewed", { sid, of: row.sid, amr: [...renewal.amr] })
  return grant
}

/** When the last access token minted from this answer is over. */
function accessUntilOf(turn: Turn, accessSeconds = accessSecondsDefault): number {
  return turn.now + accessSeconds * 1000 + slackMs
}

/**
 * Decides on a refresh whose MAC holds.
 * @returns what the successor stands in, its counter always the presented one and one; null when refused, whatever the reason
 */
export function refreshSession(
  turn: Turn,
  presented: Pick<Presented, "sid" | "counter" | "accessSeconds" | "address" | "userAgent">,
): Omit<Grant, "mac"> | null {
  const { sql, now } = turn
  const row = find(sql, presented.sid)
  if (row === null) return null
  if (now >= expiry(row)) {
    end(turn, [row], "expired")
    return null
  }
  const retried = presented.counter === row.counter - 1 && now - row.rotatedAt <= graceMs
  if (presented.counter !== row.counter && !retried) {
    raiseEpoch(sql)
    end(turn, [row], "reuse")
    return null
  }
  sql.exec(
    `update "sessions" set "counter" = ?2, "rotatedAt" = ?3, "lastSeenAt" = ?4, "accessUntil" = max("accessUntil", ?5),
       "address" = coalesce(?6, "address"), "userAgent" = coalesce(?7, "userAgent") where "sid" = ?1`,
    row.sid,
    presented.counter + 1,
    retried ? row.rotatedAt : now,
    now,
    accessUntilOf(turn, presented.accessSeconds),
    short(presented.address, 60),
    short(presented.userAgent, 300),
  )
  return grantOf(turn, { ...row, lastSeenAt: now }, presented.counter + 1)
}

function view(row: Row): SessionView {
  const { sid, createdAt, lastSeenAt, authTime, label, userAgent, address } = row
  return {
    sid,
    createdAt,
    lastSeenAt,
    expiresAt: expiry(row),
    authTime,
    amr: JSON.parse(row.amr),
    label,
    userAgent,
    address,
  }
}

/** The sessions that live, last seen first. */
export function listSessions(sql: SqlStorage, now: number): SessionView[] {
  const rows = sql.exec<Row>('select * from "sessions" order by "lastSeenAt" desc, "createdAt" desc').toArray()
  return rows.filter((row) => now < expiry(row)).map(view)
}

/** One session that lives, or null. */
export function findSession(sql: SqlStorage, sid: string, now: number): SessionView | null {
  const row = find(sql, sid)
  return row === null || now >= expiry(row) ? null : view(row)
}

function endWhere(turn: Turn, reason: Reason, which: (row: Row) => boolean): number {
  const rows = turn.sql.exec<Row>('select * from "sessions"').toArray().filter(which)
  return end(turn, rows, reason)
}

/** Ends what the owner (or an administrator) no longer wants; what has expired before does not count. */
function revokeWhere(turn: Turn, which: (row: Row) => boolean): number {
  sweepSessions(turn)
  raiseEpoch(turn.sql)
  return endWhere(turn, "revoked", which)
}

/** Ends one. Gives 1, or 0 when it was over already. */
export function revokeSession(turn: Turn, sid: string): number {
  return revokeWhere(turn, (row) => row.sid === sid)
}

/**
 * Ends all but one, and forgets all devices but its own, so that a thief's browser counts as unknown again.
 * @param createdBefore spares what was made later than the decision, in ms
 */
export function revokeOthers(turn: Turn, keep: string, createdBefore = Number.POSITIVE_INFINITY): number {
  dropPending(turn.sql, createdBefore)
  const device = find(turn.sql, keep)?.device ?? null
  turn.sql.exec('delete from "devices" where "id" is not ? and "firstAt" < ?', device, createdBefore)
  return revokeWhere(turn, (row) => row.sid !== keep && row.createdAt < createdBefore)
}

/** Ends all that were made before an instant, and forgets their devices. */
export function revokeAll(turn: Turn, createdBefore = Number.POSITIVE_INFINITY): number {
  dropPending(turn.sql, createdBefore)
  turn.sql.exec('delete from "devices" where "firstAt" < ?', createdBefore)
  return revokeWhere(turn, (row) => row.createdAt < createdBefore)
}

/** Ends all because the account is no longer active, or will be no more. */
export function endAll(turn: Turn, reason: "inactive" | "destroyed"): number {
  dropPending(turn.sql)
  return endWhere(turn, reason, () => true)
}

/** Ends the sessions, but one, that were opened with one factor alone. */
export function endSingleFactor(turn: Turn, keep: string): number {
  return revokeWhere(turn, (row) => row.sid !== keep && !isMultiFactor(JSON.parse(row.amr)))
}

/** Makes the access tokens of all sessions stale (their refresh gives good ones), and shortens the sessions when a lifetime is given. */
export function staleAll(turn: Turn, epoch: number, lifetime: Lifetime | undefined): void {
  for (const row of turn.sql.exec<Row>('select * from "sessions"').toArray()) {
    owe(turn, { id: row.sid, belowEpoch: epoch, until: row.accessUntil })
  }
  if (lifetime === undefined) return
  turn.sql.exec(
    'update "sessions" set "idleMs" = min("idleMs", ?1), "hardAt" = min("hardAt", "createdAt" + ?2)',
    lifetime.idleSeconds * 1000,
    lifetime.hardSeconds * 1000,
  )
}

/** Ends what has expired. */
export function sweepSessions(turn: Turn): void {
  endWhere(turn, "expired", (row) => turn.now >= expiry(row))
}
