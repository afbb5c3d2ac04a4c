/**
 * An identity provider that speaks OpenID Connect, inside the test: discovery, keys, codes with PKCE, ID tokens, UserInfo. Right by default, and
 * every answer can be bent. tests/e2e has a real one.
 */
import { base64url, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose"

/** What it says of somebody. */
export type Claims = Readonly<Record<string, unknown>> & { readonly sub: string }

/** What a person agreed to at the provider. */
interface Agreement {
  readonly parameters: URLSearchParams
  readonly claims: Claims
}

/** An ID token before it is signed. */
export interface IdToken {
  header: { alg: string; kid: string }
  claims: Record<string, unknown>
}

export interface IdentityProvider {
  readonly issuer: string
  readonly clientId: string
  /** What was asked of it, as `POST /token`. */
  readonly asked: string[]
  /** What it says of itself. */
  readonly metadata: Record<string, unknown>
  readonly keys: { public: JWK; private: CryptoKey }
  /** Answers a call to an address of its own. */
  fetch(url: string, init: RequestInit): Promise<Response>
  /**
   * The person agrees at the authorization endpoint.
   * @returns the parameters with which the browser is sent back
   */
  agree(url: string, claims: Claims): URLSearchParams
  /** Bends the ID token before it is signed. */
  bend: (token: IdToken) => void
  /** Signs it; a forger puts something else here. */
  sign: (token: IdToken) => Promise<string>
  /** Answers in the place of a path. */
  readonly instead: Map<string, (init: RequestInit) => Response | Promise<Response>>
  /** Claims that only UserInfo tells. */
  userInfo: Record<string, unknown>
}

const json = (body: unknown, status = 200) =>
  new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } })

async function challengeOf(verifier: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))
  return base64url.encode(new Uint8Array(digest))
}

/** What it knows the application by. */
export const client = { id: "the-client_1", secret: "the secret:?" }

/** Keys as providers publish them. */
export async function newKeys(): Promise<IdentityProvider["keys"]> {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true })
  return { public: { ...(await exportJWK(publicKey)), kid: "one", alg: "ES256", use: "sig" }, private: privateKey }
}

/** A provider of its own issuer, with one client. */
export async function identityProvider(): Promise<IdentityProvider> {
  const issuer = `https://idp-${crypto.randomUUID().slice(0, 13)}.example`
  const codes = new Map<string, Agreement>()
  const tokens = new Map<string, Claims>()
  // RFC 6749 §2.3.1, of these two: form encoding leaves the one as it is.
  const authorization = `Basic ${btoa("the-client_1:the+secret%3A%3F")}`

  const exchange = async (init: RequestInit): Promise<Response> => {
    if (new Headers(init.headers).get("authorization") !== authorization) return json({ error: "invalid_client" }, 401)
    const body = new URLSearchParams(String(init.body))
    const code = body.get("code") ?? ""
    const agreement = codes.get(code)
    codes.delete(code)
    const verifier = body.get("code_verifier") ?? ""
    const { parameters, claims } = agreement ?? { parameters: new URLSearchParams(), claims: { sub: "" } }
    const holds =
      parameters.get("redirect_uri") === body.get("redirect_uri") &&
      parameters.get("code_challenge") === (await challengeOf(verifier))
    if (!agreement || !holds) return json({ error: "invalid_grant" }, 400)
    const at = Math.floor(Date.now() / 1000)
    const nonce = parameters.get("nonce")
    const token: IdToken = {
      header: { alg: "ES256", kid: "one" },
      claims: { iss: issuer, aud: idp.clientId, iat: at, exp: at + 300, ...(nonce ? { nonce } : {}), ...claims },
    }
    idp.bend(token)
    const access_token = crypto.randomUUID()
    tokens.set(access_token, claims)
    return json({ access_token, token_type: "Bearer", expires_in: 60, id_token: await idp.sign(token) })
  }
  const places: Record<string, (init: RequestInit) => Response | Promise<Response>> = {
    "/.well-known/openid-configuration": () => json(idp.metadata),
    "/keys": () => json({ keys: [idp.keys.public] }),
    "/token": exchange,
    "/userinfo": (init) => {
      const bearer = new Headers(init.headers).get("authorization")?.slice("Bearer ".length) ?? ""
      const claims = tokens.get(bearer)
      return claims ? json({ sub: claims.sub, ...idp.userInfo }) : json({ error: "invalid_token" }, 401)
    },
  }
  const idp: IdentityProvider = {
    issuer,
    clientId: client.id,
    asked: [],
    metadata: {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/keys`,
      userinfo_endpoint: `${issuer}/userinfo`,
      response_types_supported: ["code"],
      id_token_signing_alg_values_supported: ["ES256"],
      code_challenge_methods_supported: ["S256"],
      authorization_response_iss_parameter_supported: true,
    },
    keys: await newKeys(),
    async fetch(url, init) {
      const { pathname } = new URL(url)
      idp.asked.push(`${init.method ?? "GET"} ${pathname}`)
      const answer = idp.instead.get(pathname) ?? places[pathname]
      return answer ? answer(init) : new Response(null, { status: 404 })
    },
    agree(url, claims) {
      const { searchParams } = new URL(url)
      const code = crypto.randomUUID()
      codes.set(code, { parameters: searchParams, claims })
      return new URLSearchParams({ code, state: searchParams.get("state") ?? "", iss: issuer })
    },
    bend: () => undefined,
    sign: ({ header, claims }) => new SignJWT(claims).setProtectedHeader(header).sign(idp.keys.private),
    instead: new Map(),
    userInfo: {},
  }
  return idp
}
