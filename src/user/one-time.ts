/**
 * One-time tokens: bound to a purpose, kept as SHA-256, used once, the newest of a purpose (and topic) in the place of the older ones.
 * Absent, expired, used, superseded and wrong purpose are one refusal.
 */
import type { JsonObject } from "../core/json.ts"
import type { NewToken, Purpose } from "../core/user-object.ts"
import { record } from "./security-events.ts"
import type { Turn } from "./turn.ts"

/** How long a token of each purpose lives. */
export const tokenSeconds: Readonly<Record<Purpose, number>> = {
  verifyEmail: 24 * 3600,
  resetPassword: 600,
  magicLink: 600,
  confirmSignIn: 600,
  changeEmail: 3600,
  invitation: 7 * 86_400,
  setup: 24 * 3600,
  provider: 600,
}

const tokensMax = 100

/**
 * Keeps a token. The same token again, or one that was issued before the one that stands here, changes nothing: commands may come twice and
 * out of order, and a used token must not come back to life. A used row therefore stays until it would have expired.
 */
export function issueToken(turn: Turn, token: NewToken): void {
  const { sql, now } = turn
  const expiresAt = token.expiresAt ?? token.issuedAt + tokenSeconds[token.purpose] * 1000
  if (expiresAt <= now) return
  const kept = sql.exec(
    `insert into "tokens" values (?1, ?2, ?3, ?4, ?5, null, ?6) on conflict ("purpose", "topic") do update set
       "hash" = excluded."hash", "issuedAt" = excluded."issuedAt", "expiresAt" = excluded."expiresAt", "usedAt" = null,
       "data" = excluded."data"
     where excluded."issuedAt" > "issuedAt" or (excluded."issuedAt" = "issuedAt" and excluded."hash" <> "hash")
     returning 1`,
    token.purpose,
    token.topic ?? "",
    token.hash,
    token.issuedAt,
    expiresAt,
    JSON.stringify(token.data ?? {}),
  )
  if (kept.toArray().length === 0) return
  sql.exec(
    `delete from "tokens" where ("purpose", "topic") in
       (select "purpose", "topic" from "tokens" order by "issuedAt" desc limit -1 offset ${tokensMax})`,
  )
  record(turn, "token.issued", { purpose: token.purpose })
}

/** What a token that would be redeemed now carries, or null. */
export function checkToken(turn: Turn, purpose: Purpose, hash: string): JsonObject | null {
  const row = turn.sql
    .exec<{ data: string }>(
      'select "data" from "tokens" where "purpose" = ? and "hash" = ? and "usedAt" is null and "expiresAt" > ?',
      purpose,
      hash,
      turn.now,
    )
    .toArray()[0]
  return row === undefined ? null : JSON.parse(row.data)
}

/** Uses a token up. One statement decides; null is the one refusal. */
export function redeemToken(turn: Turn, purpose: Purpose, hash: string): JsonObject | null {
  const row = turn.sql
    .exec<{ data: string }>(
      `update "tokens" set "usedAt" = ?3 where "purpose" = ?1 and "hash" = ?2 and "usedAt" is null and "expiresAt" > ?3
       returning "data"`,
      purpose,
      hash,
      turn.now,
    )
    .toArray()[0]
  if (row === undefined) return null
  record(turn, "token.redeemed", { purpose })
  return JSON.parse(row.data)
}

/** Clears what has expired, used or not. */
export function sweepTokens(turn: Turn): void {
  turn.sql.exec('delete from "tokens" where "expiresAt" <= ?', turn.now)
}
