/**
 * Credentials -> principal. An EdDSA access token (RFC 9068 `at+jwt`) is verified once an isolate and kept, so that an authenticated call
 * costs no I/O for who it is; API keys and programs' access tokens are asked of their owner's object (opaque.ts). All are held against the
 * revocations that the isolate knows, a token against the signing keys, too. What does not hold is UNAUTHENTICATED, without telling which part.
 */
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose"
import { limits } from "../core/limits.ts"
import type { Credentials } from "../core/ports.ts"
import { anonymous, type Principal, type User } from "../core/principal.ts"
import { Problem } from "../core/problem.ts"
import { claims, ownClaims, principalOf } from "./claims.ts"
import type { SigningKeys } from "./keys.ts"
import { isOpaque, type OpaquePorts, opaqueVerifier } from "./opaque.ts"
import type { RevocationList } from "./revocation.ts"

/** Which tokens hold. */
export interface TokenRules {
  readonly issuer: string
  readonly audience: string
  /** Keys of another issuer that is trusted beside ourselves; its tokens are no sessions. null: none is. */
  readonly keys: JSONWebKeySet | null
}

/** What credentials are held against. */
export interface AuthenticationPorts extends OpaquePorts {
  readonly rules: TokenRules
  readonly signing: SigningKeys
  readonly revocations: RevocationList
  behind(work: Promise<unknown>): void
}

/** A verified credential and its end. `revocable` names what the hub would revoke; null for another issuer's token. */
interface Verified {
  readonly principal: User
  /** Milliseconds since 1970. */
  readonly until: number
  readonly revocable: { readonly id: string; readonly epoch: number } | null
  /** Our key that signed it; null for what we did not sign. */
  readonly kid: string | null
}

function refuse(cause: unknown): never {
  throw new Problem("UNAUTHENTICATED", "The credential is not valid", { cause })
}

/** jose carries the claims in its error; the log needs the reason alone. */
function reasonOf(cause: unknown): string {
  return cause instanceof Error ? ((cause as { code?: string }).code ?? cause.name) : "unknown"
}

/** Verifies access tokens: our own, and those of the issuer that is trusted beside us. */
function tokenVerifier({ rules, signing }: AuthenticationPorts) {
  const foreign = rules.keys === null ? null : createLocalJWKSet(rules.keys)
  const foreignKids = new Set(rules.keys?.keys.map(({ kid }) => kid))
  const expected = {
    issuer: rules.issuer,
    audience: rules.audience,
    typ: "at+jwt",
    algorithms: ["EdDSA"],
    requiredClaims: ["sub", "exp", "iat"],
  }
  return async (token: string, now: Date): Promise<Verified> => {
    let kid: string | null = null
    try {
      const { payload } = await jwtVerify(
        token,
        async (header, jws) => {
          if (foreign !== null && foreignKids.has(header.kid)) return foreign(header, jws)
          kid = header.kid ?? ""
          return (await signing.verifier(kid, now)) ?? refuse("unknown key")
        },
        { ...expected, currentDate: now },
      )
      const until = Number(payload.exp) * 1000
      if (kid === null) {
        // Nobody tells us of its revocation, so whatever it opened ends with it.
        const principal = Object.freeze({ ...principalOf(claims.parse(payload)), expiresAt: Number(payload.exp) })
        return { principal, until, revocable: null, kid }
      }
      const own = ownClaims.parse(payload)
      return { principal: principalOf(own), until, revocable: { id: own.sid, epoch: own.epoch }, kid }
    } catch (cause) {
      if (cause instanceof Problem) throw cause
      return refuse(reasonOf(cause))
    }
  }
}

/**
 * Makes the authenticator of an isolate.
 * @returns a function that gives the principal; throws UNAUTHENTICATED when a credential was presented and does not hold, UNAVAILABLE when
 *   that cannot be found out
 */
export function authenticator(
  ports: AuthenticationPorts,
): (credentials: Credentials, now: Date) => Principal | Promise<Principal> {
  const verifyToken = tokenVerifier(ports)
  const verifyOpaque = opaqueVerifier(ports)
  const verified = new Map<string, Verified>()

  const isRevoked = ({ revocable }: Verified, now: Date): boolean | Promise<boolean> =>
    revocable !== null && ports.revocations.isRevoked(revocable.id, revocable.epoch, now, ports.behind)
  const isVoid = (found: Verified, now: Date): boolean | Promise<boolean> => {
    const holds = found.kid === null || ports.signing.holds(found.kid, now, ports.behind)
    if (holds === true) return isRevoked(found, now)
    return holds === false || holds.then((is) => !is || isRevoked(found, now))
  }

  /** What was found out holds for the resource that was called and for no other. */
  const place = (text: string, resource: string) => (resource === "" ? text : `${resource} ${text}`)

  const judgeNew = async (text: string, resource: string, now: Date): Promise<Principal> => {
    if (text.length > limits.tokenBytes) return refuse("too long")
    const found: Verified = isOpaque(text)
      ? { ...(await verifyOpaque(text, resource, now)), kid: null }
      : await verifyToken(text, now)
    if (await isVoid(found, now)) return refuse("revoked")
    // Oldest first out: tokens live ten minutes, so what leaves here was about to expire.
    if (verified.size >= limits.tokenCacheMax) verified.delete(verified.keys().next().value as string)
    verified.set(place(text, resource), found)
    return found.principal
  }
  /** What is kept of an opaque one may be older than its owner's roles: then its object is asked again. A token's session says all there is. */
  const judgeAgain = async (text: string, resource: string, now: Date, why: string): Promise<Principal> => {
    verified.delete(place(text, resource))
    return isOpaque(text) ? judgeNew(text, resource, now) : refuse(why)
  }
  const judge = (text: string, resource: string, now: Date): Principal | Promise<Principal> => {
    const known = verified.get(place(text, resource))
    if (known === undefined) return judgeNew(text, resource, now)
    if (known.until <= now.getTime()) return judgeAgain(text, resource, now, "expired")
    const revoked = isVoid(known, now)
    if (revoked === false) return known.principal
    if (revoked === true) return judgeAgain(text, resource, now, "revoked")
    return revoked.then((is) => (is ? judgeAgain(text, resource, now, "revoked") : known.principal))
  }
  /**
   * A browser sends its cookie by itself, and no script can take it away: one that holds no more is nobody's, or it would stand in the way
   * of the refresh and of the sign-in that replace it.
   */
  const judgeCookie = async (text: string, now: Date): Promise<Principal> => {
    try {
      return await judge(text, "", now)
    } catch (thrown) {
      if (thrown instanceof Problem && thrown.code === "UNAUTHENTICATED") return anonymous
      throw thrown
    }
  }
  return ({ bearer, cookies, resource = "" }, now) => {
    if (bearer !== null) return judge(bearer, resource, now)
    if (cookies?.access == null) return anonymous
    if (!cookies.sameOrigin)
      throw new Problem("PERMISSION_DENIED", "A call with a browser's cookies must come from this site")
    if (isOpaque(cookies.access)) return refuse("a key is no session")
    return judgeCookie(cookies.access, now)
  }
}
