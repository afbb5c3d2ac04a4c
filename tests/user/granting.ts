/** A program before a user's object: what the Worker asks for it, in the provider's form of codes and tokens. */
import type { AuthorizationRequest, AuthorizationRules, GrantAnswer, GrantClient } from "../../src/core/oauth.ts"
import { noTerms } from "../../src/core/terms.ts"
import type { Refusal } from "../../src/core/user-object.ts"
import { cause, granted, type World } from "./fixture.ts"

export const issuer = "https://selvage.test"
/** Two resources; the rest as the application has it. */
export const rules: AuthorizationRules = {
  issuer,
  resources: [issuer, `${issuer}/mcp`],
  codeSeconds: 60,
  accessSeconds: 3600,
  idleSeconds: 30 * 86_400,
  hardSeconds: 180 * 86_400,
}
/** Proof key of every request. */
export const verifier = "v".repeat(43)
export const callback = "https://client.example/callback"

/** A client without a secret. */
export function clientOf(id = "client"): GrantClient {
  const record = { clientId: id, redirectUris: [callback], tokenEndpointAuthMethod: "none", responseTypes: ["code"] }
  return { id, name: "Robot", host: null, record: JSON.stringify(record) }
}

/** The hash that an object knows a token by. */
export async function hexHash(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
}

/** A request that was found valid. */
export async function requestOf(client: GrantClient, resource: string): Promise<AuthorizationRequest> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)))
  const challenge = btoa(String.fromCharCode(...digest))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "")
  const shared = { responseType: "code", clientId: client.id, redirectUri: callback, state: "", resource, issuer }
  return { ...shared, scope: ["tasks:read"], codeChallenge: challenge, codeChallengeMethod: "S256" }
}

/** A session's consent; gives the code in the provider's form. */
export async function approve(world: World, session: string, client = clientOf(), resource = issuer): Promise<string> {
  const consent = { rules, request: await requestOf(client, resource), client, terms: noTerms, session }
  const { redirect } = granted(await world.user.authorize(consent, cause))
  return new URL(redirect).searchParams.get("code") ?? ""
}

/** The id of the grant in the provider's form of a token. */
export const grantIn = (token: string): string => token.split(":")[1] ?? ""

/** Calls the token or revocation endpoint. */
export function exchange(
  world: World,
  kind: "code" | "refresh" | "revoke",
  more: Record<string, string>,
  client = "client",
) {
  const token = more.code ?? more.refresh_token ?? more.token ?? ""
  const parameters = Object.entries({ client_id: client, ...more })
  return world.user.exchange({ rules, grant: grantIn(token), kind, parameters, authorization: null }, cause)
}

/** Redeems a code. */
export const redeem = (world: World, code: string, more: Record<string, string> = {}) =>
  exchange(world, "code", {
    grant_type: "authorization_code",
    code,
    code_verifier: verifier,
    redirect_uri: callback,
    ...more,
  })
/** Exchanges a refresh token. */
export const refresh = (world: World, token: string) =>
  exchange(world, "refresh", { grant_type: "refresh_token", refresh_token: token })

/** The body of an answer. */
export function bodyOf(answer: GrantAnswer | Refusal): Record<string, string> {
  const { body } = granted<GrantAnswer>(answer)
  return body === "" ? {} : JSON.parse(body)
}

/** What an access token stands for now. */
export async function verify(world: World, token: string) {
  return world.user.verifyAccess(grantIn(token), await hexHash(token))
}

/** A session lets the usual client in. */
export async function letIn(
  world: World,
): Promise<{ session: string; access: string; refresh: string; grant: string }> {
  const { sid } = await world.signIn()
  const { access_token: access = "", refresh_token: token = "" } = bodyOf(
    await redeem(world, await approve(world, sid)),
  )
  return { session: sid, access, refresh: token, grant: grantIn(access) }
}
