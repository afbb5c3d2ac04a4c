/**
 * Filters as SQL. One walk gives the shape of a tree (part of the cache key) and its values; another, over the same order, gives the text
 * of that shape. Refuses columns that the principal may not read in every row with the words for columns that do not exist.
 */
import { allows, fieldReadable, type PredicateScope } from "../authorization/sql.ts"
import { quote, type SqlValue } from "../authorization/statement.ts"
import { dyadic } from "../authorization/value.ts"
import type { ColumnFacts } from "../core/column.ts"
import { type Model, type Models, modelOf } from "../core/model.ts"
import type { Filter } from "../core/plan.ts"
import { invalid, type Problem, pointer } from "../core/problem.ts"
import type { Relation } from "../core/resource.ts"
import { bindable, columnSql, joined, operand, rowTest } from "./wire.ts"

/** Refusal of a field: the same whether it does not exist or may not be read. */
export function unknownField(model: Model, path: string): Problem {
  return invalid(path, "unknown_field", `${model.name} has no such field`)
}

/**
 * A column that may decide which rows come, and in which order.
 * @throws Problem INVALID_ARGUMENT when it does not exist or some row of this principal would not show it
 */
export function decidingColumn(field: string, scope: PredicateScope, path: string): ColumnFacts {
  const column = scope.model.columns.get(field)
  if (!column || fieldReadable(field, scope) !== true) throw unknownField(scope.model, path)
  return column
}

/**
 * The shape of a filter, which is all that its SQL depends on; its values are pushed in the order in which the SQL takes them.
 * @throws Problem INVALID_ARGUMENT for a field that does not exist
 */
export function filterShape(filter: Filter, model: Model, values: SqlValue[], models: Models): string {
  switch (filter.op) {
    case "and":
    case "or": {
      let shape = `${filter.op}(`
      for (const child of filter.of) shape += `${filterShape(child, model, values, models)},`
      return `${shape})`
    }
    case "not":
      return `not(${filterShape(filter.of, model, values, models)})`
    case "some": {
      const inner = filter.of && filterShape(filter.of, relatedModel(filter.relation, model, models), values, models)
      return `some ${filter.relation}(${inner ?? ""})`
    }
    default: {
      const column = model.columns.get(filter.field)
      if (!column) throw unknownField(model, `/filter${pointer(filter.field)}`)
      if (filter.op === "isNull") return `${filter.field} ${filter.value ? "null" : "known"}`
      return `${filter.field} ${termShape(filter, column, values)}`
    }
  }
}

function relatedModel(name: string, model: Model, models: Models): Model {
  const relation = model.relations.get(name)
  if (!relation) throw unknownField(model, `/filter${pointer(name)}`)
  return modelOf(models, relation.resource)
}

type Term = Exclude<Filter, { op: "and" | "or" | "not" | "isNull" | "some" }>

function termShape(filter: Term, column: ColumnFacts, values: SqlValue[]): string {
  if (filter.op === "in") {
    const double = column.kind.type === "double"
    const list = filter.values.map((value) => (double ? dyadic(value as number) : bindable(column.kind, value)))
    values.push(JSON.stringify(list))
    return "in"
  }
  values.push(bindable(column.kind, filter.value))
  if (filter.op !== "startsWith") return filter.op
  const upper = successor(filter.value as string)
  if (upper === null) return "from"
  values.push(upper)
  return "startsWith"
}

/** The least text above all that begin with `prefix`, by code points as SQLite compares them; null when nothing is above. */
export function successor(prefix: string): string | null {
  const points = Array.from(prefix.toWellFormed(), (character) => character.codePointAt(0) as number)
  while (points.length > 0) {
    const last = points.pop() as number
    if (last === 0x10ffff) continue
    return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1)
  }
  return null
}

/** A filter compiled for one alias. */
export interface CompiledFilter {
  readonly sql: string
  /** Columns that the filter holds equal to one value, with the SQL of that value. */
  readonly pins: ReadonlyMap<string, string>
}

const comparisons = { eq: "=", ne: "<>", lt: "<", lte: "<=", gt: ">", gte: ">=" } as const

/**
 * The SQL of a filter; its values are the caller's first ones.
 * @param driving the columns by which an index may be entered; the others stand behind a plus, so that no other index is chosen. All may
 *   when it is left out
 * @throws Problem INVALID_ARGUMENT for a field that does not exist, may not be read in every row, or cannot be compared
 */
export function compileFilter(
  filter: Filter | null,
  scope: PredicateScope,
  driving?: ReadonlySet<string>,
): CompiledFilter {
  const pins = new Map<string, string>()
  if (filter === null) return { sql: "1", pins }
  const work: Compiling = { pins, place: { next: 0 }, ...(driving ? { driving } : {}) }
  return { sql: compileNode(filter, scope, work, true), pins }
}

