/**
 * The operations of a socket, by the ids that its client has given them: each runs over the live connection behind, and tells its results until it is
 * complete, is cancelled, or breaks. Nothing is said of one that was cancelled.
 */
import type { ExecutionResult, GraphQLError } from "graphql"
import type { Json, JsonObject } from "../../core/json.ts"
import type { LiveConnection } from "../../core/live-connection.ts"
import { asProblem, Problem } from "../../core/problem.ts"
import type { WatchStream } from "../../core/watch.ts"
import type { Parameters } from "./decode.ts"
import { type Executor, errorIn, executed, prepare, subscribed } from "./execution.ts"
import type { ClientPath } from "./paths.ts"
import { errorOf } from "./problem.ts"
import type { Flow } from "./socket-flow.ts"
import { closeCodes } from "./socket-messages.ts"
import type { Visit } from "./visit.ts"

/** Operations of one socket at a time. The live object bounds the watches among them. */
const operationsMax = 100

/** What operations run with. */
export interface Running {
  readonly executor: Executor
  readonly flow: Flow
  readonly live: LiveConnection
  readonly requestId: string
}

/** The operations of a socket. */
export interface Operations {
  /** Begins one. An id that is in use ends the socket, as the protocol has it. */
  start(id: string, parameters: Parameters): void
  /** Whoever began it wants no more. Without effect on one that is over. */
  cancel(id: string): void
  cancelAll(): void
}

/** One operation. */
interface Operation {
  readonly id: string
  readonly watches: WatchStream[]
  isOver: boolean
}

/** What the calls of a socket share: each sees what those before it have written. */
interface Shared {
  bookmark: string | null
}

const textOf = (value: Json | undefined): string | null => (typeof value === "string" && value !== "" ? value : null)

/** What stands in headers elsewhere stands in `extensions`: `idempotencyKey` and `bookmark`. */
function factsOf({ extensions }: Parameters, shared: Shared): JsonObject {
  const idempotencyKey = textOf(extensions?.idempotencyKey)
  const bookmark = textOf(extensions?.bookmark) ?? shared.bookmark
  return { ...(idempotencyKey === null ? {} : { idempotencyKey }), ...(bookmark === null ? {} : { bookmark }) }
}

/** Calls of one operation over the live connection. */
function visitOf({ live, requestId }: Running, operation: Operation, parameters: Parameters, shared: Shared): Visit {
  const mapped = async <T>(work: Promise<T>, place: ClientPath): Promise<T> => {
    try {
      return await work
    } catch (thrown) {
      throw errorOf(asProblem(thrown), requestId, place)
    }
  }
  return {
    requestId,
    async call({ name, kind }, input, place) {
      const { idempotencyKey, ...facts } = factsOf(parameters, shared)
      const _meta = kind === "mutation" && idempotencyKey !== undefined ? { ...facts, idempotencyKey } : facts
      const { result, meta } = await mapped(live.call(name, { ...(input as JsonObject), _meta }), place)
      const bookmark = textOf(meta.bookmark)
      if (bookmark !== null && bookmark > (shared.bookmark ?? "")) shared.bookmark = bookmark
      return result
    },
    async watch({ name }, input, place) {
      const stream = await mapped(live.watch(name, input), place)
      operation.watches.push(stream)
      // It was cancelled before it had begun.
      if (operation.isOver) stream.close()
      return stream
    },
  }
}

/**
 * The operations over a socket.
 * @param running what they run with
 */
export function operationsOver(running: Running): Operations {
  const { executor, flow, requestId } = running
  const current = new Map<string, Operation>()
  const shared: Shared = { bookmark: null }

  const over = (operation: Operation) => {
    operation.isOver = true
    if (current.get(operation.id) === operation) current.delete(operation.id)
    for (const watch of operation.watches) watch.close()
  }
  const next = async (operation: Operation, payload: ExecutionResult) => {
    if ((await flow.room()) && !operation.isOver) flow.say({ id: operation.id, type: "next", payload: asJson(payload) })
  }
  const complete = (operation: Operation) => {
    if (operation.isOver) return
    over(operation)
    flow.say({ id: operation.id, type: "complete" })
  }
  const fail = (operation: Operation, errors: readonly GraphQLError[]) => {
    if (operation.isOver) return
    over(operation)
    flow.say({ id: operation.id, type: "error", payload: asJson(errors) })
  }
  const perform = async (operation: Operation, parameters: Parameters) => {
    const key = textOf(parameters.extensions?.idempotencyKey)
    const { runnable, errors } = await prepare(executor, parameters, key, requestId)
    if (runnable === null) return fail(operation, errors)
    const visit = visitOf(running, operation, parameters, shared)
    if (runnable.operation.operation !== "subscription") {
      const result = await executed(executor, runnable, visit)
      if (!("data" in result)) return fail(operation, result.errors ?? [])
      await next(operation, result)
      return complete(operation)
    }
    const results = await subscribed(executor, runnable, visit)
    if (!(Symbol.asyncIterator in results)) return fail(operation, results.errors ?? [])
    for await (const result of results) await next(operation, result)
    complete(operation)
  }
  return {
    start(id, parameters) {
      if (current.has(id)) return flow.close(closeCodes.subscriberExists, `Subscriber for ${id} already exists`)
      const operation: Operation = { id, watches: [], isOver: false }
      if (current.size >= operationsMax) {
        const problem = new Problem("RESOURCE_EXHAUSTED", `A socket runs at most ${operationsMax} operations at a time`)
        return fail(operation, [errorOf(problem, requestId)])
      }
      current.set(id, operation)
      perform(operation, parameters).catch((thrown) =>
        fail(operation, [thrown instanceof Problem ? errorOf(thrown, requestId) : errorIn(thrown, requestId)]),
      )
    },
    cancel(id) {
      const operation = current.get(id)
      if (operation) over(operation)
    },
    cancelAll() {
      for (const operation of [...current.values()]) over(operation)
    },
  }
}

/** What is written as JSON in any case. */
const asJson = (value: unknown): Json => value as Json
