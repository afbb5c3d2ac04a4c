/**
 * The ticket of a sign-in whose first proof held: names the user's object and the session that waits there, and proves with 32 random bytes that
 * its holder gave the first factor. The object knows its hash. It is no session and opens nothing by itself.
 */
import { sessionPrefix } from "./refresh-token.ts"
import { concatBytes, formatToken, hashSecret, idRoute, parseToken, type Random, routeId } from "./token.ts"

/** A new ticket. */
export async function mintTicket(
  user: string,
  sid: string,
  random: Random,
): Promise<{ readonly text: string; readonly hash: string }> {
  const secret = random(32)
  return { text: formatToken("mf", idRoute(user), concatBytes(idRoute(sid), secret)), hash: await hashSecret(secret) }
}

/** Whose ticket it is, for which session, and the hash that the object knows it by; null when it is none. */
export async function readTicket(
  text: string,
): Promise<{ readonly user: string; readonly sid: string; readonly hash: string } | null> {
  const parsed = parseToken(["mf"], text)
  if (parsed === null) return null
  const { route, payload } = parsed
  return {
    user: routeId("user", route),
    sid: routeId(sessionPrefix, payload.slice(0, 16)),
    hash: await hashSecret(payload.slice(16)),
  }
}
