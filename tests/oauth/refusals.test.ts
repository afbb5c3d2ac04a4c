/** What an attacker or a careless program sends to the authorization server: the word that it gets for it, and that nothing has come of it. */
import { beforeAll, describe, expect, test } from "vitest"
import { call } from "../support/calls.ts"
import { newNetwork } from "../support/people.ts"

import {
  callback,
  type Host,
  host,
  issuer,
  mainOf,
  newCode,
  newProof,
  type Program,
  redeem,
  refusalOf,
  register,
  requestPath,
  returned,
} from "./program.ts"

let ada: Host
let program: Program

beforeAll(async () => {
  ;[ada, program] = await Promise.all([host(), register()])
})

describe("checklist 31: a redirect URI is the registered one, character by character", () => {
  test.each([
    ["https://client.example/callback/"],
    ["https://client.example/callbac"],
    ["https://client.example/Callback"],
    ["https://client.example/callback?x=1"],
    ["https://client.example:8443/callback"],
    ["http://client.example/callback"],
    ["https://client.example.evil.example/callback"],
    ["https://client.example/callback#x"],
    ["https://user@client.example/callback"],
    ["https://client.example/callback/../callback"],
    ["javascript:alert(1)"],
    [""],
  ])("%j is told here and leads nowhere", async (redirect) => {
    const page = await ada.get(requestPath(program, await newProof(), { redirect_uri: redirect }))
    expect([page.status, page.location]).toEqual([400, null])
    expect(mainOf(page)).toContain("Invalid redirect URI")
  })

  test("a program on the same device may come from any port (RFC 8252 §7.3), and from no other path", async () => {
    const local = await register({ redirect_uris: ["http://127.0.0.1/callback"] })
    const at = async (uri: string) => ada.get(requestPath(local, await newProof(), { redirect_uri: uri }))
    const page = await at("http://127.0.0.1:53123/callback")
    expect(page.status).toBe(200)
    expect(mainOf(page)).toContain("a program on this device (<strong>127.0.0.1:53123</strong>)")
    for (const other of [
      "http://127.0.0.1:53123/other",
      "http://localhost:53123/callback",
      "https://127.0.0.1/callback",
    ])
      expect([other, (await at(other)).status]).toEqual([other, 400])
  })

  test("at the token endpoint it is the one of the request", async () => {
    const two = await register({ redirect_uris: [callback, "https://client.example/other"] })
    const { code, proof } = await newCode(ada, two)
    const answer = await redeem(two, code, proof, { redirect_uri: "https://client.example/other" })
    expect(refusalOf(answer)).toEqual([400, "invalid_grant"])
    expect((await redeem(two, code, proof)).status).toBe(200)
  })
})

describe("an authorization request that is not valid goes back to the program with the word for it", () => {
  test.each<[string, Record<string, string | null>, string]>([
    ["no PKCE", { code_challenge: null, code_challenge_method: null }, "invalid_request"],
    ["a plain challenge", { code_challenge_method: "plain" }, "invalid_request"],
    ["a challenge without its method", { code_challenge_method: null }, "invalid_request"],
    ["a challenge that is too short", { code_challenge: "short" }, "invalid_request"],
    ["the implicit flow", { response_type: "token" }, "unsupported_response_type"],
    ["no response type", { response_type: null }, "invalid_request"],
    ["an unknown scope", { scope: "tasks:read tasks:delete" }, "invalid_scope"],
    ["a scope of sessions", { scope: "sessions:read" }, "invalid_scope"],
    ["another resource", { resource: "https://elsewhere.example" }, "invalid_target"],
  ])("%s", async (_, change, error) => {
    const page = await ada.get(requestPath(program, await newProof(), change))
    expect(page.status).toBe(303)
    expect(page.location?.startsWith(`${callback}?`)).toBe(true)
    const back = returned(page)
    expect([back.get("error"), back.get("code"), back.get("iss")]).toEqual([error, null, issuer])
    expect(back.get("state")).toBe("state of the program")
  })

  test("checklist 32: a client with a secret needs PKCE, too", async () => {
    const confidential = await register({ token_endpoint_auth_method: "client_secret_post" })
    const change = { code_challenge: null, code_challenge_method: null }
    const page = await ada.get(requestPath(confidential, await newProof(), change))
    expect(returned(page).get("error")).toBe("invalid_request")
    expect(returned(page).get("error_description")).toContain("PKCE")
  })

  test.each<[string, Record<string, string | null>]>([
    ["no client", { client_id: null }],
    ["an unknown client", { client_id: "AAAAAAAAAAAAAAAA" }],
    ["a client of another form", { client_id: "../../health/ready" }],
  ])("%s is told here, for nobody knows where else", async (_, change) => {
    const page = await ada.get(requestPath(program, await newProof(), change))
    expect([page.status, page.location]).toEqual([400, null])
  })

  test("a parameter that stands twice is told here", async () => {
    const page = await ada.get(`${requestPath(program, await newProof())}&redirect_uri=https://evil.example`)
    expect([page.status, page.location]).toEqual([400, null])
  })
})

describe("registration", () => {
  const post = (body: unknown, headers = {}) =>
    call(null, "POST /oauth/register", { body, headers: { "CF-Connecting-IP": newNetwork(), ...headers } })
  const good = { client_name: "Robot", redirect_uris: [callback], token_endpoint_auth_method: "none" }

  test.each<[string, unknown, string]>([
    ["no redirect URI", { client_name: "x" }, "invalid_client_metadata"],
    ["a redirect URI without TLS", { ...good, redirect_uris: ["http://client.example/cb"] }, "invalid_client_metadata"],
    ["a script", { ...good, redirect_uris: ["javascript:alert(1)"] }, "invalid_client_metadata"],
    ["a fragment", { ...good, redirect_uris: [`${callback}#x`] }, "invalid_client_metadata"],
    ["very many redirect URIs", { ...good, redirect_uris: Array(21).fill(callback) }, "invalid_redirect_uri"],
    ["a name that is too long", { ...good, client_name: "x".repeat(101) }, "invalid_client_metadata"],
    ["a grant type that is not taken", { ...good, grant_types: ["password"] }, "invalid_client_metadata"],
    ["a list", [], "invalid_client_metadata"],
    ["null", "null", "invalid_client_metadata"],
    ["no JSON", "{", "invalid_client_metadata"],
  ])("with %s is refused", async (_, body, error) => {
    const headers = typeof body === "string" ? { "Content-Type": "application/json" } : {}
    expect(refusalOf(await post(body, headers))).toEqual([400, error])
  })

  test("by one address is limited", async () => {
    const headers = { "CF-Connecting-IP": newNetwork() }
    const statuses: number[] = []
    for (let n = 0; n < 21; n++) statuses.push((await post(good, headers)).status)
    expect(statuses).toEqual([...Array(20).fill(201), 429])
    const refused = await post(good, headers)
    expect([refused.body.error, refused.headers.get("Retry-After")]).toEqual([
      "temporarily_unavailable",
      expect.stringMatching(/^\d+$/),
    ])
    expect((await post(good)).status).toBe(201)
  })
})
