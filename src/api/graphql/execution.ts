/** Documents that were asked for: found good, then executed. What every transport of the door shares. */
import {
  type DocumentNode,
  type ExecutionResult,
  execute,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  type OperationDefinitionNode,
  subscribe,
} from "graphql"
import type { JsonObject } from "../../core/json.ts"
import { Problem } from "../../core/problem.ts"
import type { Parameters } from "./decode.ts"
import type { documents } from "./documents.ts"
import { persisted, type Queries } from "./persisted.ts"
import { errorOf, faultOf } from "./problem.ts"
import type { Visit } from "./visit.ts"

/** What documents are executed with. */
export interface Executor {
  readonly schema: GraphQLSchema
  readonly check: ReturnType<typeof documents>
  /** Introspection is for development, and where it is switched on; so are suggestions. */
  readonly introspection: boolean
  readonly queries: Queries
}

/** An operation that may be executed. */
export interface Runnable {
  readonly document: DocumentNode
  readonly operation: OperationDefinitionNode
  readonly parameters: Parameters
}

/** What was asked for, or why it may not be. */
export type Prepared =
  | { readonly runnable: Runnable; readonly errors: null }
  | {
      readonly runnable: null
      readonly errors: readonly GraphQLError[]
      /** The client is asked for the text of a persisted query: the request was good. */
      readonly isAnswer: boolean
    }

/**
 * Finds out what is to be executed.
 * @throws Problem INVALID_ARGUMENT without a query, and for a hash that is not the query's
 */
export async function prepare(
  { check, queries }: Executor,
  parameters: Parameters,
  idempotencyKey: string | null,
  requestId: string,
): Promise<Prepared> {
  const text = await persisted(parameters, queries)
  if (text instanceof GraphQLError) return { runnable: null, errors: [faultOf(text, requestId)], isAnswer: true }
  const refuse = (message: string): Prepared => {
    const error = errorOf(new Problem("INVALID_ARGUMENT", message), requestId)
    return { runnable: null, errors: [error], isAnswer: false }
  }
  const { document, errors } = check(text)
  if (document === null)
    return { runnable: null, errors: errors.map((error) => faultOf(error, requestId)), isAnswer: false }
  const operation = getOperationAST(document, parameters.operationName)
  if (!operation) return refuse("Say by operationName which operation is meant")
  if (
    operation.operation === "mutation" &&
    idempotencyKey !== null &&
    (operation.selectionSet.selections.length > 1 || operation.selectionSet.selections[0]?.kind !== "Field")
  )
    return refuse("An idempotency key is for one mutation: send one root field")
  return { runnable: { document, operation, parameters }, errors: null }
}

/** A value that cannot go out has no place in the document; an argument that cannot come in has one. */
function isAsked({ originalError }: GraphQLError): boolean {
  return originalError instanceof GraphQLError && originalError.nodes !== undefined
}

/** What a resolver threw that is no problem, and an answer that is none of its type, is a fault of ours: nothing of it leaves. */
export function maskedError(error: GraphQLError, requestId: string): GraphQLError {
  if (error.extensions.code !== undefined || isAsked(error)) return faultOf(error, requestId)
  return new GraphQLError("Something went wrong on our side", {
    nodes: error.nodes,
    path: error.path,
    extensions: { code: "INTERNAL", requestId },
  })
}

/** A result without what is ours alone. Without data nothing was executed: those are faults of the variables. */
export function masked(result: ExecutionResult, requestId: string): ExecutionResult {
  if (!result.errors) return result
  const told = "data" in result ? maskedError : faultOf
  return { ...result, errors: result.errors.map((error) => told(error, requestId)) }
}

/** What a stream of results broke with, as an error that may leave. */
export function errorIn(thrown: unknown, requestId: string): GraphQLError {
  if (thrown instanceof GraphQLError) return maskedError(thrown, requestId)
  return new GraphQLError("Something went wrong on our side", { extensions: { code: "INTERNAL", requestId } })
}

const argumentsOf = ({ schema, introspection }: Executor, { document, parameters }: Runnable, visit: Visit) => ({
  schema,
  document,
  operationName: parameters.operationName,
  variableValues: parameters.variables as JsonObject,
  contextValue: visit,
  hideSuggestions: !introspection,
  options: { maxCoercionErrors: 20 },
})

/** Executes a query or a mutation. Variables that are none of their types are found before execution: then the result has no `data`. */
export async function executed(executor: Executor, runnable: Runnable, visit: Visit): Promise<ExecutionResult> {
  return masked(await execute(argumentsOf(executor, runnable, visit)), visit.requestId)
}

/** Begins a subscription; a result is why it was refused. */
export async function subscribed(
  executor: Executor,
  runnable: Runnable,
  visit: Visit,
): Promise<AsyncGenerator<ExecutionResult, void, void> | ExecutionResult> {
  const begun = await subscribe(argumentsOf(executor, runnable, visit))
  return Symbol.asyncIterator in begun ? begun : masked(begun, visit.requestId)
}
