/**
 * API keys: `sv_live_` (`sv_test_` in development) + the owner's route and 32 random bytes, 78 characters. Shown once; the owner's object
 * keeps the SHA-256. What secret scanners look for: `\bsv_(live|test)_[0-9A-Za-z]{70}\b`. Reading refuses (null) a key of another environment.
 */
import { formatToken, hashSecret, idRoute, parseToken, type Random, routeId } from "./token.ts"

/** Which keys an environment makes and takes. */
export type ApiKeyKind = "live" | "test"

/** True when a bearer credential claims to be an API key: then it is read as one and as nothing else. */
export function isApiKey(bearer: string): boolean {
  return bearer.startsWith("sv_live_") || bearer.startsWith("sv_test_")
}

/**
 * Makes a key.
 * @param owner TypeID of the user or service account
 * @returns the text, to be shown once, and the hash, to be kept
 */
export async function mintApiKey(
  kind: ApiKeyKind,
  owner: string,
  random: Random,
): Promise<{ readonly text: string; readonly hash: string }> {
  const secret = random(32)
  return { text: formatToken(kind, idRoute(owner), secret), hash: await hashSecret(secret) }
}

/**
 * The owner of a key and the hash that the owner's object knows it by; null when the text is no key. Whether it holds says the object.
 * @param prefix of the owner's TypeID
 */
export async function readApiKey(
  kind: ApiKeyKind,
  text: string,
  prefix = "user",
): Promise<{ readonly owner: string; readonly hash: string } | null> {
  const parsed = parseToken([kind], text)
  if (parsed === null) return null
  return { owner: routeId(prefix, parsed.route), hash: await hashSecret(parsed.payload) }
}
