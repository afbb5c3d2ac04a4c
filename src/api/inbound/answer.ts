/** What senders of messages are answered: that it was received, or a problem (RFC 9457). Nothing of what came of it. */
import { type Code, titles } from "../../core/code.ts"
import type { Problem, ProblemType } from "../../core/problem.ts"
import { securityHeaders } from "../../core/security-headers.ts"

const statuses: Readonly<Partial<Record<Code, number>>> = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  OUT_OF_RANGE: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  ABORTED: 409,
  RESOURCE_EXHAUSTED: 429,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
}

const refinements: Readonly<Partial<Record<ProblemType, number>>> = {
  "method-not-allowed": 405,
  "payload-too-large": 413,
  "idempotency-key-reused": 422,
}

const common = { ...securityHeaders, "Cache-Control": "no-store" }

/** 204: it was received, now or before. */
export function receivedAnswer(requestId: string): Response {
  return new Response(null, { status: 204, headers: { ...common, "X-Request-Id": requestId } })
}

/** A problem. Whose faults of input they are: the declaration's as often as the sender's, so they are told. */
export function problemAnswer(problem: Problem, requestId: string): Response {
  const { type, violations, retryAfterSeconds, allow } = problem.options
  const status = (type && refinements[type]) ?? statuses[problem.code] ?? 500
  const name = (type ?? problem.code).toLowerCase().replaceAll("_", "-")
  const body = {
    type: `urn:selvage:problem:${name}`,
    title: titles[problem.code],
    status,
    detail: problem.message,
    code: problem.code,
    requestId,
    ...(violations === undefined ? {} : { violations }),
  }
  const headers = new Headers({ ...common, "Content-Type": "application/problem+json", "X-Request-Id": requestId })
  if (retryAfterSeconds !== undefined) headers.set("Retry-After", String(Math.ceil(retryAfterSeconds)))
  if (allow !== undefined) headers.set("Allow", allow.join(", "))
  return new Response(JSON.stringify(body), { status, headers })
}
