/**
 * The factors of an account: kept, named, removed; and what makes a proof count once. A time step, a recovery code and a challenge are each used
 * up by one statement. Refuses a passkey whose counter went back: then there are two of it.
 */
import type {
  FactorFault,
  FactorList,
  FactorMethod,
  FactorProof,
  FactorReservation,
  FactorView,
  NewFactor,
  Once,
  PasskeyKey,
} from "../core/factors.ts"
import { record } from "./security-events.ts"
import type { Turn } from "./turn.ts"

const factorsMax = 20

type Row = {
  id: string
  kind: NewFactor["kind"]
  name: string
  createdAt: number
  lastUsedAt: number | null
  isSynced: number | null
}

const viewColumns = '"id", "kind", "name", "createdAt", "lastUsedAt", "isSynced"'

/** True when a second factor is asked for. */
export function hasFactor(sql: SqlStorage): boolean {
  return sql.exec('select 1 from "factors" limit 1').toArray().length > 0
}

/** How many recovery codes there are to go. */
export function recoveryCodesLeft(sql: SqlStorage): number {
  return sql.exec<{ count: number }>('select count(*) "count" from "recovery_codes"').one().count
}

/** By which methods a second factor can be given. */
export function factorMethods(sql: SqlStorage): FactorMethod[] {
  const kinds = sql.exec<{ kind: FactorMethod }>('select distinct "kind" from "factors" order by "kind" desc').toArray()
  return [...kinds.map(({ kind }) => kind), ...(recoveryCodesLeft(sql) > 0 ? (["recoveryCode"] as const) : [])]
}

/** All of them, oldest first. */
export function listFactors(sql: SqlStorage): FactorList {
  const factors = sql
    .exec<Row>(`select ${viewColumns} from "factors" order by "createdAt", "id"`)
    .toArray()
    .map((row): FactorView => ({ ...row, isSynced: row.isSynced === null ? null : row.isSynced === 1 }))
  const credentials = sql
    .exec<{ credential: string }>('select "credential" from "factors" where "credential" is not null')
    .toArray()
    .map(({ credential }) => credential)
  return { factors, credentials, recoveryCodesLeft: recoveryCodesLeft(sql) }
}

/** The sealed seeds that codes are held against. */
export function seedsOf(sql: SqlStorage): FactorReservation["seeds"] {
  return sql
    .exec<{ id: string; sealed: string }>('select "id", "sealed" from "factors" where "kind" = \'totp\'')
    .toArray()
}

/** The passkey with this credential id, or null. */
export function findPasskey(sql: SqlStorage, credential: string): PasskeyKey | null {
  const found = sql.exec<{ id: string; publicKey: string }>(
    'select "id", "publicKey" from "factors" where "credential" = ?',
    credential,
  )
  return found.toArray()[0] ?? null
}

/** Keeps a factor. False when there are too many. */
export function keepFactor(turn: Turn, factor: NewFactor): boolean {
  const { sql, now } = turn
  const { count } = sql.exec<{ count: number }>('select count(*) "count" from "factors"').one()
  if (count >= factorsMax) return false
  const { id, kind, name } = factor
  const own =
    factor.kind === "totp"
      ? [factor.sealed, factor.step, null, null, null, null, null]
      : [
          null,
          null,
          factor.credential,
          factor.publicKey,
          factor.counter,
          factor.isSynced ? 1 : 0,
          JSON.stringify(factor.transports),
        ]
  sql.exec('insert into "factors" values (?, ?, ?, ?, null, ?, ?, ?, ?, ?, ?, ?)', id, kind, name, now, ...own)
  record(turn, "factor.added", { id, kind })
  return true
}

/** Gives a factor another name. False when there is no such factor. */
export function renameFactor(sql: SqlStorage, id: string, name: string): boolean {
  return sql.exec('update "factors" set "name" = ?2 where "id" = ?1 returning 1', id, name).toArray().length > 0
}

/** Removes factors; those that are not here do no harm. With the last one the recovery codes go. */
export function removeFactors(turn: Turn, ids: readonly string[]): void {
  const { sql } = turn
  const removed = sql
    .exec<{ id: string; kind: string }>(
      'delete from "factors" where "id" in (select "value" from json_each(?)) returning "id", "kind"',
      JSON.stringify(ids),
    )
    .toArray()
  for (const { id, kind } of removed) record(turn, "factor.removed", { id, kind })
  if (!hasFactor(sql)) sql.exec('delete from "recovery_codes"')
}

/** Keeps recovery codes in the place of all that there were. */
export function replaceRecoveryCodes(turn: Turn, hashes: readonly string[]): void {
  turn.sql.exec('delete from "recovery_codes"')
  for (const hash of hashes) turn.sql.exec('insert into "recovery_codes" values (?)', hash)
  record(turn, "recovery.made", { count: hashes.length })
}

/** Uses something up. False when it was used before, or could not be used any more. */
export function useOnce({ sql, now }: Turn, { hash, until }: Once): boolean {
  if (until <= now) return false
  return (
    sql.exec('insert into "challenges" values (?, ?) on conflict do nothing returning 1', hash, until).toArray()
      .length > 0
  )
}

function judgePasskey(turn: Turn, proof: Extract<FactorProof, { kind: "passkey" }>): FactorFault | null {
  const { sql, now } = turn
  if (!useOnce(turn, proof.once)) return "replayed"
  const row = sql.exec<{ counter: number }>('select "counter" from "factors" where "id" = ?', proof.factor).toArray()[0]
  if (row === undefined) return "wrong"
  // WebAuthn Level 3 §6.1.1: an authenticator without a counter says 0, always.
  if ((row.counter > 0 || proof.counter > 0) && proof.counter <= row.counter) {
    record(turn, "factor.regressed", { id: proof.factor, counter: proof.counter, known: row.counter })
    return "regressed"
  }
  sql.exec('update "factors" set "counter" = ?2, "lastUsedAt" = ?3 where "id" = ?1', proof.factor, proof.counter, now)
  return null
}

/** Whether a proof counts; null: it does, and is used up. */
export function judge(turn: Turn, proof: FactorProof): FactorFault | null {
  const { sql, now } = turn
  if (proof.kind === "wrong") return "wrong"
  if (proof.kind === "passkey") return judgePasskey(turn, proof)
  if (proof.kind === "totp") {
    // RFC 6238 §5.2: a step that was accepted is not accepted again; neither is one before it.
    const used = sql.exec(
      `update "factors" set "step" = ?2, "lastUsedAt" = ?3, "sealed" = coalesce(?4, "sealed")
        where "id" = ?1 and "step" < ?2 returning 1`,
      proof.factor,
      proof.step,
      now,
      proof.sealed ?? null,
    )
    return used.toArray().length > 0 ? null : "replayed"
  }
  const taken = sql.exec('delete from "recovery_codes" where "hash" = ? returning 1', proof.hash)
  if (taken.toArray().length === 0) return "wrong"
  record(turn, "recovery.used", { left: recoveryCodesLeft(sql) })
  return null
}

/** Clears challenges that could not count any more. */
export function sweepChallenges({ sql, now }: Turn): void {
  sql.exec('delete from "challenges" where "until" <= ?', now)
}
