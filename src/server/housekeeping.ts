/** What the daily trigger does: removes stored answers and logs of deliveries whose time is over, in bounded steps. */
import { removeOldDeliveries } from "../database/webhooks.ts"

const rowsPerStep = 1000
const stepsMax = 50
/** How long it stands what was sent to an endpoint and what came back. */
const deliveryDays = 30

/** Repeats a bounded removal until little is left; what is left over waits for the next day. */
async function inSteps(remove: () => Promise<number>): Promise<number> {
  let removed = 0
  for (let step = 0; step < stepsMax; step++) {
    const rows = await remove()
    removed += rows
    if (rows < rowsPerStep) break
  }
  return removed
}

/** Deletes expired idempotency rows and old deliveries of webhooks, oldest first. Gives how many rows went. */
export async function housekeep(database: D1Database, now: Date): Promise<number> {
  const statement = `delete from "idempotency" where "key" in (select "key" from "idempotency" where "expiresAt" < ? order by "expiresAt" limit ${rowsPerStep})`
  const answers = await inSteps(async () => {
    const { meta } = await database.prepare(statement).bind(now.toISOString()).run()
    return meta.changes
  })
  const before = new Date(now.getTime() - deliveryDays * 24 * 3600_000)
  return answers + (await inSteps(() => removeOldDeliveries(database, before, rowsPerStep)))
}
