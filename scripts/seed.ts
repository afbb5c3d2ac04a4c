/** Puts the app's demo data into a database that has no users. Its people get passwords of their own; nobody has a known one. */
import { existsSync } from "node:fs"
import { getTableColumns, getTableName } from "drizzle-orm"
import type { SQLiteTable } from "drizzle-orm/sqlite-core"
import { userTable } from "../src/database/schema.ts"
import { newPassword, passwordSealing } from "./demo.ts"
import { seedsPath } from "./local.ts"

/** Rows by property name, in stored form. */
type Seeds = readonly { readonly table: SQLiteTable; readonly rows: readonly Readonly<Record<string, unknown>>[] }[]

/** The seeds with people who can sign in. */
async function peopled(pepper: string): Promise<{ readonly all: Seeds; readonly passwords: Map<string, string> }> {
  const now = new Date()
  const sealing = passwordSealing(pepper)
  const passwords = new Map<string, string>()
  const all: { table: SQLiteTable; rows: Readonly<Record<string, unknown>>[] }[] = []
  const { seeds }: { seeds(now: Date): Seeds } = await import(seedsPath)
  for (const { table, rows } of seeds(now)) {
    if (getTableName(table) !== getTableName(userTable)) {
      all.push({ table, rows: [...rows] })
      continue
    }
    const people: Readonly<Record<string, unknown>>[] = []
    for (const row of rows) {
      const password = newPassword()
      passwords.set(String(row.email), password)
      const passwordSealed = await sealing(String(row.id), password)
      people.push({ ...row, passwordSealed, emailVerifiedAt: row.createdAt })
    }
    all.push({ table, rows: people })
  }
  return { all, passwords }
}

/**
 * Inserts the seeds, all or nothing; nothing when there are users already, or no demo data.
 * @param pepper the ring PEPPER of the Worker that is to serve the database
 * @param keep is given the passwords before anything is written: a password that is written and not kept is lost
 */
export async function seed(
  database: D1Database,
  pepper: string,
  keep: (passwords: ReadonlyMap<string, string>) => void,
): Promise<number> {
  if (!existsSync(seedsPath) || (await database.prepare("select 1 from users limit 1").first())) return 0
  const { all, passwords } = await peopled(pepper)
  keep(passwords)
  const inserts: D1PreparedStatement[] = []
  for (const { table, rows } of all) {
    const columns = getTableColumns(table)
    for (const row of rows) {
      const keys = Object.keys(row)
      const names = keys.map((key) => {
        const column = columns[key]
        if (!column) throw new Error(`${getTableName(table)} has no column ${key}`)
        return `\`${column.name}\``
      })
      const sql = `insert into \`${getTableName(table)}\` (${names.join(", ")}) values (${keys.map(() => "?").join(", ")})`
      inserts.push(database.prepare(sql).bind(...keys.map((key) => row[key])))
    }
  }
  // Rows may refer to rows that come later.
  await database.batch([database.prepare("pragma defer_foreign_keys=on"), ...inserts])
  return inserts.length
}
