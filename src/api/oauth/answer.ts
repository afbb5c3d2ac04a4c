/** Answers of the authorization server to programs, and its refusals in the words of RFC 6749 §5.2. Scripts of any site may read them: no cookie counts here. */
import { oauthErrors } from "../../core/oauth.ts"
import type { Problem } from "../../core/problem.ts"
import { securityHeaders } from "../../core/security-headers.ts"

const shared = {
  ...securityHeaders,
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Expose-Headers": "Retry-After, WWW-Authenticate",
}

/** A document that anybody may keep for a while. */
export function documentAnswer(text: string): Response {
  return new Response(text, {
    headers: { ...shared, "Content-Type": "application/json", "Cache-Control": "public, max-age=300" },
  })
}

/** What a program gets; nobody may keep it (RFC 6749 §5.1). */
export function bodyAnswer(status: number, body: string, requestId: string): Response {
  const headers = new Headers({ ...shared, "Cache-Control": "no-store", Pragma: "no-cache", "X-Request-Id": requestId })
  if (body !== "") headers.set("Content-Type", "application/json")
  return new Response(body === "" ? null : body, { status, headers })
}

/** The answer to OPTIONS (Fetch, CORS-preflight). */
export function optionsAnswer(allow: string): Response {
  const headers = { ...shared, Allow: allow, "Access-Control-Allow-Methods": allow, "Access-Control-Max-Age": "7200" }
  return new Response(null, {
    status: 204,
    headers: { ...headers, "Access-Control-Allow-Headers": "Authorization, Content-Type, MCP-Protocol-Version" },
  })
}

function statusAndError({ code, options }: Problem): readonly [number, string] {
  const { type, violations } = options
  if (type === "method-not-allowed") return [405, "invalid_request"]
  if (type === "payload-too-large") return [413, "invalid_request"]
  const error = oauthErrors.find((one) => one === violations?.[0]?.code)
  if (code === "UNAUTHENTICATED") return [401, error ?? "invalid_client"]
  if (code === "INVALID_ARGUMENT") return [400, error ?? "invalid_request"]
  if (code === "NOT_FOUND") return [404, "invalid_request"]
  if (code === "RESOURCE_EXHAUSTED") return [429, "temporarily_unavailable"]
  if (code === "UNAVAILABLE" || code === "DEADLINE_EXCEEDED") return [503, "temporarily_unavailable"]
  return [500, "server_error"]
}

/**
 * A refusal.
 * @param usedBasic whether the client tried HTTP Basic: then it is told that it may (RFC 6749 §5.2)
 */
export function problemAnswer(problem: Problem, requestId: string, usedBasic: boolean): Response {
  const [status, error] = statusAndError(problem)
  // error_description is ASCII without quotes and backslashes (RFC 6749 §5.2).
  const text = problem.message.replaceAll(/["\\]/g, "'").replaceAll(/[^\x20-\x7e]/g, "?")
  const answer = bodyAnswer(status, JSON.stringify({ error, error_description: text }), requestId)
  const { retryAfterSeconds, allow } = problem.options
  if (retryAfterSeconds !== undefined) answer.headers.set("Retry-After", String(Math.ceil(retryAfterSeconds)))
  if (allow !== undefined) answer.headers.set("Allow", allow.join(", "))
  if (status === 401 && usedBasic) answer.headers.set("WWW-Authenticate", 'Basic realm="selvage"')
  return answer
}
