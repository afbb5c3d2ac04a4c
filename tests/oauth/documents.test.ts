/** Clients that describe themselves at an address: what is taken, what is refused, and whom we never call for it. */
import { describe, expect, test } from "vitest"
import application from "../../src/app/index.ts"
import { fetchDocument } from "../../src/authentication/oauth/client-document.ts"
import { Problem } from "../../src/core/problem.ts"
import { outboundFetch } from "../../src/integrations/outbound.ts"
import { call } from "../support/calls.ts"
import { serving } from "../support/serving.ts"
import { host, issuer, mainOf, newProof, requestPath, ticketIn } from "./program.ts"

const address = () => `https://robots.example/${crypto.randomUUID()}/client.json`

function documentOf(id: string, change: object = {}): object {
  return { client_id: id, client_name: "Robot", redirect_uris: ["https://robots.example/callback"], ...change }
}

/** Whoever is asked for the document of an address. */
function answering(body: unknown, init: ResponseInit = {}) {
  const calls: string[] = []
  const headers = { "Content-Type": "application/json", ...(init.headers as object) }
  const fetch = async (url: string) => {
    calls.push(url)
    return new Response(typeof body === "string" ? body : JSON.stringify(body), { ...init, headers })
  }
  return { calls, fetch }
}

/** The sentence of the refusal. */
async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (thrown) {
    if (thrown instanceof Problem && thrown.code === "INVALID_ARGUMENT") return thrown.message
    throw thrown
  }
  throw new Error("Nothing was refused")
}

describe("a document", () => {
  test("makes a client without a secret, and is kept as long as its answer says", async () => {
    const id = address()
    const { fetch } = answering(documentOf(id), { headers: { "Cache-Control": "max-age=3600" } })
    expect(await fetchDocument(fetch, id)).toEqual({
      record: {
        clientId: id,
        clientName: "Robot",
        redirectUris: ["https://robots.example/callback"],
        grantTypes: ["authorization_code", "refresh_token"],
        responseTypes: ["code"],
        tokenEndpointAuthMethod: "none",
      },
      keepSeconds: 3600,
    })
  })

  test.each([
    ["max-age=31536000", 86_400],
    ["max-age=1", 300],
    ["no-store", 0],
    ["", 300],
  ])("under Cache-Control %j is kept for %i seconds", async (control, seconds) => {
    const id = address()
    const { fetch } = answering(documentOf(id), { headers: { "Cache-Control": control } })
    expect((await fetchDocument(fetch, id)).keepSeconds).toBe(seconds)
  })

  test.each<[string, object | string, ResponseInit, RegExp]>([
    ["that names another client", { client_id: "https://robots.example/other.json" }, {}, /not the address/],
    ["without redirect URIs", { redirect_uris: [] }, {}, /redirect_uris/],
    ["with very many", { redirect_uris: Array(21).fill("https://robots.example/x") }, {}, /redirect_uris/],
    ["without a name", { client_name: " " }, {}, /client_name/],
    ["with a name that is too long", { client_name: "x".repeat(101) }, {}, /client_name/],
    ["with a secret", { client_secret: "x" }, {}, /client_secret/],
    ["that needs a secret", { token_endpoint_auth_method: "client_secret_basic" }, {}, /without a secret/],
    ["for other grants", { grant_types: ["client_credentials"] }, {}, /authorization_code/],
    ["for other answers", { response_types: ["token"] }, {}, /response_types/],
    ["that is HTML", "<html></html>", { headers: { "Content-Type": "text/html" } }, /not answer with JSON/],
    ["that says it is JSON", "<html></html>", {}, /not JSON/],
    ["that is a list", "[]", {}, /the document/],
    ["that is not there", "{}", { status: 404 }, /answers 404/],
    ["that is too large", `{"x":"${"y".repeat(5 * 1024)}"}`, {}, /larger than 5120/],
  ])("%s is refused with the reason", async (_, given, init, reason) => {
    const id = address()
    const { fetch } = answering(typeof given === "string" ? given : documentOf(id, given), init)
    expect(await refusal(fetchDocument(fetch, id))).toMatch(reason)
  })

  test.each([
    "http://robots.example/client.json",
    "https://robots.example/",
    "https://robots.example",
    "https://user:pass@robots.example/client.json",
    "https://robots.example/client.json#x",
    "https://robots.example/a/../client.json",
    "https://robots.example/a/./client.json",
    "HTTPS://robots.example/client.json",
    "https://Robots.example/client.json",
    `https://robots.example/${"x".repeat(500)}`,
  ])("at %s is not asked for", async (id) => {
    const { calls, fetch } = answering(documentOf(id))
    expect(await refusal(fetchDocument(fetch, id))).toMatch(/its address is https/)
    expect(calls).toEqual([])
  })
})

