/** A read as data. REST's query string and a GraphQL selection become the same plan; limits refuse it before any I/O. */
import type { Json } from "./json.ts"

export type FilterOp = "eq" | "ne" | "lt" | "lte" | "gt" | "gte" | "in" | "contains" | "startsWith" | "isNull"

/** A filter tree. `field` is a property name; `value` is wire JSON, already checked against the column's kind. */
export type Filter =
  | { readonly op: "and" | "or"; readonly of: readonly Filter[] }
  | { readonly op: "not"; readonly of: Filter }
  | {
      readonly op: Exclude<FilterOp, "in" | "isNull">
      readonly field: string
      readonly value: string | number | boolean
    }
  | { readonly op: "in"; readonly field: string; readonly values: readonly (string | number | boolean)[] }
  | { readonly op: "isNull"; readonly field: string; readonly value: boolean }
  /** A related record that the reader may see fulfils the inner filter. For handlers; callers cannot write it. */
  | { readonly op: "some"; readonly relation: string; readonly of: Filter | null }

export interface SortKey {
  readonly field: string
  readonly descending: boolean
}

/** What to take of a resource, and of the resources it relates to. */
export interface Selection {
  readonly resource: string
  /** Property names in declaration order; never empty. Checked against the principal's masks by the planner. */
  readonly fields: readonly string[]
  /** Expanded relations by name. A `many` side takes at most `limit` records a parent, newest first. */
  readonly expand: Readonly<Record<string, Selection & { readonly limit: number }>>
}

/** A page of records that the principal may see. */
export interface ListPlan extends Selection {
  readonly kind: "list"
  readonly filter: Filter | null
  /** Never empty; the id is added as the last key by the planner. */
  readonly sort: readonly SortKey[]
  readonly limit: number
  /** Opaque, as the caller sent it; verified by the reader. */
  readonly cursor: string | null
  /** Rows to pass over, for interfaces that insist on offsets: each costs a read. Excludes a cursor. */
  readonly offset?: number
  /** `"exact"`: without the bound; costs a read a row. */
  readonly count: boolean | "exact"
  readonly q: string | null
}

/** One record by id. */
export interface GetPlan extends Selection {
  readonly kind: "get"
  /** The id, or the value of `key`. */
  readonly id: string
  /** A unique column by which the record is found; the id when left out. */
  readonly key?: string
}

export type AggregateFunction = "count" | "sum" | "avg" | "min" | "max"

/** Figures over the records that the principal may see, optionally grouped. */
export interface AggregatePlan {
  readonly kind: "aggregate"
  readonly resource: string
  readonly filter: Filter | null
  readonly q: string | null
  /** `field` is null for count only. */
  readonly measures: readonly { readonly fn: AggregateFunction; readonly field: string | null }[]
  readonly groupBy: readonly string[]
  /** The groups with most records first; by their values when left out. */
  readonly mostFirst?: true
  readonly limit: number
}

export type Plan = ListPlan | GetPlan | AggregatePlan

/** A page. `count` stands only when it was asked for, and stops at the limit ("1000" means 1,000 or more: `countCapped`). */
export interface Page {
  readonly items: readonly Record<string, Json>[]
  readonly nextCursor: string | null
  readonly count?: number
  readonly countCapped?: boolean
}
