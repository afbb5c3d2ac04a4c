/**
 * Where somebody was going who has to sign in first: a path of this site, kept by the browser for some minutes in a cookie that no other site can set,
 * and followed once from the page of the account. Refuses to lead anywhere else.
 */
import { pathWithin } from "../../core/return-path.ts"
import { goOn, type Showing } from "./layout.ts"
import type { Visit } from "./visit.ts"

const name = "__Host-next"
const seconds = 600
/** Browsers keep cookies of 4096 bytes (RFC 6265 §6.1). */
const lengthMax = 3500

/** Has the browser keep a path. One that is too long for a cookie is not kept: the sign-in then ends at the account. */
export function keepDetour(answer: Response, path: string): Response {
  const value = encodeURIComponent(path)
  if (value.length <= lengthMax)
    answer.headers.append("Set-Cookie", `${name}=${value}; Max-Age=${seconds}; Path=/; Secure; HttpOnly; SameSite=Lax`)
  return answer
}

/** Where the visitor was going; null when nothing was interrupted, and for what is no path of this site. */
export function interrupted(visit: Visit): string | null {
  const cookies = visit.request.headers.get("cookie") ?? ""
  const value = new RegExp(`(?:^|; *)${name}=([^;]+)`).exec(cookies)?.[1]
  if (value === undefined) return null
  try {
    return pathWithin(visit.url.origin, decodeURIComponent(value))
  } catch {
    // Broken percent-encoding is nobody's path.
    return null
  }
}

/** Goes on where the sign-in has interrupted, once. */
export async function resume(showing: Showing, path: string): Promise<Response> {
  const answer = await goOn(showing, path)
  answer.headers.append("Set-Cookie", `${name}=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax`)
  return answer
}
