/**
 * One server that answers as Google, GitHub, Facebook, X and LinkedIn do, in the shape that their documentation shows (tests/providers/recorded.ts):
 * `/host/path` stands for `https://host/path`. It is no copy of them: there is no internet here. What it does check is what they check: the secret in
 * its place, the redirect, PKCE where they take it, and its absence where they refuse it.
 */
import { createHash, createHmac, randomUUID } from "node:crypto"
import type { IncomingMessage, RequestListener } from "node:http"
import { exportJWK, generateKeyPair, SignJWT } from "jose"
import { recorded } from "../providers/recorded.ts"
import { type Listening, listen } from "./sockets.ts"

/** What the application is known by at all of them. */
export const recordedClient = { id: "an-id_of.this-suite", secret: "a-secret_of.this-suite" }

/** A person of a provider, by its host, as its interface or its ID token tells of them. */
export type Tellings = Map<string, Readonly<Record<string, unknown>>>

interface Answer {
  readonly status?: number
  readonly body?: unknown
  readonly location?: string
}

interface Asked {
  readonly host: string
  readonly path: string
  readonly query: URLSearchParams
  readonly form: URLSearchParams
  readonly headers: IncomingMessage["headers"]
}

/** How each proves its client, and whether it takes PKCE and gives a nonce back. */
const manners: Readonly<Record<string, { readonly basic: boolean; readonly pkce: boolean; readonly nonce: boolean }>> =
  {
    "github.com": { basic: false, pkce: true, nonce: false },
    "www.facebook.com": { basic: false, pkce: false, nonce: false },
    "x.com": { basic: true, pkce: true, nonce: false },
    "www.linkedin.com": { basic: false, pkce: false, nonce: false },
    "accounts.google.com": { basic: true, pkce: true, nonce: true },
  }

/** Where people agree, and which of these hosts the other addresses belong to. */
const homes: Readonly<Record<string, string>> = {
  "graph.facebook.com": "www.facebook.com",
  "api.x.com": "x.com",
  "api.github.com": "github.com",
}

const tokenPaths = /\/(access_token|token|accessToken)$/
const personPaths = /^\/(user|user\/emails|2\/users\/me|v24\.0\/me)$/

