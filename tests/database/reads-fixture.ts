/** A workspace for the tests of reading, on the real D1: making and filling the tables, asking as somebody, walking through pages. */
import { env } from "cloudflare:workers"
import { getTableConfig, type SQLiteTable } from "drizzle-orm/sqlite-core"
import { limits } from "../../src/core/limits.ts"
import { compileModel, type Model, type Models } from "../../src/core/model.ts"
import type { Filter, ListPlan } from "../../src/core/plan.ts"
import type { Policy } from "../../src/core/policy.ts"
import type { Reading, Row } from "../../src/core/ports.ts"
import { type Principal, system, type User } from "../../src/core/principal.ts"
import { additions } from "../../src/database/additions.ts"
import { type Client, openClient } from "../../src/database/client.ts"
import { openReader, type Reader } from "../../src/database/reader.ts"
import { resources, tables, taskTable } from "./reads-tables.ts"

export const database = (env as unknown as { DB: D1Database }).DB

/** The models, with other rules for tasks where a test needs them. */
export function world(read?: Policy["read"]): Models {
  const models = resources.map((declared) => compileModel(declared as never))
  return new Map(
    models.map((model): [string, Model] => [
      model.name,
      model.name === "tasks" && read ? { ...model, policy: { ...model.policy, read } } : model,
    ]),
  )
}

/** What makes a table anew, empty. */
export function createTable(table: SQLiteTable): string[] {
  const config = getTableConfig(table)
  const columns = config.columns.map((column) => {
    const marks = `${column.primary ? " primary key" : ""}${column.notNull && !column.primary ? " not null" : ""}${column.isUnique ? " unique" : ""}`
    const start =
      column.default === undefined
        ? ""
        : ` default ${typeof column.default === "string" ? `'${column.default}'` : Number(column.default)}`
    return `"${column.name}" ${column.getSQLType()}${marks}${start}`
  })
  const indexes = config.indexes.map((made) => {
    const names = made.config.columns.map((column) => `"${(column as { name: string }).name}"`)
    return `create index "${made.config.name}" on "${config.name}" (${names.join(", ")})`
  })
  return [`drop table if exists "${config.name}"`, `create table "${config.name}" (${columns.join(", ")})`, ...indexes]
}

/** Makes the tables anew, empty. */
export async function createTables(): Promise<void> {
  const fulltext = additions([{ table: taskTable, search: ["title", "body", "internalNote"] }]).filter(
    (addition) => addition.table === "reads_tasks",
  )
  const statements = [
    'drop table if exists "reads_tasks_search"',
    ...tables.flatMap(createTable),
    ...fulltext.map((addition) => addition.sql),
  ]
  await database.batch(statements.map((sql) => database.prepare(sql)))
}

/** Inserts rows of wire-like values (booleans as 0 or 1, JSON as text); what every record has is filled in. */
export async function insert(table: string, rows: readonly Record<string, unknown>[]): Promise<void> {
  for (let start = 0; start < rows.length; start += 500) {
    const part = rows.slice(start, start + 500)
    const keys = [...new Set(part.flatMap((row) => Object.keys(row)))]
    const whole = part.map((row) => ({ version: 1, createdAt: at(0), updatedAt: at(0), ...row }))
    const columns = [...new Set(["version", "createdAt", "updatedAt", ...keys])]
    const values = columns.map((key) => (key === "big" ? `cast(value->>'${key}' as integer)` : `value->>'${key}'`))
    const sql = `insert into "reads_${table}" (${columns.map((key) => `"${key}"`).join(", ")}) select ${values.join(", ")} from json_each(?1)`
    await database.prepare(sql).bind(JSON.stringify(whole)).run()
  }
}

/** The instant `n` seconds into the tests' day. */
export function at(n: number): string {
  return new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString()
}

/** An id that passes for a TypeID and sorts by `n`. */
export function idOf(prefix: string, n: number): string {
  return `${prefix}_${String(n).padStart(26, "0")}`
}

/** A user who is signed in. */
export function user(n: number, more: Partial<User> = {}): User {
  return { kind: "user", id: idOf("user", n), roles: [], ...more }
}

export const root = system("the test looks at everything")

/** A reading now. */
export function by(principal: Principal): Reading {
  return { principal, now: new Date(Date.UTC(2026, 5, 1)) }
}

/** A reader with a client of its own, whose cost a test can look at. */
export function open(models: Models): { reader: Reader; client: Client } {
  const client = openClient(database, { bookmark: null, fresh: true })
  return { client, reader: openReader({ client, models, cursorSecret: "a secret of the tests" }) }
}

/** A plan of a list of tasks, newest first. */
export function listOf(more: Partial<ListPlan> = {}): ListPlan {
  return {
    kind: "list",
    resource: "tasks",
    fields: ["id", "title", "createdAt"],
    expand: {},
    filter: null,
    sort: [{ field: "createdAt", descending: true }],
    limit: limits.pageSizeDefault,
    cursor: null,
    count: false,
    q: null,
    ...more,
  }
}

/** `field = value`. */
export function eq(field: string, value: string | number | boolean): Filter {
  return { op: "eq", field, value }
}

/** Every page of a list, one after another; and how many there were. */
export async function pages(
  models: Models,
  plan: ListPlan,
  principal: Principal,
): Promise<{ items: Row[]; pages: number; rowsRead: number }> {
  const items: Row[] = []
  let cursor: string | null = null
  let count = 0
  let rowsRead = 0
  do {
    const { reader, client } = open(models)
    const page = await reader.list({ ...plan, cursor }, by(principal))
    items.push(...(page.items as Row[]))
    rowsRead += client.cost.rowsRead
    cursor = page.nextCursor
    count += 1
    if (client.cost.trips !== 1) throw new Error(`A page took ${client.cost.trips} trips`)
  } while (cursor !== null && count < 10_000)
  return { items, pages: count, rowsRead }
}
