/** Lines 18 and 24 of the security checklist: what a browser keeps of a session, and that pages of others cannot use it. See get.test.ts, too. */
import { beforeAll, beforeEach, describe, expect, test } from "vitest"
import application from "../../src/app/index.ts"
import { type Browser, cookiesSet, newBrowser } from "../support/browser.ts"
import { type Answer, call } from "../support/calls.ts"
import { counted } from "../support/counting.ts"
import { administrator } from "../support/operators.ts"
import { letterTo, newAddress, type Person, person } from "../support/people.ts"
import { inObject, objectOf } from "../support/user-objects.ts"

let ada: Person
beforeAll(async () => {
  ada = await person("Ada")
})

const signedIn = async (who: Person = ada, browser: Browser = newBrowser()) => {
  expect((await browser.signIn(who)).status).toBe(200)
  return browser
}

/** Nothing that signs in stands in a body. */
function expectNoToken({ body }: Answer) {
  expect(JSON.stringify(body)).not.toMatch(/eyJ|sv_|s1\.|[Tt]oken/)
}

const lasting = (attributes: readonly string[]) =>
  Number(attributes.find((one) => one.startsWith("max-age="))?.slice(8))

describe("checklist 18: session cookies (ASVS 3.3.1 to 3.3.4)", () => {
  test("are __Host-, Secure, HttpOnly, SameSite, Path=/ and without Domain; no token stands in the body", async () => {
    const answer = await newBrowser().signIn(ada)
    expect(answer).toMatchObject({ status: 200, body: { userId: ada.id, sessionId: expect.any(String) } })
    expectNoToken(answer)
    const set = cookiesSet(answer)
    expect([...set.keys()]).toEqual(["__Host-at", "__Host-rt", "__Host-device"])
    for (const [name, { attributes }] of set) {
      expect(attributes.filter((one) => !one.startsWith("max-age=")).sort(), name).toEqual([
        "httponly",
        "path=/",
        name === "__Host-rt" ? "samesite=strict" : "samesite=lax",
        "secure",
      ])
    }
    const life = (name: string) => lasting(set.get(name)?.attributes ?? [])
    expect(life("__Host-at")).toBeGreaterThan(590)
    expect(life("__Host-at")).toBeLessThanOrEqual(600)
    expect(life("__Host-rt")).toBeGreaterThan(30 * 86_400 - 60)
    expect(life("__Host-rt")).toBeLessThanOrEqual(30 * 86_400)
    expect(answer.headers.get("Cache-Control")).toBe("no-store")
  })

  test("a link from a letter and a first session give cookies and no token, too", async () => {
    await call(null, "POST /v1/auth/request-magic-link", { body: { email: ada.email }, headers: ada.headers })
    const { token } = (await letterTo(ada.email, "Sign in")).action
    const linked = await newBrowser().fetch("POST /v1/auth/redeem-magic-link", { body: { token, transport: "cookie" } })
    const rules = { ...application.accounts, emailVerification: "optional", takenAddress: "told" } as const
    const open = { ...application, accounts: rules }
    const { name, email, password } = newAddress()
    const first = await newBrowser(counted({ application: open })).fetch("POST /v1/auth/sign-up", {
      body: { name, email, password, transport: "cookie" },
    })
    for (const [answer, status] of [
      [linked, 200],
      [first, 202],
    ] as const) {
      expect(answer.status).toBe(status)
      expectNoToken(answer)
      expect([...cookiesSet(answer).keys()]).toEqual(["__Host-at", "__Host-rt", "__Host-device"])
    }
  })

  test("a refresh by cookie turns both tokens over and shows none", async () => {
    const browser = await signedIn()
    const before = new Map(browser.jar)
    browser.jar.delete("__Host-at")
    const answer = await browser.fetch("POST /v1/auth/refresh", { body: {} })
    expect(answer.status).toBe(200)
    expectNoToken(answer)
    expect(browser.jar.get("__Host-rt")).not.toBe(before.get("__Host-rt"))
    expect(browser.jar.get("__Host-device")).toBe(before.get("__Host-device"))
    expect((await browser.fetch("GET /v1/me")).body).toMatchObject({ id: ada.id })
  })

  test("sign-out takes them away and ends the session; the device stays known", async () => {
    const browser = await signedIn()
    const kept = new Map(browser.jar)
    const answer = await browser.fetch("POST /v1/auth/sign-out", { body: {} })
    expect(answer.status).toBe(200)
    for (const name of ["__Host-at", "__Host-rt"]) {
      const cleared = cookiesSet(answer).get(name)
      expect(cleared?.value).toBe("")
      expect(cleared?.attributes).toEqual(expect.arrayContaining(["max-age=0", "path=/", "secure", "httponly"]))
    }
    expect([...browser.jar.keys()]).toEqual(["__Host-device"])
    for (const [name, value] of kept) browser.jar.set(name, value)
    expect((await browser.fetch("GET /v1/me")).status).toBe(401)
    expect((await browser.fetch("POST /v1/auth/refresh", { body: {} })).status).toBe(401)
  })

  test("a refresh that is refused takes them away", async () => {
    const browser = await signedIn()
    const { sid } = (
      await inObject(objectOf(ada), 'select "sid" from "sessions" order by "createdAt" desc limit 1')
    )[0] as {
      sid: string
    }
    expect((await call(ada, `DELETE /v1/sessions/${sid}`)).status).toBe(200)
    const answer = await browser.fetch("POST /v1/auth/refresh", { body: {} })
    expect(answer.status).toBe(401)
    expect([...browser.jar.keys()]).toEqual(["__Host-device"])
  })

  test("an access cookie that holds no more stands in nobody's way", async () => {
    const browser = await signedIn()
    const { sessionId } = (await browser.fetch("POST /v1/auth/refresh", { body: {} })).body
    const admin = await administrator()
    // New roles make the access token stale: the page refreshes, and has them.
    const roles = { roles: ["auditor"] }
    expect((await call(admin, `PUT /v1/users/${ada.id}/roles`, { body: roles })).status).toBe(200)
    expect((await browser.fetch("GET /v1/me")).status).toBe(401)
    expect(await browser.fetch("POST /v1/auth/refresh", { body: {} })).toMatchObject({
      status: 200,
      body: { sessionId },
    })
    expect((await browser.fetch("GET /v1/me")).body).toMatchObject({ roles: ["auditor"] })
    // An ended session: the page signs in again.
    expect((await call(admin, `POST /v1/users/${ada.id}/end-sessions`, { body: {} })).status).toBe(200)
    expect((await browser.fetch("GET /v1/me")).status).toBe(401)
    expect((await browser.signIn(ada)).status).toBe(200)
    expect((await browser.fetch("GET /v1/me")).status).toBe(200)
  })

  test("only under their own names, and never a key in their place", async () => {
    const { jar } = await signedIn()
    const token = jar.get("__Host-at")
    for (const name of ["at", "__Secure-at", "__host-at", "X__Host-at"])
      expect((await call(null, "GET /v1/me", { headers: { Cookie: `${name}=${token}` } })).status, name).toBe(401)
    const key = "sv_test_0000000000000000000000000000000000000000000000000000000000000000000000"
    expect((await call(null, "GET /v1/me", { headers: { Cookie: `__Host-at=${key}` } })).status).toBe(401)
  })

  test("a client with bearer tokens is set none", async () => {
    const body = { email: ada.email, password: ada.password }
    const answer = await call(null, "POST /v1/auth/sign-in", { body, headers: ada.headers })
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([200, []])
  })
})

