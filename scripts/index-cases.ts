/** What the index check asks the engine for: every read and write that the resources declare, as the statements that the engine itself makes. */
import { bind, type SqlValue } from "../src/authorization/statement.ts"
import type { Write } from "../src/core/changes.ts"
import { couldPass } from "../src/core/fold.ts"
import type { Json } from "../src/core/json.ts"
import { fieldNames, type Model, type Models, modelOf } from "../src/core/model.ts"
import type { ListPlan, SortKey } from "../src/core/plan.ts"
import { type Principal, system, type User } from "../src/core/principal.ts"
import { Problem } from "../src/core/problem.ts"
import type { StandardVerb } from "../src/core/resource.ts"
import { isCreatable, isUpdatable } from "../src/core/schema.ts"
import { filterShape } from "../src/database/filter.ts"
import { compileList } from "../src/database/planner.ts"
import { openStore } from "../src/database/store.ts"
import { expansions, filterings, naturalKeys, now, relatedFilterings, sampleOf, sorts } from "./index-filters.ts"

/** One statement of the engine, and what it was made for. */
export interface Case {
  readonly resource: string
  /** In words: `list filter projectId sort -createdAt as user`. */
  readonly what: string
  readonly verb: StandardVerb | "permits"
  /** Columns that the filter holds equal. */
  readonly pins: readonly string[]
  /** Fields that a list is sorted by. */
  readonly sort: readonly string[]
  readonly principal: string
  readonly sql: string
  readonly binds: readonly SqlValue[]
}

const user = (name: string, roles: readonly string[]): User => ({
  kind: "user",
  id: "user_01kaj700000000000000000000",
  roles,
  session: name,
})
/** Who asks. The system only writes: what nobody else may write is written by the engine's own operations. */
export const principals: Readonly<Record<string, Principal>> = {
  user: user("user", []),
  administrator: user("administrator", ["admin"]),
  system: system("the index check"),
}

function listPlan(model: Model, parts: Partial<ListPlan>): ListPlan {
  const sort: readonly SortKey[] = [{ field: "createdAt", descending: true }]
  const base = {
    filter: null,
    sort,
    limit: 20,
    cursor: null,
    count: false,
    q: null,
    expand: {},
    fields: fieldNames(model),
  }
  return { kind: "list", resource: model.name, ...base, ...parts }
}

/** What a column that the principal may not read would decide is refused, and so is no case. */
function ask<T>(make: () => T | null): T | null {
  try {
    return make()
  } catch (thrown) {
    if (thrown instanceof Problem && thrown.code === "INVALID_ARGUMENT") return null
    throw thrown
  }
}

function listCase(
  models: Models,
  plan: ListPlan,
  who: string,
  what: string,
  pins: readonly string[],
  cursor: boolean,
): Case[] {
  const principal = principals[who] as Principal
  const values: SqlValue[] = []
  if (plan.filter) filterShape(plan.filter, modelOf(models, plan.resource), values, models)
  const keys = plan.sort.some((key) => key.field === "id") ? plan.sort.length : plan.sort.length + 1
  const made = ask(() =>
    compileList(plan, principal, models, values.length, cursor ? Array.from({ length: keys }, () => false) : null),
  )
  if (made === null) return []
  values.push(21, plan.q, ...(cursor ? Array.from({ length: keys }, () => "x") : []))
  if (plan.offset !== undefined) values.push(plan.offset)
  const binds = bind(made.slots, { principal, now, values })
  const sort = plan.sort.map((key) => key.field)
  return [
    {
      resource: plan.resource,
      what: `${what} as ${who}`,
      verb: "list",
      pins,
      sort,
      principal: who,
      sql: made.sql,
      binds,
    },
  ]
}

