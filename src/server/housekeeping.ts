/** What the daily trigger does: removes stored answers whose time is over, in bounded steps. */

const rowsPerStep = 1000
const stepsMax = 50

/** Deletes expired idempotency rows, oldest first; what is left over waits for the next day. */
export async function housekeep(database: D1Database, now: Date): Promise<number> {
  const statement = `delete from "idempotency" where "key" in (select "key" from "idempotency" where "expiresAt" < ? order by "expiresAt" limit ${rowsPerStep})`
  let removed = 0
  for (let step = 0; step < stepsMax; step++) {
    const { meta } = await database.prepare(statement).bind(now.toISOString()).run()
    removed += meta.changes
    if (meta.changes < rowsPerStep) break
  }
  return removed
}
