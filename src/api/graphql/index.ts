/**
 * The GraphQL door, at `/graphql` (October 2025 edition; GraphQL over HTTP, draft of 2025-09). Whoever calls is let in before the body is read; each
 * root field is one call of the pipeline, with its own limits, policy and event.
 */
import { arrivalOf } from "../../core/arrival.ts"
import { challengeOf } from "../../core/challenge.ts"
import { socketCookiesOf } from "../../core/cookies.ts"
import { documentAt } from "../../core/document.ts"
import type { Arrival, Call } from "../../core/door.ts"
import type { LimitedCaller } from "../../core/limit-places.ts"
import type { LiveConnection } from "../../core/live-connection.ts"
import { oauthPaths } from "../../core/oauth.ts"
import type { Cost } from "../../core/observation.ts"
import type { Credentials } from "../../core/ports.ts"
import { presentedIn } from "../../core/presented.ts"
import type { Principal } from "../../core/principal.ts"
import { asProblem, Problem } from "../../core/problem.ts"
import type { Registry } from "../../core/registry.ts"
import type { WatchStream } from "../../core/watch.ts"
import { acceptedType, type Parameters, parametersIn } from "./decode.ts"
import { documents } from "./documents.ts"
import { type Answered, encode, encodeProblem, headersOf, nothingTold, type Shown } from "./encode.ts"
import { eventBody, eventType } from "./events.ts"
import { type Executor, executed, type Prepared, prepare, type Runnable, subscribed } from "./execution.ts"
import { isForPage, pageAnswer } from "./page.ts"
import type { Queries } from "./persisted.ts"
import { errorOf } from "./problem.ts"
import { schemaOf } from "./schema.ts"
import { schemaPath, schemaText } from "./sdl.ts"
import { openSocket } from "./socket.ts"
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
  /** Opens a connection to the live object of whoever was let in, counted and refused as one at `/ws`. Throws Problem. */
  live(caller: LimitedCaller, arrival: Arrival): Promise<LiveConnection>
  requestId(): string
  /** Our origin. */
  readonly origin: string
}

/** What one request is executed with. */
interface House extends GraphqlOptions, Executor {}

/** A request on its way. */
interface Asked extends Shown {
  readonly credentials: Credentials
  readonly principal: Principal
}

function sum(a: Cost | null, b: Cost): Cost {
  if (a === null) return { ...b }
  return { trips: a.trips + b.trips, rowsRead: a.rowsRead + b.rowsRead, rowsWritten: a.rowsWritten + b.rowsWritten }
}

/** What the calls of a request leave behind. */
interface Left {
  readonly told: Answered
  /** Watches that were begun. */
  readonly opened: WatchStream[]
}

/** Calls of one request: bookmark and key in, the newest bookmark out. */
function visitOf(house: House, asked: Asked, idempotencyKey: string | null, { told, opened }: Left): Visit {
  const { headers } = asked.request
  const { credentials, principal } = asked
  const visit: Visit = {
    requestId: asked.arrival.requestId,
    async call(operation, input, place) {
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
        told.challenge ??= challengeOf(ending.problem, asked.presented, asked.metadata)
        throw errorOf(ending.problem, facts.requestId, place)
      }
      return ending.output
    },
    async watch(operation, input, place) {
      const stream = (await visit.call(operation, input, place)) as unknown as WatchStream
      opened.push(stream)
      return stream
    },
  }
  return visit
}

/** Why a document that is good may not be executed like this. */
function refuseMethod({ request, type }: Asked, { operation }: Runnable["operation"]): void {
  if (operation === "mutation" && request.method === "GET")
    throw new Problem("UNIMPLEMENTED", "GET changes nothing: send a mutation with POST", {
      type: "method-not-allowed",
      allow: ["POST"],
    })
  if (operation === "subscription" && type !== eventType)
    throw new Problem("INVALID_ARGUMENT", `A subscription is told as events: let Accept take ${eventType}`, {
      type: "not-acceptable",
    })
}

async function answer(house: House, asked: Asked, parameters: Parameters): Promise<Response> {
  const key = asked.request.headers.get("idempotency-key")
  const { runnable, ...refused } = await prepare(house, parameters, key, asked.arrival.requestId)
  // Before execution the newer form has a status of its own (§6.4); in the older one every well-formed request is 200.
  const status = asked.type === "application/json" ? 200 : 400
  if (runnable === null) {
    const { errors, isAnswer } = refused as Extract<Prepared, { runnable: null }>
    return encode(asked, { errors }, isAnswer ? 200 : status)
  }
  refuseMethod(asked, runnable.operation)
  const told: Answered = nothingTold()
  const opened: WatchStream[] = []
  const visit = visitOf(house, asked, key, { told, opened })
  if (runnable.operation.operation !== "subscription") {
    const result = await executed(house, runnable, visit)
    return encode(asked, result, "data" in result ? 200 : status, told)
  }
  const results = await subscribed(house, runnable, visit)
  if (!(Symbol.asyncIterator in results)) return encode(asked, results, 200, told)
  const close = () => {
    for (const stream of opened) stream.close()
  }
  return new Response(eventBody(results, asked.arrival.requestId, close), { headers: headersOf(asked, told) })
}

/** Makes the door of an isolate; its schema is built with it. The handler does not reject. */
export function graphqlDoor(options: GraphqlOptions): (request: Request) => Promise<Response> {
  const listed = new Set(options.corsOrigins)
  const schema = schemaOf(options.registry)
  const document = documentAt("text/plain; charset=utf-8", () => schemaText(schema), options.queries.hash)
  const metadata = options.origin + oauthPaths.resourceMetadata
  const house: House = { ...options, schema, check: documents(schema, options.introspection) }
  return async (request) => {
    if (new URL(request.url).pathname === schemaPath) return document(request)
    if (options.introspection && isForPage(request)) return pageAnswer(options.registry.title)
    const arrival = arrivalOf(request, options.requestId)
    const accepted = acceptedType(request.headers.get("accept"))
    const credentials = presentedIn(request, listed)
    const type = accepted ?? ("application/json" as const)
    const shown: Shown = { request, arrival, type, presented: credentials.bearer !== null, metadata }
    try {
      if (request.headers.get("upgrade")?.toLowerCase() === "websocket") {
        const cookies = socketCookiesOf(request, listed)
        return await openSocket(house, request, arrival, { ...credentials, cookies })
      }
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
