/** The door of a protocol whose message may hold several calls, or is read by a library: whoever speaks is let in once, and each call is handed in. */
import type { Door, Facts } from "./door.ts"
import type { Json } from "./json.ts"
import type { Credentials } from "./ports.ts"
import type { Principal } from "./principal.ts"
import type { Problem } from "./problem.ts"
import type { CompiledOperation } from "./registry.ts"

/** One call, decoded. */
export interface Called {
  readonly credentials: Credentials
  /** Whoever the door has let in. */
  readonly principal: Principal
  readonly operation: CompiledOperation
  readonly input: Json
  readonly idempotencyKey: string | null
  readonly bookmark: string | null
  /** True for a call that is to be tried and not done. */
  readonly rehearsal?: true
}

/** How a call ended. */
export type Ending =
  | { readonly problem: null; readonly output: Json; readonly facts: Facts }
  | { readonly problem: Problem; readonly facts: Facts }

/** The door as the pipeline sees it. */
export function calledDoor(name: string): Door<Called, Ending> {
  return {
    name,
    admitted: ({ principal }) => principal,
    credentials: ({ credentials }) => credentials,
    resolve: ({ operation, input, idempotencyKey, bookmark, rehearsal }) => ({
      operation,
      decode: () => input,
      idempotencyKey: operation.kind === "mutation" ? idempotencyKey : null,
      expectedVersion: null,
      bookmark,
      ...(rehearsal ? { rehearsal } : {}),
    }),
    encode: (_, output, facts) => ({ problem: null, output, facts }),
    encodeProblem: (_, problem, facts) => ({ problem, facts }),
  }
}