/** What the nodes of one filter share. */
interface Compiling {
  readonly pins: Map<string, string>
  readonly driving?: ReadonlySet<string>
  /** Position of the next value. */
  readonly place: { next: number }
}

function compileNode(node: Filter, scope: PredicateScope, work: Compiling, pinning: boolean): string {
  switch (node.op) {
    case "not":
      return `(not ${compileNode(node.of, scope, work, false)})`
    case "and":
    case "or": {
      const inner = pinning && node.op === "and"
      return joined(
        node.of.map((child) => compileNode(child, scope, work, inner)),
        node.op,
      )
    }
    case "some":
      return compileSome(node, scope, work)
    default:
      return compileTerm(node, scope, work, pinning)
  }
}

const narrow: ReadonlySet<string> = new Set(["eq", "in", "lt", "lte", "gt", "gte", "startsWith"])

/** Whether an index could lead to the few records that fulfil it. */
function isSelective(filter: Filter | null): boolean {
  if (filter === null || filter.op === "not") return false
  if (filter.op === "some") return isSelective(filter.of)
  if (filter.op === "and") return filter.of.some(isSelective)
  return filter.op === "or" ? filter.of.every(isSelective) : narrow.has(filter.op)
}

/**
 * Related records, of which only those count that the reader may see: as a set of ids where the inner filter leads to few, so that they lead to
 * the rows; otherwise looked up row by row.
 */
function compileSome(node: Extract<Filter, { op: "some" }>, scope: PredicateScope, work: Compiling): string {
  const model = relatedModel(node.relation, scope.model, scope.models)
  const { kind, column: key } = scope.model.relations.get(node.relation) as Relation
  const { models, parameters, principal } = scope
  const inner: PredicateScope = { models, parameters, principal, model, alias: `${scope.alias}_s` }
  const side = kind === "one" ? scope : inner
  const column = decidingColumn(key, side, "/filter")
  const foreign = columnSql(side.alias, column)
  const [mine, theirs] = kind === "one" ? [foreign, `${inner.alias}."id"`] : [`${scope.alias}."id"`, foreign]
  const visible = allows(model.policy.read, inner)
  const wanted = node.of === null ? "1" : compileNode(node.of, inner, { pins: new Map(), place: work.place }, false)
  if (visible === false) return "0"
  const tests = visible === true ? wanted : `${wanted} and ${rowTest(visible)}`
  if (!isSelective(node.of))
    return `(exists (select 1 from ${quote(model.table)} as ${inner.alias} where ${theirs} = ${mine} and ${tests}))`
  const related = `${mine} in (select ${theirs} from ${quote(model.table)} as ${inner.alias} where ${tests}`
  if (!column.nullable) return `(${related}))`
  // There is a related record or there is none: NULL must not make it unknown, which `not` would keep.
  return kind === "one" ? `(${foreign} is not null and ${related}))` : `(${related} and ${foreign} is not null))`
}

function compileTerm(
  node: Exclude<Filter, { op: "and" | "or" | "not" | "some" }>,
  scope: PredicateScope,
  work: Compiling,
  pinning: boolean,
): string {
  const { driving, pins } = work
  const value = () => scope.parameters.add({ from: "value", index: work.place.next++ })
  const path = `/filter${pointer(node.field)}`
  const column = decidingColumn(node.field, scope, path)
  if (column.kind.type === "json" && node.op !== "isNull")
    throw invalid(path, "not_filterable", `${node.field} does not know ${node.op}`)
  const expression = `${driving && !driving.has(node.field) ? "+" : ""}${columnSql(scope.alias, column)}`
  if (node.op === "isNull") return `(${expression} is ${node.value ? "" : "not "}null)`
  const place = value()
  if (node.op === "in") return `(${expression} in (select ${listItem(column)} from json_each(${place})))`
  const first = operand(column.kind, place)
  if (node.op === "contains") return `(instr(${expression}, ${first}) > 0)`
  if (node.op === "startsWith") {
    const bounded = successor(node.value as string) !== null
    if (!bounded) return `(${expression} >= ${first})`
    return `(${expression} >= ${first} and ${expression} < ${value()})`
  }
  if (node.op === "eq" && pinning && !pins.has(node.field)) pins.set(node.field, first)
  return `(${expression} ${comparisons[node.op]} ${first})`
}

/** Doubles travel as whole numbers and an exponent: SQLite reads some decimal fractions to the neighbouring double. */
function listItem(column: ColumnFacts): string {
  if (column.kind.type === "double") return "json_extract(value, '$[0]') * pow(2, json_extract(value, '$[1]'))"
  return column.kind.type === "int64" ? "cast(value as integer)" : "value"
}
