/**
 * Turns what drizzle-kit generates into a migration that D1 can run without losing anything. SQL text in, SQL text out.
 *
 * drizzle-kit rebuilds a table by copying it to `__new_x`, dropping it and renaming the copy, with foreign keys switched off. D1
 * cannot switch them off: they can only be checked late, at the end of the batch (`defer_foreign_keys`). Dropping a table counts
 * one violation for every row that refers to it, and a renamed copy never settles that account; only rows inserted under the old
 * name do. So a table that others refer to is copied aside, dropped, created anew under its own name and filled again.
 */
import type { Addition } from "./additions.ts"

/** A row of sqlite_schema. */
export interface SchemaEntry {
  readonly type: string
  readonly name: string
  readonly tbl_name: string
  readonly sql: string | null
}

/** The database as the migrations so far leave it. */
export interface Present {
  readonly schema: readonly SchemaEntry[]
  /** Column names by table. */
  readonly columns: Readonly<Record<string, readonly string[]>>
}

/** What no migration can do safely, and what to do instead. */
export class MigrationRefused extends Error {}

export const breakpoint = "--> statement-breakpoint"

/** The statements of a migration, in order. */
export function statementsOf(sql: string): string[] {
  return sql
    .split(breakpoint)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "")
}

/**
 * The whole migration for the change that drizzle-kit wrote (`""` when it saw none), from the present database to one that holds
 * the wanted additions. `""` when there is nothing to do.
 */
export function completeMigration(generated: string, present: Present, wanted: readonly Addition[]): string {
  const changes = statementsOf(generated).filter((statement) => !/^PRAGMA\s+foreign_keys/i.test(statement))
  for (const statement of changes) refuseActions(statement)
  const { statements, rebuilt, created } = rewrite(changes, present)

  const units = unitsOf(wanted)
  const stale = staleAdditions(present, units)
  const staleNames = new Set(stale.map((entry) => entry.name))
  const kept = new Set(present.schema.filter((entry) => !staleNames.has(entry.name)).map((entry) => entry.name))
  const missing = wanted.filter((one) => !kept.has(one.name) || (one.type === "trigger" && rebuilt.has(one.table)))
  const backfill = missing.filter((one) => one.type === "table" && !created.has(one.table))

  const all = [
    ...stale.map((entry) => `DROP ${entry.type.toUpperCase()} \`${entry.name}\``),
    ...statements,
    ...missing.map((one) => one.sql),
    ...backfill.map((one) => `INSERT INTO \`${one.name}\`(\`${one.name}\`) VALUES ('rebuild')`),
  ]
  if (statements.some((statement) => /^DROP TABLE/i.test(statement))) all.unshift("PRAGMA defer_foreign_keys=on")
  return all.length === 0 ? "" : `${all.map((statement) => statement.replace(/;?$/, ";")).join(`\n${breakpoint}\n`)}\n`
}

/** SQL text without the differences that mean nothing. */
export function normalized(sql: string): string {
  return sql.replace(/\s+/g, " ").replace(/;?\s*$/, "")
}

function refuseActions(statement: string): void {
  const action = /ON (DELETE|UPDATE) (cascade|set null|set default|restrict)/i.exec(statement)
  if (!action) return
  throw new MigrationRefused(
    `A foreign key says "${action[0]}". Rows deleted by SQL leave no event, and a table that is referred to in this way cannot be ` +
      "rebuilt in D1. Leave the action out and give the relation an onDelete.",
  )
}

/** A full-text table stands or falls with its triggers; any other trigger stands alone. */
function unitsOf(wanted: readonly Addition[]): Map<string, Addition[]> {
  const searches = new Map(wanted.filter((one) => one.type === "table").map((one) => [one.table, one.name]))
  const units = new Map<string, Addition[]>()
  for (const one of wanted) {
    const search = searches.get(one.table)
    const unit = search && one.name.startsWith(search) ? search : one.name
    units.set(unit, [...(units.get(unit) ?? []), one])
  }
  return units
}

/** What stands in the database and is wanted no more, or not so: triggers first, then full-text tables. */
function staleAdditions(present: Present, units: Map<string, Addition[]>): SchemaEntry[] {
  const owned = present.schema.filter((entry) => entry.type === "trigger" || isFulltext(entry))
  const standing = new Map(owned.map((entry) => [entry.name, normalized(entry.sql ?? "")]))
  const good = new Set<string>()
  for (const unit of units.values()) {
    const changed = unit.some((one) => standing.has(one.name) && standing.get(one.name) !== normalized(one.sql))
    if (!changed) for (const one of unit) good.add(one.name)
  }
  return owned
    .filter((entry) => !good.has(entry.name))
    .sort((one, other) => Number(isFulltext(one)) - Number(isFulltext(other)))
}

function isFulltext(entry: SchemaEntry): boolean {
  return entry.type === "table" && /^CREATE VIRTUAL TABLE .* USING fts5/is.test(entry.sql ?? "")
}

interface Rewritten {
  readonly statements: string[]
  /** Tables that were dropped and made again: their triggers went with them. */
  readonly rebuilt: Set<string>
  /** Tables that did not exist before. */
  readonly created: Set<string>
}