/** Starts it. */
export async function startRecorded(tellings: Tellings): Promise<Listening> {
  const { privateKey, publicKey } = await generateKeyPair("RS256")
  const jwk = { ...(await exportJWK(publicKey)), kid: "recorded", alg: "RS256", use: "sig" }
  const codes = new Map<string, URLSearchParams>()
  const tokens = new Set<string>()

  const authorize = ({ host, query }: Asked): Answer => {
    const { pkce } = manners[host] as (typeof manners)[string]
    if (query.has("code_challenge") !== pkce) return { status: 400, body: { error: "invalid_request" } }
    const code = randomUUID()
    codes.set(code, query)
    const back = new URL(query.get("redirect_uri") ?? "")
    back.searchParams.set("code", code)
    back.searchParams.set("state", query.get("state") ?? "")
    if (host === "github.com") back.searchParams.set("iss", "https://github.com/login/oauth")
    // Facebook hangs this on every redirect.
    return { location: `${back.href}${host === "www.facebook.com" ? "#_=_" : ""}` }
  }
  const isClient = ({ form, headers }: Asked, basic: boolean) => {
    const { id, secret } = recordedClient
    if (basic) return headers.authorization === `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`
    return form.get("client_id") === id && form.get("client_secret") === secret && headers.authorization === undefined
  }
  const exchange = async (asked: Asked, origin: string): Promise<Answer> => {
    const home = homes[asked.host] ?? asked.host
    const { basic, pkce, nonce } = manners[home] as (typeof manners)[string]
    const given = codes.get(asked.form.get("code") ?? "")
    codes.delete(asked.form.get("code") ?? "")
    const verifier = asked.form.get("code_verifier")
    const challenge = verifier === null ? null : createHash("sha256").update(verifier).digest("base64url")
    const holds = given?.get("redirect_uri") === asked.form.get("redirect_uri")
    if (!isClient(asked, basic) || (verifier !== null) !== pkce)
      return { status: 401, body: { error: "invalid_client" } }
    // GitHub tells of what does not hold with 200.
    if (!given || !holds || given.get("code_challenge") !== challenge)
      return { status: home === "github.com" ? 200 : 400, body: { error: "bad_verification_code" } }
    const access_token = `gho_${randomUUID()}`
    tokens.add(access_token)
    const about = tellings.get(home)
    const isOpenId = home === "www.linkedin.com" || home === "accounts.google.com"
    const issuer = home === "www.linkedin.com" ? `${origin}/${home}/oauth` : `${origin}/${home}`
    const claims = { ...about, ...(nonce ? { nonce: given.get("nonce") } : {}) }
    const signed = isOpenId
      ? await new SignJWT(claims)
          .setProtectedHeader({ alg: "RS256", kid: "recorded" })
          .setIssuer(issuer)
          .setAudience(recordedClient.id)
          .setIssuedAt()
          .setExpirationTime("5 minutes")
          .sign(privateKey)
      : undefined
    return { body: { access_token, token_type: "bearer", scope: "", expires_in: 60, id_token: signed } }
  }
  const tell = ({ host, path, query, headers }: Asked): Answer => {
    const token = headers.authorization?.slice("Bearer ".length) ?? ""
    if (!tokens.has(token) || !headers["user-agent"])
      return { status: 401, body: { message: "Requires authentication" } }
    const proof = createHmac("sha256", recordedClient.secret).update(token).digest("hex")
    if (host === "graph.facebook.com" && query.get("appsecret_proof") !== proof)
      return { status: 400, body: { error: { message: "Invalid appsecret_proof" } } }
    const known = (recorded as Record<string, unknown>)[`https://${host}${path}`]
    const about = tellings.get(homes[host] ?? host) ?? {}
    if (Array.isArray(known)) return { body: [{ email: about.email, primary: true, verified: true, visibility: null }] }
    if (host === "api.x.com") return { body: { data: { ...(known as { data: object }).data, ...about } } }
    return { body: { ...(known as object), ...about } }
  }
  const discover = ({ host, path }: Asked, origin: string): Answer => {
    const issuer = `${origin}/${host}${path.replace("/.well-known/openid-configuration", "")}`
    return {
      body: {
        issuer,
        authorization_endpoint: `${origin}/${host}/authorize`,
        token_endpoint: `${origin}/${host}/token`,
        jwks_uri: `${origin}/${host}/keys`,
        response_types_supported: ["code"],
        id_token_signing_alg_values_supported: ["RS256"],
      },
    }
  }
  const answer = (asked: Asked, origin: string): Answer | Promise<Answer> => {
    if (asked.path.endsWith("/.well-known/openid-configuration")) return discover(asked, origin)
    if (asked.path === "/keys") return { body: { keys: [jwk] } }
    if (tokenPaths.test(asked.path)) return exchange(asked, origin)
    if (personPaths.test(asked.path)) return tell(asked)
    if (/authorize$|dialog\/oauth$/.test(asked.path)) return authorize(asked)
    return { status: 404, body: { error: asked.path } }
  }
  return listen(
    (origin): RequestListener =>
      async (request, response) => {
        let text = ""
        for await (const chunk of request) text += chunk
        const url = new URL(request.url ?? "/", origin)
        const [, host = "", ...rest] = url.pathname.split("/")
        const { headers } = request
        const asked = {
          host,
          path: `/${rest.join("/")}`,
          query: url.searchParams,
          form: new URLSearchParams(text),
          headers,
        }
        const { status = 200, body, location } = await answer(asked, origin)
        if (location !== undefined) return void response.writeHead(302, { Location: location }).end()
        response.writeHead(status, { "Content-Type": "application/json; charset=utf-8" }).end(JSON.stringify(body))
      },
  )
}
