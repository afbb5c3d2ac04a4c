/**
 * Selvage as an OAuth 2.1 authorization server: where its endpoints stand, and what a user's object is asked about the programs that the user
 * has let in. Types and constants only. Instants are milliseconds since 1970, lifetimes seconds; nothing throws across a call.
 */
import type { ApprovalsObject } from "./approval.ts"
import type { GrantTerms } from "./terms.ts"
import type { Account, Cause, Refusal } from "./user-object.ts"

/** Where the endpoints stand. RFC 8414 §2 tells clients, so no client spells them itself. */
export const oauthPaths = {
  authorize: "/oauth/authorize",
  token: "/oauth/token",
  revoke: "/oauth/revoke",
  register: "/oauth/register",
  serverMetadata: "/.well-known/oauth-authorization-server",
  /** Before the path of the resource (RFC 9728 §3.1). */
  resourceMetadata: "/.well-known/oauth-protected-resource",
} as const

/**
 * Paths of the protected resources (RFC 9728 §1.2): the interface as a whole, and the door of models, which says its path in its credentials. Tokens
 * for one are none at another.
 */
export const resourcePaths = { whole: "", mcp: "/mcp" } as const

/** What a client reads in the place of a problem: RFC 6749 §5.2, RFC 7009 §2.2.1, RFC 7591 §3.2.2, RFC 8707 §2. */
export const oauthErrors = [
  "invalid_request",
  "invalid_client",
  "invalid_grant",
  "invalid_scope",
  "invalid_target",
  "unauthorized_client",
  "unsupported_grant_type",
  "invalid_client_metadata",
  "invalid_redirect_uri",
] as const

/** One of them. */
export type OAuthError = (typeof oauthErrors)[number]

/** What the authorization server goes by, the same in the Worker and in users' objects. */
export interface AuthorizationRules {
  /** Our origin (RFC 8414 §2, RFC 9207 §2). */
  readonly issuer: string
  /** The protected resources that tokens may be for (RFC 8707 §2): the first when a client names none. */
  readonly resources: readonly string[]
  /** Life of an authorization code. */
  readonly codeSeconds: number
  /** Life of an access token. */
  readonly accessSeconds: number
  /** How long a grant lives without a refresh, and at most. */
  readonly idleSeconds: number
  readonly hardSeconds: number
}

/** A client as the user is shown it, and as the provider keeps it. */
export interface GrantClient {
  /** Its `client_id`: the address of its metadata document, or what registration gave it. */
  readonly id: string
  /** What it calls itself; nobody has verified it. */
  readonly name: string
  /** The host of its metadata document, which it controls; null for a registered client, of which nothing is known. */
  readonly host: string | null
  /** The provider's own record of it, JSON: redirect URIs, method of authentication, hash of its secret. */
  readonly record: string
}

/** An authorization request that was found valid (RFC 6749 §4.1.1), in the provider's own form. */
export interface AuthorizationRequest {
  readonly responseType: string
  readonly clientId: string
  readonly redirectUri: string
  readonly scope: readonly string[]
  readonly state: string
  readonly codeChallenge: string
  readonly codeChallengeMethod: string
  readonly resource: string
  readonly issuer: string
}

/** A consent that the user has given. */
export interface Consent {
  readonly rules: AuthorizationRules
  readonly request: AuthorizationRequest
  readonly client: GrantClient
  readonly terms: GrantTerms
  /** The session that consents; it must live. */
  readonly session: string
}

/** A call of the token or revocation endpoint, with the grant that its code or token names. */
export interface GrantCall {
  readonly rules: AuthorizationRules
  /** Id of the grant, as the token says; nobody has checked it yet. */
  readonly grant: string
  readonly kind: "code" | "refresh" | "revoke"
  /** The parameters, tokens in the provider's own form. */
  readonly parameters: readonly (readonly [string, string])[]
  /** `Authorization: Basic …` of a client with a secret; null when none was sent. */
  readonly authorization: string | null
}

/** What the client is answered (RFC 6749 §5, RFC 7009 §2.2). */
export interface GrantAnswer {
  readonly status: number
  /** JSON text; empty where the answer has no body. Tokens in the provider's own form. */
  readonly body: string
  /** True when tokens that isolates may still believe in are void now. */
  readonly reduced: boolean
}

/** What an access token stands for. */
export interface GrantedAccess {
  /** Id of the grant. */
  readonly id: string
  readonly scopes: readonly string[]
  readonly terms: GrantTerms
  /** The resource that the token is for. */
  readonly resource: string
  readonly expiresAt: number
  readonly epoch: number
  readonly account: Account | null
  /** Whether its user has a second factor. */
  readonly hasFactor: boolean
}

/** A grant as its user sees it. */
export interface GrantView {
  readonly id: string
  readonly client: Pick<GrantClient, "id" | "name" | "host">
  readonly scopes: readonly string[]
  readonly terms: GrantTerms
  readonly resource: string
  readonly createdAt: number
  /** To the minute; null before the first call. */
  readonly lastUsedAt: number | null
  readonly expiresAt: number
}

/** The part of a user's object that knows which programs its user has let in. */
export interface GrantsObject extends ApprovalsObject {
  /**
   * Makes a grant and its code. REFUSED when the session is over or the account not active; LIMIT at a hundred grants.
   * @returns where the browser goes, the code in the provider's form; `known`: a grant to this client lived before
   */
  authorize(consent: Consent, cause: Cause): Promise<{ readonly redirect: string; readonly known: boolean } | Refusal>
  /** One after another: a code is redeemed once, a refresh token exchanged once, however many calls come at a time. */
  exchange(call: GrantCall, cause: Cause): Promise<GrantAnswer | Refusal>
  /** @param hash SHA-256 of the token, hex */
  verifyAccess(grant: string, hash: string): Promise<GrantedAccess | Refusal>
  listGrants(): Promise<readonly GrantView[] | Refusal>
  revokeGrant(id: string, cause: Cause): Promise<{ readonly revoked: number } | Refusal>
}
