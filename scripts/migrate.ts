/** `npm run migrate`: brings the local database up to date, as `npm start` does before the Worker starts. */
import { applyMigrations, withDatabase } from "./database.ts"

const applied = await withDatabase(applyMigrations)
console.log(applied.length === 0 ? "The local database is up to date." : `Applied ${applied.join(", ")}.`)
