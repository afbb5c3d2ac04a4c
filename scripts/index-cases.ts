/** What the index check asks the engine for: every read and write that the resources declare, as the statements that the engine itself makes. */
import { bind, type SqlValue } from "../src/authorization/statement.ts"
import type { Write } from "../src/core/changes.ts"
import type { ColumnFacts } from "../src/core/column.ts"
import type { Json } from "../src/core/json.ts"
import { type Model, type Models, modelOf } from "../src/core/model.ts"
import type { Filter, ListPlan, Selection, SortKey } from "../src/core/plan.ts"
import type { Principal, User } from "../src/core/principal.ts"
import type { StandardVerb } from "../src/core/resource.ts"
import { isCreatable, isUpdatable } from "../src/core/schema.ts"
import { filterShape } from "../src/database/filter.ts"
import { compileList } from "../src/database/planner.ts"
import { openStore } from "../src/database/store.ts"

/** One statement of the engine, and what it was made for. */
export interface Case {
  readonly resource: string
  /** In words: `list filter projectId sort -createdAt as user`. */
  readonly what: string
  readonly verb: StandardVerb | "permits"
  /** Columns that the filter holds equal, then those of the sort: what an index for it would begin with. */
  readonly wanted: readonly string[]
  readonly principal: string
  readonly sql: string
  readonly binds: readonly SqlValue[]
}

const user = (name: string, roles: readonly string[]): User => ({ kind: "user", id: "user_01kaj700000000000000000000", roles, session: name })
const principals: Readonly<Record<string, Principal>> = { user: user("user", []), administrator: user("administrator", ["admin"]) }
const now = new Date("2026-11-21T00:00:00.000Z")

function sampleOf(column: ColumnFacts): string | number | boolean {
  switch (column.kind.type) {
    case "id":
      return `${column.kind.prefix}_01kaj700000000000000000000`
    case "enum":
      return column.kind.values[0] as string
    case "int32":
    case "safeint":
    case "double":
      return 1
    case "int64":
      return "1"
    case "bool":
      return true
    case "instant":
      return now.toISOString()
    case "date":
      return "2026-11-21"
    default:
      return "x"
  }
}

/** A filter with the columns that it pins. */
interface Filtering {
  readonly name: string
  readonly filter: Filter | null
  readonly pins: readonly string[]
}

const eq = (column: ColumnFacts): Filter => ({ op: "eq", field: column.key, value: sampleOf(column) })

function single(column: ColumnFacts): Filtering[] {
  const field = column.key
  const value = sampleOf(column)
  return [
    { name: field, filter: eq(column), pins: [field] },
    { name: `${field}[in]`, filter: { op: "in", field, values: [value as never] }, pins: [] },
    { name: `${field}[lt]`, filter: { op: "lt", field, value }, pins: [] },
    ...(column.nullable ? [{ name: `${field}[isNull]`, filter: { op: "isNull", field, value: true } as Filter, pins: [] }] : []),
  ]
}

/** Columns by which a policy or the tenant narrows a list down: ids of other records. */
function narrowing(model: Model): readonly ColumnFacts[] {
  return [...model.filter].map((key) => model.columns.get(key) as ColumnFacts).filter((column) => column.kind.type === "id")
}

function filterings(model: Model): readonly Filtering[] {
  const columns = [...model.filter].map((key) => model.columns.get(key) as ColumnFacts)
  const pairs = narrowing(model).flatMap((pin) =>
    columns
      .filter((column) => column !== pin)
      .flatMap(single)
      .map(({ name, filter, pins }): Filtering => ({ name: `${pin.key} ${name}`, filter: { op: "and", of: [eq(pin), filter as Filter] }, pins: [pin.key, ...pins] })),
  )
  return [{ name: "nothing", filter: null, pins: [] }, ...columns.flatMap(single), ...pairs]
}

function sorts(model: Model): readonly SortKey[] {
  return [...model.sort].flatMap((field) => [
    { field, descending: true },
    { field, descending: false },
  ])
}

function listPlan(model: Model, parts: Partial<ListPlan>): ListPlan {
  const sort: readonly SortKey[] = [{ field: "createdAt", descending: true }]
  const base = { filter: null, sort, limit: 20, cursor: null, count: false, q: null, expand: {}, fields: [...model.columns.keys()] }
  return { kind: "list", resource: model.name, ...base, ...parts }
}

function listCase(models: Models, plan: ListPlan, who: string, what: string, pins: readonly string[], cursor: boolean): Case[] {
  const principal = principals[who] as Principal
  const values: SqlValue[] = []
  if (plan.filter) filterShape(plan.filter, modelOf(models, plan.resource), values)
  const keys = plan.sort.some((key) => key.field === "id") ? plan.sort.length : plan.sort.length + 1
  const made = compileList(plan, principal, models, values.length, cursor ? Array.from({ length: keys }, () => false) : null)
  if (made === null) return []
  values.push(21, plan.q, ...(cursor ? Array.from({ length: keys }, () => "x") : []))
  const binds = bind(made.slots, { principal, now, values })
  const wanted = [...pins, ...plan.sort.map((key) => key.field)]
  return [{ resource: plan.resource, what: `${what} as ${who}`, verb: "list", wanted, principal: who, sql: made.sql, binds }]
}

