/**
 * A client that somebody else wrote (oauth4webapi) is let in to the built Worker: from the refusal that says where to ask to the last token, with
 * nothing known beforehand but the address. It checks by itself what the specifications have clients check: issuer, state, PKCE, forms of answers.
 */
import * as oauth from "oauth4webapi"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Built, startBuilt } from "./built.ts"

let built: Built
/** The loopback has no TLS. */
const insecure = { [oauth.allowInsecureRequests]: true }
const callback = "http://127.0.0.1:1/callback"

beforeAll(async () => {
  built = await startBuilt((origin) => ({ PUBLIC_URL: origin }))
}, 60_000)

afterAll(() => built?.stop())

/** A browser without script: keeps cookies, sends forms as a page of the site. */
function newBrowser() {
  const cookies = new Map<string, string>()
  return async (path: string, form?: Record<string, string>): Promise<Response> => {
    const response = await fetch(new URL(path, built.origin), {
      method: form ? "POST" : "GET",
      redirect: "manual",
      headers: {
        Cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; "),
        ...(form ? { Origin: built.origin.origin, "Content-Type": "application/x-www-form-urlencoded" } : {}),
      },
      ...(form ? { body: new URLSearchParams(form) } : {}),
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (line.includes("Max-Age=0")) cookies.delete(name)
      else cookies.set(name, value)
    }
    return response
  }
}

/** From the address of the interface to the authorization server, as RFC 9728 §5 has it. */
async function discover() {
  const refused = await fetch(new URL("/v1/tasks", built.origin))
  const metadata = /resource_metadata="([^"]+)"/.exec(refused.headers.get("WWW-Authenticate") ?? "")?.[1] ?? ""
  expect([refused.status, metadata]).toEqual([401, `${built.origin.origin}/.well-known/oauth-protected-resource`])
  const resource = await oauth.processResourceDiscoveryResponse(
    new URL(built.origin.origin),
    await oauth.resourceDiscoveryRequest(new URL(built.origin.origin), insecure),
  )
  const issuer = new URL(resource.authorization_servers?.[0] ?? "")
  const found = await oauth.discoveryRequest(issuer, { ...insecure, algorithm: "oauth2" })
  return { resource, server: await oauth.processDiscoveryResponse(issuer, found) }
}

/** Signs in when it is asked to, reads the question, and says yes. Gives where the browser is sent. */
async function letIn(address: URL): Promise<URL> {
  const browser = newBrowser()
  let response = await browser(address.href)
  expect(response.headers.get("Location")).toBe("/account/sign-in?told=program")
  const [email = "", password = ""] = [...built.passwords][0] ?? []
  for (const step of [
    () => browser("/account/sign-in", { email, password }),
    () => browser("/account"),
    () => browser(response.headers.get("Location") ?? ""),
  ])
    response = await step()
  const ticket = /name="ticket" value="([^"]+)"/.exec(await response.text())?.[1] ?? ""
  response = await browser("/oauth/authorize", { ticket, decision: "allow" })
  expect(response.status).toBe(303)
  return new URL(response.headers.get("Location") ?? "")
}

test.each(["none", "client_secret_basic", "client_secret_post"])(
  "a client by %s walks from discovery to the end",
  async (method) => {
    const { resource, server } = await discover()
    const registration = await oauth.dynamicClientRegistrationRequest(
      server,
      {
        client_name: "oauth4webapi",
        redirect_uris: [callback],
        grant_types: ["authorization_code", "refresh_token"],
        token_endpoint_auth_method: method,
      },
      insecure,
    )
    const registered = await oauth.processDynamicClientRegistrationResponse(registration)
    const client: oauth.Client = { client_id: registered.client_id }
    const secret = String(registered.client_secret ?? "")
    const proof =
      method === "none"
        ? oauth.None()
        : method === "client_secret_basic"
          ? oauth.ClientSecretBasic(secret)
          : oauth.ClientSecretPost(secret)

    const verifier = oauth.generateRandomCodeVerifier()
    const state = oauth.generateRandomState()
    const address = new URL(server.authorization_endpoint ?? "")
    for (const [name, value] of Object.entries({
      response_type: "code",
      client_id: client.client_id,
      redirect_uri: callback,
      scope: "tasks:read me:read",
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      resource: resource.resource,
    }))
      address.searchParams.set(name, value)
    const back = oauth.validateAuthResponse(server, client, await letIn(address), state)

    const exchanged = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      proof,
      back,
      callback,
      verifier,
      insecure,
    )
    const tokens = await oauth.processAuthorizationCodeResponse(server, client, exchanged)
    expect([tokens.scope, tokens.expires_in]).toEqual(["tasks:read me:read", 3600])
    const tasks = new URL("/v1/tasks?limit=3", built.origin)
    const ask = (token: string) => oauth.protectedResourceRequest(token, "GET", tasks, undefined, undefined, insecure)
    expect(((await (await ask(tokens.access_token)).json()) as { items: unknown[] }).items).toHaveLength(3)

    const renewal = await oauth.refreshTokenGrantRequest(server, client, proof, tokens.refresh_token ?? "", insecure)
    const renewed = await oauth.processRefreshTokenResponse(server, client, renewal)
    expect(renewed.refresh_token).not.toBe(tokens.refresh_token)
    expect((await ask(renewed.access_token)).status).toBe(200)

    const revocation = await oauth.revocationRequest(server, client, proof, renewed.refresh_token ?? "", insecure)
    await oauth.processRevocationResponse(revocation)
    await expect(ask(renewed.access_token)).rejects.toMatchObject({
      cause: [{ parameters: { error: "invalid_token", resource_metadata: expect.stringContaining("/.well-known/") } }],
    })
  },
)
