/** API keys: SHA-256 of the key, scopes, expiry, last use to the minute. A revoked id never comes back; an unknown, expired or revoked key is one refusal. */

import type { KeyGrant, KeyView, NewKey } from "../core/user-object.ts"
import { accountOf } from "./account.ts"
import { hasFactor } from "./factors.ts"
import { owe } from "./revocations.ts"
import { record } from "./security-events.ts"
import { epochOf, raiseEpoch, type Turn } from "./turn.ts"

const keysMax = 100
const useStepMs = 60_000
/** Longer than any isolate keeps a positive answer, and than any token that a key was exchanged for. */
const positiveMs = 11 * 60_000
/** How long a revoked id is remembered, so that a late command cannot add it. */
const tombstoneMs = 30 * 86_400_000

type Row = {
  id: string
  hash: string
  scopes: string
  createdAt: number
  expiresAt: number | null
  lastUsedAt: number | null
}

const live = '"revokedAt" is null and ("expiresAt" is null or "expiresAt" > ?)'

/** Keeps a key. An id that is here already, also a revoked one, stays as it is. False when there are too many. */
export function addKey(turn: Turn, key: NewKey): boolean {
  const { sql, now } = turn
  if (sql.exec('select 1 from "keys" where "id" = ?', key.id).toArray().length > 0) return true
  const { count } = sql.exec<{ count: number }>(`select count(*) "count" from "keys" where ${live}`, now).one()
  if (count >= keysMax) return false
  sql.exec(
    'insert into "keys" values (?, ?, ?, ?, ?, null, null)',
    key.id,
    key.hash,
    JSON.stringify(key.scopes),
    now,
    key.expiresAt,
  )
  record(turn, "key.added", { id: key.id, scopes: key.scopes, expiresAt: key.expiresAt })
  return true
}

/** What a key may do, or null. Writes the last use at most once a minute. */
export function verifyKey(turn: Turn, hash: string): KeyGrant | null {
  const { sql, now } = turn
  const row = sql.exec<Row>(`select * from "keys" where "hash" = ? and ${live}`, hash, now).toArray()[0]
  if (row === undefined) return null
  const account = accountOf(sql)
  if (account !== null && account.status !== "active") return null
  if (row.lastUsedAt === null || now - row.lastUsedAt >= useStepMs)
    sql.exec('update "keys" set "lastUsedAt" = ? where "id" = ?', now, row.id)
  const { id, expiresAt } = row
  return { id, scopes: JSON.parse(row.scopes), expiresAt, epoch: epochOf(sql), account, hasFactor: hasFactor(sql) }
}

/** The keys that live, newest first. */
export function listKeys(sql: SqlStorage, now: number): KeyView[] {
  return sql
    .exec<Row>(`select * from "keys" where ${live} order by "createdAt" desc, "id" desc`, now)
    .toArray()
    .map(({ id, scopes, createdAt, expiresAt, lastUsedAt }) => ({
      id,
      scopes: JSON.parse(scopes),
      createdAt,
      expiresAt,
      lastUsedAt,
    }))
}

/** Ends a key, also one that is not here yet. Gives 1, or 0 when there was none to end. */
export function revokeKey(turn: Turn, id: string): number {
  const { sql, now } = turn
  const ended = sql
    .exec(
      'update "keys" set "hash" = null, "revokedAt" = ?2 where "id" = ?1 and "revokedAt" is null returning 1',
      id,
      now,
    )
    .toArray().length
  if (ended === 0) {
    sql.exec(`insert into "keys" values (?1, null, '[]', ?2, null, null, ?2) on conflict ("id") do nothing`, id, now)
    return 0
  }
  raiseEpoch(sql)
  owe(turn, { id, belowEpoch: null, until: now + positiveMs })
  record(turn, "key.revoked", { id })
  return 1
}

/** Makes what isolates keep of the keys stale: the next use asks the object again. */
export function staleKeys(turn: Turn, belowEpoch: number | null): void {
  for (const { id } of listKeys(turn.sql, turn.now)) owe(turn, { id, belowEpoch, until: turn.now + positiveMs })
}

/** Clears expired keys and old tombstones. */
export function sweepKeys(turn: Turn): void {
  turn.sql.exec('delete from "keys" where "expiresAt" <= ?1 or "revokedAt" <= ?2', turn.now, turn.now - tombstoneMs)
}
