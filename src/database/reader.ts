/**
 * The read half of a store: a plan is bound to its kept statement, sent in one trip, and read back. On the path of a known shape there is
 * a key, a look-up, the values and the rows; nothing is compiled. Throws problems only, without SQL or parameters.
 */
import { bind, type SqlValue } from "../authorization/statement.ts"
import { limits } from "../core/limits.ts"
import { type Model, type Models, modelOf } from "../core/model.ts"
import type { AggregatePlan, GetPlan, ListPlan, Page } from "../core/plan.ts"
import type { Action } from "../core/policy.ts"
import type { Reading, Row, Store } from "../core/ports.ts"
import { anonymous, principalId } from "../core/principal.ts"
import { Problem } from "../core/problem.ts"
import { aggregateShape, type CompiledAggregate, compileAggregate, groupLimit } from "./aggregate.ts"
import type { Client, RawRow } from "./client.ts"
import type { Compiled } from "./compiled.ts"
import { cursorSeal } from "./cursor.ts"
import { expandShape } from "./expand.ts"
import { explainDecision } from "./explanation.ts"
import { filterShape } from "./filter.ts"
import { matchExpression } from "./fulltext.ts"
import { type CompiledGet, compileGet, getShape } from "./get.ts"
import { keysOf } from "./keyset.ts"
import { compilePermission } from "./permission.ts"
import { type CompiledList, compileList } from "./planner.ts"
import { type StatementCache, shapeOf, statementCache } from "./statement-cache.ts"

/** What a reader is opened with. */
export interface ReaderOptions {
  readonly client: Client
  readonly models: Models
  /** HMAC-SHA-256 key of cursors, or the text to make it of. */
  readonly cursorSecret: CryptoKey | string
}

/** The reads of a store. */
export type Reader = Pick<Store, "list" | "get" | "aggregate" | "permits" | "explain">

/** Marks a shape that needs no statement: nothing of it is visible. */
const nothing = "nothing"

const caches = new WeakMap<Models, StatementCache>()

function cacheOf(models: Models): StatementCache {
  const known = caches.get(models)
  if (known) return known
  const cache = statementCache()
  caches.set(models, cache)
  return cache
}

interface Session extends ReaderOptions {
  readonly cache: StatementCache
}

/** Opens the reads of one call over its client. */
export function openReader(options: ReaderOptions): Reader {
  const session: Session = { ...options, cache: cacheOf(options.models) }
  return {
    get: (plan, reading) => readOne(session, plan, reading),
    list: (plan, reading) => readPage(session, plan, reading),
    aggregate: (plan, reading) => readFigures(session, plan, reading),
    permits: (resource, id, action, reading) => readPermission(session, resource, id, action, reading),
    explain: (resource, id, action, reading) => guarded(() => explainDecision(options, resource, id, action, reading)),
  }
}

/** The kept statement of a shape; compiled when it is new. null: nothing is visible. */
function statementOf<C extends Compiled>(cache: StatementCache, key: string, compile: () => C | null): C | null {
  const known = cache.get(key)
  if (known !== undefined) return known === nothing ? null : (known as C)
  const made = compile()
  cache.set(key, made ?? nothing)
  return made
}

async function run(
  client: Client,
  statement: Compiled,
  reading: Reading,
  values: readonly SqlValue[],
): Promise<readonly RawRow[]> {
  const { principal, now } = reading
  try {
    return await client.all({ sql: statement.sql, binds: bind(statement.slots, { principal, now, values }) })
  } catch (thrown) {
    throw readProblem(thrown)
  }
}

async function guarded<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (thrown) {
    throw readProblem(thrown)
  }
}

/** What D1 says of a failed read, as a problem. Its text stays inside: it may name tables. */
export function readProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown
  const text = thrown instanceof Error ? thrown.message : ""
  if (text.includes("integer overflow"))
    return new Problem("OUT_OF_RANGE", "The sum is beyond a 64-bit whole number", { cause: thrown })
  if (text.includes("overloaded") || text.includes("connection lost") || text.includes("reset")) {
    return new Problem("UNAVAILABLE", "The database is not to be reached at the moment", {
      retryAfterSeconds: 1,
      cause: thrown,
    })
  }
  return new Problem("INTERNAL", "Something went wrong on our side", { cause: thrown })
}

async function readOne({ client, models, cache }: Session, plan: GetPlan, reading: Reading): Promise<Row | null> {
  const key = `get|${getShape(plan)}|${shapeOf(reading.principal)}`
  const statement = statementOf<CompiledGet>(cache, key, () => compileGet(plan, reading.principal, models))
  if (statement === null) return null
  const rows = await run(client, statement, reading, [plan.id])
  const row = rows[0]
  return row === undefined ? null : statement.decode(row)
}

