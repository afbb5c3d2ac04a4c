/**
 * The values of a write: which columns a create or an update sets, where each value comes from (the caller, a stamp, a default), and its
 * stored form. Refuses what no caller may give (the engine's columns, stamps, immutable columns in an update) and a value whose type is
 * not its column's, so that a number never reaches a text column.
 */
import { is, SQL } from "drizzle-orm"
import { bind, type SqlValue } from "../authorization/statement.ts"
import { comparandOf, dyadic } from "../authorization/value.ts"
import type { Write } from "../core/changes.ts"
import type { ColumnFacts, ColumnKind } from "../core/column.ts"
import type { Json } from "../core/json.ts"
import type { Model } from "../core/model.ts"
import type { Principal } from "../core/principal.ts"
import { invalid } from "../core/problem.ts"
import type { FieldRule, Parent } from "../core/resource.ts"

/** A write that gives values. */
export type ValueWrite = Extract<Write, { kind: "create" | "update" }>

const engineKeys = new Set(["id", "version", "createdAt", "updatedAt"])
const int64Text = /^-?(?:0|[1-9][0-9]{0,18})$/

/** Facts of a column that can be written, secret ones included; undefined when the resource has no such column. */
export function writableColumn(model: Model, key: string): ColumnFacts | undefined {
  return engineKeys.has(key) ? undefined : (model.columns.get(key) ?? model.secrets.get(key))
}

/** The rule of a column whose value is copied from another record, or null. */
export function parentStamp(model: Model, key: string): Parent | null {
  const stamp = model.fields[key]?.stamp
  return stamp?.from === "parent" ? stamp : null
}

/** True for a stamp that the statement looks up; the others are known before it is sent. */
function isLookedUp(stamp: FieldRule["stamp"]): boolean {
  return stamp?.from === "parent" || stamp?.from === "own"
}

/** Property names that the write gives, in the table's order. Values that are `undefined` are not given. */
export function givenKeys(model: Model, write: ValueWrite): string[] {
  const keys: string[] = []
  for (const columns of [model.columns, model.secrets]) {
    for (const key of columns.keys()) if (write.values[key] !== undefined) keys.push(key)
  }
  return keys
}

/**
 * Refuses what may not be given: unknown and engine columns, stamps (but for the system, which may state them), immutable columns in an
 * update. The operation's input schema has said so before; this is the second lock.
 * @param prefix JSON pointer of the record in the operation's input
 * @throws INVALID_ARGUMENT naming the property
 */
export function checkGiven(model: Model, write: ValueWrite, prefix: string): void {
  for (const key of Object.keys(write.values)) {
    if (write.values[key] === undefined) continue
    if (!writableColumn(model, key))
      throw invalid(`${prefix}/${key}`, "unknown_field", `${model.name} has no field ${key} that can be written`)
    const rule = model.fields[key]
    const states = write.as.kind === "system" || (write.kind === "create" && write.restores === true)
    if (rule?.stamp && !states) throw invalid(`${prefix}/${key}`, "read_only", `${key} is set by the engine`)
    if (rule?.immutable && write.kind === "update")
      throw invalid(`${prefix}/${key}`, "immutable", `${key} cannot change`)
  }
}

type Defaulted = { readonly default?: unknown; readonly defaultFn?: () => unknown; readonly hasDefault: boolean }

function drizzleColumn(model: Model, key: string): Defaulted {
  return (model.resource.table as unknown as Record<string, Defaulted>)[key] as Defaulted
}

function defaultOf(model: Model, key: string): Json | undefined {
  const column = drizzleColumn(model, key)
  if (column.defaultFn) return column.defaultFn() as Json
  if (is(column.default, SQL))
    throw new Error(`${model.name}.${key}: a default in SQL cannot be checked by a policy; use a static one`)
  return column.default as Json | undefined
}

