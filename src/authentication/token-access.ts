/**
 * Access tokens: EdDSA JWTs of type `at+jwt` (RFC 9068), ten minutes. Minting refuses a token that would outlive its session; what a token
 * must hold to be believed is in authenticate.ts.
 */
import { SignJWT } from "jose"
import { isMultiFactor } from "../core/factors.ts"
import type { SigningKeys } from "./keys.ts"

/** Whom tokens are from and for. */
export interface AccessSettings {
  readonly issuer: string
  readonly audience: string
  /** Seconds; 600 unless configured otherwise. */
  readonly lifetimeSeconds: number
}

/** What a token says. */
export interface AccessGrant {
  /** TypeID of the user. */
  readonly subject: string
  /** TypeID of the session or id of the API key: what a revocation names. */
  readonly session: string
  /** A revocation with a higher `belowEpoch` makes the token void. */
  readonly epoch: number
  readonly roles: readonly string[]
  /** RFC 8176; `acr` follows from it. */
  readonly amr: readonly string[]
  /** Milliseconds since 1970. */
  readonly authTime: number
  /** Words; absent: everything that the user may do. */
  readonly scope?: readonly string[]
  /** Who really acts, when an administrator impersonates the subject. */
  readonly impersonator?: string
  /** The session may only add a second factor. */
  readonly restricted?: boolean
  /** Milliseconds since 1970; the token does not outlive it. */
  readonly notAfter?: number
}

/** A token to hand out. */
export interface AccessToken {
  readonly token: string
  /** Milliseconds since 1970, a whole second. */
  readonly expiresAt: number
}

/**
 * Signs a token with the current key.
 * @throws RangeError when the session is over; Problem UNAVAILABLE when there is no key to sign with
 */
export async function mintAccessToken(
  keys: SigningKeys,
  settings: AccessSettings,
  grant: AccessGrant,
  now: Date,
): Promise<AccessToken> {
  const issuedAt = Math.floor(now.getTime() / 1000)
  const end = Math.min(issuedAt + settings.lifetimeSeconds, Math.floor((grant.notAfter ?? Number.MAX_VALUE) / 1000))
  if (end <= issuedAt) throw new RangeError("The session is over")
  const { kid, key } = await keys.signer(now)
  const token = await new SignJWT({
    sid: grant.session,
    epoch: grant.epoch,
    roles: [...grant.roles],
    amr: [...grant.amr],
    // NIST SP 800-63B: one factor, or two.
    acr: isMultiFactor(grant.amr) ? "aal2" : "aal1",
    auth_time: Math.floor(grant.authTime / 1000),
    ...(grant.scope === undefined ? {} : { scope: grant.scope.join(" ") }),
    ...(grant.restricted ? { restricted: "enrolment" } : {}),
    ...(grant.impersonator === undefined ? {} : { act: { sub: grant.impersonator } }),
  })
    .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid })
    .setIssuer(settings.issuer)
    .setAudience(settings.audience)
    .setSubject(grant.subject)
    .setIssuedAt(issuedAt)
    .setExpirationTime(end)
    .sign(key)
  return { token, expiresAt: end * 1000 }
}
