/** The OAuth provider on the Worker's side: reads authorization requests and registers clients. Loaded when it is first needed. */
import { type AuthorizationRequest, type AuthorizationRules, type GrantClient, oauthPaths } from "../../core/oauth.ts"
import { Problem } from "../../core/problem.ts"

/** A request that was found valid, or where the browser takes the error (RFC 6749 §4.1.2.1). */
export type ReadRequest =
  | { readonly ok: true; readonly request: AuthorizationRequest }
  | { readonly ok: false; readonly redirect: string }

type Bindings = { OAUTH_KV: KVNamespace }

/** The provider asks its storage for one client, which we have found already. */
function storageOf(client: GrantClient): KVNamespace {
  const get = async (key: string) => (key === `client:${client.id}` ? JSON.parse(client.record) : null)
  return { get } as unknown as KVNamespace
}

async function load(rules: AuthorizationRules, more: { readonly clientRegistrationTTL?: number } = {}) {
  const library = await import("./library.ts")
  const server = new library.OAuthAuthorizationServer<Bindings>({
    issuer: rules.issuer,
    resources: [...rules.resources],
    ...(rules.resources[0] === undefined ? {} : { defaultResource: rules.resources[0] }),
    authorizeEndpoint: oauthPaths.authorize,
    tokenEndpoint: oauthPaths.token,
    clientRegistrationEndpoint: oauthPaths.register,
    // What it refuses is in its answer; without this it writes to the console, too.
    onError: () => undefined,
    ...more,
  })
  return { library, server }
}

/** RFC 7636 §4.2: the challenge of S256 is 43 characters, base64url. */
const challengeForm = /^[A-Za-z0-9_-]{43}$/

function refuse(sentence: string): never {
  throw new Problem("INVALID_ARGUMENT", sentence)
}

/**
 * Reads the query of an authorization request.
 * @param scopes those that there are
 * @returns the request; where the browser goes with the error, once client and redirect URI are known to belong together
 * @throws Problem INVALID_ARGUMENT where the browser must not be sent anywhere
 */
export async function readAuthorization(
  rules: AuthorizationRules,
  client: GrantClient,
  query: URLSearchParams,
  { scopes, defaultScope }: { readonly scopes: readonly string[]; readonly defaultScope: string },
): Promise<ReadRequest> {
  // RFC 6749 §3.1: no parameter more than once; RFC 8707 allows several resources, and a grant here is for one.
  for (const name of new Set(query.keys()))
    if (query.getAll(name).length > 1) refuse(`The address of the request has ${name.slice(0, 50)} twice`)
  const { library, server } = await load(rules)
  const { AuthorizationError, authorizationErrorRedirect } = library
  let found: Awaited<ReturnType<ReturnType<typeof server.getOAuthApi>["parseAuthRequest"]>>
  try {
    const address = `${rules.issuer}${oauthPaths.authorize}?${query}`
    found = await server.getOAuthApi({ OAUTH_KV: storageOf(client) }).parseAuthRequest(new Request(address))
  } catch (fault) {
    if (!(fault instanceof AuthorizationError)) throw fault
    if (fault.redirectTo !== undefined) return { ok: false, redirect: fault.redirectTo }
    return refuse(`The program's request is not valid: ${fault.description}`)
  }
  const sent = (code: "invalid_request" | "invalid_scope", description: string): ReadRequest => ({
    ok: false,
    redirect: authorizationErrorRedirect(found, code, description),
  })
  const { codeChallenge = "", codeChallengeMethod = "", resource = "", issuer = rules.issuer } = found
  // The provider lets clients with a secret do without (RFC 9700 §2.1.1 and OAuth 2.1 do not).
  if (!challengeForm.test(codeChallenge) || codeChallengeMethod !== "S256")
    return sent("invalid_request", "PKCE with S256 is needed: code_challenge has 43 characters of base64url")
  const scope = found.scope.length === 0 ? [defaultScope] : [...new Set(found.scope)]
  const unknown = scope.find((one) => !scopes.includes(one))
  if (unknown !== undefined) return sent("invalid_scope", "There is no such scope; the server's metadata lists them")
  return { ok: true, request: { ...found, scope, codeChallenge, codeChallengeMethod, resource, issuer } }
}

/** Where the browser takes a refusal of the user. */
export async function deniedRedirect(rules: AuthorizationRules, request: AuthorizationRequest): Promise<string> {
  const { library } = await load(rules)
  return library.authorizationErrorRedirect(request, "access_denied")
}

/** What registration answered, and the record to keep; null when it was refused. */
export interface Registered {
  readonly status: number
  readonly body: string
  readonly client: { readonly id: string; readonly record: string } | null
}

/**
 * Registers a client (RFC 7591 §3).
 * @param metadata JSON text, as the client sent it
 */
export async function registerClient(
  rules: AuthorizationRules,
  metadata: string,
  keepSeconds: number,
): Promise<Registered> {
  const { server } = await load(rules, { clientRegistrationTTL: keepSeconds })
  let client: Registered["client"] = null
  const put = async (key: string, record: string) => {
    client = { id: key.slice("client:".length), record }
  }
  const request = new Request(rules.issuer + oauthPaths.register, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: metadata,
  })
  const response = await server.fetch(request, { OAUTH_KV: { put } as unknown as KVNamespace }, {} as ExecutionContext)
  return { status: response.status, body: await response.text(), client }
}
