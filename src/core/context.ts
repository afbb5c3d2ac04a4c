/** What a handler gets. Built once a call, frozen; no database, no binding, no header, no outbound port. */
import type { Changes } from "./changes.ts"
import type { Json } from "./json.ts"
import type { Filter, Page, SortKey } from "./plan.ts"
import type { Principal } from "./principal.ts"
import type { Resource, RowOf } from "./resource.ts"

/** What to take of a record inside a handler: all its fields and no relation when left out. */
export interface Select {
  readonly fields?: readonly string[]
  /** `true`, or more of it: `{ author: { fields: ["name"] } }`. Each side's own read policy applies. */
  readonly expand?: { readonly [relation: string]: true | (Select & { readonly limit?: number }) }
}

/** Parameters of a list inside a handler. */
export interface ListOptions extends Select {
  readonly filter?: Filter
  readonly sort?: readonly SortKey[]
  readonly limit?: number
  readonly cursor?: string
  /** Rows to pass over; costs a read each. Excludes a cursor. */
  readonly offset?: number
  /** Counts up to 1,000, or `"exact"`. */
  readonly count?: boolean | "exact"
}

/** Which record: its id, or one unique column and its value, as `{ slug: "a-title" }`. */
export type Which = string | { readonly [column: string]: string }

/** A record as a handler reads it: its columns, and what was computed or expanded beside them. */
export type Found<R extends Resource> = RowOf<R["table"]> & { readonly [field: string]: unknown }

/** Policy-checked reads. A row that a handler read is guarded by its version when the handler also writes. */
export interface Read {
  /** One record. Throws NOT_FOUND when it is absent or invisible. */
  get<R extends Resource>(resource: R, which: Which, select?: Select): Promise<Found<R>>
  /** One record, or null when it is absent or invisible. */
  find<R extends Resource>(resource: R, which: Which, select?: Select): Promise<Found<R> | null>
  /** A page of what the principal may see. */
  list<R extends Resource>(
    resource: R,
    options?: ListOptions,
  ): Promise<{ items: Found<R>[]; nextCursor: string | null; count?: number }>
  /** How many there are of each value of a column, most first; at most 100 values. */
  groups<R extends Resource>(resource: R, column: string): Promise<{ value: Json; count: number }[]>
  /** The same reads under a stated system principal. */
  as(principal: Principal): Read
}

/** Makes ids and reads the clock, so that tests can hold both. */
export interface Ids {
  /** A new TypeID with this prefix. */
  mint(prefix: string): string
}

/** Facts of the call, the same for handlers and stages. */
export interface Call {
  readonly requestId: string
  /** Which door, for logs and events: "rest", "graphql", … */
  readonly door: string
  readonly principal: Principal
  /** Instant of the call, from the clock port. */
  readonly now: Date
  readonly signal: AbortSignal
  readonly idempotencyKey: string | null
  /** Version from If-Match or its like; null when the caller named none. */
  readonly expectedVersion: number | null
}

/** The argument of `handle`, beside its input. */
export interface Context extends Call {
  readonly read: Read
  readonly changes: Changes
  readonly ids: Ids
}

/** A page as the list operation answers it. */
export type ListAnswer = Page & { readonly [key: string]: Json | undefined | unknown }
