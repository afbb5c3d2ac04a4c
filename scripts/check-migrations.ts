/** Checks that the migrations lead to the tables as declared: `npm run migrate:new` would have nothing to write. */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { migrationsPath, run, Stop } from "./local.ts"
import { makeMigration } from "./migration.ts"

/** The command. */
export async function checkMigrations(): Promise<void> {
  if (!existsSync(migrationsPath)) throw new Stop("There are no migrations: npm run migrate:new -- initial")
  const copy = mkdtempSync(join(tmpdir(), "selvage-migrations-"))
  try {
    cpSync(migrationsPath, copy, { recursive: true })
    const path = await makeMigration(copy, "drift", false)
    if (path)
      throw new Stop(
        `The tables have changed since the last migration; run npm run migrate:new. It would write:\n\n${readFileSync(path, "utf8")}`,
      )
    console.log("Migrations are up to date with the tables.")
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

if (import.meta.main) await run(checkMigrations)
