/**
 * What a database must hold for the declared tables, and what one holds, both as lines of text: two sets that are compared.
 * `column tasks.title TEXT NOT NULL`, `index tasks_by_project on tasks (projectId, title)`, `trigger events_no_update on events: …`
 */
import { is, SQL } from "drizzle-orm"
import { getTableConfig, SQLiteSyncDialect, type SQLiteTable } from "drizzle-orm/sqlite-core"
import { type Addition, additions, type Searchable } from "./additions.ts"
import { normalized, type SchemaEntry } from "./migrations.ts"

/** Runs one statement and gives its rows: D1's `prepare(sql).all()` or any other SQLite. */
export type Query = (sql: string) => Promise<readonly unknown[]>

/** What must be there and is not, and what is there and must not be. */
export interface Drift {
  readonly missing: string[]
  readonly unexpected: string[]
}

/** Compares a database with the declaration. Both lists are empty when it is what it should be. */
export async function drift(
  query: Query,
  tables: readonly SQLiteTable[],
  resources: readonly Searchable[],
): Promise<Drift> {
  const expected = new Set(expectedSchema(tables, resources))
  const actual = new Set(await actualSchema(query))
  return {
    missing: [...expected].filter((line) => !actual.has(line)),
    unexpected: [...actual].filter((line) => !expected.has(line)),
  }
}

/** What sqlite_schema must contain for these tables and resources. */
export function expectedSchema(tables: readonly SQLiteTable[], resources: readonly Searchable[]): string[] {
  return [...tables.flatMap(tableLines), ...additions(resources).map(additionLine)].sort()
}

/** What a database contains: all but SQLite's, D1's, wrangler's and FTS5's own tables. */
export async function actualSchema(query: Query): Promise<string[]> {
  const entries = await presentSchema(query)
  const lines: string[] = []
  for (const entry of entries) {
    if (entry.type === "trigger" || /^CREATE VIRTUAL/i.test(entry.sql ?? "")) {
      lines.push(additionLine({ ...entry, table: contentOf(entry), sql: entry.sql ?? "" } as Addition))
    } else if (entry.type === "table") {
      lines.push(
        `table ${entry.name}`,
        ...(await columnLines(query, entry.name)),
        ...(await keyLines(query, entry.name)),
      )
      lines.push(...(await indexLines(query, entry.name)))
    }
  }
  return lines.sort()
}

/** The rows of sqlite_schema that somebody declared. */
export async function presentSchema(query: Query): Promise<SchemaEntry[]> {
  const entries = (await query("select type, name, tbl_name, sql from sqlite_schema order by rowid")) as SchemaEntry[]
  const virtual = entries.filter((entry) => /^CREATE VIRTUAL/i.test(entry.sql ?? "")).map((entry) => entry.name)
  const shadows = new Set(
    virtual.flatMap((name) => ["data", "idx", "content", "docsize", "config"].map((part) => `${name}_${part}`)),
  )
  return entries.filter(
    (entry) => !/^(sqlite_|_cf_|d1_migrations)/.test(entry.tbl_name) && !shadows.has(entry.tbl_name),
  )
}

function additionLine(one: Addition): string {
  return `${one.type} ${one.name} on ${one.table}: ${normalized(one.sql)}`
}

function contentOf(entry: SchemaEntry): string {
  return entry.type === "trigger" ? entry.tbl_name : (/content='(\w+)'/.exec(entry.sql ?? "")?.[1] ?? entry.name)
}

