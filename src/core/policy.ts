/**
 * A policy is data: a small closed tree, built by functions that read as a sentence and interpreted elsewhere (authorization/), in SQL
 * and in memory, with three-valued logic: what is absent is UNKNOWN, and UNKNOWN never grants, not even under `not`.
 */
import type { Scalar } from "./principal.ts"

/** Where a compared value comes from. A principal's attribute may be absent: the comparison is UNKNOWN then. */
export type Value =
  | { readonly from: "literal"; readonly value: Scalar }
  | { readonly from: "principal"; readonly attribute: string }
  | { readonly from: "now" }

export type Comparison = "eq" | "ne" | "lt" | "lte" | "gt" | "gte"

/** What can be done to a record. */
export type Action = "read" | "create" | "update" | "delete"

/** The tree. Columns are the property names of the Drizzle table. */
export type Condition =
  | { readonly kind: "always"; readonly value: boolean }
  | { readonly kind: "all" | "any"; readonly of: readonly Condition[] }
  | { readonly kind: "not"; readonly of: Condition }
  | { readonly kind: "compare"; readonly column: string; readonly op: Comparison; readonly value: Value }
  | { readonly kind: "in"; readonly column: string; readonly values: readonly Scalar[] }
  | { readonly kind: "null"; readonly column: string }
  | { readonly kind: "signedIn" }
  | { readonly kind: "role"; readonly role: string }
  /** The principal has a grant in `resource`'s members for the record that `column` names, with `role` or a higher one. */
  | { readonly kind: "member"; readonly resource: string; readonly column: string; readonly role: string | null }
  /** The record itself is shared with the principal at `level` or a higher one. */
  | { readonly kind: "shared"; readonly level: string }
  /** The principal may do `action` to the record that `column` names (the column of a `one` relation). */
  | { readonly kind: "can"; readonly action: Action; readonly column: string }
  | { readonly kind: "rule"; readonly name: string; readonly of: Condition }

/** The four rules of a resource. All four are required: silence does not exist, `nobody()` closes and `anyone()` opens. */
export type Policy = Readonly<Record<Action, Condition>>

/** The principal's own id, for `is("assigneeId", me)` and `stamp(me)`. */
export const me: Value = Object.freeze({ from: "principal", attribute: "id" })

/** The instant of the call, for `before("startsAt", now)` and `stamp(now)`. */
export const now: Value = Object.freeze({ from: "now" })

/** An attribute of the principal (`mine("department")`); UNKNOWN when the principal has none. */
export function mine(attribute: string): Value {
  return { from: "principal", attribute }
}

/** Everybody, signed in or not. The one spelling of "public". */
export function anyone(): Condition {
  return { kind: "always", value: true }
}

/** Nobody but the system. */
export function nobody(): Condition {
  return { kind: "always", value: false }
}

/** Every condition holds. */
export function all(...of: readonly Condition[]): Condition {
  return { kind: "all", of }
}

/** At least one condition holds. */
export function any(...of: readonly Condition[]): Condition {
  return { kind: "any", of }
}

/** The condition is known and does not hold. UNKNOWN stays UNKNOWN. */
export function not(of: Condition): Condition {
  return { kind: "not", of }
}

/** Anybody who proved who they are. */
export function signedIn(): Condition {
  return { kind: "signedIn" }
}

/** The principal holds an application-wide role. Folds to a constant before any SQL exists. */
export function role(name: string): Condition {
  return { kind: "role", role: name }
}

/** The column equals a value: `is("status", "published")`, `is("ownerId", me)`. */
export function is(column: string, value: Scalar | Value): Condition {
  return compare(column, "eq", value)
}

/** The column is known and differs. */
export function isNot(column: string, value: Scalar | Value): Condition {
  return compare(column, "ne", value)
}

/** The column compares with a value; text compares by UTF-8 bytes, as SQLite does. */
export function compare(column: string, op: Comparison, value: Scalar | Value): Condition {
  return { kind: "compare", column, op, value: typeof value === "object" ? value : { from: "literal", value } }
}

/** The instant in the column lies before a value. */
export function before(column: string, value: Scalar | Value): Condition {
  return compare(column, "lt", value)
}

/** The instant in the column lies after a value. */
export function after(column: string, value: Scalar | Value): Condition {
  return compare(column, "gt", value)
}

/** The column is one of the values. */
export function oneOf(column: string, values: readonly Scalar[]): Condition {
  return { kind: "in", column, values }
}

/** The column is NULL. Known, true or false, never UNKNOWN. */
export function isNull(column: string): Condition {
  return { kind: "null", column }
}

/**
 * The principal is a member of the record that a column names: `memberOf("projects", "projectId", "editor")`.
 * @param resource a resource that declares `members`
 * @param column the column holding that record's id; `"id"` on the resource itself
 * @param atLeast the lowest role that suffices; any role when left out
 */
export function memberOf(resource: string, column: string, atLeast?: string): Condition {
  return { kind: "member", resource, column, role: atLeast ?? null }
}

/** The record is shared with the principal, at `level` or a higher one; the resource declares `shares`. */
export function shared(level: string): Condition {
  return { kind: "shared", level }
}

/** Inherits: the principal may do `action` to the record that `column` names. */
export function can(action: Action, column: string): Condition {
  return { kind: "can", action, column }
}

/** Gives a condition a name, so that a decision can be explained by it. */
export function rule(name: string, of: Condition): Condition {
  return { kind: "rule", name, of }
}

/** A named refusal, to stand in `all(…)`: blocks when `of` holds, and also when it is UNKNOWN. */
export function deny(name: string, of: Condition): Condition {
  return { kind: "rule", name, of: { kind: "not", of } }
}

/** Every condition of a tree, the root first. */
export function* walk(condition: Condition): Generator<Condition> {
  yield condition
  if (condition.kind === "all" || condition.kind === "any") for (const child of condition.of) yield* walk(child)
  else if (condition.kind === "not" || condition.kind === "rule") yield* walk(condition.of)
}
