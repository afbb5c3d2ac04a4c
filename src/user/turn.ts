/** One turn of an object: the database, the instant and the cause that all steps of one transaction share. Refuses to know a clock. */
import type { Cause } from "../core/user-object.ts"

/** What a state machine may use. */
export interface Turn {
  readonly sql: SqlStorage
  /** Milliseconds since 1970. */
  readonly now: number
  readonly cause: Cause
  /** Id of the user, null in the objects that stand for nobody: those record no events. */
  readonly subject: string | null
  /** A new id for an event. */
  readonly newId: () => string
  /** That many random bytes. */
  readonly random: (length: number) => Uint8Array
  /** Sessions and keys that this turn has ended, by their ids: their sockets end when it is committed. */
  readonly ended: string[]
}

/** A number that the object keeps by name; null when it was never set. */
export function numberOf(sql: SqlStorage, name: string): number | null {
  const row = sql.exec<{ value: number }>('select "value" from "numbers" where "name" = ?', name).toArray()[0]
  return row === undefined ? null : row.value
}

/** Sets or, with null, forgets a number. */
export function setNumber(sql: SqlStorage, name: string, value: number | null): void {
  if (value === null) sql.exec('delete from "numbers" where "name" = ?', name)
  else sql.exec('insert or replace into "numbers" values (?, ?)', name, value)
}

/** The user's epoch: every change that reduces rights raises it. */
export function epochOf(sql: SqlStorage): number {
  return numberOf(sql, "epoch") ?? 1
}

/** Raises the epoch. Gives the new one. */
export function raiseEpoch(sql: SqlStorage): number {
  const epoch = epochOf(sql) + 1
  setNumber(sql, "epoch", epoch)
  return epoch
}

/** When to try again after that many failures in a row: 1 s doubling to 5 min. */
export function retryDelayMs(tries: number): number {
  return Math.min(5 * 60_000, 1000 * 2 ** Math.min(tries, 10))
}

/** Text from outside, kept short: null and "" both become null. */
export function short(text: string | null | undefined, length: number): string | null {
  return text ? text.slice(0, length) : null
}

/** Bytes as hex. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
}
