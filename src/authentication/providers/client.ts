/**
 * The client of the providers: openid-client with every check on, over the one way out. Believes nothing that it did not ask for: state, PKCE and
 * nonce where the provider takes them, issuer of the answer (RFC 9207), signature, issuer, audience, authorized party and time of the ID token.
 */
import type * as Library from "openid-client"
import type { Asking, OAuthProvider, OpenIdProvider, Provider, Vouched } from "../../core/provider.ts"
import { ProviderFault } from "./faults.ts"
import type { ProviderClient, ProviderPorts } from "./ports.ts"
import type { StartedFlow } from "./started.ts"

/** Of each call: a person waits. */
const timeoutSeconds = 5
const answerBytesMax = 256 * 1024
const memoryMs = 3600_000

/** What a provider says, and under which issuer it says it. */
export interface Identity extends Vouched {
  readonly issuer: string
}

type Loaded = typeof import("./library.ts")

/** Loaded at the first use: most isolates never serve one. */
const load = (): Promise<Loaded> => import("./library.ts")

interface Kept {
  readonly configuration: Library.Configuration
  readonly until: number
}

/** Configurations of an isolate. They hold the provider's metadata and keys, and belong to the ports that they were made with. */
const isolates = new WeakMap<ProviderPorts, Map<string, Kept>>()

function clientOf(ports: ProviderPorts, { name }: Provider): ProviderClient {
  const client = ports.clients.get(name)
  if (client === undefined) throw new Error(`There is no client for the provider ${name}`)
  return client
}

/** True for an address without TLS that may be called: on this machine, in development. */
function isPlain({ callsLoopback }: ProviderPorts, address: string): boolean {
  return callsLoopback && address.startsWith("http:")
}

/** The metadata of an issuer: from KV, or by discovery. */
async function metadataOf(
  library: Loaded,
  ports: ProviderPorts,
  { issuer }: OpenIdProvider,
  client: ProviderClient,
  fetch: Library.CustomFetch,
): Promise<Library.ServerMetadata> {
  const kept = await ports.cache.get("metadata", issuer)
  if (kept !== null) return JSON.parse(kept)
  const found = await library.discovery(new URL(issuer), client.id, undefined, library.None(), {
    [library.customFetch]: fetch,
    timeout: timeoutSeconds,
    execute: isPlain(ports, issuer) ? [library.allowInsecureRequests] : [],
  })
  const metadata = found.serverMetadata()
  // The library takes an issuer for many tenants, whose subjects we could not tell apart.
  if (metadata.issuer.includes("{")) throw new ProviderFault("issuer", "The issuer stands for many")
  await ports.cache.put("metadata", issuer, JSON.stringify(metadata))
  return metadata
}

/** One value as a form writes it. */
const formEncoded = (text: string) => new URLSearchParams([["", text]]).toString().slice(1)

/**
 * RFC 6749 §2.3.1. The library escapes `-` and `_`, too: who decodes sees no difference, but not everybody decodes, and X's ids and secrets hold them.
 */
function basic({ id, secret }: ProviderClient): Library.ClientAuth {
  return (_, __, ___, headers) =>
    headers.set("Authorization", `Basic ${btoa(`${formEncoded(id)}:${formEncoded(secret)}`)}`)
}

async function configure(library: Loaded, ports: ProviderPorts, provider: Provider): Promise<Library.Configuration> {
  const client = clientOf(ports, provider)
  const fetch: Library.CustomFetch = (url, init) =>
    ports.fetch(url, { ...(init as RequestInit), timeoutMs: timeoutSeconds * 1000, atMost: answerBytesMax })
  const { issuer } = provider
  const metadata =
    provider.protocol === "openid"
      ? await metadataOf(library, ports, provider, client, fetch)
      : { issuer, authorization_endpoint: provider.authorizationEndpoint, token_endpoint: provider.tokenEndpoint }
  const proof = provider.clientAuthentication === "basic" ? basic(client) : library.ClientSecretPost(client.secret)
  const configuration = new library.Configuration(metadata, client.id, undefined, proof)
  configuration[library.customFetch] = fetch
  configuration.timeout = timeoutSeconds
  if (isPlain(ports, metadata.token_endpoint ?? "")) library.allowInsecureRequests(configuration)
  if (provider.protocol === "oauth") return configuration
  // OpenID Connect Core lets a client take the signature for granted when TLS brought the token; ASVS 6.8.2 does not.
  library.enableNonRepudiationChecks(configuration)
  const keys = await ports.cache.get("keys", issuer)
  if (keys !== null) library.setJwksCache(configuration, JSON.parse(keys))
  return configuration
}

async function configurationOf(
  library: Loaded,
  ports: ProviderPorts,
  provider: Provider,
  now: Date,
): Promise<Library.Configuration> {
  const kept = isolates.get(ports) ?? new Map<string, Kept>()
  isolates.set(ports, kept)
  const known = kept.get(provider.name)
  if (known && known.until > now.getTime()) return known.configuration
  const configuration = await configure(library, ports, provider)
  kept.set(provider.name, { configuration, until: now.getTime() + memoryMs })
  return configuration
}