function tableLines(table: SQLiteTable): string[] {
  const config = getTableConfig(table)
  const name = config.name
  const compound = config.primaryKeys.flatMap((key) => key.columns.map((column) => column.name))
  const columns = config.columns.map((column) => {
    const isKey = column.primary || compound.includes(column.name)
    return columnLine(name, column.name, column.getSQLType(), column.notNull, isKey)
  })
  const uniques = [
    ...config.columns
      .filter((column) => column.isUnique)
      .map((column) => ({ name: column.uniqueName, columns: [column] })),
    ...config.uniqueConstraints.map((one) => ({ name: one.getName(), columns: one.columns })),
  ].map((one) =>
    indexLine(
      name,
      one.name ?? "",
      true,
      false,
      one.columns.map((column) => column.name),
    ),
  )
  const indexes = config.indexes.map(({ config: index }) => {
    const parts = index.columns.map((part) => (is(part, SQL) ? sortedColumn(dialect.sqlToQuery(part).sql) : part.name))
    return indexLine(name, index.name, index.unique, index.where !== undefined, parts)
  })
  const keys = config.foreignKeys.map((key) => {
    const { columns: from, foreignColumns: to } = key.reference()
    const target = getTableConfig(key.reference().foreignTable).name
    return keyLine(
      name,
      from.map((column) => column.name),
      target,
      to.map((column) => column.name),
    )
  })
  return [`table ${name}`, ...columns, ...uniques, ...indexes, ...keys]
}

const dialect = new SQLiteSyncDialect()

/** `"tasks"."createdAt" desc` -> `createdAt desc`; any other SQL is an expression. */
function sortedColumn(sql: string): string {
  const [, column, order] = /^(?:"\w+"\.)?"(\w+)"( desc| asc)?$/i.exec(sql.trim()) ?? []
  if (!column) return "(expression)"
  return order?.toLowerCase() === " desc" ? `${column} desc` : column
}

async function columnLines(query: Query, table: string): Promise<string[]> {
  const rows = (await query(`pragma table_info(\`${table}\`)`)) as {
    name: string
    type: string
    notnull: number
    pk: number
  }[]
  return rows.map((row) => columnLine(table, row.name, row.type, row.notnull === 1, row.pk > 0))
}

async function indexLines(query: Query, table: string): Promise<string[]> {
  type Index = { name: string; unique: number; partial: number; origin: string }
  type Part = { seqno: number; cid: number; name: string | null; desc: number; key: number }
  const indexes = (await query(`pragma index_list(\`${table}\`)`)) as Index[]
  const lines: string[] = []
  for (const index of indexes.filter((one) => one.origin !== "pk")) {
    const parts = ((await query(`pragma index_xinfo(\`${index.name}\`)`)) as Part[]).filter((part) => part.key === 1)
    const names = parts.map((part) =>
      part.name === null ? "(expression)" : `${part.name}${part.desc === 1 ? " desc" : ""}`,
    )
    lines.push(indexLine(table, index.name, index.unique === 1, index.partial === 1, names))
  }
  return lines
}

async function keyLines(query: Query, table: string): Promise<string[]> {
  type Key = { id: number; seq: number; table: string; from: string; to: string; on_delete: string; on_update: string }
  const rows = (await query(`pragma foreign_key_list(\`${table}\`)`)) as Key[]
  const ids = [...new Set(rows.map((row) => row.id))]
  return ids.map((id) => {
    const key = rows.filter((row) => row.id === id).sort((one, other) => one.seq - other.seq)
    const [first] = key as [Key, ...Key[]]
    const actions = [first.on_delete, first.on_update].filter((action) => action !== "NO ACTION")
    return keyLine(
      table,
      key.map((row) => row.from),
      [first.table, ...actions].join(" "),
      key.map((row) => row.to),
    )
  })
}

function columnLine(table: string, name: string, type: string, notNull: boolean, isKey: boolean): string {
  return `column ${table}.${name} ${type.toUpperCase()}${notNull ? " NOT NULL" : ""}${isKey ? " PRIMARY KEY" : ""}`
}

function indexLine(table: string, name: string, unique: boolean, partial: boolean, columns: readonly string[]): string {
  return `${unique ? "unique " : ""}index ${name} on ${table} (${columns.join(", ")})${partial ? " where …" : ""}`
}

function keyLine(table: string, from: readonly string[], target: string, to: readonly string[]): string {
  return `foreign key ${table} (${from.join(", ")}) -> ${target} (${to.join(", ")})`
}
