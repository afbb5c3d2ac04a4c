/**
 * Who opens a connection, from headers alone. A browser cannot set Authorization on a WebSocket, so the token may stand among the subprotocols as
 * `bearer.<token>`; it sends its cookies to any site's page that asks, so those count only when Origin is this host or a listed one (RFC 6455 §10.2).
 */
import { cookiesOf } from "../../core/cookies.ts"
import type { Credentials } from "../../core/ports.ts"

/** The subprotocol that is spoken. */
export const subprotocol = "jsonrpc.v1"

const bearerPrefix = "bearer."

/** The subprotocols that the caller offers, in order. */
export function offered(request: Request): readonly string[] {
  const header = request.headers.get("sec-websocket-protocol")
  return header === null ? [] : header.split(",").map((one) => one.trim())
}

/** What the caller presented. */
export function credentialsOf(request: Request, listed: ReadonlySet<string>): Credentials {
  const { headers } = request
  const authorization = headers.get("authorization")
  const token = offered(request).find((one) => one.startsWith(bearerPrefix))
  const bearer =
    authorization === null
      ? (token?.slice(bearerPrefix.length) ?? null)
      : (/^bearer +(\S+) *$/i.exec(authorization)?.[1] ?? "")
  const cookies = bearer === null ? cookiesOf(request, listed) : null
  const origin = headers.get("origin")
  const isOurs = origin !== null && (listed.has(origin) || origin === new URL(request.url).origin)
  return {
    address: headers.get("cf-connecting-ip"),
    userAgent: headers.get("user-agent"),
    bearer,
    cookies: cookies === null ? null : { ...cookies, sameOrigin: isOurs },
  }
}
