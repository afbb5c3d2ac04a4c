/**
 * The first interpreter of policies: a condition becomes SQL that is true exactly when the condition is TRUE. There are two forms of each
 * condition, "definitely true" and "definitely false", and `not` swaps them; so the SQL holds AND and OR of definite predicates only, and
 * UNKNOWN (a NULL column, an absent attribute) never grants, not even under `not`. Nothing else may be negated, a predicate included.
 */
import type { ColumnFacts } from "../core/column.ts"
import { type Model, type Models, modelOf } from "../core/model.ts"
import type { Comparison, Condition, Value } from "../core/policy.ts"
import { hasRole, type Principal, type Scalar } from "../core/principal.ts"
import type { Grants } from "../core/resource.ts"
import { rolesAtLeast } from "./roles.ts"
import { draft, type Parameters, quote } from "./statement.ts"
import { type Comparand, comparandOf, dyadic, storedValue } from "./value.ts"
import { attributeOf, columnOf, membersOf, parentOf, sharesOf } from "./vocabulary.ts"

/** Folded, or SQL text that may stand in AND as it is. Never negate it: NULL in it means "not granted". */
export type Predicate = true | false | string

/** Where a condition is compiled. */
export interface PredicateScope {
  readonly models: Models
  readonly model: Model
  /** Alias of the row's table in the statement. */
  readonly alias: string
  readonly parameters: Parameters
  readonly principal: Principal
  /** Property name to the SQL expression that stands for the column: the row as it will be (create, WITH CHECK). */
  readonly substitute?: ReadonlyMap<string, string>
  /**
   * The statement is about one row, by its id. Grants are then looked up for that row, and not listed: what is read does not grow with
   * what the principal has been granted. In a statement about many rows the look-up would scan the table instead.
   */
  readonly one?: boolean
}

/** A predicate before it is text, so that nested AND and OR flatten. */
type Term = boolean | Part
/** Text stands in its own parentheses. */
type Part = string | { readonly op: "and" | "or"; readonly of: readonly Part[] }
type Of<K extends Condition["kind"]> = Extract<Condition, { kind: K }>

/** How many terms stand in one chain; longer ones are halved, for SQLite's expressions are at most 100 deep. */
const chainMax = 8

const operators: Record<Comparison, string> = { eq: "=", ne: "<>", lt: "<", lte: "<=", gt: ">", gte: ">=" }
const opposites: Record<Comparison, Comparison> = { eq: "ne", ne: "eq", lt: "gte", lte: "gt", gt: "lte", gte: "lt" }

/**
 * SQL that is true exactly when the condition is TRUE for the principal and the row: neither FALSE nor UNKNOWN. Roles and what is known
 * of the principal fold before any SQL exists. The system passes everything.
 */
export function allows(condition: Condition, scope: PredicateScope): Predicate {
  if (scope.principal.kind === "system") return true
  const marks = draft()
  const predicate = finish(definite(condition, true, { ...scope, parameters: marks }, []))
  return typeof predicate === "string" ? marks.settle(predicate, scope.parameters) : predicate
}

/** True when all are. */
export function every(...predicates: Predicate[]): Predicate {
  return finish(combine("and", predicates))
}

/** True when one is. */
export function some(...predicates: Predicate[]): Predicate {
  return finish(combine("or", predicates))
}

/** Who may read the field, beyond the resource's policy. False for columns that the resource does not have, and for secrets. */
export function fieldReadable(key: string, scope: PredicateScope): Predicate {
  if (!scope.model.columns.has(key)) return false
  const rule = scope.model.fields[key]?.read
  return rule ? allows(rule, scope) : true
}

/** Who may write the field, beyond the resource's policy. False for columns that the resource does not have. */
export function fieldWritable(key: string, scope: PredicateScope): Predicate {
  if (!scope.model.columns.has(key) && !scope.model.secrets.has(key)) return false
  const rule = scope.model.fields[key]?.write
  return rule ? allows(rule, scope) : true
}

