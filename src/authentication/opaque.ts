/** Credentials that say nothing themselves: API keys and programs' access tokens. Their owner's object is asked, and believed for half a minute. */
import type { AccountRules } from "../core/accounts.ts"
import type { User } from "../core/principal.ts"
import { Problem } from "../core/problem.ts"
import type { KeyGrant } from "../core/user-object.ts"
import { type ApiKeyKind, isApiKey, readApiKey } from "./api-key.ts"
import { isAccessToken, readGrantToken } from "./oauth/grant-token.ts"
import { ask, type Objects } from "./objects.ts"
import { hashSecret } from "./token.ts"

/** What asking takes. */
export interface OpaquePorts {
  readonly objects: Pick<Objects, "user">
  readonly apiKeys: ApiKeyKind
  /** Our origin: the resource that the whole interface is (RFC 8707). */
  readonly origin: string
  /** Who must have a second factor: the same as for whoever signs in. */
  readonly mfa: AccountRules["mfa"]
}

/** A credential whose owner's object knows it. Instants are milliseconds since 1970. */
export interface Known {
  readonly principal: User
  readonly until: number
  readonly revocable: { readonly id: string; readonly epoch: number }
}

/** How long a credential is believed without asking its owner's object: revocation comes through the hub. */
const believedMs = 30_000

/** True when a bearer credential is read by its owner's object, and never as a token that says who it is. */
export function isOpaque(bearer: string): boolean {
  return isApiKey(bearer) || isAccessToken(bearer)
}

function refuse(cause: string): never {
  throw new Problem("UNAUTHENTICATED", "The credential is not valid", { cause })
}

/** No role for an administrator whose second factor is missing: a key made before the promotion would be a way around it. */
function rolesOf({ administrators }: OpaquePorts["mfa"], known: Pick<KeyGrant, "account" | "hasFactor">) {
  const roles = known.account?.roles ?? []
  const isShort = administrators === "required" && roles.includes("admin") && !known.hasFactor
  return Object.freeze(isShort ? [] : [...roles].sort())
}

async function askForKey({ objects, apiKeys, mfa }: OpaquePorts, text: string, now: Date): Promise<Known> {
  const key = await readApiKey(apiKeys, text)
  if (key === null) return refuse("not a key")
  const grant = await ask(() => objects.user(key.owner).verifyKey(key.hash))
  if (grant === null) return refuse("unknown key")
  const principal = Object.freeze({
    kind: "user" as const,
    id: key.owner,
    roles: rolesOf(mfa, grant),
    key: grant.id,
    scopes: Object.freeze([...grant.scopes]),
  })
  const until = Math.min(now.getTime() + believedMs, grant.expiresAt ?? Number.POSITIVE_INFINITY)
  return { principal, until, revocable: { id: grant.id, epoch: grant.epoch } }
}

async function askForGrant(
  { objects, origin, mfa }: OpaquePorts,
  text: string,
  resource: string,
  now: Date,
): Promise<Known> {
  const token = readGrantToken(["at"], text)
  if (token === null) return refuse("not an access token")
  const hash = await hashSecret(new TextEncoder().encode(token.provided))
  const access = await ask(() => objects.user(token.user).verifyAccess(token.grant, hash))
  if (access === null) return refuse("unknown access token")
  // RFC 8707 §2: a token for one resource is none at another, or whoever got it there could use it here.
  if (access.resource !== origin + resource) return refuse("access token for another resource")
  const principal = Object.freeze({
    kind: "user" as const,
    id: token.user,
    roles: rolesOf(mfa, access),
    grant: access.id,
    terms: Object.freeze({ ...access.terms }),
    scopes: Object.freeze([...access.scopes]),
    expiresAt: Math.floor(access.expiresAt / 1000),
  })
  const until = Math.min(now.getTime() + believedMs, access.expiresAt)
  return { principal, until, revocable: { id: access.id, epoch: access.epoch } }
}

/**
 * Makes the verifier of an isolate.
 * @returns asks about a credential for which `isOpaque` is true; `resource` is the path of the protected resource that is called. Throws
 *   UNAUTHENTICATED for one that does not hold there, UNAVAILABLE when that cannot be found out
 */
export function opaqueVerifier(ports: OpaquePorts): (text: string, resource: string, now: Date) => Promise<Known> {
  return (text, resource, now) =>
    isApiKey(text) ? askForKey(ports, text, now) : askForGrant(ports, text, resource, now)
}
