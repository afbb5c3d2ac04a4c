/**
 * Keyset pagination: the total order of a list, and the SQL of "after this row". NULL sorts before every value ascending and after every
 * value descending, as SQLite orders it; a NULL in a cursor is a place like any other. Offsets do not exist here.
 */
import type { ColumnFacts } from "../core/column.ts"
import type { Model } from "../core/model.ts"
import type { SortKey } from "../core/plan.ts"
import { invalid } from "../core/problem.ts"
import { columnSql, joined } from "./wire.ts"

/** One column of the order. */
export interface Key {
  readonly column: ColumnFacts
  readonly descending: boolean
}

/**
 * The order of a list, made total: the id comes last, in the direction of the key before it, so that one index serves both.
 * @throws Problem INVALID_ARGUMENT for a field that does not exist
 */
export function keysOf(model: Model, sort: readonly SortKey[]): readonly Key[] {
  const keys: Key[] = []
  for (const [n, { field, descending }] of sort.entries()) {
    const column = model.columns.get(field)
    if (!column) throw invalid(`/sort/${n}`, "unknown_field", `${model.name} has no such field`)
    keys.push({ column, descending })
    if (field === "id") return keys
  }
  const id = model.columns.get("id") as ColumnFacts
  return [...keys, { column: id, descending: keys.at(-1)?.descending ?? true }]
}

/** True when all keys run the same way and none can be NULL: then a row-value comparison is the order. */
export function isUniform(keys: readonly Key[]): boolean {
  return keys.every((key) => !key.column.nullable && key.descending === keys[0]?.descending)
}

/** The ORDER BY list. */
export function orderBy(keys: readonly Key[], alias: string): string {
  return keys.map((key) => `${columnSql(alias, key.column)} ${key.descending ? "desc" : "asc"}`).join(", ")
}

/**
 * SQL test that a row stands after a place in the order.
 * @param values one SQL expression a key; null where the place's value is NULL
 */
export function after(keys: readonly Key[], alias: string, values: readonly (string | null)[]): string {
  const columns = keys.map((key) => columnSql(alias, key.column))
  if (isUniform(keys) && values.every((value) => value !== null)) {
    return `(${columns.join(", ")}) ${keys[0]?.descending ? "<" : ">"} (${values.join(", ")})`
  }
  const arms = keys.map((_, n) => {
    const equal = columns.slice(0, n).map((column, m) => `${column} is ${values[m] ?? "null"}`)
    return joined([...equal, beyond(keys[n] as Key, columns[n] as string, values[n] ?? null)], "and")
  })
  const first = keys[0] as Key
  const disjunction = joined(arms, "or")
  // Lets an index start at the place although the rest is a disjunction.
  if (first.column.nullable || values[0] == null) return disjunction
  return `(${columns[0]} ${first.descending ? "<=" : ">="} ${values[0]} and ${disjunction})`
}

function beyond(key: Key, column: string, value: string | null): string {
  if (value === null) return key.descending ? "0" : `${column} is not null`
  if (!key.descending) return `${column} > ${value}`
  return key.column.nullable ? `(${column} < ${value} or ${column} is null)` : `${column} < ${value}`
}
