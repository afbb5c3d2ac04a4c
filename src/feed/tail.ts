/**
 * The tail of the log: each reader is handed the events behind its cursor, in order, and its cursor moves when it has taken them. A reader that
 * fails keeps its place and is tried again; the others go on.
 */
import type { Event } from "../core/event.ts"
import { readLog } from "../database/log.ts"
import type { TurnFacts } from "../database/turn.ts"

/** Whoever reads the log. It may get an event twice (its cursor moves afterwards), never in another order, and none is left out. */
export interface Reader {
  /** Its cursor's name; never changed after a release. */
  readonly name: string
  /** False: nobody wants anything now, so its cursor follows the end of the log without a read. */
  wants(sql: SqlStorage, facts: TurnFacts): boolean
  /**
   * Does again what could not be done; called before a turn reads, whether there are events or not.
   * @returns when it wants to be called again, milliseconds since 1970; null: nothing is left
   */
  mend?(sql: SqlStorage): Promise<number | null>
  /** Takes events. Throws when it could not: then it gets them again. */
  read(events: readonly Event[], sql: SqlStorage): Promise<void>
}

const pageRows = 500

/** Where a reader stands; a new one begins at the end of the log. */
export function cursorOf(sql: SqlStorage, reader: string): number | null {
  const row = sql.exec<{ sequence: number }>('select "sequence" from "cursors" where "reader" = ?', reader).toArray()[0]
  return row?.sequence ?? null
}

function moveCursor(sql: SqlStorage, reader: string, sequence: number): void {
  sql.exec(
    'insert into "cursors" values (?1, ?2) on conflict ("reader") do update set "sequence" = max("sequence", ?2)',
    reader,
    sequence,
  )
}

/** What a reader is followed with in one turn. */
export interface Following {
  readonly database: D1Database
  readonly sql: SqlStorage
  /** As the turn found them. */
  readonly facts: TurnFacts
  isOver(): boolean
}

/**
 * Hands a reader what is behind its cursor, until the end of the log or the end of its turn.
 * @returns false when the turn was over before the end was reached
 */
export async function tail({ database, sql, facts, isOver }: Following, reader: Reader): Promise<boolean> {
  const { newest } = facts
  for (;;) {
    const cursor = cursorOf(sql, reader.name)
    if (cursor === null || !reader.wants(sql, facts)) {
      if (cursor === null || cursor < newest) moveCursor(sql, reader.name, newest)
      return true
    }
    // A database that was put back to an earlier state: its log goes on from there, and so does whoever reads it.
    if (cursor > newest) sql.exec('update "cursors" set "sequence" = ? where "reader" = ?', newest, reader.name)
    const events = cursor >= newest ? [] : await readLog(database, { after: cursor, limit: pageRows })
    const last = events.at(-1)
    if (last === undefined) return true
    await reader.read(events, sql)
    moveCursor(sql, reader.name, last.sequence)
    if (events.length < pageRows && last.sequence >= newest) return true
    if (isOver()) return false
  }
}
