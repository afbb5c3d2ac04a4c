/** Where core meets the world. Filled in app.ts; core never knows by whom. */

import type { AnswerCache } from "./answers.ts"
import type { Write } from "./changes.ts"
import type { Accounts, Context, Ids } from "./context.ts"
import type { Json, JsonObject } from "./json.ts"
import type { Limiting } from "./limiting.ts"
import type { LogReads } from "./log.ts"
import type { Cost, Observe } from "./observation.ts"
import type { EngineWork, On } from "./operation.ts"
import type { Membership } from "./organization.ts"
import type { Outbox, OutboxRow } from "./outbox.ts"
import type { AggregatePlan, GetPlan, ListPlan, Page } from "./plan.ts"
import type { Action } from "./policy.ts"
import type { Principal } from "./principal.ts"
import type { Metering } from "./usage.ts"
import type { WatchStream } from "./watch.ts"

/** A row in wire JSON, under property names; unreadable fields are absent. */
export type Row = Record<string, Json>

/** For whom and when a read happens. */
export interface Reading {
  readonly principal: Principal
  readonly now: Date
}

/** A stored answer that a key may be replayed with. */
export interface IdempotencyRecord {
  /** Hash of principal, operation and the caller's key. */
  readonly key: string
  /** Hash of the validated input. */
  readonly inputHash: string
  /** The answer, with rows of this batch where `pendings` says. */
  readonly answer: Json
  /** JSON pointers into `answer` (null: the root) and the write whose row belongs there. */
  readonly pendings: readonly { readonly at: string | null; readonly write: number }[]
  /** Places that are read anew when the answer is given again. */
  readonly reads: readonly PendingRead[]
  readonly expiresAt: string
}

/** A record that a stored answer shows as it is when the answer is given again. */
export interface PendingRead {
  /** JSON pointer into the answer; null: the root. */
  readonly at: string | null
  readonly plan: GetPlan
}

/** An answer that was kept under an idempotency key. */
export interface StoredAnswer {
  readonly answer: Json
  readonly reads: readonly PendingRead[]
}

/** A row of the outbox that somebody works on. Who has lost it to another commits nothing. */
export interface Lease {
  /** Id of the message. */
  readonly message: string
  /** Which attempt this is: the one after it has a higher number. */
  readonly attempt: number
  /** The batch ends the work: the row goes with it. */
  readonly ends: boolean
}

/** All that commits together. */
export interface Batch {
  /** Set when a job commits: the batch aborts when the lease is lost. */
  readonly lease?: Lease
  readonly operation: string
  readonly requestId: string
  readonly principal: Principal
  readonly now: Date
  readonly writes: readonly Write[]
  /** Rows on which the decision stands: the batch aborts as stale when one has another version now (null: was not visible). */
  readonly decidedOn: readonly { readonly resource: string; readonly id: string; readonly version: number | null }[]
  /** Rights that must hold whatever is written: the operation's `on(…)`. */
  readonly required: readonly { readonly on: On; readonly id: string }[]
  readonly idempotency: IdempotencyRecord | null
  /** Records to read after the writes, in the same batch. */
  readonly reads: readonly GetPlan[]
  /** What is to be told outside, kept in the same batch. */
  readonly outbox: readonly OutboxRow[]
  /** Why, as the events are to say it; the reason of the system where one is stated. */
  readonly reason?: string
}

/** What a commit gives back. `stale`: a row that the decision stood on has changed; nothing was written. */
export type Committed =
  | { readonly kind: "committed"; readonly rows: readonly (Row | null)[]; readonly reads: readonly (Row | null)[] }
  | { readonly kind: "stale" }
  | { readonly kind: "replayed"; readonly answer: Json; readonly reads: readonly PendingRead[] }

/** What a batch would have written, by its events. */
export interface Rehearsed {
  readonly records: readonly { readonly resource: string; readonly change: string; readonly count: number }[]
}

/** How the store of one call is opened. */
export interface StoreSession {
  /** What the caller saw last; null: any replica will do. */
  readonly bookmark: string | null
  /** Reads go to the primary. */
  readonly fresh: boolean
  /** Each read asks, in the same trip, how far the log had grown. */
  readonly positioned?: true
}

