/** A small world for policies: items in folders in spaces, with members and shares, on the real D1 and in memory, the same rows in both. */
import { env } from "cloudflare:workers"
import { index, integer, real, sqliteTable, text } from "drizzle-orm/sqlite-core"
import type { Facts } from "../../src/authorization/memory.ts"
import { allows, type Predicate, type PredicateScope } from "../../src/authorization/sql.ts"
import { bind, parameters, type SqlValue } from "../../src/authorization/statement.ts"
import { boolean, date, enumeration, instant, int32, int64, record, reference, secret } from "../../src/core/column.ts"
import { compileModel, type Model, type Models, modelOf } from "../../src/core/model.ts"
import { type Condition, nobody, type Policy } from "../../src/core/policy.ts"
import type { Row } from "../../src/core/ports.ts"
import type { Principal } from "../../src/core/principal.ts"
import { resource } from "../../src/core/registry.ts"
import { one } from "../../src/core/resource.ts"

export const database = (env as unknown as { DB: D1Database }).DB

const closed: Policy = { read: nobody(), create: nobody(), update: nobody(), delete: nobody() }

const spaceTable = sqliteTable("authz_spaces", { ...record("space"), ownerId: reference("user"), level: int32() })
const seatTable = sqliteTable("authz_seats", {
  ...record("seat"),
  spaceId: reference("space"),
  userId: reference("user"),
  role: text(),
})
const folderTable = sqliteTable("authz_folders", {
  ...record("folder"),
  spaceId: reference("space"),
  ownerId: reference("user"),
  name: text(),
  open: boolean(),
})
const shareTable = sqliteTable("authz_shares", {
  ...record("share"),
  itemId: reference("item").notNull(),
  userId: reference("user").notNull(),
  level: text().notNull(),
})
const itemTable = sqliteTable(
  "authz_items",
  {
    ...record("item"),
    folderId: reference("folder"),
    spaceId: reference("space"),
    ownerId: reference("user"),
    title: text(),
    status: enumeration(["draft", "open", "closed"]),
    price: real(),
    rank: int32(),
    size: integer(),
    big: int64(),
    done: boolean(),
    dueAt: instant(),
    day: date(),
    pin: secret(text()),
  },
  (table) => [index("authz_items_by_space").on(table.spaceId), index("authz_items_by_owner").on(table.ownerId)],
)

const shares = {
  resource: "shares",
  record: "itemId",
  user: "userId",
  role: "level",
  roles: ["view", "comment", "edit"],
} as const
const members = {
  resource: "seats",
  record: "spaceId",
  user: "userId",
  role: "role",
  roles: ["viewer", "editor", "admin"],
} as const

const compiled = [
  resource("spaces", { table: spaceTable, tenant: "none", policy: closed, members }),
  resource("seats", { table: seatTable, tenant: "none", policy: closed }),
  resource("folders", {
    table: folderTable,
    tenant: "none",
    policy: closed,
    relations: { space: one("spaces", "spaceId") },
  }),
  resource("shares", { table: shareTable, tenant: "none", policy: closed }),
  resource("items", {
    table: itemTable,
    tenant: "none",
    policy: closed,
    shares,
    members: shares,
    relations: { folder: one("folders", "folderId"), space: one("spaces", "spaceId") },
  }),
].map((declared) => compileModel(declared as never))

/** The models, with the policies under test in place of closed ones. */
export function world(policies: Readonly<Record<string, Partial<Policy>>> = {}, fields: Model["fields"] = {}): Models {
  return new Map(
    compiled.map((model) => [
      model.name,
      {
        ...model,
        policy: { ...closed, ...policies[model.name] },
        fields: model.name === "items" ? fields : model.fields,
      },
    ]),
  )
}

export type Rows = Readonly<Record<string, readonly Row[]>>

/** Stands in for a property that is not named. */
function filled(model: Model, row: Row): Row {
  const always: Row = { version: 1, createdAt: "2026-01-01T00:00:00.000Z", updatedAt: "2026-01-01T00:00:00.000Z" }
  const keys = [...model.columns.keys(), ...model.secrets.keys()]
  return Object.fromEntries(keys.map((key) => [key, row[key] ?? always[key] ?? null]))
}

/** Every row with all its columns, absent ones null, as the wire has them. */
export function complete(rows: Rows): Rows {
  const models = world()
  return Object.fromEntries(
    Object.entries(rows).map(([name, list]) => [name, list.map((row) => filled(modelOf(models, name), row))]),
  )
}

