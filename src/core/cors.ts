/** Cross-origin calls of the origins that the operator lists (Fetch, "CORS protocol"), for every door that speaks HTTP. */

/** Headers of answers that scripts of listed origins may read. */
const exposed = [
  "Age",
  "Deprecation",
  "ETag",
  "Grpc-Message",
  "Grpc-Status",
  "Grpc-Status-Details-Bin",
  "Idempotent-Replayed",
  "Link",
  "Location",
  "RateLimit",
  "RateLimit-Policy",
  "Retry-After",
  "Server-Timing",
  "Sunset",
  "WWW-Authenticate",
  "X-Request-Id",
  "X-Selvage-Bookmark",
  "X-Selvage-Cache",
  "X-Selvage-Cost",
].join(", ")

/** Headers that they may send. */
const requested = [
  "Accept",
  "Authorization",
  "Connect-Protocol-Version",
  "Connect-Timeout-Ms",
  "Content-Encoding",
  "Content-Type",
  "Grpc-Timeout",
  "Idempotency-Key",
  "If-Match",
  "If-None-Match",
  "MCP-Protocol-Version",
  "Mcp-Method",
  "Mcp-Name",
  "SOAPAction",
  "X-Grpc-Web",
  "X-Request-Id",
  "X-Selvage-Bookmark",
  "X-User-Agent",
  "traceparent",
].join(", ")

const preflightSeconds = 7200

/** Lets the listed origin's scripts read the answer, also one that a cookie of this host was sent for: the list names those that may. */
export function allowOrigin(headers: Headers, origin: string | null): void {
  if (origin === null) return
  headers.set("Access-Control-Allow-Origin", origin)
  headers.set("Access-Control-Allow-Credentials", "true")
  headers.set("Access-Control-Expose-Headers", exposed)
}

/** Tells what a listed origin's scripts may send (CORS-preflight). */
export function allowRequest(headers: Headers, origin: string, methods: string): void {
  headers.set("Access-Control-Allow-Origin", origin)
  headers.set("Access-Control-Allow-Credentials", "true")
  headers.set("Access-Control-Allow-Methods", methods)
  headers.set("Access-Control-Allow-Headers", requested)
  headers.set("Access-Control-Max-Age", String(preflightSeconds))
}
