/** What resolvers work with: a root field is one call of the pipeline. */
import { calledDoor } from "../../core/called.ts"
import type { Json, JsonObject } from "../../core/json.ts"
import type { CompiledOperation } from "../../core/registry.ts"
import type { WatchStream } from "../../core/watch.ts"
import type { ClientPath } from "./paths.ts"

/** The context of one request. */
export interface Visit {
  /** Of the request; over a socket of the connection, whose calls have ids of their own. */
  readonly requestId: string
  /**
   * Runs an operation; throws a GraphQLError for a problem.
   * @param place of a violation in what the client wrote
   */
  call(operation: CompiledOperation, input: Json, place: ClientPath): Promise<Json>
  /** Begins a watch; throws as `call` does. */
  watch(operation: CompiledOperation, input: JsonObject, place: ClientPath): Promise<WatchStream>
}

/** The door as the pipeline sees it. */
export const door = calledDoor("graphql")
