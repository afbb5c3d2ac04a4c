/**
 * The GraphQL door, at `/graphql` (October 2025 edition; GraphQL over HTTP, draft of 2025-09). Whoever calls is let in before the body is read; each
 * root field is one call of the pipeline, with its own limits, policy and event.
 */
import { execute, GraphQLError, type GraphQLSchema, getOperationAST } from "graphql"
import { arrivalOf } from "../../core/arrival.ts"
import type { Arrival, Call } from "../../core/door.ts"
import type { JsonObject } from "../../core/json.ts"
import type { Cost } from "../../core/observation.ts"
import type { Credentials } from "../../core/ports.ts"
import { presentedIn } from "../../core/presented.ts"
import type { Principal } from "../../core/principal.ts"
import { asProblem, Problem } from "../../core/problem.ts"
import type { Registry } from "../../core/registry.ts"
import { acceptedType, type MediaType, type Parameters, parametersIn } from "./decode.ts"
import { documents } from "./documents.ts"
import { type Answered, encode, encodeProblem, nothingTold } from "./encode.ts"
import { persisted, type Queries } from "./persisted.ts"
import { errorOf, faultOf } from "./problem.ts"
import { schemaOf } from "./schema.ts"
import { door, type Visit } from "./visit.ts"

/** What the door needs of the world. */
export interface GraphqlOptions {
  readonly registry: Registry
  readonly corsOrigins: readonly string[]
  readonly call: Call
  /** Introspection is for development, and where it is switched on. */
  readonly introspection: boolean
  readonly queries: Queries
  admit(credentials: Credentials): Promise<Principal>
  requestId(): string
}

/** What one request is executed with. */
interface House extends GraphqlOptions {
  readonly schema: GraphQLSchema
  readonly check: ReturnType<typeof documents>
}

/** A request on its way. */
interface Asked {
  readonly request: Request
  readonly credentials: Credentials
  readonly principal: Principal
  readonly arrival: Arrival
  readonly type: MediaType
}

function sum(a: Cost | null, b: Cost): Cost {
  if (a === null) return { ...b }
  return { trips: a.trips + b.trips, rowsRead: a.rowsRead + b.rowsRead, rowsWritten: a.rowsWritten + b.rowsWritten }
}

/** Calls of one request: bookmark and key in, the newest bookmark out. */
function visitOf(house: House, asked: Asked, idempotencyKey: string | null, told: Answered): Visit {
  const { headers } = asked.request
  const { credentials, principal } = asked
  return {
    async call(operation, input) {
      const bookmark = told.bookmark ?? headers.get("x-selvage-bookmark")
      const ending = await house.call(
        door,
        { credentials, principal, operation, input, idempotencyKey, bookmark },
        asked.arrival,
      )
      const { facts } = ending
      if (facts.bookmark !== null && facts.bookmark > (told.bookmark ?? "")) told.bookmark = facts.bookmark
      if (facts.replayed) told.replayed = true
      if (facts.receipt) told.cost = sum(told.cost, facts.receipt.cost)
      if (facts.session !== null) told.session = facts.session
      told.limits.push(facts.limits)
      if (ending.problem) {
        told.retryAfterSeconds = ending.problem.options.retryAfterSeconds ?? told.retryAfterSeconds
        throw errorOf(ending.problem, facts.requestId)
      }
      return ending.output
    },
  }
}

/** Why a document that is good may not be executed like this. */
function refusalOf(asked: Asked, operation: ReturnType<typeof getOperationAST>, key: string | null): Problem | null {
  if (!operation) return new Problem("INVALID_ARGUMENT", "Say by operationName which operation is meant")
  if (operation.operation === "mutation" && asked.request.method === "GET")
    return new Problem("UNIMPLEMENTED", "GET changes nothing: send a mutation with POST", {
      type: "method-not-allowed",
      allow: ["POST"],
    })
  if (operation.operation === "mutation" && key !== null && operation.selectionSet.selections.length > 1)
    return new Problem("INVALID_ARGUMENT", "An idempotency key is for one mutation: send one root field")
  return null
}

async function answer(house: House, asked: Asked, parameters: Parameters): Promise<Response> {
  const text = await persisted(parameters, house.queries)
  if (text instanceof GraphQLError) return encode(asked, { errors: [text] }, 200)
  const checked = house.check(text)
  // Before execution the newer form has a status of its own (§6.4); in the older one every well-formed request is 200.
  const refused = asked.type === "application/json" ? 200 : 400
  if (checked.document === null) return encode(asked, { errors: checked.errors }, refused)
  const { operationName, variables } = parameters
  const operation = getOperationAST(checked.document, operationName)
  const key = asked.request.headers.get("idempotency-key")
  const problem = refusalOf(asked, operation, key)
  if (problem) return encodeProblem(asked, problem, problem.options.type ? null : refused)
  const told = nothingTold()
  const result = await execute({
    schema: house.schema,
    document: checked.document,
    operationName,
    variableValues: variables as JsonObject,
    contextValue: visitOf(house, asked, key, told),
    hideSuggestions: !house.introspection,
    options: { maxCoercionErrors: 20 },
  })
  // Variables that are none of their types are found before execution, too: then there is no data.
  return encode(asked, masked(result), "data" in result ? 200 : refused, told)
}

/**
 * What a resolver threw that is no problem, and an answer that is none of its type, is a fault of ours: nothing of it leaves. Without data nothing was
 * executed: those are faults of the variables.
 */
function masked(result: { readonly data?: unknown; readonly errors?: readonly GraphQLError[] }) {
  if (!("data" in result)) return { errors: result.errors?.map(faultOf) ?? [] }
  // A value that cannot go out has no place in the document; an argument that cannot come in has one.
  const isAsked = ({ originalError }: GraphQLError) => originalError instanceof GraphQLError && originalError.nodes
  const hide = (error: GraphQLError) =>
    error.extensions.code === undefined && !isAsked(error)
      ? new GraphQLError("Something went wrong on our side", {
          nodes: error.nodes,
          path: error.path,
          extensions: { code: "INTERNAL" },
        })
      : faultOf(error)
  return result.errors ? { ...result, errors: result.errors.map(hide) } : result
}

/** Makes the door of an isolate; its schema is built with it. The handler does not reject. */
export function graphqlDoor(options: GraphqlOptions): (request: Request) => Promise<Response> {
  const listed = new Set(options.corsOrigins)
  const schema = schemaOf(options.registry)
  const house: House = { ...options, schema, check: documents(schema, options.introspection) }
  return async (request) => {
    const arrival = arrivalOf(request, options.requestId)
    const accepted = acceptedType(request.headers.get("accept"))
    const credentials = presentedIn(request, listed)
    const shown = { request, arrival, type: accepted ?? ("application/json" as const) }
    try {
      const principal = await options.admit(credentials)
      if (accepted === null)
        throw new Problem("INVALID_ARGUMENT", "Accept application/graphql-response+json or application/json", {
          type: "not-acceptable",
        })
      return await answer(house, { ...shown, credentials, principal }, await parametersIn(request))
    } catch (thrown) {
      return encodeProblem(shown, asProblem(thrown), null)
    }
  }
}
