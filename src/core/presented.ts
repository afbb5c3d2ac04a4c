/** What a caller presents over HTTP, from headers alone: for every door whose credentials stand in Authorization or in cookies. */
import { cookiesOf } from "./cookies.ts"
import type { Credentials } from "./ports.ts"

/**
 * The token of `Authorization: Bearer …` (RFC 6750 §2.1), or of another scheme that is taken. A scheme that is not is an empty token, which does
 * not hold: a credential was presented.
 * @param schemes other schemes, in any case
 */
export function bearerOf(header: string | null, schemes: readonly string[]): string | null {
  if (header === null) return null
  const bearer = /^bearer +(\S+) *$/i.exec(header)?.[1]
  if (bearer !== undefined || schemes.length === 0) return bearer ?? ""
  const [, scheme, token] = /^([A-Za-z0-9-]+) +(\S+) *$/.exec(header) ?? []
  const isTaken = schemes.some((one) => one.toLowerCase() === scheme?.toLowerCase())
  return isTaken && token !== undefined ? token : ""
}

/**
 * The credentials of a request. Reading a header costs a call of the runtime, so what most calls never ask for is read when it is asked for.
 * @param listed origins whose scripts may send cookies
 * @param schemes other schemes of Authorization that are taken
 */
export function presentedIn(
  request: Request,
  listed: ReadonlySet<string>,
  schemes: readonly string[] = [],
): Credentials {
  const { headers } = request
  const authorization = headers.get("authorization")
  return {
    address: headers.get("cf-connecting-ip"),
    bearer: bearerOf(authorization, schemes),
    get userAgent() {
      return headers.get("user-agent")
    },
    cookies: authorization === null ? cookiesOf(request, listed) : null,
  }
}