/** The database for one call: one D1 session, its bookmark and its cost. Throws `Problem` only. */
export interface Store {
  list(plan: ListPlan, reading: Reading): Promise<Page>
  get(plan: GetPlan, reading: Reading): Promise<Row | null>
  aggregate(plan: AggregatePlan, reading: Reading): Promise<readonly Row[]>
  /** True when the principal may do `action` to the record. One read. */
  permits(resource: string, id: string, action: Action, reading: Reading): Promise<boolean>
  /** One batch. Throws ABORTED when its lease was lost. Rows come back masked for the principal, null for deletions and for rows that went out of sight. */
  commit(batch: Batch): Promise<Committed>
  /** Tries a batch in every way and takes it back. Throws as `commit` does. One round trip, two for a refusal. */
  rehearse(batch: Batch): Promise<({ readonly kind: "rehearsed" } & Rehearsed) | { readonly kind: "stale" }>
  /** The stored answer of a key: null when there is none; throws when the key was used with another input. */
  replay(key: string, inputHash: string, now: Date): Promise<StoredAnswer | null>
  /** Which rule decides, in SQL and in rows. */
  explain(resource: string, id: string, action: Action, reading: Reading): Promise<JsonObject>
  /**
   * One record with its secret columns, under no policy: for the engine's own operations, which decide on a password or a key.
   * @param column a unique one
   */
  withSecrets(resource: string, column: string, value: string): Promise<Row | null>
  /** The log, for the operations of the engine that mask it before anything leaves. */
  readonly log: LogReads
  bookmark(): string | null
  /** Sequence of the newest event that the oldest of this store's reads knows of; null: none was asked for, or nothing was read. */
  position(): number | null
  readonly cost: Cost
}

/** What the caller presented, from headers alone. */
export interface Credentials {
  /** Address of the caller as the platform tells it; null when there is none. */
  readonly address: string | null
  readonly bearer: string | null
  readonly userAgent: string | null
  /** What a browser sent by itself; null when there is none, when a bearer was presented, and at doors without cookies. */
  readonly cookies: Cookies | null
  /** Path of the protected resource that the door is (RFC 8707, RFC 9728), such as `/mcp`; the interface as a whole when left out. */
  readonly resource?: string
}

/** The session of a browser. */
export interface Cookies {
  readonly access: string | null
  readonly refresh: string | null
  readonly device: string | null
  /** Ticket of a sign-in that waits for its second factor. */
  readonly ticket: string | null
  /** State of a sign-in by passkey. */
  readonly challenge: string | null
  /** False for a request that could come from another site's page: such cookies count for nothing where something may change. */
  readonly sameOrigin: boolean
}

/** Everything that core needs of the world. */
export interface Ports {
  /** Opens the store for a call. Throws INVALID_ARGUMENT for a malformed bookmark. */
  openStore(options: StoreSession): Store
  /** The answers that are kept for everybody. */
  readonly answers: AnswerCache
  /** Throws UNAUTHENTICATED for a credential that does not hold; anonymous only when none was presented. */
  authenticate(credentials: Credentials, now: Date): Principal | Promise<Principal>
  /** Throws RESOURCE_EXHAUSTED when an address calls too often. */
  limitAddress(address: string | null): Promise<void>
  /** Counts calls by the limits that are declared. */
  readonly limiter: Pick<Limiting, "draw" | "restore" | "charge">
  /** The organizations that a principal belongs to. Not for deciding who may see what. */
  memberships(principal: Principal): Promise<readonly Membership[]>
  /**
   * The same for letters that a handler wants sent.
   * @param sender id of the user; the address for who has none
   */
  limitLetters(sender: string, count: number, now: Date): Promise<void>
  /** Counts what calls use, and stops those whose budget is spent. */
  readonly metering: Metering
  readonly ids: Ids
  /** The account flows for a handler. */
  accounts(work: EngineWork, isConfidential: boolean): Accounts
  readonly secrets: Context["secrets"]
  readonly link: Context["link"]
  now(): Date
  /** Milliseconds of a monotonic clock, for spans. */
  elapsed(): number
  /** SHA-256 of text, hex. */
  hash(text: string): Promise<string>
  readonly outbox: Outbox
  /** Tells the feed, behind the answer, that the log has grown. */
  poke(): void
  /**
   * Opens a watch of a resource. Throws INVALID_ARGUMENT for what cannot be watched by, RESOURCE_EXHAUSTED for too many records or watches.
   */
  watch(call: {
    readonly principal: Principal
    readonly match: { readonly operation: { readonly name: string } } | null
    readonly input: unknown
  }): Promise<WatchStream>
  /** Keeps work going after the answer. Its faults are told to the operator. */
  behind(work: Promise<unknown>): void
  readonly observe: Observe
  readonly development: boolean
}