function lists(models: Models, model: Model, who: string): Case[] {
  const make = (parts: Partial<ListPlan>, what: string, pins: readonly string[] = [], cursor = false) =>
    listCase(models, listPlan(model, parts), who, `list by ${what}`, pins, cursor)
  const cases = filterings(model).flatMap(({ name, filter, pins }) => [
    ...sorts(model).flatMap((key) => {
      const what = `${name}, sorted by ${key.descending ? "-" : ""}${key.field}`
      return [...make({ filter, sort: [key] }, what, pins), ...make({ filter, sort: [key] }, `${what}, next page`, pins, true)]
    }),
    ...make({ filter, count: true }, `${name}, counted`, pins),
  ])
  if (model.search.length > 0) cases.push(...make({ q: "word" }, "words"))
  for (const [path, expand] of expansions(models, model, 2)) cases.push(...make({ expand }, `nothing, expanding ${path}`))
  return cases
}

/** Each relation, and each relation of those. */
function expansions(models: Models, model: Model, depth: number): [string, Selection["expand"]][] {
  if (depth === 0) return []
  return [...model.relations].flatMap(([name, relation]) => {
    const target = modelOf(models, relation.resource)
    const side = { resource: target.name, fields: [...target.columns.keys()], limit: 20 }
    const deeper = expansions(models, target, depth - 1).map(([path, expand]): [string, Selection["expand"]] => [`${name}.${path}`, { [name]: { ...side, expand } }])
    return [[name, { [name]: { ...side, expand: {} } }] as [string, Selection["expand"]], ...deeper]
  })
}

/** A database that notes what it is asked and answers nothing: the engine then also asks for the reason of a refusal. */
function notebook(): { readonly database: D1Database; take(): { sql: string; binds: readonly SqlValue[] }[] } {
  let noted: { sql: string; binds: readonly SqlValue[] }[] = []
  const nothing = { results: [], success: true, meta: { rows_read: 0, rows_written: 0, changes: 0 } }
  const prepare = (sql: string, binds: readonly SqlValue[] = []): object => ({
    bind: (...values: SqlValue[]) => prepare(sql, values),
    note: () => noted.push({ sql, binds }),
    all: async () => {
      noted.push({ sql, binds })
      return nothing
    },
  })
  const batch = async (statements: { note(): void }[]) =>
    statements.map((statement) => {
      statement.note()
      return nothing
    })
  const session = { prepare, batch, getBookmark: () => null }
  return {
    database: { withSession: () => session } as unknown as D1Database,
    take: () => {
      const taken = noted
      noted = []
      return taken
    },
  }
}

function valuesFor(model: Model, may: (model: Model, key: string) => boolean): Record<string, Json> {
  const columns = [...model.columns.values()].filter((column) => may(model, column.key))
  return Object.fromEntries(columns.map((column) => [column.key, sampleOf(column)]))
}

async function others(models: Models, model: Model, who: string): Promise<Case[]> {
  const { database, take } = notebook()
  let minted = 0
  const ids = { mint: (prefix: string) => `${prefix}_01kaj7000000000000000${String(++minted).padStart(5, "0")}` }
  const store = openStore({ database, models, cursorSecret: "secret", ids }, { bookmark: null, fresh: true })
  const principal = principals[who] as Principal
  const reading = { principal, now }
  const id = `${model.idPrefix}_01kaj700000000000000000000`
  const cases: Case[] = []
  const during = async (verb: Case["verb"], what: string, wanted: readonly string[], work: () => Promise<unknown>) => {
    // An empty database refuses writes; only what was asked of it counts.
    await work().catch(() => undefined)
    for (const { sql, binds } of take()) cases.push({ resource: model.name, what: `${what} as ${who}`, verb, wanted, principal: who, sql, binds })
  }
  const fields = [...model.columns.keys()]
  await during("get", "get", ["id"], () => store.get({ kind: "get", resource: model.name, id, fields, expand: {} }, reading))
  for (const [path, expand] of expansions(models, model, 3)) {
    await during("get", `get expanding ${path}`, ["id"], () => store.get({ kind: "get", resource: model.name, id, fields, expand }, reading))
  }
  for (const action of ["read", "update", "delete"] as const) await during("permits", `right to ${action}`, ["id"], () => store.permits(model.name, id, action, reading))
  for (const { name, filter, pins } of filterings(model)) {
    const plan = { kind: "aggregate" as const, resource: model.name, filter, q: null, measures: [{ fn: "count" as const, field: null }], groupBy: [], limit: 100 }
    await during("aggregate", `figures by ${name}`, pins, () => store.aggregate(plan, reading))
  }
  const versioned = { version: 1, as: principal }
  const creation = (n: number): Write => ({ kind: "create", resource: model.name, id: id.slice(0, -1) + n, values: valuesFor(model, isCreatable), as: principal })
  const change = (n: number): Write => ({ kind: "update", resource: model.name, id: id.slice(0, -1) + n, values: valuesFor(model, isUpdatable), ...versioned })
  const removal = (n: number): Write => ({ kind: "delete", resource: model.name, id: id.slice(0, -1) + n, ...versioned })
  for (const [verb, make] of [["create", creation], ["update", change], ["delete", removal]] as const) {
    for (const writes of [[make(0)], [make(0), make(1)]]) {
      const idempotency = { key: "k", inputHash: "h", answer: null, pendings: [], expiresAt: now.toISOString() }
      const decidedOn = [{ resource: model.name, id, version: 1 }]
      const batch = { operation: `${model.name}.${verb}`, requestId: "r", principal, now, writes, decidedOn, required: [], idempotency }
      await during(verb, `${verb} of ${writes.length}`, ["id"], () => store.commit(batch))
    }
  }
  return cases
}

/** Every case of an application, each text once. */
export async function casesOf(models: Models): Promise<Case[]> {
  const cases = new Map<string, Case>()
  for (const model of models.values()) {
    for (const who of Object.keys(principals)) {
      for (const one of [...lists(models, model, who), ...(await others(models, model, who))]) if (!cases.has(one.sql)) cases.set(one.sql, one)
    }
  }
  return [...cases.values()]
}
