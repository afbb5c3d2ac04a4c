/** `npm run migrate:new -- name`: writes the migration from the last one to the tables as they are declared now. */
import { mkdirSync } from "node:fs"
import { relative } from "node:path"
import { migrationsPath, project, run, Stop } from "./local.ts"
import { makeMigration } from "./migration.ts"

/** The command. */
export async function migrateNew(): Promise<void> {
  const [name] = process.argv.slice(2)
  if (!name || !/^[a-z0-9_]+$/.test(name)) throw new Stop("Name the change: npm run migrate:new -- add_due_dates")
  mkdirSync(migrationsPath, { recursive: true })
  const path = await makeMigration(migrationsPath, name, true)
  console.log(
    path
      ? `Wrote ${relative(project, path)}: read it, then commit it with its snapshot.`
      : "The migrations are up to date.",
  )
}

if (import.meta.main) await run(migrateNew)
