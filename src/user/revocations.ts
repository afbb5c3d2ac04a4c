/** Revocations on their way to the hub: written in the transaction that ends the session or key, removed when the hub has acknowledged. */
import type { Revocation } from "../core/hub-object.ts"
import { numberOf, retryDelayMs, setNumber, type Turn } from "./turn.ts"

/** A revocation and its place in the outbox. */
export type PendingRevocation = Revocation & { readonly sequence: number }

/** Owes the hub this. Without effect when no token can be alive any more. */
export function owe(turn: Turn, revocation: Revocation): void {
  if (revocation.until <= turn.now) return
  const { id, belowEpoch, until } = revocation
  turn.sql.exec('insert into "revocations" ("id", "belowEpoch", "until") values (?, ?, ?)', id, belowEpoch, until)
  if (numberOf(turn.sql, "hubAt") === null) setNumber(turn.sql, "hubAt", turn.now + 1000)
}

/** What the hub does not know yet, oldest first, at most a thousand. */
export function pendingRevocations(sql: SqlStorage): PendingRevocation[] {
  return sql
    .exec<{ sequence: number; id: string; belowEpoch: number | null; until: number }>(
      'select "sequence", "id", "belowEpoch", "until" from "revocations" order by "sequence" limit 1000',
    )
    .toArray()
}

/** The hub has everything up to this place. True when nothing is left. */
export function acknowledgeRevocations(turn: Turn, lastSequence: number): boolean {
  const { sql, now } = turn
  sql.exec('delete from "revocations" where "sequence" <= ?', lastSequence)
  const left = sql.exec('select 1 from "revocations" limit 1').toArray().length > 0
  setNumber(sql, "hubAt", left ? now : null)
  setNumber(sql, "hubTries", null)
  return !left
}

/** The hub could not be reached: when the alarm tries again. */
export function postponeRevocations(turn: Turn): void {
  const tries = numberOf(turn.sql, "hubTries") ?? 0
  setNumber(turn.sql, "hubTries", tries + 1)
  setNumber(turn.sql, "hubAt", turn.now + retryDelayMs(tries))
}
