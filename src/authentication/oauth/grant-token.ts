/**
 * Codes and tokens of programs as they travel: `sv_ac_`, `sv_at_`, `sv_gr_` + the owner's route, the id of the grant and a secret of 192 bits. The
 * provider's own form is `user:grant:secret`, which no bearer token may hold (RFC 6750 §2.1) and in which a code, an access and a refresh token
 * look alike. Reading refuses (null) what is of another kind, was mistyped or made up, before any object is asked.
 */
import { formatToken, idRoute, parseToken, routeId } from "../token.ts"

/** Authorization code, access token, refresh token. */
export type GrantTokenKind = "ac" | "at" | "gr"

/** A code or token taken apart. */
export interface GrantToken {
  readonly kind: GrantTokenKind
  /** TypeID of the user whose object knows it. */
  readonly user: string
  /** Id of the grant. */
  readonly grant: string
  /** The provider's own form. */
  readonly provided: string
}

const grantBytes = 12
const providedForm = /^(user_[0-9a-z]{26}):([A-Za-z0-9_-]{16}):([A-Za-z0-9_-]{32})$/

/** The provider draws its characters from the alphabet of base64url (RFC 4648 §5), so text and bytes are one. */
function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0))
}

function textOf(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
}

/**
 * A code or token of the provider as it goes out.
 * @throws Error for what is none: the provider has changed
 */
export function formatGrantToken(kind: GrantTokenKind, provided: string): string {
  const [, user, grant, secret] = providedForm.exec(provided) ?? []
  if (user === undefined || grant === undefined || secret === undefined)
    throw new Error("The OAuth provider gave a token of another form")
  return formatToken(kind, idRoute(user), bytesOf(grant + secret))
}

/** A code or token taken apart; null when it is none of these kinds. Costs no I/O. */
export function readGrantToken(kinds: readonly GrantTokenKind[], text: string): GrantToken | null {
  const parsed = parseToken(kinds, text)
  if (parsed === null) return null
  const user = routeId("user", parsed.route)
  const grant = textOf(parsed.payload.subarray(0, grantBytes))
  const secret = textOf(parsed.payload.subarray(grantBytes))
  return { kind: parsed.kind, user, grant, provided: `${user}:${grant}:${secret}` }
}

/** True when a bearer credential claims to be a program's access token: then it is read as one and as nothing else. */
export function isAccessToken(bearer: string): boolean {
  return bearer.startsWith("sv_at_")
}
