/** The headers that every answer has, made once an isolate, and the ones that tell of one call. */

import { setCookies } from "../../core/cookies.ts"
import { allowOrigin, allowRequest } from "../../core/cors.ts"
import type { Facts, SharedFacts } from "../../core/door.ts"
import { tellDeprecation } from "../../core/lifecycle.ts"
import { limitHeaders } from "../../core/limit-fields.ts"
import { securityHeaders } from "../../core/security-headers.ts"
import type { Wire } from "./wire.ts"

/** Ready-made sets: copying one is cheaper than naming its headers again (measured: 7 µs against 10). */
export interface HeaderSets {
  /** A read: may be kept by the caller alone, and only with asking again, so that entity tags are of use. */
  readonly read: Headers
  /** A read that is the same for everybody, or for everybody who brings no credential. Without the length of time. */
  readonly everybody: Headers
  readonly anonymous: Headers
  readonly write: Headers
  readonly empty: Headers
  readonly problem: Headers
}

/** The sets of one configuration. */
export function headerSets(corsOrigins: readonly string[]): HeaderSets {
  const origin = corsOrigins.length === 0 ? "" : ", Origin"
  const json = "application/json; charset=utf-8"
  const set = (cache: string, type: string | null, vary = "Accept, Authorization, Cookie") =>
    new Headers({
      ...securityHeaders,
      "Cache-Control": cache,
      Vary: vary + origin,
      ...(type === null ? {} : { "Content-Type": type }),
    })
  return {
    read: set("private, no-cache", json),
    // A bookmark asks for what is not kept.
    everybody: set("public", json, "Accept, X-Selvage-Bookmark"),
    anonymous: set("public", json, "Accept, Authorization, Cookie, X-Selvage-Bookmark"),
    write: set("no-store", json),
    empty: set("no-store", null),
    problem: set("no-store", "application/problem+json; charset=utf-8"),
  }
}

/**
 * The headers of a read: for this caller alone, or with how long whoever is on the way may keep it (RFC 9111 §5.2, §5.1; RFC 5861 §3). `max-age` counts
 * from when the answer was made, and Age says how much of it is over.
 */
export function headersOf(sets: HeaderSets, shared: SharedFacts | null): Headers {
  if (shared === null) return sets.read
  const headers = new Headers(shared.everybody ? sets.everybody : sets.anonymous)
  const stale = shared.staleSeconds === 0 ? "" : `, stale-while-revalidate=${shared.staleSeconds}`
  headers.set("Cache-Control", `public, max-age=${shared.freshSeconds}${stale}`)
  headers.set("Age", String(shared.ageSeconds))
  return headers
}

/** A request id that the caller chose must not be kept for others; one of our own says nothing to them. */
function isReflected(wire: Wire, facts: Facts): boolean {
  return Boolean(facts.cached?.shared) && wire.request.headers.get("x-request-id") === facts.requestId
}

/** The successor's address, with what the caller has put into its own; null when it asks for more than that. */
function successorAddress({ route, parameters }: Wire): string | null {
  const address = route?.successor?.replaceAll(/\{(\w+)\}/g, (whole, name: string) =>
    parameters[name] === undefined ? whole : encodeURIComponent(parameters[name]),
  )
  return address === undefined || address.includes("{") ? null : address
}

/** That what was called is deprecated, since when, until when, and where to go (RFC 9745, RFC 8594; RFC 5829 §3.2 for the successor). */
function tellLife(headers: Headers, wire: Wire): void {
  const deprecated = wire.route?.deprecated
  if (deprecated === undefined) return
  tellDeprecation(headers, deprecated)
  headers.append("Link", '</docs>; rel="deprecation"; type="text/html"')
  const successor = successorAddress(wire)
  if (successor !== null) headers.append("Link", `<${successor}>; rel="successor-version"`)
}

/** The headers that tell of this call: its id, where the database stood, what is left of its limits, what it cost. */
export function tellFacts(headers: Headers, wire: Wire, facts: Facts): void {
  if (!isReflected(wire, facts)) headers.set("X-Request-Id", facts.requestId)
  if (facts.bookmark !== null) headers.set("X-Selvage-Bookmark", facts.bookmark)
  // What is left to one is not kept for others.
  if (!facts.cached?.shared) for (const [name, value] of limitHeaders(facts.limits)) headers.set(name, value)
  if (facts.replayed) headers.set("Idempotent-Replayed", "true")
  if (facts.receipt !== null) {
    const { cost, estimate, spans } = facts.receipt
    headers.set(
      "Server-Timing",
      spans.map((span) => `${span.stage};dur=${Math.round(span.milliseconds * 1000) / 1000}`).join(", "),
    )
    if (facts.cached !== null) headers.set("X-Selvage-Cache", facts.cached.state)
    const { trips, rowsRead, rowsWritten } = cost
    headers.set(
      "X-Selvage-Cost",
      `trips=${trips}, rows-read=${rowsRead}, rows-written=${rowsWritten}, estimate=${estimate}`,
    )
  }
  tellLife(headers, wire)
  if (facts.session !== null) setCookies(headers, facts.session, Date.now())
  allowOrigin(headers, wire.origin)
}

/** The answer to OPTIONS: what stands here, and for a listed origin what its scripts may send (Fetch, CORS-preflight). No I/O. */
export function optionsAnswer(wire: Wire, allow: readonly string[], requestId: string): Response {
  const headers = new Headers({
    ...securityHeaders,
    Allow: allow.join(", "),
    Vary: "Origin",
    "X-Request-Id": requestId,
  })
  if (wire.origin !== null && wire.request.headers.has("access-control-request-method")) {
    allowRequest(headers, wire.origin, allow.join(", "))
  }
  return new Response(null, { status: 204, headers })
}
