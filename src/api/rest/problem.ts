/** Problem -> RFC 9457. The status comes from the code by Connect's own table, refined where HTTP has a better word for the type. */

import { challengeOf } from "../../core/challenge.ts"
import { type Code, titles } from "../../core/code.ts"
import type { Facts } from "../../core/door.ts"
import type { ToldProblem } from "../../core/mount.ts"
import type { Problem, ProblemType } from "../../core/problem.ts"
import { problemFields, problemUrn } from "../../core/problem-fields.ts"
import { clientPath } from "./decode.ts"
import { type HeaderSets, tellFacts } from "./headers.ts"
import { takenTypes } from "./negotiation.ts"
import { pathText, type Wire } from "./wire.ts"

/** HTTP status of each code (connectrpc.com/docs/protocol, "Error codes"). */
export const statusByCode: Readonly<Record<Code, number>> = {
  CANCELLED: 499,
  UNKNOWN: 500,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 400,
  ABORTED: 409,
  OUT_OF_RANGE: 400,
  UNIMPLEMENTED: 501,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DATA_LOSS: 500,
  UNAUTHENTICATED: 401,
}

/** The code under which each type is thrown: what a mount is shown of it for the generated document. */
export const codeByType: Readonly<Record<ProblemType, Code>> = {
  "method-not-allowed": "UNIMPLEMENTED",
  "not-acceptable": "INVALID_ARGUMENT",
  "payload-too-large": "INVALID_ARGUMENT",
  "unsupported-media-type": "INVALID_ARGUMENT",
  "version-mismatch": "FAILED_PRECONDITION",
  "idempotency-key-reused": "FAILED_PRECONDITION",
  "budget-exhausted": "RESOURCE_EXHAUSTED",
  "unknown-route": "NOT_FOUND",
  "insufficient-user-authentication": "UNAUTHENTICATED",
  "approval-required": "FAILED_PRECONDITION",
}

/** Where the type says more than the code. */
export const refinements: Readonly<Record<ProblemType, { readonly status: number; readonly title: string }>> = {
  "method-not-allowed": { status: 405, title: "This address has other methods" },
  "not-acceptable": { status: 406, title: "Nothing acceptable to give" },
  "payload-too-large": { status: 413, title: "The body is too large" },
  "unsupported-media-type": { status: 415, title: "The body has another type" },
  "version-mismatch": { status: 412, title: "The record has another version" },
  "idempotency-key-reused": { status: 422, title: "The key was used for another request" },
  "budget-exhausted": { status: 429, title: "The budget of the day is spent" },
  "unknown-route": { status: 404, title: "Nothing stands here" },
  "insufficient-user-authentication": { status: 401, title: "A fresh proof of who you are is needed" },
  "approval-required": { status: 409, title: "Somebody has to approve this first" },
}

/** The status that a problem is answered with. */
export function statusOf(problem: Problem): number {
  const { type } = problem.options
  return type === undefined ? statusByCode[problem.code] : refinements[type].status
}

function bodyOf(wire: Wire, problem: Problem, requestId: string) {
  const { type, violations } = problem.options
  return {
    type: problemUrn(type ?? problem.code),
    title: type === undefined ? titles[problem.code] : refinements[type].title,
    status: statusOf(problem),
    detail: problem.message,
    instance: pathText(wire.request),
    code: problem.code,
    requestId,
    ...problemFields(problem),
    ...(violations === undefined
      ? {}
      : { violations: violations.map((one) => ({ ...one, path: clientPath(wire, one.path) })) }),
  }
}

function tellCure(headers: Headers, wire: Wire, problem: Problem, metadata: string): void {
  const { type, allow, retryAfterSeconds, approval } = problem.options
  if (retryAfterSeconds !== undefined) headers.set("Retry-After", String(Math.ceil(retryAfterSeconds)))
  if (approval !== undefined) headers.append("Link", `<${approval.page}>; rel="urn:selvage:rel:approval"`)
  if (allow !== undefined) headers.set("Allow", allow.join(", "))
  const challenge = challengeOf(problem, wire.credentials.bearer !== null, metadata)
  if (challenge !== null) headers.set("WWW-Authenticate", challenge)
  if (type === "unsupported-media-type" && wire.route) {
    const taken = takenTypes(wire.route.method).join(", ")
    headers.set("Accept", taken)
    if (wire.route.method !== "PUT") headers.set(wire.route.method === "PATCH" ? "Accept-Patch" : "Accept-Post", taken)
  }
}

/** What a mount's own rendering is given. */
function toldOf(problem: Problem, requestId: string): ToldProblem {
  const { type = null, violations = [], retryAfterSeconds = null } = problem.options
  const { code, message } = problem
  return { code, type, status: statusOf(problem), message, violations, requestId, retryAfterSeconds }
}

/** A problem as its mount renders it, or by RFC 9457. */
function rendered(wire: Wire, problem: Problem, requestId: string, sets: HeaderSets): Response {
  const rendering = wire.mount?.problem ?? null
  if (rendering === null) {
    const body = bodyOf(wire, problem, requestId)
    return new Response(JSON.stringify(body), { status: body.status, headers: sets.problem })
  }
  const { status, body } = rendering.render(toldOf(problem, requestId))
  if (body === null) return new Response(null, { status, headers: sets.empty })
  return new Response(JSON.stringify(body), { status, headers: sets.write })
}

/**
 * The encoder of problems of one configuration.
 * @param metadata address of the document on how to be let in
 */
export function problemEncoder(
  sets: HeaderSets,
  metadata: string,
): (wire: Wire, problem: Problem, facts: Facts) => Response {
  return (wire, problem, facts) => {
    const answer = rendered(wire, problem, facts.requestId, sets)
    tellCure(answer.headers, wire, problem, metadata)
    tellFacts(answer.headers, wire, facts)
    return answer
  }
}
