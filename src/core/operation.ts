/** An operation: one thing that can be done, with its shapes, its policy and its handler. Nothing here knows a protocol. */
import type * as z from "zod"
import type { Freshness } from "./assurance.ts"
import type { OperationCacheOptions } from "./caching.ts"
import type { Changes, Pending } from "./changes.ts"
import type { Code } from "./code.ts"
import type { Context } from "./context.ts"
import type { Deprecation } from "./deprecation.ts"
import type { LimitList } from "./limit.ts"
import type { Message, OutboxRow } from "./outbox.ts"
import type { Action, Condition } from "./policy.ts"
import type { Credentials, Reading, Row, Store } from "./ports.ts"
import type { Recorder } from "./recorder.ts"
import type { Resource, StandardVerb } from "./resource.ts"

/** The right to do `action` to the record whose id stands in the input. */
export interface On {
  readonly kind: "on"
  readonly resource: string
  readonly action: Action
  /** Property of the input that holds the record's id. */
  readonly idFrom: string
}

/** Who may call: a condition on the principal alone, or a right on the record that the input names. */
export type OperationPolicy = Condition | On

/** Success: 201 for a creation, 202 for what is done later or for nobody, 204 without a body. */
export type Status = 200 | 201 | 202 | 204

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE"

/** Where the REST door serves it: an annotation that only that door reads. `{name}` in the path is a property of the input. */
export interface RestBinding {
  readonly method: Method
  readonly path: string
  /** Status of success; 201 for a creation. */
  readonly status?: Status
  /** The property of the input that the body fills; the body's members are the input's own when left out. */
  readonly body?: string
  /** The one member of the body in which everything else stands, going in and coming out: `{ "article": { … } }`. */
  readonly envelope?: { readonly request?: string; readonly answer?: string }
}

/** A record as a handler read it: columns, and what was computed or expanded beside them. */
type Shown = { readonly id: string; readonly [field: string]: unknown }

/**
 * What a handler answers: the output, or records that it read or that exist only after the commit, at its root or as a property. Records are
 * not held against the output's type here but against its schema when they go out, which takes from them what it names.
 */
export type Deferred<O> = O | Shown | Pending | { [K in keyof O]: O[K] | Shown | readonly Shown[] | Pending }

/** What `operation()` takes. */
export interface OperationOptions<I extends z.ZodObject, O extends z.ZodType> {
  /** A query changes nothing and may be retried; a mutation writes; a subscription goes on telling (the engine's own only). */
  readonly kind: "query" | "mutation" | "subscription"
  readonly summary?: string
  readonly input: I
  readonly output: O
  /** The codes that the handler throws by intent, beside the pipeline's own. Another one is a fault of the handler: INTERNAL. */
  readonly errors?: readonly Code[]
  readonly policy: OperationPolicy
  /** `"session"`: asks for the person itself, signed in; API keys, tokens of another issuer and impersonators are refused. */
  readonly credential?: "session"
  /**
   * How long ago the caller may have proved who they are, such as `"10m"`; older, and the answer asks for a step-up (RFC 9470). With
   * `credential: "session"`: nothing else has such an instant.
   */
  readonly fresh?: Freshness
  /** Its input or its answer holds secrets: it takes no idempotency key, because nothing of it may be stored. */
  readonly confidential?: true
  /**
   * Keeps what a query that `anyone()` may call answers to callers who are nobody. Whoever proved who they are is answered anew, so a handler may ask
   * who calls. What it reads must stand among the tags, or nothing is kept.
   */
  readonly cache?: OperationCacheOptions
  readonly rest?: RestBinding
  /** It is on its way out: every door says so, and it answers as ever. */
  readonly deprecated?: Deprecation
  /** The property of the input that holds the id of the organization that the call is for, as limits and budgets count it. */
  readonly organization?: string
  /** How often it may be called, beside the default of the application (`app({ limits })`). */
  readonly limit?: LimitList
  /** Reads, decides, and says what to change. Runs again when what it read has changed meanwhile. */
  handle(call: Context & { readonly input: z.output<I> }): Promise<Deferred<z.input<O>>> | Deferred<z.input<O>>
}