const types = [
  "application/json",
  "application/json; charset=utf-8",
  "application/merge-patch+json",
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "",
]

const elsewhere: [string, Record<string, string>][] = [
  ["another site", { "Sec-Fetch-Site": "cross-site", Origin: "https://evil.test" }],
  ["a subdomain", { "Sec-Fetch-Site": "same-site", Origin: "https://user-content.selvage.test" }],
  ["no page at all", { "Sec-Fetch-Site": "none" }],
  ["another site, in a browser without fetch metadata", { Origin: "https://evil.test" }],
  ["a sandboxed frame", { Origin: "null" }],
  ["this host without TLS", { Origin: "http://selvage.test" }],
  ["somebody who says nothing", {}],
]

describe("checklist 24: a page of another site can do nothing with the cookies (ASVS 3.5.1 to 3.5.3)", () => {
  let eve: Person
  let browser: Browser
  beforeAll(async () => {
    eve = await person("Victim")
  })
  beforeEach(async () => {
    browser = await signedIn(eve, browser ?? newBrowser())
  })
  const name = async () => (await call(eve, "GET /v1/me")).body.name

  test.each(elsewhere)("%s: writes are refused for every method and content type", async (_, headers) => {
    for (const line of [
      "PATCH /v1/me",
      "POST /v1/organizations",
      "PUT /v1/me",
      `DELETE /v1/sessions/${eve.sessionId}`,
    ]) {
      for (const type of types) {
        const body = JSON.stringify({ name: "Owned" })
        const given = { body, headers: { ...headers, "Content-Type": type } }
        const answer = await browser.fetch(line, given)
        expect([line, type, answer.status, answer.body.code]).toEqual([line, type, 403, "PERMISSION_DENIED"])
      }
    }
    expect(await name()).toBe("Victim")
    expect((await call(eve, "GET /v1/organizations")).body.items).toEqual([])
  })

  test.each(elsewhere)("%s: no sign-out, no refresh, no sign-in", async (_, headers) => {
    const jar = new Map(browser.jar)
    const { email, password } = ada
    expect((await browser.fetch("POST /v1/auth/sign-out", { headers })).status).toBe(403)
    const attempts: [string, object][] = [
      ["POST /v1/auth/refresh", {}],
      ["POST /v1/auth/sign-in", { email, password, transport: "cookie" }],
    ]
    for (const [line, body] of attempts) {
      expect((await browser.fetch(line, { headers, body })).status, line).toBe(403)
      // Where the access cookie is over, the other two are no better.
      browser.jar.delete("__Host-at")
      expect((await browser.fetch(line, { headers, body })).status, line).toBe(403)
      browser.jar.set("__Host-at", jar.get("__Host-at") ?? "")
    }
    expect(browser.jar).toEqual(jar)
    expect((await browser.fetch("GET /v1/me")).body).toMatchObject({ id: eve.id })
    expect((await browser.fetch("POST /v1/auth/refresh", { body: {} })).status).toBe(200)
  })

  test.each<[string, Record<string, string>]>([
    ["says so by fetch metadata", { "Sec-Fetch-Site": "same-origin" }],
    ["says so by its origin", { Origin: "https://selvage.test" }],
    ["says so by both", { "Sec-Fetch-Site": "same-origin", Origin: "https://selvage.test" }],
  ])("a page of this site that %s may", async (_, headers) => {
    expect((await browser.fetch("PATCH /v1/me", { headers, body: { name: "Victim" } })).status).toBe(200)
  })

  test("a page of a listed origin may, and reads the answer; one of another may not", async () => {
    const world = counted({ change: { CORS_ORIGINS: "https://app.selvage.test" } })
    const page = newBrowser(world)
    page.jar.set("__Host-at", browser.jar.get("__Host-at") ?? "")
    const from = (Origin: string) => ({ Origin, "Sec-Fetch-Site": "same-site" })
    const write = (origin: string) => page.fetch("PATCH /v1/me", { headers: from(origin), body: { name: "Victim" } })
    const listed = await write("https://app.selvage.test")
    expect(listed.status).toBe(200)
    expect(listed.headers.get("Access-Control-Allow-Origin")).toBe("https://app.selvage.test")
    expect(listed.headers.get("Access-Control-Allow-Credentials")).toBe("true")
    const others = ["https://app.selvage.test.evil.test", "http://app.selvage.test", "https://app.selvage.test:8443"]
    for (const origin of others) {
      const answer = await write(origin)
      expect(answer.status, origin).toBe(403)
      expect(answer.headers.has("Access-Control-Allow-Origin"), origin).toBe(false)
      const read = await page.fetch("GET /v1/me", { headers: from(origin) })
      expect(read.headers.has("Access-Control-Allow-Origin"), origin).toBe(false)
    }
  })

  test("a request with Authorization is who that says, or nobody: its cookies count for nothing", async () => {
    const send = (Authorization: string, headers: object = {}) => ({ headers: { Authorization, ...headers } })
    const other = await person("Other")
    expect((await browser.fetch("GET /v1/me", send(`Bearer ${other.token}`))).body).toMatchObject({ id: other.id })
    for (const wrong of ["Bearer x", "Bearer", "Basic YTpi"])
      expect((await browser.fetch("GET /v1/me", send(wrong))).status, wrong).toBe(401)
    const elsewhere = { "Sec-Fetch-Site": "cross-site" }
    const body = { name: "Other again" }
    const written = await browser.fetch("PATCH /v1/me", { ...send(`Bearer ${other.token}`, elsewhere), body })
    expect([written.status, written.body.id]).toEqual([200, other.id])
    expect(await name()).toBe("Victim")
    const refresh = { ...send(`Bearer ${other.token}`), body: {} }
    expect((await browser.fetch("POST /v1/auth/refresh", refresh)).status).toBe(403)
  })
})
