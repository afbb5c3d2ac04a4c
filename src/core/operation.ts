/** An operation: one thing that can be done, with its shapes, its policy and its handler. Nothing here knows a protocol. */
import type * as z from "zod"
import type { Pending } from "./changes.ts"
import type { Code } from "./code.ts"
import type { Context } from "./context.ts"
import type { Action, Condition } from "./policy.ts"
import type { Reading, Store } from "./ports.ts"
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

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE"

/** Where the REST door serves it: an annotation that only that door reads. `{name}` in the path is a property of the input. */
export interface RestBinding {
  readonly method: Method
  readonly path: string
  /** Status of success; 201 for a creation. */
  readonly status?: 200 | 201 | 204
  /** The property of the input that the body fills; the body's members are the input's own when left out. */
  readonly body?: string
}

/** Rows that exist only after the commit may stand in an output, at its root or as a property. */
export type Deferred<O> = O | Pending<O> | { [K in keyof O]: O[K] | Pending<O[K]> }

/** What `operation()` takes. */
export interface OperationOptions<I extends z.ZodObject, O extends z.ZodType> {
  /** A query changes nothing and may be retried; a mutation writes. */
  readonly kind: "query" | "mutation"
  readonly summary?: string
  readonly input: I
  readonly output: O
  /** The codes that the handler throws by intent, beside the pipeline's own. Another one is a fault of the handler: INTERNAL. */
  readonly errors?: readonly Code[]
  readonly policy: OperationPolicy
  readonly rest?: RestBinding
  /** Reads, decides, and says what to change. Runs again when what it read has changed meanwhile. */
  handle(call: Context & { readonly input: z.output<I> }): Promise<Deferred<z.output<O>>> | Deferred<z.output<O>>
}

/** A declared operation. */
export interface Operation<N extends string = string> extends Omit<OperationOptions<z.ZodObject, z.ZodType>, "handle"> {
  readonly name: N
  /** Set for the operations that the engine writes from a resource. */
  readonly standard?: { readonly verb: StandardVerb; readonly resource: string }
  /** Set for the engine's own operations, which read what no handler may. */
  readonly engine?: (input: never, work: EngineWork) => Promise<unknown>
  handle?(call: Context & { readonly input: never }): unknown
}

/** What the engine's own operations work with. */
export interface EngineWork {
  readonly store: Store
  readonly reading: Reading
}

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
  return (path: string, status?: 200 | 201 | 204): RestBinding =>
    status === undefined ? { method, path } : { method, path, status }
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