/** The columns that a create fills from values known before the commit, in the table's order: given, stamped or defaulted. */
export function createKeys(model: Model, given: ReadonlySet<string>): string[] {
  const keys: string[] = []
  for (const columns of [model.columns, model.secrets]) {
    for (const [key, facts] of columns) {
      if (engineKeys.has(key)) continue
      const stamp = model.fields[key]?.stamp
      if (given.has(key) || (stamp ? !isLookedUp(stamp) : facts.hasDefault)) keys.push(key)
    }
  }
  return keys
}

function stampOf(model: Model, facts: ColumnFacts, as: Principal, now: Date): SqlValue | undefined {
  const stamp = model.fields[facts.key]?.stamp
  if (!stamp || stamp.from === "parent" || stamp.from === "own") return undefined
  if (stamp.from === "literal") return encode(facts, stamp.value, "")
  if (stamp.from === "now") return now.toISOString()
  // The system acts for somebody or for nobody; its own "id" is the user on whose behalf it acts.
  if (as.kind === "system" && stamp.attribute === "id") return as.onBehalfOf ?? null
  const form = comparandOf(facts.kind)
  return bind([form ? { ...stamp, as: form } : stamp], { principal: as, now, values: [] })[0] ?? null
}

/**
 * The stored value of one column of a create: what the caller gave, else its stamp, else its default, else NULL.
 * @param prefix JSON pointer of the record in the operation's input
 */
export function createValue(model: Model, facts: ColumnFacts, write: ValueWrite, now: Date, prefix: string): SqlValue {
  const given = write.values[facts.key]
  if (given !== undefined) return encode(facts, given, `${prefix}/${facts.key}`)
  const stamped = stampOf(model, facts, write.as, now)
  if (stamped !== undefined) return stamped
  return encode(facts, facts.hasDefault ? (defaultOf(model, facts.key) ?? null) : null, `${prefix}/${facts.key}`)
}

/**
 * A wire value in the form that its column stores: true as 1, JSON as text, 64-bit integers as the decimal text that the statement casts.
 * @param path JSON pointer of the value, for the refusal
 * @throws INVALID_ARGUMENT when the value's type is not the column's
 */
export function encode(facts: ColumnFacts, value: Json, path: string): SqlValue {
  if (value === null) return null
  switch (facts.kind.type) {
    case "json":
      return JSON.stringify(value)
    case "bool":
      if (typeof value === "boolean") return value ? 1 : 0
      break
    case "int32":
    case "safeint":
      if (Number.isSafeInteger(value)) return value as number
      break
    case "double":
      if (typeof value === "number" && Number.isFinite(value)) return value
      break
    case "int64":
      if ((typeof value === "string" && int64Text.test(value)) || Number.isSafeInteger(value)) return String(value)
      break
    default:
      // D1 cannot bind a lone surrogate.
      if (typeof value === "string" && value.isWellFormed()) return value
  }
  throw invalid(path, "invalid_type", `${facts.key} takes ${facts.kind.type}`)
}

/** An encoded value as it travels in the payload of a set: SQLite reads decimals inexactly now and then, so doubles go in two parts. */
export function carried(kind: ColumnKind, value: SqlValue): SqlValue | readonly [number, number] {
  return kind.type === "double" && typeof value === "number" && !Number.isInteger(value) ? dyadic(value) : value
}

/** SQL that gives a bound or extracted value its column's storage class: D1 binds every number as REAL. */
export function storedAs(kind: ColumnKind, raw: string, set: boolean): string {
  switch (kind.type) {
    case "bool":
    case "int32":
    case "safeint":
    case "int64":
      return `cast(${raw} as integer)`
    case "double":
      if (!set) return `cast(${raw} as real)`
      return `(case when json_valid(${raw}) and json_type(${raw}) = 'array' then (${raw} ->> 0) * pow(2, ${raw} ->> 1) else cast(${raw} as real) end)`
    default:
      return raw
  }
}

/** JSON list of the property names that stand in an event as changed; secret ones do not. */
export function changedNames(model: Model, keys: readonly string[]): string {
  return JSON.stringify(keys.filter((key) => !model.secrets.has(key)))
}