/** A declared operation. */
export interface Operation<N extends string = string> extends Omit<OperationOptions<z.ZodObject, z.ZodType>, "handle"> {
  readonly name: N
  /** Set for the operations that the engine writes from a resource. */
  readonly standard?: { readonly verb: StandardVerb; readonly resource: string }
  /** Open to a session that may only add a second factor. The engine's own: what such a session needs. */
  readonly enrolment?: true
  /** Set for the engine's own operations, which read what no handler may. */
  readonly engine?: (input: never, work: EngineWork) => Promise<unknown>
  handle?(call: Context & { readonly input: never }): unknown
}

/** What the engine's own operations work with. */
export interface EngineWork {
  readonly store: Store
  readonly reading: Reading
  readonly caller: Caller
  /** Commits at once what `say` wants written and sent, and delivers the commands in it. Any number of times; each is a batch of its own. */
  write(say: (batch: Wanted) => void): Promise<readonly (Row | null)[]>
  /** What is recorded here is committed by the pipeline, with the key of the call: the normal write path. */
  readonly recorder: Recorder
  /** Hands a session to a caller that keeps it in cookies, or takes it back. */
  session(effect: SessionEffect): void
}

/** What one batch is to hold. */
export interface Wanted {
  readonly changes: Changes
  /** Holds the batch back when the record has another version now (then: Problem ABORTED). */
  decidedOn(resource: string, id: string, version: number): void
  send(message: Message): void
  /** A message that was sealed before, as it stood: what was given up is tried again. */
  resend(row: OutboxRow): void
}

/** Whoever calls, beyond the principal. */
export interface Caller extends Credentials {
  readonly requestId: string
  readonly door: string
  /** True when the door can keep a session in cookies. */
  readonly keepsCookies: boolean
  /** Keeps work going after the answer. */
  behind(work: Promise<unknown>): void
}

/** What a browser keeps between the two halves of a sign-in: the ticket for the second factor, the challenge of a passkey. */
export type FlowCookie = "ticket" | "challenge"

/** What happens to the cookies of a caller. Instants are milliseconds since 1970. */
export type SessionEffect =
  | {
      readonly kind: "set"
      readonly access: { readonly token: string; readonly expiresAt: number }
      readonly refresh: { readonly token: string; readonly expiresAt: number }
      /** Tells this browser from unknown ones at the next sign-in; null: keep what there is. */
      readonly device: string | null
      /** What is over with it. */
      readonly over: readonly FlowCookie[]
    }
  | { readonly kind: "flow"; readonly cookie: FlowCookie; readonly value: string; readonly expiresAt: number }
  | { readonly kind: "clear" }

/**
 * Declares an operation.
 * @param name `noun.verb`, unique in the application: the public identity from which every door derives its own
 */
export function operation<const N extends string, I extends z.ZodObject, O extends z.ZodType>(
  name: N,
  options: OperationOptions<I, O>,
): Operation<N> {
  return { name, ...options } as unknown as Operation<N>
}

/**
 * The right to do `action` to the record that the input names.
 * @param idFrom the input's property with the id; `id` when left out
 */
export function on(resource: Resource, action: Action, idFrom = "id"): On {
  return { kind: "on", resource: resource.name, action, idFrom }
}

function binding(method: Method) {
  return (path: string, more: Status | Omit<RestBinding, "method" | "path"> = {}): RestBinding =>
    typeof more === "number" ? { method, path, status: more } : { method, path, ...more }
}

/** Serves the operation at GET `path` (below the version prefix). */
export const get = binding("GET")
/** Serves the operation at POST `path`. */
export const post = binding("POST")
/** Serves the operation at PUT `path`. */
export const put = binding("PUT")
/** Serves the operation at PATCH `path`. */
export const patch = binding("PATCH")
/** Serves the operation at DELETE `path`. */
export const remove = binding("DELETE")
