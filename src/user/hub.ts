/**
 * The hub: which sessions and keys were revoked within the life of an access token. Isolates pull what is new every few seconds by version.
 * Refuses to forget: of two entries for one id the stricter stays.
 */
import type { Revocation } from "../core/hub-object.ts"
import { numberOf, setNumber } from "./turn.ts"

/** Adds revocations under a new version. Gives it. */
export function addRevocations(sql: SqlStorage, revocations: readonly Revocation[], now: number): number {
  const version = hubVersion(sql)
  const alive = revocations.filter((one) => one.until > now)
  if (alive.length === 0) return version
  for (const { id, belowEpoch, until } of alive) {
    sql.exec(
      `insert into "revoked" values (?1, ?2, ?3, ?4) on conflict ("id") do update set
         "belowEpoch" = case when "belowEpoch" is null or excluded."belowEpoch" is null then null
           else max("belowEpoch", excluded."belowEpoch") end,
         "until" = max("until", excluded."until"), "version" = excluded."version"`,
      id,
      belowEpoch,
      until,
      version + 1,
    )
  }
  setNumber(sql, "version", version + 1)
  return version + 1
}

/** The version of the newest entry. */
export function hubVersion(sql: SqlStorage): number {
  return numberOf(sql, "version") ?? 0
}

/** What came after a version. A version that this hub has not reached is another's: then everything that lives. */
export function revocationsSince(sql: SqlStorage, version: number, now: number): Revocation[] {
  const from = version > hubVersion(sql) ? 0 : version
  return sql
    .exec<Revocation & Record<string, SqlStorageValue>>(
      'select "id", "belowEpoch", "until" from "revoked" where "version" > ? and "until" > ?',
      from,
      now,
    )
    .toArray()
}

/** Clears what is over. */
export function sweepRevocations(sql: SqlStorage, now: number): void {
  sql.exec('delete from "revoked" where "until" <= ?', now)
}

/** When there is something to clear, at most once a minute; null when there is nothing. */
export function hubDue(sql: SqlStorage, now: number): number | null {
  const { first } = sql
    .exec<{ first: number | null }>(
      'select min("until") "first" from (select "until" from "revoked" union all select "until" from "touched")',
    )
    .one()
  return first === null ? null : Math.max(first, now + 60_000)
}
