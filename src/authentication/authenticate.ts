/**
 * Credentials -> principal. An EdDSA access token (RFC 9068 `at+jwt`) is verified once an isolate and kept, so that an authenticated call
 * costs no I/O for who it is. Whatever does not hold is UNAUTHENTICATED, without telling which part.
 */
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose"
import * as z from "zod"
import { limits } from "../core/limits.ts"
import type { Credentials } from "../core/ports.ts"
import { anonymous, type Principal, type User } from "../core/principal.ts"
import { Problem } from "../core/problem.ts"

/** Which tokens hold. */
export interface TokenRules {
  readonly issuer: string
  readonly audience: string
  readonly keys: JSONWebKeySet
}

/** A verified token knows its end. */
type Verified = User & { readonly expiresAt: number }

const claims = z.object({
  sub: z.string().regex(/^user_[0-7][0-9a-hjkmnp-tv-z]{25}$/),
  exp: z.number(),
  iat: z.number(),
  roles: z.array(z.string()).max(50).default([]),
  sid: z.string().optional(),
  act: z.object({ sub: z.string() }).optional(),
})

function refuse(cause: unknown): never {
  throw new Problem("UNAUTHENTICATED", "The access token is not valid", { cause })
}

async function verify(
  token: string,
  rules: TokenRules,
  keys: ReturnType<typeof createLocalJWKSet>,
  now: Date,
): Promise<Verified> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer: rules.issuer,
      audience: rules.audience,
      typ: "at+jwt",
      algorithms: ["EdDSA"],
      currentDate: now,
      requiredClaims: ["sub", "exp", "iat"],
    })
    const { sub, exp, roles, sid, act } = claims.parse(payload)
    return Object.freeze({
      kind: "user" as const,
      id: sub,
      roles: Object.freeze([...roles].sort()),
      expiresAt: exp,
      ...(sid === undefined ? {} : { session: sid }),
      ...(act === undefined ? {} : { impersonator: act.sub }),
    })
  } catch (cause) {
    // jose carries the claims in its error; the log needs the reason alone.
    return refuse(cause instanceof Error ? ((cause as { code?: string }).code ?? cause.name) : "unknown")
  }
}

/**
 * Makes the authenticator of an isolate.
 * @returns a function that gives the principal; throws UNAUTHENTICATED when a credential was presented and does not hold
 */
export function authenticator(
  rules: TokenRules,
): (credentials: Credentials, now: Date) => Principal | Promise<Principal> {
  const keys = createLocalJWKSet(rules.keys)
  const verified = new Map<string, Verified>()
  const verifyNew = async (token: string, now: Date): Promise<Principal> => {
    const user = await verify(token, rules, keys, now)
    // Oldest first out: tokens live ten minutes, so what leaves here was about to expire.
    if (verified.size >= limits.tokenCacheMax) verified.delete(verified.keys().next().value as string)
    verified.set(token, user)
    return user
  }
  return ({ bearer }, now) => {
    if (bearer === null) return anonymous
    const known = verified.get(bearer)
    if (known === undefined) return bearer.length > limits.tokenBytes ? refuse("too long") : verifyNew(bearer, now)
    if (known.expiresAt * 1000 > now.getTime()) return known
    verified.delete(bearer)
    return refuse("expired")
  }
}