/** @param path the policies being compiled, outermost first: a circle of `can` is refused */
function definite(condition: Condition, wanted: boolean, scope: PredicateScope, path: readonly string[]): Term {
  switch (condition.kind) {
    case "always":
      return condition.value === wanted
    case "signedIn":
      return (scope.principal.kind === "user") === wanted
    case "role":
      return hasRole(scope.principal, condition.role) === wanted
    case "rule":
      return definite(condition.of, wanted, scope, path)
    case "not":
      return definite(condition.of, !wanted, scope, path)
    case "all":
    case "any": {
      const terms = condition.of.map((child) => definite(child, wanted, scope, path))
      return combine((condition.kind === "all") === wanted ? "and" : "or", terms)
    }
    case "compare":
      return comparison(condition, wanted, scope)
    case "in":
      return membership(condition, wanted, scope)
    case "null":
      return `(${columnSql(condition.column, scope)} is ${wanted ? "" : "not "}null)`
    case "member":
      return granted(membersOf(scope.models, condition.resource), condition.role, condition.column, wanted, scope)
    case "shared":
      return granted(sharesOf(scope.model), condition.level, "id", wanted, scope)
    case "can":
      return inherited(condition, wanted, scope, path)
  }
}

function columnSql(key: string, scope: PredicateScope): string {
  const column = columnOf(scope.model, key)
  const instead = scope.substitute?.get(key)
  if (instead === undefined) return `${quote(scope.alias)}.${quote(column.name)}`
  return column.kind.type === "int64" ? `cast((${instead}) as integer)` : `(${instead})`
}

/** A NULL on either side makes both forms NULL, which is not true. */
function comparison(condition: Of<"compare">, wanted: boolean, scope: PredicateScope): Term {
  const operand = operandSql(condition.value, columnOf(scope.model, condition.column), scope)
  if (operand === null) return false
  const op = wanted ? condition.op : opposites[condition.op]
  return `(${columnSql(condition.column, scope)} ${operators[op]} ${operand})`
}

/** The right side of a comparison; null when it is UNKNOWN for every row. */
function operandSql(value: Value, column: ColumnFacts, scope: PredicateScope): string | null {
  const as = comparandOf(column.kind)
  if (as === null) return null
  switch (value.from) {
    case "literal": {
      const stored = storedValue(as, value.value)
      if (stored === null) return null
      const place = scope.parameters.add({ from: "literal", value: stored })
      return as === "int64" || (column.kind.type !== "double" && Number.isSafeInteger(stored))
        ? `cast(${place} as integer)`
        : place
    }
    case "principal": {
      if (attributeOf(scope.principal, value.attribute) === undefined) return null
      if (value.attribute === "id" && as === "text") return principalId(scope)
      const place = scope.parameters.add({ from: "principal", attribute: value.attribute, as })
      return as === "int64" ? `cast(${place} as integer)` : place
    }
    case "now":
      return as === "text" ? scope.parameters.add({ from: "now" }) : null
  }
}

function principalId(scope: PredicateScope): string {
  return scope.parameters.add({ from: "principal", attribute: "id" })
}

/** One parameter, however long the list. A value without a form in the column travels as NULL: it may be equal, so `not` is UNKNOWN. */
function membership(condition: Of<"in">, wanted: boolean, scope: PredicateScope): Term {
  const column = columnOf(scope.model, condition.column)
  if (condition.values.length === 0) return !wanted
  const as = comparandOf(column.kind)
  if (as === null) return false
  const double = column.kind.type === "double"
  const place = scope.parameters.add({ from: "literal", value: listText(as, double, condition.values) })
  const value = double ? "json_extract(value, '$[0]') * pow(2, json_extract(value, '$[1]'))" : "value"
  return `(${columnSql(condition.column, scope)} ${wanted ? "in" : "not in"} (select ${value} from json_each(${place})))`
}