/** Where the browser goes: the provider's authorization endpoint with all that ties its answer to this flow. */
export async function authorizationUrl(
  ports: ProviderPorts,
  provider: Provider,
  flow: StartedFlow,
  now: Date,
): Promise<string> {
  const library = await load()
  const configuration = await configurationOf(library, ports, provider, now)
  const url = library.buildAuthorizationUrl(configuration, {
    response_type: "code",
    redirect_uri: flow.redirectUri,
    scope: provider.scopes.join(" "),
    state: flow.state,
    ...(provider.protocol === "openid" && provider.echoesNonce ? { nonce: flow.nonce } : {}),
    ...(provider.takesPkce
      ? { code_challenge: await library.calculatePKCECodeChallenge(flow.verifier), code_challenge_method: "S256" }
      : {}),
  })
  return url.href
}

/** Whom the validated ID token names, with what UserInfo adds. */
async function openIdentity(
  library: Loaded,
  configuration: Library.Configuration,
  provider: OpenIdProvider,
  tokens: Awaited<ReturnType<typeof Library.authorizationCodeGrant>>,
): Promise<Identity> {
  const claims = tokens.claims()
  if (claims === undefined) throw new ProviderFault("answer", "There is no ID token")
  const { client_id } = configuration.clientMetadata()
  // The library asks only where there are several audiences (OpenID Connect Core §3.1.3.7, 5).
  if (claims.azp !== undefined && claims.azp !== client_id)
    throw new ProviderFault("azp", "The ID token was made for another client")
  const { issuer, userinfo_endpoint } = configuration.serverMetadata()
  const more =
    claims.email === undefined && userinfo_endpoint !== undefined
      ? await library.fetchUserInfo(configuration, tokens.access_token, claims.sub)
      : {}
  return { ...vouchedBy(() => provider.vouch({ ...more, ...claims })), issuer }
}

function vouchedBy<T>(vouch: () => T): T {
  try {
    return vouch()
  } catch (cause) {
    throw new ProviderFault("answer", "What was told of the person has another shape", { cause })
  }
}

async function hmac(secret: string, text: string): Promise<string> {
  const encoder = new TextEncoder()
  const algorithm = { name: "HMAC", hash: "SHA-256" }
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, ["sign"])
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(text)))
  return [...mac].map((byte) => byte.toString(16).padStart(2, "0")).join("")
}

/** Whom the provider's own interface names. */
async function oauthIdentity(ports: ProviderPorts, provider: OAuthProvider, accessToken: string): Promise<Identity> {
  const asking: Asking = {
    async get(url) {
      const headers = { Authorization: `Bearer ${accessToken}`, Accept: "application/json", "User-Agent": "selvage" }
      const answer = await ports.fetch(url, { headers, timeoutMs: timeoutSeconds * 1000, atMost: answerBytesMax })
      if (!answer.ok) throw new ProviderFault("answer", `The provider answers ${answer.status}`)
      const text = await answer.text()
      try {
        return JSON.parse(text)
      } catch {
        throw new ProviderFault("not_json", "The provider answers with something that is no JSON")
      }
    },
    proof: () => hmac(clientOf(ports, provider).secret, accessToken),
  }
  const vouched = await provider.vouch(asking).catch((cause) => {
    // What went wrong on the way is told as that; the rest is the shape of the answer.
    if (!(cause instanceof Error) || cause.name !== "ZodError") throw cause
    throw new ProviderFault("answer", "What was told of the person has another shape", { cause })
  })
  return { ...vouched, issuer: provider.issuer }
}

/**
 * Exchanges the code for who it is.
 * @param query what stands after the `?` of the address that the provider sent the browser to
 * @throws what `guarded` knows to read
 */
export async function identityOf(
  ports: ProviderPorts,
  provider: Provider,
  flow: StartedFlow,
  query: string,
  now: Date,
): Promise<Identity> {
  const library = await load()
  const configuration = await configurationOf(library, ports, provider, now)
  const answer = new URL(flow.redirectUri)
  answer.search = query
  const known = library.getJwksCache(configuration)?.uat
  const isOpenId = provider.protocol === "openid"
  const tokens = await library.authorizationCodeGrant(configuration, answer, {
    expectedState: flow.state,
    idTokenExpected: isOpenId,
    ...(isOpenId && provider.echoesNonce ? { expectedNonce: flow.nonce } : {}),
    ...(provider.takesPkce ? { pkceCodeVerifier: flow.verifier } : {}),
  })
  if (!isOpenId) return oauthIdentity(ports, provider, tokens.access_token)
  const keys = library.getJwksCache(configuration)
  if (keys !== undefined && keys.uat !== known) await ports.cache.put("keys", provider.issuer, JSON.stringify(keys))
  return openIdentity(library, configuration, provider, tokens)
}
