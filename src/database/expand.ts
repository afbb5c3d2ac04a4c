/**
 * Expanded relations: each is a correlated sub-select that yields JSON, under its own read policy, with its own limit a parent. Rows travel
 * as lists of at most 32 values (D1's limit of function arguments) and get their names back here. An invisible `one` side is null.
 */
import { allows, fieldReadable, type PredicateScope } from "../authorization/sql.ts"
import { quote } from "../authorization/statement.ts"
import type { Json } from "../core/json.ts"
import { limits } from "../core/limits.ts"
import { type Model, modelOf } from "../core/model.ts"
import type { Selection } from "../core/plan.ts"
import type { Row } from "../core/ports.ts"
import { invalid } from "../core/problem.ts"
import type { Relation } from "../core/resource.ts"
import { computedSql } from "./computed.ts"
import { childTests } from "./inheritance.ts"
import { keysOf, orderBy } from "./keyset.ts"
import type { Piece } from "./projection.ts"
import { columnSql, jsonArgument, rowTest } from "./wire.ts"

/** One value of a row in a list: its name, its SQL as an argument of json_array, and how to read it (null: as it is). */
interface Entry {
  readonly key: string
  readonly sql: string
  readonly read: ((value: Json) => Json | undefined) | null
}

/** D1's limit of arguments a function. */
const chunk = 32

/** The part of a cache key that expansions are. */
export function expandShape(expand: Selection["expand"]): string {
  let shape = ""
  for (const name in expand) {
    const side = expand[name] as Selection["expand"][string]
    shape += `${name}:${side.limit}(${side.fields.join(",")};${expandShape(side.expand)})`
  }
  return shape
}

/**
 * The expanded relations of a row whose table stands under `scope.alias`, as pieces of its projection.
 * @throws Problem INVALID_ARGUMENT for an unknown relation, or one too deep
 */
export function expandPieces(expand: Selection["expand"], scope: PredicateScope): Piece[] {
  return entriesOf(expand, scope, 1).map(({ key, sql, read }) => ({
    key,
    sql,
    read: (value) => (read as (value: Json) => Json)(value === null ? null : (JSON.parse(value as string) as Json)),
  }))
}

function entriesOf(expand: Selection["expand"], scope: PredicateScope, depth: number): Entry[] {
  return Object.entries(expand).map(([name, side]) => {
    const relation = scope.model.relations.get(name)
    if (!relation) throw invalid("/expand", "unknown_relation", `${scope.model.name} has no such relation`)
    if (depth > limits.expandDepthMax)
      throw invalid("/expand", "too_deep", `Expansions go ${limits.expandDepthMax} deep`)
    return relation.kind === "one"
      ? oneSide(name, relation, side, scope, depth)
      : manySide(name, relation, side, scope, depth)
  })
}

function sideScope(relation: Relation, scope: PredicateScope): PredicateScope {
  const { models, parameters, principal, alias } = scope
  return {
    models,
    parameters,
    principal,
    model: modelOf(models, relation.resource),
    alias: `${alias}_${relation.kind === "one" ? "o" : "m"}`,
  }
}

function oneSide(name: string, relation: Relation, side: Selection, scope: PredicateScope, depth: number): Entry {
  const inner = sideScope(relation, scope)
  const column = scope.model.columns.get(relation.column)
  // What the reader may not see of the row, its relation must not tell.
  const readable = column ? fieldReadable(relation.column, scope) : false
  const visible = allows(inner.model.policy.read, inner)
  if (!column || readable === false || visible === false) return { key: name, sql: "null", read: () => null }
  const { sql, decode } = rowList(side, inner, depth)
  const tests = [`${inner.alias}."id" = ${columnSql(scope.alias, column)}`]
  if (visible !== true) tests.push(rowTest(visible))
  if (readable !== true) tests.push(rowTest(readable))
  return {
    key: name,
    sql: `(select ${sql} from ${quote(inner.model.table)} as ${inner.alias} where ${tests.join(" and ")})`,
    read: (value) => (value === null ? null : decode(value as Json[])),
  }
}

function manySide(
  name: string,
  relation: Relation,
  side: Selection & { readonly limit: number },
  scope: PredicateScope,
  depth: number,
): Entry {
  const inner = sideScope(relation, scope)
  const tests = childTests(relation, inner, scope)
  if (tests === null) return { key: name, sql: "'[]'", read: () => [] }
  const keys = keysOf(inner.model, [{ field: "createdAt", descending: true }])
  const { sql, decode } = rowList(side, inner, depth)
  const limit = Math.min(Math.max(Math.trunc(side.limit), 1), limits.pageSizeMax)
  const rows = `select ${sql} as "row" from ${quote(inner.model.table)} as ${inner.alias} where ${tests.join(" and ")}`
  return {
    key: name,
    sql: `(select json_group_array(json("row")) from (${rows} order by ${orderBy(keys, inner.alias)} limit ${limit}))`,
    read: (value) => (value as Json[][]).map(decode),
  }
}

/** A row as a JSON list, and its names put back. */
function rowList(side: Selection, scope: PredicateScope, depth: number): { sql: string; decode(values: Json[]): Row } {
  const nested = entriesOf(side.expand, scope, depth + 1).map((entry) => ({ ...entry, sql: `json(${entry.sql})` }))
  const entries = [...columnEntries(side.fields, scope.model, scope), ...nested]
  const chunks: string[] = []
  for (let start = 0; start < entries.length; start += chunk) {
    const part = entries.slice(start, start + chunk)
    chunks.push(`json_array(${part.map((entry) => entry.sql).join(", ")})`)
  }
  const flat = chunks.length <= 1
  return {
    sql: flat ? (chunks[0] ?? "json_array()") : `json_array(${chunks.join(", ")})`,
    decode: (given) => {
      const values = flat ? given : (given as Json[][]).flat()
      const out: Row = {}
      for (const [n, entry] of entries.entries()) {
        const value = entry.read === null ? values[n] : entry.read(values[n] as Json)
        if (value !== undefined) out[entry.key] = value
      }
      return out
    },
  }
}

function columnEntries(fields: readonly string[], model: Model, scope: PredicateScope): Entry[] {
  const entries: Entry[] = []
  for (const key of fields) {
    const computed = model.computed.get(key)
    if (computed) {
      const sql = computedSql(computed, scope)
      const isTrue = (value: Json): Json => value === 1
      entries.push({ key, sql, read: computed.kind === "exists" ? isTrue : null })
      continue
    }
    const column = model.columns.get(key)
    if (!column) throw invalid("/expand", "unknown_field", `${model.name} has no such field`)
    const readable = fieldReadable(key, scope)
    if (readable === false) continue
    const argument = jsonArgument(column.kind, columnSql(scope.alias, column))
    if (readable === true) entries.push({ key, sql: argument, read: null })
    else
      entries.push({
        key,
        sql: `json(case when ${readable} then json_array(${argument}) end)`,
        read: (value) => (value as Json[] | null)?.[0],
      })
  }
  return entries
}
