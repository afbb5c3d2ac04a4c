/**
 * The OAuth provider, run inside a user's object over the object's own storage. Loaded when it is first needed: most objects never are asked.
 * Writes nothing: what the provider wants written is held in the entries, for whoever decides whether it is.
 */
import { type AuthorizationRules, type Consent, type GrantCall, oauthPaths } from "../core/oauth.ts"
import type { Entries } from "./oauth-entries.ts"

/** What the provider said. */
export interface ProviderAnswer {
  readonly status: number
  readonly body: string
  /** The check that failed, in the provider's own words; null when none did. */
  readonly reason: string | null
}

async function serverOf(rules: AuthorizationRules, onFault: (reason: string) => void) {
  const { OAuthAuthorizationServer } = await import("./oauth-library.ts")
  const { issuer, resources, accessSeconds, idleSeconds } = rules
  return new OAuthAuthorizationServer<{ OAUTH_KV: KVNamespace }>({
    issuer,
    resources: [...resources],
    ...(resources[0] === undefined ? {} : { defaultResource: resources[0] }),
    authorizeEndpoint: oauthPaths.authorize,
    tokenEndpoint: oauthPaths.token,
    accessTokenTTL: accessSeconds,
    refreshTokenTTL: idleSeconds,
    refreshTokenIdleTTL: idleSeconds,
    onError: ({ internal }) => onFault(internal.reason),
  })
}

const noWaiting = { waitUntil: () => undefined, passThroughOnException: () => undefined } as unknown as ExecutionContext

/** Asks the token endpoint of the provider; what it wants written stands in `entries`. */
export async function askProvider(call: GrantCall, entries: Entries): Promise<ProviderAnswer> {
  let reason: string | null = null
  const server = await serverOf(call.rules, (found) => {
    reason = found
  })
  const request = new Request(call.rules.issuer + oauthPaths.token, {
    method: "POST",
    headers: {
      "Content-Type": "application/x-www-form-urlencoded",
      ...(call.authorization === null ? {} : { Authorization: call.authorization }),
    },
    body: new URLSearchParams(call.parameters.map(([name, value]) => [name, value])).toString(),
  })
  const response = await server.fetch(request, { OAUTH_KV: entries.kv }, noWaiting)
  return { status: response.status, body: await response.text(), reason }
}

/** Makes a grant and its code; what the provider wants written stands in `entries`. Gives where the browser goes. */
export async function completeConsent(user: string, { rules, request }: Consent, entries: Entries): Promise<string> {
  const server = await serverOf(rules, () => undefined)
  const { redirectTo } = await server.getOAuthApi({ OAUTH_KV: entries.kv }).completeAuthorization({
    request: { ...request, scope: [...request.scope] },
    userId: user,
    scope: [...request.scope],
    metadata: null,
    props: null,
  })
  return redirectTo
}