function lists(models: Models, model: Model, who: string): Case[] {
  const make = (parts: Partial<ListPlan>, what: string, pins: readonly string[] = [], cursor = false) =>
    listCase(models, listPlan(model, parts), who, `list by ${what}`, pins, cursor)
  const cases = filterings(model).flatMap(({ name, filter, pins }) => [
    ...sorts(model).flatMap((key) => {
      const what = `${name}, sorted by ${key.descending ? "-" : ""}${key.field}`
      return [
        ...make({ filter, sort: [key] }, what, pins),
        ...make({ filter, sort: [key] }, `${what}, next page`, pins, true),
      ]
    }),
    ...make({ filter, count: true }, `${name}, counted`, pins),
  ])
  for (const { name, filter, pins } of relatedFilterings(models, model)) {
    cases.push(...make({ filter }, name, pins))
    cases.push(...make({ filter, offset: 0, count: "exact" }, `${name}, by offset, counted`, pins))
  }
  if (model.search.length > 0) cases.push(...make({ q: "word" }, "words"))
  for (const [path, expand] of expansions(models, model, 2))
    cases.push(...make({ expand }, `nothing, expanding ${path}`))
  return cases
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

/** What a write gives: every column that needs no right of its own. */
function valuesFor(model: Model, may: (model: Model, key: string) => boolean): Record<string, Json> {
  const columns = [...model.columns.values()].filter(
    (column) => may(model, column.key) && !model.fields[column.key]?.write,
  )
  return Object.fromEntries(columns.map((column) => [column.key, sampleOf(column)]))
}

/** What runs on a store that notes statements, as cases. */
function noting(models: Models, model: Model, who: string, cases: Case[]) {
  const { database, take } = notebook()
  let minted = 0
  const ids = { mint: (prefix: string) => `${prefix}_01kaj7000000000000000${String(++minted).padStart(5, "0")}` }
  const store = openStore({ database, models, cursorSecret: "secret", ids }, { bookmark: null, fresh: true })
  const during = async (verb: Case["verb"], what: string, pins: readonly string[], work: () => Promise<unknown>) => {
    // An empty database refuses writes; only what was asked of it counts.
    await work().catch(() => undefined)
    for (const { sql, binds } of take())
      cases.push({ resource: model.name, what: `${what} as ${who}`, verb, pins, sort: [], principal: who, sql, binds })
  }
  return { store, during }
}

async function others(models: Models, model: Model, who: string): Promise<Case[]> {
  const cases: Case[] = []
  const { store, during } = noting(models, model, who, cases)
  const reading = { principal: principals[who] as Principal, now }
  const id = `${model.idPrefix}_01kaj700000000000000000000`
  const fields = fieldNames(model)
  await during("get", "get", ["id"], () =>
    store.get({ kind: "get", resource: model.name, id, fields, expand: {} }, reading),
  )
  for (const column of naturalKeys(model)) {
    await during("get", `get by ${column.key}`, [column.key], () =>
      store.get(
        { kind: "get", resource: model.name, id: String(sampleOf(column)), key: column.key, fields, expand: {} },
        reading,
      ),
    )
  }
  for (const [path, expand] of expansions(models, model, 3)) {
    await during("get", `get expanding ${path}`, ["id"], () =>
      store.get({ kind: "get", resource: model.name, id, fields, expand }, reading),
    )
  }
  for (const action of ["read", "update", "delete"] as const)
    await during("permits", `right to ${action}`, ["id"], () => store.permits(model.name, id, action, reading))
  for (const { name, filter, pins } of filterings(model)) {
    const plan = {
      kind: "aggregate" as const,
      resource: model.name,
      filter,
      q: null,
      measures: [{ fn: "count" as const, field: null }],
      groupBy: [],
      limit: 100,
    }
    await during("aggregate", `figures by ${name}`, pins, () => store.aggregate(plan, reading))
  }
  return cases
}

/** The writes that the principal could pass the policy with; the others are refused before any statement. */
async function writes(models: Models, model: Model, who: string): Promise<Case[]> {
  const cases: Case[] = []
  const { store, during } = noting(models, model, who, cases)
  const principal = principals[who] as Principal
  const id = `${model.idPrefix}_01kaj700000000000000000000`
  const versioned = { version: 1, as: principal }
  const creation = (n: number): Write => ({
    kind: "create",
    resource: model.name,
    id: id.slice(0, -1) + n,
    values: valuesFor(model, isCreatable),
    as: principal,
  })
  const change = (n: number): Write => ({
    kind: "update",
    resource: model.name,
    id: id.slice(0, -1) + n,
    values: valuesFor(model, isUpdatable),
    ...versioned,
  })
  const removal = (n: number): Write => ({
    kind: "delete",
    resource: model.name,
    id: id.slice(0, -1) + n,
    ...versioned,
  })
  for (const [verb, make] of [
    ["create", creation],
    ["update", change],
    ["delete", removal],
  ] as const) {
    if (!couldPass(model.policy[verb], principal, { model, models })) continue
    for (const writes of [[make(0)], [make(0), make(1)]]) {
      const idempotency = {
        key: "k",
        inputHash: "h",
        answer: null,
        pendings: [],
        reads: [],
        expiresAt: now.toISOString(),
      }
      const decidedOn = [{ resource: model.name, id, version: 1 }]
      const call = { operation: `${model.name}.${verb}`, requestId: "r", principal, now }
      const batch = { ...call, writes, decidedOn, reads: [], required: [], idempotency, outbox: [] }
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
      // Who could never pass is turned away before any statement.
      const mayRead = couldPass(model.policy.read, principals[who] as Principal, { model, models })
      const isNobody = who === "system" || !mayRead
      const reads = isNobody ? [] : [...lists(models, model, who), ...(await others(models, model, who))]
      for (const one of [...reads, ...(await writes(models, model, who))])
        if (!cases.has(one.sql)) cases.set(one.sql, one)
    }
  }
  return [...cases.values()]
}
