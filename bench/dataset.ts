/**
 * The contents that every measurement runs on: a workspace of 10,000 or 1,000,000 tasks, the same on every machine (contents.ts).
 * Built once per schema, kept in the temporary folder, and copied for each run, so that what a run writes stays out of the next.
 */
import { createHash } from "node:crypto"
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { migrationNames, migrationStatements } from "../scripts/database.ts"
import { fillers } from "./contents.ts"
import { databaseName, startServer } from "./server.ts"

/** Fills with indexes and triggers taken away, and puts them back: far faster than keeping them up to date row by row. */
function fill(database: DatabaseSync, tasks: number): void {
  database.exec(
    "pragma journal_mode = off; pragma synchronous = off; pragma foreign_keys = off; pragma cache_size = -1000000",
  )
  for (const name of migrationNames()) for (const statement of migrationStatements(name)) database.exec(statement)
  const aside = database
    .prepare(
      "select type, name, sql from sqlite_schema where type in ('index', 'trigger') and sql is not null order by type, rowid",
    )
    .all() as unknown as { type: string; name: string; sql: string }[]
  for (const { type, name } of aside) database.exec(`drop ${type} "${name}"`)
  for (const filler of fillers(tasks)) database.exec(filler)
  for (const { sql } of aside.filter(({ type }) => type === "index")) database.exec(sql)
  const virtual = database.prepare("select name from sqlite_schema where sql like '%using fts5%'").all()
  for (const { name } of virtual) database.exec(`insert into "${name}" ("${name}") values ('rebuild')`)
  for (const { sql } of aside.filter(({ type }) => type === "trigger")) database.exec(sql)
  database.exec("pragma journal_mode = wal")
}

function databaseFile(folder: string): string {
  const objects = join(folder, "d1/miniflare-D1DatabaseObject")
  const name = readdirSync(objects).find((one) => one.endsWith(".sqlite") && one !== "metadata.sqlite")
  if (!name) throw new Error(`No database in ${objects}`)
  return join(objects, name)
}

/** Makes an empty database in a state folder. Gives the path of its file. */
export async function createDatabase(folder: string): Promise<string> {
  // Miniflare decides what the file is called; the relay answers any request once the database is there.
  const storage = await startServer({ kind: "storage", folder })
  await fetch(`${storage.url}/query`, {
    method: "POST",
    body: JSON.stringify([{ sql: "select 1" }]),
    headers: { "content-type": "application/json" },
  })
  await storage.stop()
  return databaseFile(folder)
}

async function build(folder: string, tasks: number): Promise<void> {
  const database = new DatabaseSync(await createDatabase(folder))
  try {
    fill(database, tasks)
  } finally {
    database.close()
  }
}

/**
 * A state folder for a storage server with `tasks` tasks in it, below `target`.
 * @param tasks one of `sizes`
 */
export async function prepareDataset(target: string, tasks: number): Promise<string> {
  const hash = createHash("sha256").update(fillers(tasks).join(";")).update(databaseName)
  for (const name of migrationNames()) hash.update(migrationStatements(name).join(";"))
  const cache = join(tmpdir(), `selvage-bench-${hash.digest("hex").slice(0, 12)}`)
  const kept = join(cache, `${tasks}`)
  if (!existsSync(kept)) {
    const started = performance.now()
    const partial = join(cache, `${tasks}.${process.pid}`)
    mkdirSync(partial, { recursive: true })
    try {
      await build(partial, tasks)
      // Another run may have been quicker.
      if (!existsSync(kept)) renameSync(partial, kept)
    } finally {
      rmSync(partial, { recursive: true, force: true })
    }
    console.error(
      `Filled a database with ${tasks} tasks in ${((performance.now() - started) / 1000).toFixed(1)} s (kept in ${kept})`,
    )
  }
  const folder = join(target, `data-${tasks}`)
  cpSync(kept, folder, { recursive: true })
  return folder
}
