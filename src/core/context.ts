/** What a handler gets. Built once a call, frozen; no database, no binding, no header, no outbound port. */
import type { Changes } from "./changes.ts"
import type { Json } from "./json.ts"
import type { Filter, Page, SortKey } from "./plan.ts"
import type { Principal } from "./principal.ts"
import type { ColumnOf, Resource, RowOf } from "./resource.ts"

/** Parameters of a list inside a handler. */
export interface ListOptions {
  readonly filter?: Filter
  readonly sort?: readonly SortKey[]
  readonly limit?: number
  readonly cursor?: string
}

/** Policy-checked reads. A row that a handler read is guarded by its version when the handler also writes. */
export interface Read {
  /** One record. Throws NOT_FOUND when it is absent or invisible. */
  get<R extends Resource>(resource: R, id: string): Promise<RowOf<R["table"]>>
  /** One record, or null when it is absent or invisible. */
  find<R extends Resource>(resource: R, id: string): Promise<RowOf<R["table"]> | null>
  /** A page of what the principal may see. */
  list<R extends Resource>(
    resource: R,
    options?: ListOptions,
  ): Promise<{ items: RowOf<R["table"]>[]; nextCursor: string | null }>
  /**
   * Whether a secret column of the record holds this value, compared in constant time. Under no policy: whoever knows the secret may know
   * that it holds, and nobody reads the column itself. False when there is no such record.
   */
  matchesSecret<R extends Resource>(
    resource: R,
    id: string,
    column: ColumnOf<R["table"]>,
    value: string,
  ): Promise<boolean>
  /** The same reads under a stated system principal. */
  as(principal: Principal): Read
}

/** Makes ids and reads the clock, so that tests can hold both. */
export interface Ids {
  /** A new TypeID with this prefix. */
  mint(prefix: string): string
}

/**
 * One-time secrets for the links in letters: 32 random bytes, which prove that whoever brings them got the letter. What is kept is the hash,
 * in a `secret()` column of the record that the link is about; using it up is a change of that record.
 */
export interface Secrets {
  /**
   * Makes a secret.
   * @param id the record that it is about, such as one from `ids.mint`
   * @returns `text` for the letter and nothing else, `hash` for the record
   */
  mint(id: string): Promise<{ readonly text: string; readonly hash: string }>
  /**
   * The record that a text is about and the hash that the record must hold (`read.matchesSecret`); null for what was never minted.
   * @param prefix of the record's id
   */
  read(prefix: string, text: string): Promise<{ readonly id: string; readonly hash: string } | null>
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
  /** The ids that it mints may be given to `changes.create`. */
  readonly ids: Ids
  readonly secrets: Secrets
  /** Address of a page that a letter leads to: `link("invitation", text)`. */
  link(page: string, token: string): string
}

/** A page as the list operation answers it. */
export type ListAnswer = Page & { readonly [key: string]: Json | undefined | unknown }