describe("checklist 33: a document is fetched from public addresses alone", () => {
  test.each<[string, readonly string[]]>([
    ["https://127.0.0.1/client.json", []],
    ["https://[::1]/client.json", []],
    ["https://10.0.0.8/client.json", []],
    ["https://169.254.169.254/latest/meta-data", []],
    ["https://localhost/client.json", []],
    ["https://database.internal/client.json", []],
    ["https://innocent.example/client.json", ["192.168.1.1"]],
    ["https://innocent.example/client.json", ["203.0.114.9", "10.0.0.1"]],
    ["https://innocent.example/client.json", ["fd00::1"]],
  ])("%s (resolving to %j): nobody is called", async (id, addresses) => {
    const { calls, fetch } = answering(documentOf(id))
    const outbound = outboundFetch({ fetch, resolve: async () => addresses, loopback: false })
    expect(await refusal(fetchDocument(outbound, id))).toMatch(/could not be fetched/)
    expect(calls).toEqual([])
  })

  test("a redirect is not followed", async () => {
    const away = async () => new Response(null, { status: 302, headers: { Location: "http://127.0.0.1/" } })
    const outbound = outboundFetch({ fetch: away, resolve: async () => ["203.0.114.9"], loopback: false })
    expect(await refusal(fetchDocument(outbound, address()))).toMatch(/could not be fetched/)
  })

  test("nobody is waited for longer than five seconds, nor read beyond the bound", async () => {
    const id = address()
    const { fetch } = answering(documentOf(id))
    const asked: object[] = []
    await fetchDocument((url, init) => {
      asked.push({ ...init })
      return fetch(url)
    }, id)
    expect(asked).toEqual([expect.objectContaining({ timeoutMs: 5000, cutAt: 5 * 1024 + 1 })])
  })
})

describe("a program that describes itself", () => {
  test("is asked about by its host, fetched once, and let in under its address", async () => {
    const ada = await host()
    const id = address()
    const { calls, fetch } = answering(documentOf(id))
    const isolate = serving({}, application, { outbound: fetch as never })
    const proof = await newProof()
    const path = requestPath({ id, secret: null }, proof, { redirect_uri: "https://robots.example/callback" })
    const headers = () => ({
      ...ada.who.headers,
      Cookie: [...ada.cookies].map(([name, value]) => `${name}=${value}`).join("; "),
    })
    const seen = await isolate.call(null, `GET ${path}`, { headers: headers() })
    expect(seen.status).toBe(200)
    const page = { ...seen, text: String(seen.body), location: null }
    expect(mainOf(page)).toContain("It is described by <strong>robots.example</strong>")
    const decided = await isolate.call(null, "POST /oauth/authorize", {
      body: new URLSearchParams({ ticket: ticketIn(page), decision: "allow" }).toString(),
      headers: { ...headers(), "Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin" },
    })
    const code = new URL(decided.headers.get("Location") ?? "").searchParams.get("code") ?? ""
    // The exchange asks nobody: the grant keeps the client as its user saw it.
    const tokens = await call(null, "POST /oauth/token", {
      body: new URLSearchParams({
        grant_type: "authorization_code",
        code,
        client_id: id,
        code_verifier: proof.verifier,
      }).toString(),
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
    })
    expect([tokens.status, tokens.body.resource]).toEqual([200, issuer])
    expect(calls).toEqual([id])
    expect((await call(ada, "GET /v1/grants")).body.items).toMatchObject([
      { client: { id, name: "Robot", host: "robots.example" } },
    ])
    await isolate.settled()
  })

  test("whose document has changed since the question was asked is asked about again", async () => {
    const ada = await host()
    const id = address()
    let name = "Robot"
    const fetch = async () => {
      const headers = { "Content-Type": "application/json", "Cache-Control": "no-store" }
      return new Response(JSON.stringify(documentOf(id, { client_name: name })), { headers })
    }
    const isolate = serving({}, application, { outbound: fetch as never })
    const cookie = [...ada.cookies].map(([key, value]) => `${key}=${value}`).join("; ")
    const headers = { ...ada.who.headers, Cookie: cookie }
    const path = requestPath({ id, secret: null }, await newProof(), {
      redirect_uri: "https://robots.example/callback",
    })
    const seen = await isolate.call(null, `GET ${path}`, { headers })
    name = "Your bank"
    const decided = await isolate.call(null, "POST /oauth/authorize", {
      body: new URLSearchParams({
        ticket: ticketIn({ ...seen, text: String(seen.body), location: null }),
        decision: "allow",
      }).toString(),
      headers: { ...headers, "Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin" },
    })
    expect([decided.status, decided.headers.get("Location")]).toEqual([400, null])
    expect((await call(ada, "GET /v1/grants")).body.items).toEqual([])
  })

  test("is not fetched for whoever is not signed in, nor at the token endpoint", async () => {
    const id = address()
    const { calls, fetch } = answering(documentOf(id))
    const isolate = serving({}, application, { outbound: fetch as never })
    expect((await isolate.call(null, `GET ${requestPath({ id, secret: null }, await newProof())}`)).status).toBe(303)
    const body = new URLSearchParams({ grant_type: "refresh_token", refresh_token: "x", client_id: id }).toString()
    const headers = { "Content-Type": "application/x-www-form-urlencoded" }
    expect((await isolate.call(null, "POST /oauth/token", { body, headers })).status).toBe(400)
    expect(calls).toEqual([])
  })
})
