/** What resolvers work with: a root field is one call of the pipeline. */
import { calledDoor } from "../../core/called.ts"
import type { Json, JsonObject } from "../../core/json.ts"
import type { CompiledOperation } from "../../core/registry.ts"
import type { WatchStream } from "../../core/watch.ts"

/** The context of one request. */
export interface Visit {
  /** Runs an operation; throws a GraphQLError for a problem. */
  call(operation: CompiledOperation, input: Json): Promise<Json>
  /** Begins a watch; throws as `call` does. */
  watch(operation: CompiledOperation, input: JsonObject): Promise<WatchStream>
}

/** The door as the pipeline sees it. */
export const door = calledDoor("graphql")
