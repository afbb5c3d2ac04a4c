/**
 * What Drizzle does not know of a database: full-text tables with the triggers that feed them, and the triggers that keep the log
 * append-only and give the guard its voice. `npm run migrate:new` writes them into migrations; this file says what they are.
 */
import { getTableColumns, getTableName } from "drizzle-orm"
import type { SQLiteTable } from "drizzle-orm/sqlite-core"

/** A resource, as far as full text is concerned. */
export interface Searchable {
  readonly table: SQLiteTable
  /** Property names of the text columns in the index. */
  readonly search?: readonly string[]
}

/** One statement that creates something in sqlite_schema. */
export interface Addition {
  readonly type: "table" | "trigger"
  readonly name: string
  /** The ordinary table that it serves. */
  readonly table: string
  readonly sql: string
}

/** The name of the full-text table of `table`. */
export function searchTableName(table: string): string {
  return `${table}_search`
}

/** Everything that a database of these resources must hold beyond Drizzle's tables and indexes. */
export function additions(resources: readonly Searchable[]): Addition[] {
  return [...engineTriggers, ...resources.flatMap(fulltext)]
}

const engineTriggers: readonly Addition[] = [
  trigger("events", "events_no_update", "BEFORE UPDATE", ["SELECT RAISE(ABORT, 'events are append-only')"]),
  // Whole sealed segments leave once they stand in the archive, in the batch that says so.
  trigger("events", "events_no_delete", "BEFORE DELETE", [
    "SELECT RAISE(ABORT, 'events are append-only') WHERE NOT EXISTS (SELECT 1 FROM `log_segments` WHERE " +
      "`first` <= old.`sequence` AND `last` >= old.`sequence` AND `archivedAt` IS NOT NULL AND `prunedAt` IS NOT NULL)",
  ]),
  trigger(
    "log_segments",
    "log_segments_no_update",
    "BEFORE UPDATE OF `first`, `last`, `events`, `hash`, `seal`, `sealedAt`",
    ["SELECT RAISE(ABORT, 'segments are sealed')"],
  ),
  trigger("log_segments", "log_segments_no_delete", "BEFORE DELETE", ["SELECT RAISE(ABORT, 'segments are sealed')"]),
  trigger("guard", "guard_abort", "BEFORE INSERT", ["SELECT RAISE(ABORT, new.`name`)"]),
]

function trigger(table: string, name: string, moment: string, steps: readonly string[]): Addition {
  const body = steps.map((step) => `\n\t${step};`).join("")
  return { type: "trigger", name, table, sql: `CREATE TRIGGER \`${name}\` ${moment} ON \`${table}\` BEGIN${body}\nEND` }
}

function fulltext(resource: Searchable): Addition[] {
  if (!resource.search || resource.search.length === 0) return []
  const table = getTableName(resource.table)
  const known = getTableColumns(resource.table)
  if (known.rowKey?.name !== "row_key") throw new Error(`${table} is searched, so it needs the integer key row_key`)
  const columns = resource.search.map((key) => {
    const column = known[key]
    if (!column) throw new Error(`${table} is searched by ${key}, which is not one of its columns`)
    return column.name
  })
  const search = searchTableName(table)
  const names = columns.map((column) => `\`${column}\``).join(", ")
  const put = `INSERT INTO \`${search}\`(rowid, ${names}) VALUES (${row("new", columns)})`
  const remove = `INSERT INTO \`${search}\`(\`${search}\`, rowid, ${names}) VALUES ('delete', ${row("old", columns)})`
  return [
    {
      type: "table",
      name: search,
      table,
      sql:
        `CREATE VIRTUAL TABLE \`${search}\` USING fts5(${names}, content='${table}', content_rowid='row_key', ` +
        "tokenize='unicode61 remove_diacritics 2', prefix='2 3')",
    },
    trigger(table, `${search}_insert`, "AFTER INSERT", [put]),
    trigger(table, `${search}_update`, `AFTER UPDATE OF ${names}`, [remove, put]),
    trigger(table, `${search}_delete`, "AFTER DELETE", [remove]),
  ]
}

function row(side: "new" | "old", columns: readonly string[]): string {
  return ["row_key", ...columns].map((column) => `${side}.\`${column}\``).join(", ")
}
