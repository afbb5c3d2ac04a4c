/** The answer of what cannot be served from: a configuration or a declaration that is not whole. */
import { securityHeaders } from "./core/security-headers.ts"

/**
 * 503 as problem+json (RFC 9457).
 * @param detail names the thing and the cure, never a value
 */
export function misconfigured(detail: string): Response {
  const body = {
    type: "urn:selvage:problem:misconfigured",
    title: "Temporarily unavailable",
    status: 503,
    code: "UNAVAILABLE",
    detail,
  }
  return new Response(JSON.stringify(body), {
    status: 503,
    headers: {
      ...securityHeaders,
      "Content-Type": "application/problem+json",
      "Cache-Control": "no-store",
    },
  })
}
