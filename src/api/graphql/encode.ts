/** Results and problems -> responses of HTTP. */
import type { GraphQLError } from "graphql"
import { challengeOf } from "../../core/challenge.ts"
import type { Code } from "../../core/code.ts"
import { setCookies } from "../../core/cookies.ts"
import type { Arrival } from "../../core/door.ts"
import type { ToldLimit } from "../../core/limit.ts"
import { limitHeaders, limitsTogether, retryHeaders } from "../../core/limit-fields.ts"
import type { Cost } from "../../core/observation.ts"
import type { SessionEffect } from "../../core/operation.ts"
import type { Problem, ProblemType } from "../../core/problem.ts"
import { securityHeaders } from "../../core/security-headers.ts"
import type { Accepted } from "./decode.ts"
import { eventsOf, eventType } from "./events.ts"
import { errorOf } from "./problem.ts"

/** What the answer of a request is written for. */
export interface Shown {
  readonly request: Request
  readonly arrival: Arrival
  readonly type: Accepted
  /** Whether a token was presented. */
  readonly presented: boolean
  /** Address of the document on how to be let in. */
  readonly metadata: string
}

/** What the calls of a request had to tell beside their outputs. */
export interface Answered {
  bookmark: string | null
  replayed: boolean
  session: SessionEffect | null
  retryAfterSeconds: number | null
  /** What would have let in the first call that was refused for who calls. */
  challenge: string | null
  /** What each call was counted by. */
  limits: (readonly ToldLimit[])[]
  /** What the calls cost together, for who may know: development and administrators. */
  cost: Cost | null
}

/** Before any call. */
export function nothingTold(): Answered {
  return {
    bookmark: null,
    replayed: false,
    session: null,
    retryAfterSeconds: null,
    challenge: null,
    limits: [],
    cost: null,
  }
}

const statuses: Partial<Record<Code, number>> = {
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  UNAVAILABLE: 503,
  INTERNAL: 500,
}
const refined: Partial<Record<ProblemType, number>> = {
  "method-not-allowed": 405,
  "not-acceptable": 406,
  "payload-too-large": 413,
  "unsupported-media-type": 415,
}

/** The headers of an answer. */
export function headersOf({ arrival, type }: Shown, told: Answered | null): Headers {
  const headers = new Headers({
    ...securityHeaders,
    "Content-Type": `${type}; charset=utf-8`,
    // What stores or transforms would hold events back.
    "Cache-Control": type === eventType ? "no-store, no-transform" : "no-store",
    Vary: "Accept, Authorization, Cookie, Origin",
    "X-Request-Id": arrival.requestId,
  })
  if (told?.bookmark) headers.set("X-Selvage-Bookmark", told.bookmark)
  if (told?.challenge) headers.set("WWW-Authenticate", told.challenge)
  if (told?.replayed) headers.set("Idempotent-Replayed", "true")
  if (told?.session) setCookies(headers, told.session, Date.now())
  const counted = [...limitHeaders(limitsTogether(told?.limits ?? [])), ...retryHeaders(told?.retryAfterSeconds)]
  for (const [name, value] of counted) headers.set(name, value)
  return headers
}

/** A result, or the errors of a request that was not executed. */
export function encode(
  shown: Shown,
  result: { readonly data?: unknown; readonly errors?: readonly GraphQLError[] },
  status: number,
  told: Answered | null = null,
): Response {
  const whole = told?.cost ? { ...result, extensions: { cost: told.cost } } : result
  const isStream = shown.type === eventType
  // What is wrong with a document is told within the stream, so that clients read it (GraphQL over SSE, "Document Validation").
  const body = isStream ? eventsOf(whole) : JSON.stringify(whole)
  return new Response(body, { status: isStream ? 200 : status, headers: headersOf(shown, told) })
}

/**
 * A problem that no root field has met.
 * @param status null: what the problem says
 */
export function encodeProblem(shown: Shown, problem: Problem, status: number | null): Response {
  const { type, allow, retryAfterSeconds = null } = problem.options
  const own = (type && refined[type]) ?? statuses[problem.code] ?? 400
  const challenge = challengeOf(problem, shown.presented, shown.metadata)
  const told = { ...nothingTold(), retryAfterSeconds, challenge }
  const json = shown.type === eventType ? ({ ...shown, type: "application/json" } as const) : shown
  const response = encode(json, { errors: [errorOf(problem, shown.arrival.requestId)] }, status ?? own, told)
  if (allow) response.headers.set("Allow", allow.join(", "))
  return response
}
