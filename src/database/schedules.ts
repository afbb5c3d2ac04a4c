/** When each schedule was last turned into a job. The row is the lock: whoever moves it first enqueues, in the same batch. */
import type { OutboxRow } from "../core/outbox.ts"
import { faultOf } from "./constraint.ts"
import { outboxStatement } from "./outbox.ts"

/** When it was last turned into a job; a schedule that is new begins at `now`. */
export async function lastTurn(database: D1Database, name: string, now: Date): Promise<Date> {
  const [, found] = await database.batch<{ lastAt: string }>([
    database
      .prepare('insert or ignore into "schedules" ("name", "lastAt") values (?1, ?2)')
      .bind(name, now.toISOString()),
    database.prepare('select "lastAt" from "schedules" where "name" = ?1').bind(name),
  ])
  return new Date(found?.results[0]?.lastAt ?? now)
}

/**
 * Turns a schedule into a job.
 * @param at the minute that is due
 * @returns false when another has done it
 */
export async function takeTurn(database: D1Database, name: string, at: Date, row: OutboxRow): Promise<boolean> {
  const { sql, binds } = outboxStatement([row])
  try {
    await database.batch([
      database
        .prepare('update "schedules" set "lastAt" = ?2 where "name" = ?1 and "lastAt" < ?2')
        .bind(name, at.toISOString()),
      database.prepare(`insert into "guard" ("name") select 'guard:schedule' where changes() = 0`),
      database.prepare(sql).bind(...binds),
    ])
    return true
  } catch (thrown) {
    const fault = faultOf(thrown)
    if (fault.kind === "guard" && fault.name === "guard:schedule") return false
    throw thrown
  }
}