/** SQL that stores the n-th value in a column, and the value as it is bound. */
export function stored(model: Model, key: string, place: string): string {
  const type = (model.columns.get(key) ?? model.secrets.get(key))?.kind.type
  return type === "int64" || type === "int32" || type === "safeint" || type === "bool"
    ? `cast(${place} as integer)`
    : place
}

export function bound(value: Row[string] | undefined): SqlValue {
  if (typeof value === "boolean") return value ? 1 : 0
  return (value ?? null) as SqlValue
}

/** Makes the tables anew and fills them. */
export async function store(rows: Rows): Promise<void> {
  const models = world()
  const ddl: D1PreparedStatement[] = []
  for (const model of models.values()) {
    const columns = [...model.columns.values(), ...model.secrets.values()]
    const types = columns.map((c) => {
      const numeric = { int64: "integer", int32: "integer", safeint: "integer", bool: "integer", double: "real" }
      return `"${c.name}" ${numeric[c.kind.type as keyof typeof numeric] ?? "text"}${c.key === "id" ? " unique" : ""}`
    })
    ddl.push(database.prepare(`drop table if exists "${model.table}"`))
    ddl.push(database.prepare(`create table "${model.table}" ("row_key" integer primary key, ${types.join(", ")})`))
    for (const row of rows[model.name] ?? []) {
      const keys = columns.map((c) => c.key)
      const values = keys.map((key, n) => stored(model, key, `?${n + 1}`))
      const into = columns.map((c) => `"${c.name}"`).join(", ")
      ddl.push(
        database
          .prepare(`insert into "${model.table}" (${into}) values (${values.join(", ")})`)
          .bind(...keys.map((key) => bound(row[key]))),
      )
    }
  }
  ddl.push(database.prepare("create index authz_items_by_space on authz_items (spaceId)"))
  ddl.push(database.prepare("create index authz_items_by_owner on authz_items (ownerId)"))
  ddl.push(database.prepare("create index authz_seats_by_user on authz_seats (userId, spaceId, role)"))
  ddl.push(database.prepare("create index authz_shares_by_user on authz_shares (userId, itemId, level)"))
  await database.batch(ddl)
}

/** Leaves the database that all test files share as it was. */
export async function clear(): Promise<void> {
  const names = [...[...world().values()].map((model) => model.table), "authz_items_seed"]
  await database.batch(names.map((name) => database.prepare(`drop table if exists "${name}"`)))
}

/** What memory knows when it decides about a row of `resource`. */
export function facts(
  models: Models,
  rows: Rows,
  principal: Principal,
  now: Date,
  row: Row,
  resource = "items",
): Facts {
  const me = principal.kind === "user" ? principal.id : null
  return {
    models,
    model: modelOf(models, resource),
    principal,
    now,
    row,
    grants(kind, of, recordId) {
      const grants = modelOf(models, of)[kind]
      if (!grants) throw new Error(`${of} has no ${kind}`)
      const held = (rows[grants.resource] ?? [])
        .filter((grant) => grant[grants.user] === me && grant[grants.record] === recordId)
        .map((grant) => grants.roles.indexOf(String(grant[grants.role])))
      return grants.roles[Math.max(-1, ...held)] ?? null
    },
    parent: (of, id) => (rows[of] ?? []).find((candidate) => candidate.id === id) ?? null,
  }
}

/** A condition about items, compiled. */
export function compiledFor(condition: Condition, principal: Principal, more: Partial<PredicateScope> = {}) {
  const models = more.models ?? world()
  const slots = more.parameters ?? parameters()
  const scope: PredicateScope = {
    models,
    model: modelOf(models, "items"),
    alias: "t",
    principal,
    ...more,
    parameters: slots,
  }
  return { predicate: allows(condition, scope), slots }
}

/** The items for which a predicate is true, as a statement. */
export function selection(
  predicate: Predicate,
  slots: ReturnType<typeof parameters>,
  principal: Principal,
  now: Date,
): D1PreparedStatement {
  const where = typeof predicate === "string" ? predicate : predicate ? "true" : "false"
  const binds = bind(slots.slots, { principal, now, values: [] })
  return database.prepare(`select "id" from "authz_items" as "t" where ${where}`).bind(...binds)
}
