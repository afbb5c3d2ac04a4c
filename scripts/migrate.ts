/** `npm run migrate`: brings the local database up to date, as `npm start` does before the Worker starts. Not while the Worker runs. */
import { applyMigrations, withDatabase } from "./database.ts"
import { run } from "./local.ts"

/** The command. */
export async function migrate(): Promise<void> {
  const applied = await withDatabase(applyMigrations)
  console.log(applied.length === 0 ? "The local database is up to date." : `Applied ${applied.join(", ")}.`)
}

if (import.meta.main) await run(migrate)