function listText(as: Comparand, double: boolean, values: readonly Scalar[]): string {
  const items = values.map((value) => {
    const stored = storedValue(as, value)
    if (stored === null) return "null"
    if (as === "int64") return stored
    return JSON.stringify(double ? dyadic(stored as number) : stored)
  })
  return `[${items.join(",")}]`
}

/** Grants of the principal: nobody has none, so without an id it is UNKNOWN. For many rows a set of ids, since EXISTS would scan the table. */
function granted(grants: Grants, role: string | null, key: string, wanted: boolean, scope: PredicateScope): Term {
  if (attributeOf(scope.principal, "id") === undefined) return false
  const table = modelOf(scope.models, grants.resource)
  const name = (column: string): string => `"g".${quote(columnOf(table, column).name)}`
  const roles = scope.parameters.add({ from: "literal", value: JSON.stringify(rolesAtLeast(grants, role)) })
  const column = columnSql(key, scope)
  const rows = `from ${quote(table.table)} as "g" where ${name(grants.user)} = ${principalId(scope)}`
  const held = `${name(grants.role)} in (select value from json_each(${roles}))`
  if (scope.one) {
    const lookup = `exists (select 1 ${rows} and ${name(grants.record)} = ${column} and ${held})`
    return wanted ? `(${lookup})` : `(${column} is not null and not ${lookup})`
  }
  const known = columnOf(table, grants.record).nullable ? ` and ${name(grants.record)} is not null` : ""
  const records = `select ${name(grants.record)} ${rows} and ${held}${known}`
  return wanted ? `(${column} in (${records}))` : `(${column} is not null and ${column} not in (${records}))`
}

/** The parent's own policy, looked up by its id. An absent parent permits nothing; a NULL column is UNKNOWN. */
function inherited(condition: Of<"can">, wanted: boolean, scope: PredicateScope, path: readonly string[]): Term {
  const parent = parentOf(scope.models, scope.model, condition.column)
  const step = `${parent.name} ${condition.action}`
  if (path.includes(step)) throw new Error(`Policies inherit in a circle: ${[...path, step].join(", ")}`)
  const alias = `${scope.alias}_up`
  const { models, parameters, principal, one } = scope
  const inner = { models, model: parent, alias, parameters, principal }
  const term = definite(parent.policy[condition.action], wanted, one === undefined ? inner : { ...inner, one }, [
    ...path,
    step,
  ])
  const column = columnSql(condition.column, scope)
  const lookup = (more: string): string =>
    `(exists (select 1 from ${quote(parent.table)} as ${quote(alias)} where ${quote(alias)}."id" = ${column}${more}))`
  if (wanted) return term === false ? false : lookup(term === true ? "" : ` and ${render(term)}`)
  if (term === true) return `(${column} is not null)`
  return `(${column} is not null and not ${lookup(term === false ? "" : ` and ${render(term)} is not true`)})`
}

function combine(op: "and" | "or", terms: readonly Term[]): Term {
  const kept = new Map<string, Part>()
  for (const term of terms) {
    if (term === (op === "or")) return term
    if (typeof term === "boolean") continue
    const flat = typeof term !== "string" && term.op === op ? term.of : [term]
    for (const each of flat) kept.set(render(each), each)
  }
  const of = [...kept.values()]
  return of.length > 1 ? { op, of } : (of[0] ?? op === "and")
}

function render(term: Part): string {
  return typeof term === "string" ? term : chain(term.op, term.of.map(render))
}

function chain(op: "and" | "or", parts: readonly string[]): string {
  if (parts.length <= chainMax) return `(${parts.join(` ${op} `)})`
  const half = parts.length >> 1
  return `(${chain(op, parts.slice(0, half))} ${op} ${chain(op, parts.slice(half))})`
}

function finish(term: Term): Predicate {
  return typeof term === "boolean" ? term : render(term)
}