function sortShape(plan: ListPlan): string {
  let shape = ""
  for (const key of plan.sort) shape += `${key.descending ? "-" : "+"}${key.field}`
  return shape
}

async function readPage(
  { client, models, cache, cursorSecret }: Session,
  plan: ListPlan,
  reading: Reading,
): Promise<Page> {
  const { principal } = reading
  const model = modelOf(models, plan.resource)
  // A page that is the same for everybody is gone on with by anybody.
  const owner = model.cache === null ? principal : anonymous
  const values: SqlValue[] = []
  const filter = plan.filter === null ? "" : filterShape(plan.filter, model, values, models)
  const filterValues = values.length
  const words = plan.q === null ? null : matchExpression(plan.q)
  const seal = cursorSeal(cursorSecret)
  const sort = sortShape(plan)
  const context = () =>
    JSON.stringify([
      plan.resource,
      filter,
      values.slice(0, filterValues),
      sort,
      plan.q,
      owner.kind,
      principalId(owner) ?? null,
    ])
  const place = plan.cursor === null ? null : await seal.open(plan.cursor, context(), keysOf(model, plan.sort).length)
  const cursor = place === null ? "" : place.map((value) => (value === null ? "0" : "1")).join("")
  const key =
    `list|${plan.resource}|${plan.fields.join(",")}|${expandShape(plan.expand)}|${filter}|${sort}|${cursor}|` +
    `${plan.count === "exact" ? "e" : plan.count ? "c" : ""}${plan.q === null ? "" : "q"}${plan.offset === undefined ? "" : "o"}|${shapeOf(principal)}`
  const statement = statementOf<CompiledList>(cache, key, () =>
    compileList(plan, principal, models, filterValues, place?.map((value) => value === null) ?? null),
  )
  if (statement === null || (plan.q !== null && words === null)) {
    return { items: [], nextCursor: null, ...(plan.count ? { count: 0, countCapped: false } : {}) }
  }
  values.push(plan.limit + 1, words === null ? null : `${statement.searched}(${words})`)
  if (place !== null) for (const value of place) values.push(value)
  else if (plan.offset !== undefined) values.push(plan.offset)
  const rows = await run(client, statement, reading, values)
  const first = plan.count ? 1 : 0
  const more = rows.length - first > plan.limit
  const last = more ? rows[first + plan.limit - 1] : undefined
  // The place is taken before the rows are decoded: decoding may drop what stands beside them.
  const nextCursor =
    last === undefined || plan.offset !== undefined ? null : await seal.seal(statement.place(last), context())
  const items = rows.slice(first, first + plan.limit).map(statement.decode)
  if (!plan.count) return { items, nextCursor }
  const count = Number(rows[0]?.$count)
  if (plan.count === "exact") return { items, nextCursor, count, countCapped: false }
  return { items, nextCursor, count: Math.min(count, limits.countMax), countCapped: count > limits.countMax }
}

async function readFigures(
  { client, models, cache }: Session,
  plan: AggregatePlan,
  reading: Reading,
): Promise<readonly Row[]> {
  const model: Model = modelOf(models, plan.resource)
  const values: SqlValue[] = []
  const filter = plan.filter === null ? "" : filterShape(plan.filter, model, values, models)
  const words = plan.q === null ? null : matchExpression(plan.q)
  const key = `figures|${plan.resource}|${aggregateShape(plan)}|${filter}|${plan.q === null ? "" : "q"}|${shapeOf(reading.principal)}`
  const count = values.length
  const statement = statementOf<CompiledAggregate>(cache, key, () =>
    compileAggregate(plan, reading.principal, models, count),
  )
  if (statement === null) return []
  if (plan.q !== null && words === null) return statement.empty
  values.push(groupLimit(plan), words === null ? null : `${statement.searched}(${words})`)
  const rows = await run(client, statement, reading, values)
  return rows.map(statement.decode)
}

async function readPermission(
  session: Session,
  resource: string,
  id: string,
  action: Action,
  reading: Reading,
): Promise<boolean> {
  const { client, models, cache } = session
  const key = `permits|${resource}|${action}|${shapeOf(reading.principal)}`
  const statement = statementOf(cache, key, () => compilePermission(resource, action, reading.principal, models))
  if (statement === null) return false
  return (await run(client, statement, reading, [id])).length > 0
}