function rewrite(changes: readonly string[], present: Present): Rewritten {
  const columns = new Map(Object.entries(present.columns))
  const references = present.schema.map((entry) => entry.sql ?? "")
  const result: Rewritten = { statements: [], rebuilt: new Set(), created: new Set() }
  const left = [...changes]
  for (let statement = left.shift(); statement !== undefined; statement = left.shift()) {
    const [, isCopy, table] = /^CREATE TABLE `(__new_)?(\w+)`/.exec(statement) ?? []
    if (isCopy && table) {
      const copy = copyOf(table, [statement, ...left.splice(0, 3)], columns.get(table) ?? [])
      const refersToIt = references.some((sql) => new RegExp(`REFERENCES [\`"]?${table}[\`"]?\\s*\\(`, "i").test(sql))
      result.statements.push(
        ...(refersToIt ? fillAnew(table, copy, takeUniqueIndexes(table, left)) : swap(table, copy)),
      )
      result.rebuilt.add(table)
      continue
    }
    if (table) result.created.add(table)
    follow(statement, columns)
    result.statements.push(statement)
  }
  return result
}

/** Foreign keys need the unique index of what they refer to as soon as rows move. */
function takeUniqueIndexes(table: string, left: string[]): string[] {
  const own = new RegExp(`^CREATE UNIQUE INDEX \`\\w+\` ON \`${table}\``)
  const taken = left.filter((statement) => own.test(statement))
  left.splice(0, left.length, ...left.filter((statement) => !own.test(statement)))
  return taken
}

/** Keeps the column names true through the changes that are not rebuilds. */
function follow(statement: string, columns: Map<string, readonly string[]>): void {
  const [, table, change] = /^ALTER TABLE `(\w+)` (.*)$/s.exec(statement) ?? []
  if (!table || !change) return
  const names = columns.get(table) ?? []
  const [, added, definition] = /^ADD (?:COLUMN )?`(\w+)`(.*)$/s.exec(change) ?? []
  if (added) {
    if (lacksValue(definition ?? "")) refuseColumn(table, added)
    columns.set(table, [...names, added])
  }
  const [, from, to] = /^RENAME COLUMN [`"](\w+)[`"] TO [`"](\w+)[`"]/.exec(change) ?? []
  if (from && to)
    columns.set(
      table,
      names.map((name) => (name === from ? to : name)),
    )
  const [, dropped] = /^DROP COLUMN `(\w+)`/.exec(change) ?? []
  if (dropped)
    columns.set(
      table,
      names.filter((name) => name !== dropped),
    )
  const [, renamed] = /^RENAME TO `(\w+)`/.exec(change) ?? []
  if (renamed) columns.set(renamed, names)
}

interface Copy {
  /** Creates the new table as `__new_x`. */
  readonly create: string
  /** The columns that both tables have. */
  readonly columns: string
}

/** Reads drizzle-kit's four steps: create `__new_x`, copy, drop, rename. */
function copyOf(table: string, steps: readonly string[], old: readonly string[]): Copy {
  const [create = "", copy = "", drop = "", rename = ""] = steps
  const names = /^INSERT INTO `\w+`\((.*?)\) SELECT/s.exec(copy)?.[1]?.match(/(?<=")\w+(?=")/g)
  if (!names || !/^DROP TABLE/.test(drop) || !/^ALTER TABLE .* RENAME TO/.test(rename)) {
    throw new MigrationRefused(`drizzle-kit rebuilds ${table} in a way that is not known here: ${steps.join(" ")}`)
  }
  // A column that the old table does not have would be read as the text of its own name.
  for (const name of names) if (!old.includes(name) && lacksValue(definitionOf(create, name))) refuseColumn(table, name)
  const both = names.filter((name) => old.includes(name))
  return { create, columns: both.map((name) => `\`${name}\``).join(", ") }
}

/** The new table beside the old one, then in its place. */
function swap(table: string, { create, columns }: Copy): string[] {
  return [
    create,
    `INSERT INTO \`__new_${table}\`(${columns}) SELECT ${columns} FROM \`${table}\``,
    `DROP TABLE \`${table}\``,
    `ALTER TABLE \`__new_${table}\` RENAME TO \`${table}\``,
  ]
}

/** The old rows aside, then into the new table under its own name: every row settles what refers to it. */
function fillAnew(table: string, { create, columns }: Copy, indexes: readonly string[]): string[] {
  return [
    `CREATE TABLE \`__old_${table}\` AS SELECT * FROM \`${table}\``,
    `DROP TABLE \`${table}\``,
    create.replaceAll(`__new_${table}`, table),
    ...indexes,
    `INSERT INTO \`${table}\`(${columns}) SELECT ${columns} FROM \`__old_${table}\``,
    `DROP TABLE \`__old_${table}\``,
  ]
}

function definitionOf(create: string, column: string): string {
  return create.split("\n").find((line) => line.trim().startsWith(`\`${column}\``)) ?? ""
}

function lacksValue(definition: string): boolean {
  return /NOT NULL/i.test(definition) && !/DEFAULT|GENERATED|PRIMARY KEY/i.test(definition)
}

function refuseColumn(table: string, column: string): never {
  throw new MigrationRefused(
    `${table}.${column} is new, NOT NULL and has no default, so rows that exist would have no value for it. Give it a default; or ` +
      "make it nullable, fill it, and tighten it in a second migration.",
  )
}
