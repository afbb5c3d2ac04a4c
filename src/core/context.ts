/** What a handler gets. Built once a call, frozen; no database, no binding, no header, no outbound port. */
import type { Changes } from "./changes.ts"
import type { Json } from "./json.ts"
import type { Filter, Page, SortKey } from "./plan.ts"
import type { Principal } from "./principal.ts"
import type { ColumnOf, Resource, RowOf } from "./resource.ts"

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

/** What a handler makes ids with. */
export interface HandlerIds extends Ids {
  /** A whole number that no other record has: 50 bits of chance, for interfaces whose ids are numbers. Keep it in a unique column. */
  number(): number
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

/** What a handler wants written beside a change of an account, in the same batch, as the person whose account it is. */
export type Also = (changes: Changes, userId: string) => void

/** A session that a handler opened. */
export interface OpenedSession {
  readonly userId: string
  readonly email: string
  readonly accessToken: string
  /** RFC 3339. */
  readonly accessExpiresAt: string
  readonly refreshToken: string
}

/**
 * The account flows for an interface whose shape somebody else dictates: the same limits, rules, throttle and letters as `auth.*`. For operations
 * that are `confidential`, in applications with `emailVerification: "optional"` and `takenAddress: "told"`; others must not have them.
 */
export interface Accounts {
  /** Throws ALREADY_EXISTS at /email; INVALID_ARGUMENT at /password. */
  signUp(
    given: { readonly email: string; readonly password: string; readonly name: string },
    also?: Also,
  ): Promise<OpenedSession>
  /** Throws UNAUTHENTICATED, RESOURCE_EXHAUSTED. */
  signIn(given: { readonly email: string; readonly password: string }): Promise<OpenedSession>
  /**
   * Changes the caller's own account; a new password ends the other sessions. Throws ALREADY_EXISTS at /email; PERMISSION_DENIED for a new
   * address or password that is not asked for by the person itself, signed in.
   */
  change(
    given: {
      readonly email?: string | undefined
      readonly password?: string | undefined
      readonly name?: string | undefined
    },
    also?: Also,
  ): Promise<{ readonly email: string }>
  /** The credential with which the call came: the access token, or the key. Throws UNAUTHENTICATED when none stood in the header. */
  presented(): string
}

/** The argument of `handle`, beside its input. */
export interface Context extends Call {
  readonly read: Read
  readonly changes: Changes
  readonly accounts: Accounts
  /** The ids that it mints may be given to `changes.create`. */
  readonly ids: HandlerIds
  readonly secrets: Secrets
  /** Address of a page that a letter leads to: `link("invitation", text)`. */
  link(page: string, token: string): string
}

/** A page as the list operation answers it. */
export type ListAnswer = Page & { readonly [key: string]: Json | undefined | unknown }
