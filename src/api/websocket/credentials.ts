/**
 * Who opens a connection, from headers alone. A browser cannot set Authorization on a WebSocket, so the token may stand among the subprotocols as
 * `bearer.<token>`.
 */
import { socketCookiesOf } from "../../core/cookies.ts"
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
  return {
    address: headers.get("cf-connecting-ip"),
    userAgent: headers.get("user-agent"),
    bearer,
    cookies: bearer === null ? socketCookiesOf(request, listed) : null,
  }
}
