/**
 * One-time tokens for mails: the user's route and 32 random bytes, one kind a purpose. The user's object keeps the SHA-256 and uses it once.
 * Reading refuses (null) a token of another purpose.
 */
import type { Secrets } from "../core/context.ts"
import { formatToken, hashSecret, idRoute, parseToken, type Random, routeId } from "./token.ts"

const kinds = {
  verifyEmail: "em",
  resetPassword: "rs",
  magicLink: "ml",
  confirmSignIn: "cs",
  changeEmail: "ce",
  invitation: "iv",
  setup: "st",
} as const

/** What a one-time token is good for. */
export type OneTimePurpose = keyof typeof kinds

/** A new token: the text goes into the mail and nowhere else, the hash into the object. */
export interface OneTimeToken {
  readonly text: string
  readonly hash: string
}

/**
 * Makes a token.
 * @param owner TypeID of whose object knows it
 */
export async function mintOneTimeToken(purpose: OneTimePurpose, owner: string, random: Random): Promise<OneTimeToken> {
  const secret = random(32)
  return { text: formatToken(kinds[purpose], idRoute(owner), secret), hash: await hashSecret(secret) }
}

/**
 * Whose token it is and the hash that its object knows it by; null when the text is no token of the purpose. Whether it holds says the object.
 * @param prefix of the owner's TypeID
 */
export async function readOneTimeToken(
  purpose: OneTimePurpose,
  text: string,
  prefix = "user",
): Promise<{ readonly owner: string; readonly hash: string } | null> {
  const parsed = parseToken([kinds[purpose]], text)
  if (parsed === null) return null
  return { owner: routeId(prefix, parsed.route), hash: await hashSecret(parsed.payload) }
}

/** One-time secrets for the handlers of an application: the record that a link is about stands in the token itself. */
export function handlerSecrets(random: Random): Secrets {
  return {
    mint: (id) => mintOneTimeToken("invitation", id, random),
    async read(prefix, text) {
      const token = await readOneTimeToken("invitation", text, prefix)
      return token && { id: token.owner, hash: token.hash }
    },
  }
}
