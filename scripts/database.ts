/** The local D1 database: opened for writing through Miniflare, for reading straight from its file (also while the Worker runs). */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { statementsOf } from "../src/database/migrations.ts"
import { migrationsPath, seedsPath, statePath, wranglerPath, wranglerSetting } from "./local.ts"

// The simulator of the very wrangler that serves the database later; a project has no other.
const { convertV4MiniflareOptions, Miniflare }: typeof import("miniflare") = createRequire(wranglerPath())("miniflare")

const ledger =
  "create table if not exists d1_migrations(id integer primary key autoincrement, name text unique, " +
  "applied_at timestamp default current_timestamp not null)"

/** Names of the migration files, in the order in which they apply. */
export function migrationNames(): string[] {
  if (!existsSync(migrationsPath)) return []
  return readdirSync(migrationsPath)
    .filter((name) => name.endsWith(".sql"))
    .sort()
}

/** The statements of one migration file. */
export function migrationStatements(name: string): string[] {
  return statementsOf(readFileSync(join(migrationsPath, name), "utf8"))
}

/** Opens the database that `wrangler dev` opens. Not while it runs: two writers would be two processes on one file. */
export async function withDatabase<T>(use: (database: D1Database) => Promise<T>): Promise<T> {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: "export default {}",
      compatibilityDate: wranglerSetting("compatibility_date"),
      cf: false,
      resourcePersistencePath: statePath,
      d1Databases: { DB: wranglerSetting("database_id") },
    }),
  )
  try {
    return await use((await miniflare.getD1Database("DB")) as unknown as D1Database)
  } finally {
    await miniflare.dispose()
  }
}

/** Applies what is not applied yet, each file as one batch, in wrangler's own ledger. Gives the names applied. */
export async function applyMigrations(database: D1Database): Promise<string[]> {
  await database.prepare(ledger).run()
  const rows = await database.prepare("select name from d1_migrations").all<{ name: string }>()
  const applied = new Set(rows.results.map((row) => row.name))
  const pending = migrationNames().filter((name) => !applied.has(name))
  for (const name of pending) {
    const statements = migrationStatements(name).map((statement) => database.prepare(statement))
    await database.batch([...statements, database.prepare("insert into d1_migrations (name) values (?)").bind(name)])
  }
  return pending
}

/** Reads the local database without Miniflare. `null` when there is none, or when it has no such table. */
export function readLocal<T>(table: string, read: (database: DatabaseSync) => T): T | null {
  const folder = join(statePath, "d1/miniflare-D1DatabaseObject")
  if (!existsSync(folder)) return null
  for (const name of readdirSync(folder).filter((one) => one.endsWith(".sqlite") && one !== "metadata.sqlite")) {
    const database = new DatabaseSync(join(folder, name), { readOnly: true })
    try {
      if (database.prepare("select 1 from sqlite_schema where name = ?").get(table)) return read(database)
    } finally {
      database.close()
    }
  }
  return null
}

/** True when every migration is applied and there are users, if there is demo data: nothing to do before the Worker starts. */
export function isReady(): boolean {
  const applied = readLocal("d1_migrations", (database) => database.prepare("select name from d1_migrations").all())
  const names = new Set(applied?.map((row) => row.name))
  const users = readLocal("users", (database) => database.prepare("select 1 from users limit 1").get())
  return migrationNames().every((name) => names.has(name)) && (users != null || !existsSync(seedsPath))
}
