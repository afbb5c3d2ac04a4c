/**
 * A browser's session, and the steps of a sign-in: cookies with the `__Host-` prefix (RFC 6265bis §4.1.3.2), so that they belong to this host alone, and a rule
 * against forged requests. Refuses nothing itself: it says whether the request comes from a page of this site, and the pipeline decides.
 */
import type { SessionEffect } from "./operation.ts"
import type { Cookies } from "./ports.ts"

const names = {
  access: "__Host-at",
  refresh: "__Host-rt",
  device: "__Host-device",
  ticket: "__Host-mfa",
  challenge: "__Host-challenge",
} as const

const deviceSeconds = 400 * 24 * 3600

/** Who is on the way to a provider and back. It comes back from another site, so the cookie is Lax. */
const flowName = "__Host-flow"

/** The values of a Cookie header by name; of two with one name the first. */
function parse(header: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const part of header.split(";")) {
    const at = part.indexOf("=")
    const name = part.slice(0, at).trim()
    if (at > 0 && !found.has(name)) found.set(name, part.slice(at + 1).trim())
  }
  return found
}

/**
 * Whether a request that may change something comes from a page of this origin or of a listed one (OWASP: Fetch Metadata, with Origin as the
 * fallback). A request that says neither is not trusted.
 */
function isSameOrigin(request: Request, listed: ReadonlySet<string>): boolean {
  if (request.method === "GET" || request.method === "HEAD") return true
  const origin = request.headers.get("origin")
  if (origin !== null && listed.has(origin)) return true
  const site = request.headers.get("sec-fetch-site")
  if (site !== null) return site === "same-origin"
  return origin !== null && origin === new URL(request.url).origin
}

/** What a browser sent by itself. null where a credential stands in Authorization: then cookies count for nothing. */
export function cookiesOf(request: Request, listed: ReadonlySet<string>): Cookies | null {
  const { headers } = request
  if (headers.has("authorization")) return null
  const header = headers.get("cookie")
  // Without cookies only what might set some needs to know where the request comes from.
  if (header === null && request.method === "GET") return null
  const all = header === null ? null : parse(header)
  return {
    access: all?.get(names.access) ?? null,
    refresh: all?.get(names.refresh) ?? null,
    device: all?.get(names.device) ?? null,
    ticket: all?.get(names.ticket) ?? null,
    challenge: all?.get(names.challenge) ?? null,
    sameOrigin: isSameOrigin(request, listed),
  }
}

/**
 * What a browser sent with the handshake of a WebSocket. It sends cookies to any site's page that asks, and reads the answers to that page: so these
 * count only when Origin is this host or a listed one (RFC 6455 §10.2).
 */
export function socketCookiesOf(request: Request, listed: ReadonlySet<string>): Cookies | null {
  const cookies = cookiesOf(request, listed)
  if (cookies === null) return null
  const origin = request.headers.get("origin")
  const sameOrigin = origin !== null && (listed.has(origin) || origin === new URL(request.url).origin)
  return { ...cookies, sameOrigin }
}

function cookie(name: string, value: string, seconds: number, site: "Lax" | "Strict"): string {
  return `${name}=${value}; Max-Age=${Math.max(0, Math.floor(seconds))}; Path=/; Secure; HttpOnly; SameSite=${site}`
}

/**
 * Sets or clears the cookies of an answer.
 * @param now milliseconds since 1970
 */
export function setCookies(headers: Headers, effect: SessionEffect | null, now: number): void {
  if (effect === null) return
  if (effect.kind === "clear") {
    headers.append("Set-Cookie", cookie(names.access, "", 0, "Lax"))
    headers.append("Set-Cookie", cookie(names.refresh, "", 0, "Strict"))
    return
  }
  if (effect.kind === "flow") {
    const { cookie: name, value, expiresAt } = effect
    headers.append("Set-Cookie", cookie(names[name], value, (expiresAt - now) / 1000, "Strict"))
    return
  }
  const { access, refresh, device, over } = effect
  headers.append("Set-Cookie", cookie(names.access, access.token, (access.expiresAt - now) / 1000, "Lax"))
  headers.append("Set-Cookie", cookie(names.refresh, refresh.token, (refresh.expiresAt - now) / 1000, "Strict"))
  if (device !== null) headers.append("Set-Cookie", cookie(names.device, device, deviceSeconds, "Lax"))
  for (const name of over) headers.append("Set-Cookie", cookie(names[name], "", 0, "Strict"))
}

/** The flow with which the browser of a request went to a provider; null when it did not. */
export function flowOf(request: Request): string | null {
  return parse(request.headers.get("cookie") ?? "").get(flowName) ?? null
}

/**
 * Keeps a flow in the browser, or takes it back.
 * @param flow null: it is over
 */
export function setFlow(headers: Headers, flow: { readonly text: string; readonly seconds: number } | null): void {
  headers.append("Set-Cookie", cookie(flowName, flow?.text ?? "", flow?.seconds ?? 0, "Lax"))
}
