/** What an access token says (RFC 9068 §2.2), and the principal that it makes. Refuses a token that lacks what it must say. */
import * as z from "zod"
import type { User } from "../core/principal.ts"

const userId = z.string().regex(/^user_[0-7][0-9a-hjkmnp-tv-z]{25}$/)
/** Of any issuer that is trusted. */
export const claims = z.object({
  sub: userId,
  exp: z.number(),
  iat: z.number(),
  roles: z.array(z.string()).max(50).default([]),
  scope: z.string().max(4096).optional(),
  act: z.object({ sub: userId }).optional(),
})
/** Of our own: they belong to a session. */
export const ownClaims = claims.extend({
  sid: z.string().min(1),
  epoch: z.int(),
  auth_time: z.number(),
  // A token from before there were any says neither: one factor, and no restriction.
  acr: z.enum(["aal1", "aal2"]).default("aal1"),
  restricted: z.literal("enrolment").optional(),
})

/** Who the token is of. */
export function principalOf(payload: z.output<typeof claims> & Partial<z.output<typeof ownClaims>>): User {
  const { sub, roles, scope, act, sid, auth_time: authTime, acr, restricted } = payload
  return Object.freeze({
    kind: "user" as const,
    id: sub,
    roles: Object.freeze([...roles].sort()),
    ...(sid === undefined ? {} : { session: sid }),
    ...(scope === undefined ? {} : { scopes: Object.freeze(scope.split(" ")) }),
    ...(authTime === undefined ? {} : { authTime: authTime * 1000 }),
    // For policies, too: `mine("acr")`.
    ...(acr === undefined ? {} : { acr, attributes: Object.freeze({ acr }) }),
    ...(restricted === undefined ? {} : { restricted }),
    ...(act === undefined ? {} : { impersonator: act.sub }),
  })
}
