/** A resource: a table, its tenant, who may touch it, how it relates. The declaration; the registry compiles and checks it. */
import type { SQLiteTable } from "drizzle-orm/sqlite-core"
import type * as z from "zod"
import type { CacheOptions } from "./caching.ts"
import type { FieldLifecycle, Lifecycle } from "./lifecycle.ts"
import type { ResourceLimits } from "./limit.ts"
import type { Condition, Policy, Value } from "./policy.ts"

/** A table that has the columns of `record(prefix)`. */
export type RecordTable = SQLiteTable & {
  readonly $inferSelect: { id: string; version: number; createdAt: string; updatedAt: string }
}

/** A row as every door and every handler sees it: JSON values under the column's property names. */
export type RowOf<T extends SQLiteTable> = Omit<T["$inferSelect"], "rowKey">

/** Property names of a table's columns. */
export type ColumnOf<T extends SQLiteTable> = Extract<keyof RowOf<T>, string>

/** A rule for one column beyond the resource's policy. */
export interface FieldRule extends FieldLifecycle {
  /** Who may read it; everybody who reads the record when left out. Unreadable: absent, and not to be filtered, sorted or searched. */
  readonly read?: Condition
  /** Who may write it; everybody who may write the record when left out. */
  readonly write?: Condition
  /**
   * Set by the engine at creation, never by a caller: a fact of the call, a column of the record that another column names, or the caller's own
   * record of another resource.
   */
  readonly stamp?: Value | Parent | Own
  /** Given at creation, never changed. */
  readonly immutable?: true
}

/** A value copied from the record that `column` names. It follows when `column` changes. */
export interface Parent {
  readonly from: "parent"
  readonly column: string
  readonly field: string
}

/** The id of the caller's own record: the one of `resource` whose `column` holds the caller's id. */
export interface Own {
  readonly from: "own"
  readonly resource: string
  readonly column: string
}

/** A relation to one record (its id stands in my column) or to many (my id stands in their column). */
export type Relation = Lifecycle &
  (
    | { readonly kind: "one"; readonly resource: string; readonly column: string }
    | { readonly kind: "many"; readonly resource: string; readonly column: string; readonly onDelete: OnDelete }
  )

/** What becomes of the many when the one goes: deleted with it, their column cleared, or the deletion refused. */
export type OnDelete = "delete" | "clear" | "refuse"

/** Grants of a record to users, held in the rows of another resource: memberships and shares. */
export interface Grants {
  /** The resource whose rows are the grants. */
  readonly resource: string
  /** Its column with the id of the record. */
  readonly record: string
  /** Its column with the id of the user. */
  readonly user: string
  /** Its column with the role or level. */
  readonly role: string
  /** The roles, lowest first: each includes those before it. */
  readonly roles: readonly string[]
}

/** A value that is computed when a record is read: how many related records there are, or whether there is one. */
export interface Computed extends Lifecycle {
  readonly kind: "count" | "exists"
  /** Name of a `many` relation of the resource. */
  readonly relation: string
  /** Which of the related records; all that the reader may see when null. */
  readonly where: Condition | null
}

/** How many related records there are, as a field of the record. Only those count that the reader may see. */
export function countOf(relation: string, where: Condition | null = null): Computed {
  return { kind: "count", relation, where }
}

/** Whether there is a related record, as a field of the record: `existsOf("favorites", is("userId", me))`. False for nobody. */
export function existsOf(relation: string, where: Condition | null = null): Computed {
  return { kind: "exists", relation, where }
}

/** The operations that the engine can write itself. */
export const standardVerbs = ["list", "get", "create", "update", "delete", "aggregate", "batch", "watch"] as const
export type StandardVerb = (typeof standardVerbs)[number]

/** What `resource()` takes. Its own life is that of its standard operations; a replacement is another resource. */
export interface ResourceOptions<T extends SQLiteTable> extends Lifecycle {
  readonly table: T
  /** The column that names the tenant, or `"none"` said aloud. */
  readonly tenant: ColumnOf<T> | "none"
  readonly policy: Policy
  /** One sentence for the generated documents. */
  readonly summary?: string
  readonly fields?: { readonly [K in ColumnOf<T>]?: FieldRule }
  readonly relations?: Readonly<Record<string, Relation>>
  /** Fields that are computed in the statement that reads the record; they cannot be written, filtered or sorted by. */
  readonly computed?: Readonly<Record<string, Computed>>
  /** Who is a member of a record, for `memberOf`. */
  readonly members?: Grants
  /** With whom a record is shared, for `shared`. */
  readonly shares?: Grants
  /** Columns that lists may filter by; each must lead an index, or follow the tenant in one. */
  readonly filter?: readonly ColumnOf<T>[]
  /** Columns that lists may sort by. `createdAt` descending is the default order. */
  readonly sort?: readonly ColumnOf<T>[]
  /** Text columns in the full-text index, for `q`. */
  readonly search?: readonly ColumnOf<T>[]
  /**
   * Keeps what `list`, `get` and `aggregate` answer in caches that everybody shares. Only where the policy is `anyone()` and the answer the same for
   * all; expansions count as long as each resource that is expanded says `cache` too.
   */
  readonly cache?: CacheOptions
  /** The standard operations to serve; all when left out (`watch` only where the log can tell who sees a record). */
  readonly operations?: readonly StandardVerb[]
  /** How often its standard operations may be called: all of them together, or by verb. What is limited by verb is counted in batches, too. */
  readonly limit?: ResourceLimits
}

/** A declared resource. `schema` is the record as it goes out, for the outputs of operations. */
export interface Resource<N extends string = string, T extends SQLiteTable = SQLiteTable> extends ResourceOptions<T> {
  readonly name: N
  readonly schema: z.ZodType<RowOf<T>>
}

/** Relation to the record whose id stands in `column`. */
export function one(resource: string, column: string): Relation {
  return { kind: "one", resource, column }
}

/** Relation to the records whose `column` holds my id. */
export function many(resource: string, column: string, options: { readonly onDelete: OnDelete }): Relation {
  return { kind: "many", resource, column, onDelete: options.onDelete }
}

/**
 * Field rule: the engine writes it at creation. `stamp(me)`, `stamp(now)`, `stamp(parent("projectId", "organizationId"))`,
 * `stamp(own("profiles", "userId"))`.
 */
export function stamp(value: Value | Parent | Own): FieldRule {
  return { stamp: value }
}

/** The value of `field` in the record that `column` names. */
export function parent(column: string, field: string): Parent {
  return { from: "parent", column, field }
}

/**
 * The caller's own record of `resource`, found in the statement that writes. A caller who has none is refused (FAILED_PRECONDITION); the system
 * has none, so it states the column.
 * @param column the unique column of that resource with the user's id
 */
export function own(resource: string, column: string): Own {
  return { from: "own", resource, column }
}

/** Field rule: given at creation, never changed. */
export function immutable(): FieldRule {
  return { immutable: true }
}
