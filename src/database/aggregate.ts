/**
 * Aggregates: figures over the rows that the principal may see, grouped or not, in one statement. Refuses figures of what cannot be summed
 * or compared, and any field that some row would not show: a sum tells of every value in it.
 */
import { allows, fieldReadable, type PredicateScope } from "../authorization/sql.ts"
import type { ColumnKind } from "../core/column.ts"
import type { Json } from "../core/json.ts"
import { limits } from "../core/limits.ts"
import type { Models } from "../core/model.ts"
import type { AggregatePlan } from "../core/plan.ts"
import type { Row } from "../core/ports.ts"
import type { Principal } from "../core/principal.ts"
import { invalid } from "../core/problem.ts"
import type { RawRow } from "./client.ts"
import { type Compiled, compiled, rootScope } from "./compiled.ts"
import { decidingColumn } from "./filter.ts"
import { columnFilter, rowSource } from "./fulltext.ts"
import { leads } from "./index-choice.ts"
import { narrowed } from "./planner.ts"
import { columnSql, joined, rowTest, selected } from "./wire.ts"

/** Groups. After the filter's values come the limit and the words. */
export interface CompiledAggregate extends Compiled {
  readonly searched: string
  /** One group, flat: grouped fields under their names, `count`, and figures as `sum_field`. */
  decode(row: RawRow): Row
  /** The answer over no rows at all: one group of nothing, or none when grouped. */
  readonly empty: readonly Row[]
}

type Read = (value: unknown) => Json

interface Figure {
  /** Its name in the answer. */
  readonly key: string
  readonly sql: string
  readonly read: Read
}

const plain: Read = (value) => value as Json
const toBoolean: Read = (value) => (value === null ? null : value === 1)
const numeric = new Set<ColumnKind["type"]>(["int32", "safeint", "int64", "double"])
const ordered = new Set<ColumnKind["type"]>([...numeric, "text", "enum", "id", "instant", "date"])

/** The part of a cache key that figures and groups are. */
export function aggregateShape(plan: AggregatePlan): string {
  return `${plan.measures.map((measure) => `${measure.fn}:${measure.field ?? ""}`).join(",")}|${plan.groupBy.join(",")}|${plan.mostFirst ?? ""}`
}

/**
 * The statement of an aggregate.
 * @throws Problem INVALID_ARGUMENT for an unknown or unreadable field, or a figure that its kind does not have
 */
export function compileAggregate(
  plan: AggregatePlan,
  principal: Principal,
  models: Models,
  filterValues: number,
): CompiledAggregate {
  const scope = rootScope(plan.resource, principal, models)
  const { model } = scope
  const filter = narrowed(plan.filter, scope, [])
  const figures = plan.measures.map((measure, n) => figureOf(measure, scope, n))
  const groups = plan.groupBy.map((field, n): Figure => {
    const column = decidingColumn(field, scope, `/groupBy/${n}`)
    if (column.kind.type === "json") throw invalid(`/groupBy/${n}`, "not_groupable", `${field} cannot be grouped by`)
    const read = column.kind.type === "bool" ? toBoolean : plain
    return { key: field, sql: selected(column.kind, columnSql("t", column)), read }
  })
  const searchable = model.search.filter((column) => fieldReadable(column, scope) === true)
  if (plan.q !== null && searchable.length === 0) decidingColumn("", scope, "/q")
  const value = (index: number) => scope.parameters.add({ from: "value", index: filterValues + index })
  const chooses = plan.q === null && !leads(model, filter.pins)
  const visible = allows(model.policy.read, chooses ? scope : { ...scope, substitute: filter.pins })
  const policy = typeof visible === "string" ? (chooses ? visible : rowTest(visible)) : visible ? "1" : "0"
  const source = rowSource(model.table, plan.q === null ? null : value(1))
  const tests = [filter.sql, source.match ?? "1", policy].filter((test) => test !== "1")
  const all = [...groups, ...figures]
  const select = all.map((figure, n) => `${figure.sql} as "${n}"`).join(", ")
  const keys = plan.groupBy.map((field) => columnSql("t", decidingColumn(field, scope, "/groupBy"))).join(", ")
  const order = plan.mostFirst ? `count(*) desc, ${keys}` : keys
  const grouped = keys === "" ? "" : ` group by ${keys} order by ${order} limit cast(${value(0)} as integer)`
  const sql = `select ${select || "1"} from ${source.from} where ${joined(tests, "and")}${grouped}`
  return {
    ...compiled(sql, scope.parameters.slots),
    searched: plan.q === null ? "" : columnFilter(searchable),
    decode: (row) => decodeFigures(all, (n) => row[n] ?? null),
    empty: plan.groupBy.length > 0 ? [] : [decodeFigures(all, (n) => (all[n]?.key.startsWith("count") ? 0 : null))],
  }
}

/** The number of groups to read at most. */
export function groupLimit(plan: AggregatePlan): number {
  return Math.min(plan.limit, limits.groupsMax)
}

function decodeFigures(figures: readonly Figure[], value: (n: number) => unknown): Row {
  const out: Row = {}
  for (const [n, { key, read }] of figures.entries()) out[key] = read(value(n))
  return out
}

function figureOf(measure: AggregatePlan["measures"][number], scope: PredicateScope, n: number): Figure {
  const { fn, field } = measure
  if (field === null) {
    if (fn !== "count") throw invalid(`/${fn}`, "required", `${fn} needs a field`)
    return { key: "count", sql: "count(*)", read: plain }
  }
  const path = `/${fn}/${n}`
  const column = decidingColumn(field, scope, path)
  const { kind } = column
  const expression = columnSql("t", column)
  const key = `${fn}_${field}`
  if (fn === "count") return { key, sql: `count(${expression})`, read: plain }
  const suits = fn === "sum" || fn === "avg" ? numeric : ordered
  if (!suits.has(kind.type)) throw invalid(path, "not_aggregable", `${field} has no ${fn}`)
  if (fn === "avg") return { key, sql: `avg(${expression})`, read: plain }
  return { key, sql: selected(kind, `${fn}(${expression})`), read: plain }
}
