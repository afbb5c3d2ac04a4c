/** Makes a migration: drizzle-kit's own, completed, tried on a database in memory, and refused when it does not lead to the tables. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { additions } from "../src/database/additions.ts"
import { type Drift, drift, presentSchema, type Query } from "../src/database/drift.ts"
import drizzle from "../src/database/drizzle.config.ts"
import { completeMigration, type Present, statementsOf } from "../src/database/migrations.ts"
import { declaredTables, resources, schemaFiles } from "./declared.ts"
import { project, projectRequire, Stop } from "./local.ts"

/** Adds to the folder the migration from what it leads to now to what is declared. Gives its path; `null` when nothing changed. */
export async function makeMigration(folder: string, name: string, mayAsk: boolean): Promise<string | null> {
  const database = replay(folder)
  const query: Query = async (sql) => database.prepare(sql).all()
  const present = await presentState(query)
  const before = sqlFiles(folder)
  generate(folder, name, mayAsk)
  let file = sqlFiles(folder).find((one) => !before.includes(one))
  const generated = file ? readFileSync(join(folder, file), "utf8") : ""
  try {
    const migration = completeMigration(generated, present, additions(resources))
    if (migration === "") return null
    // Only what Drizzle does not know has changed: an empty migration takes it, so that the numbers stay in step.
    if (!file) generate(folder, name, mayAsk, "--custom")
    file ??= sqlFiles(folder).find((one) => !before.includes(one)) as string
    database.exec(`BEGIN; ${migration} COMMIT`)
    refuseDrift(await drift(query, await declaredTables(), resources), migration)
    writeFileSync(join(folder, file), migration)
    return join(folder, file)
  } catch (error) {
    if (file) withdraw(folder, file)
    throw new Stop(`No migration was written. ${(error as Error).message}`)
  } finally {
    database.close()
  }
}

/** An empty database after all migrations of the folder. */
export function replay(folder: string): DatabaseSync {
  const database = new DatabaseSync(":memory:")
  for (const name of sqlFiles(folder)) {
    database.exec("BEGIN")
    for (const statement of statementsOf(readFileSync(join(folder, name), "utf8"))) database.exec(statement)
    database.exec("COMMIT")
  }
  return database
}

function sqlFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".sql"))
    .sort()
}

/** What the database that `query` reads holds now. */
export async function presentState(query: Query): Promise<Present> {
  const schema = await presentSchema(query)
  const columns: Record<string, string[]> = {}
  for (const entry of schema.filter((one) => one.type === "table")) {
    const rows = (await query(`pragma table_info(\`${entry.name}\`)`)) as { name: string }[]
    columns[entry.name] = rows.map((row) => row.name)
  }
  return { schema, columns }
}

/** Runs drizzle-kit. It asks on the terminal when what is new may be something old renamed. */
function generate(folder: string, name: string, mayAsk: boolean, ...extra: string[]): void {
  const scratch = mkdtempSync(join(tmpdir(), "selvage-drizzle-"))
  try {
    const config = join(scratch, "drizzle.config.json")
    writeFileSync(config, JSON.stringify({ ...drizzle, schema: schemaFiles, out: relative(project, folder) }))
    const args = ["generate", "--config", relative(project, config), "--name", name, ...extra]
    const stdio = mayAsk && process.stdin.isTTY ? "inherit" : "pipe"
    const script = join(dirname(projectRequire.resolve("drizzle-kit")), "bin.cjs")
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { cwd: project, stdio })
    if (status !== 0)
      throw new Stop(`drizzle-kit failed. Run it on a terminal if it has a question.\n${stdout ?? ""}${stderr ?? ""}`)
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

function refuseDrift({ missing, unexpected }: Drift, migration: string): void {
  if (missing.length + unexpected.length === 0) return
  const lines = [
    ...missing.map((line) => `  missing     ${line}`),
    ...unexpected.map((line) => `  unexpected  ${line}`),
  ]
  throw new Stop(`It would not lead to the declared tables:\n${lines.join("\n")}\n\n${migration}`)
}

/** Takes back what drizzle-kit wrote: the file, its snapshot and its line in the journal. */
function withdraw(folder: string, file: string): void {
  const journalPath = join(folder, "meta/_journal.json")
  const journal = JSON.parse(readFileSync(journalPath, "utf8"))
  journal.entries = journal.entries.filter((entry: { tag: string }) => `${entry.tag}.sql` !== file)
  writeFileSync(journalPath, JSON.stringify(journal, null, 2))
  rmSync(join(folder, file))
  rmSync(join(folder, "meta", `${file.split("_")[0]}_snapshot.json`), { force: true })
}
