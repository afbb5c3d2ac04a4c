/** Puts the app's demo data into a database that has no users. */
import { getTableColumns, getTableName } from "drizzle-orm"
import type { SQLiteTable } from "drizzle-orm/sqlite-core"
import { seeds } from "../src/app/seeds.ts"

/** Rows by property name, in stored form. */
type Seeds = readonly { readonly table: SQLiteTable; readonly rows: readonly Readonly<Record<string, unknown>>[] }[]

/** Inserts the seeds, all or nothing. Gives the number of rows; 0 when there are users already. */
export async function seed(database: D1Database): Promise<number> {
  if (await database.prepare("select 1 from users limit 1").first()) return 0
  const inserts: D1PreparedStatement[] = []
  const all: Seeds = seeds(new Date())
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
