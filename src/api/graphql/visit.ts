/** What resolvers work with: whoever asks, and the pipeline. A root field is one call of it. */
import type { Door, Facts } from "../../core/door.ts"
import type { Json } from "../../core/json.ts"
import type { Credentials } from "../../core/ports.ts"
import type { Principal } from "../../core/principal.ts"
import type { Problem } from "../../core/problem.ts"
import type { CompiledOperation } from "../../core/registry.ts"

/** How a call ended. */
export type Ending =
  | { readonly problem: null; readonly output: Json; readonly facts: Facts }
  | { readonly problem: Problem; readonly facts: Facts }

/** A root field on its way. */
export interface Wire {
  readonly credentials: Credentials
  readonly principal: Principal
  readonly operation: CompiledOperation
  readonly input: Json
  readonly idempotencyKey: string | null
  readonly bookmark: string | null
}

/** The context of one request. */
export interface Visit {
  /** Runs an operation; throws a GraphQLError for a problem. */
  call(operation: CompiledOperation, input: Json): Promise<Json>
}

/** The door as the pipeline sees it. */
export const door: Door<Wire, Ending> = {
  name: "graphql",
  admitted: ({ principal }) => principal,
  credentials: ({ credentials }) => credentials,
  resolve: ({ operation, input, idempotencyKey, bookmark }) => ({
    operation,
    decode: () => input,
    idempotencyKey: operation.kind === "mutation" ? idempotencyKey : null,
    expectedVersion: null,
    bookmark,
  }),
  encode: (_, output, facts) => ({ problem: null, output, facts }),
  encodeProblem: (_, problem, facts) => ({ problem, facts }),
}
