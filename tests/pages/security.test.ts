/** The pages of an account's security: what they show, what they change and only they change, and what never happens by looking. */
import { beforeAll, describe, expect, test } from "vitest"
import { host, letIn, register } from "../oauth/program.ts"
import { authenticator } from "../support/authenticator.ts"
import { call } from "../support/calls.ts"
import { newNetwork } from "../support/people.ts"
import { rowCount } from "../support/workspace.ts"
import { enter, hidden, holdings, type Inside, inside, protectedInside } from "./signed-in.ts"
import { newVisitor } from "./visitor.ts"

const withScript = ["/account/factors/passkey", "/account/passkey"]
const without = [
  "/account",
  "/account/factors",
  "/account/factors/app",
  "/account/keys",
  "/account/keys/new",
  "/account/grants",
  "/account/password",
  "/account/step-up",
  "/account/sign-in",
  "/account/second-factor",
]

const digestOf = async (text: string) =>
  btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)))))

describe("every page", () => {
  let grace: Inside

  beforeAll(async () => {
    grace = await protectedInside()
  })

  test.each(without)("%s runs nothing", async (path) => {
    const { status, text, headers } = await grace.get(path)
    expect(status).toBe(200)
    expect(headers.get("Content-Security-Policy")).not.toMatch(/script-src|unsafe|connect-src/)
    expect(text).not.toMatch(/<script|<[^>]*\son\w+=/i)
    expect(headers.get("Cache-Control")).toBe("no-store")
  })

  test.each(withScript)("%s runs one script of ours, by its hash, and nothing else", async (path) => {
    const { status, text, headers } = await grace.get(path)
    expect(status).toBe(200)
    const scripts = [...text.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, script]) => script ?? "")
    expect(scripts).toHaveLength(1)
    const policy = headers.get("Content-Security-Policy") ?? ""
    const sources = policy.split("; ").filter((line) => line.startsWith("script-src"))
    expect(sources).toEqual([`script-src 'sha256-${await digestOf(scripts[0] ?? "")}'`])
    expect(policy).not.toMatch(/unsafe|connect-src/)
    expect(text).not.toMatch(/<[^>]*\s(on\w+|src)=/i)
    expect(text).toContain("<noscript>")
  })

  test.each([...without, ...withScript])("%s is looked at and nothing comes of it", async (path) => {
    const before = await holdings(grace)
    const events = await rowCount("events")
    for (let n = 0; n < 2; n++) expect((await grace.get(path)).headers.getSetCookie()).toEqual([])
    expect(await holdings(grace)).toEqual(before)
    expect(await rowCount("events")).toBe(events)
  })

  test.each([...without.slice(1, 8), "/account/factors/passkey"])("%s asks nobody in, and comes back", async (path) => {
    const nobody = newVisitor({ ...grace.who, headers: { "CF-Connecting-IP": newNetwork() } })
    const sent = await nobody.get(path)
    expect([sent.status, sent.location]).toEqual([303, "/account/sign-in"])
    expect(sent.text).toBe("")
    expect(decodeURIComponent(nobody.cookies.get("__Host-next") ?? "")).toBe(path)
  })
})

describe("a form from another site", () => {
  const posts: readonly (readonly [string, Record<string, string>])[] = [
    ["/account/factors/rename", { name: "Mine" }],
    ["/account/factors/remove", {}],
    ["/account/factors/recovery-codes", {}],
    ["/account/factors/app", { name: "Evil", code: "123456", state: "x" }],
    ["/account/factors/passkey", { name: "Evil", credential: "{}", state: "x" }],
    ["/account/keys/new", { name: "Evil", "scope.*": "*:write", days: "365" }],
    ["/account/keys/end", {}],
    ["/account/grants/end", {}],
    ["/account/step-up", { password: "x" }],
    ["/account/passkey", { credential: "{}", state: "x" }],
    ["/account/second-factor/passkey", { credential: "{}", state: "x" }],
    ["/account/password", { currentPassword: "x", password: "y" }],
  ]
  const foreign = { "Sec-Fetch-Site": "cross-site", Origin: "https://evil.test" }

  test.each(posts)("at %s is refused, and nothing comes of it", async (path, form) => {
    const grace = await protectedInside()
    const made = await call(grace.person, "POST /v1/api-keys", { body: { name: "Robot", scopes: ["*:read"] } })
    const before = await holdings(grace)
    const id = path.includes("factors") ? grace.person.factorId : made.body.id
    const page = await grace.post(path, { id, ...form }, foreign)
    expect([page.status, page.location]).toEqual([403, null])
    expect(page.text).toContain("This is refused")
    expect(page.headers.getSetCookie()).toEqual([])
    expect(await holdings(grace)).toEqual(before)
  })
})

describe("second factors", () => {
  test("an app is added with its code; what it was made of is shown until then, and recovery codes once", async () => {
    const ada = await inside()
    const page = await ada.get("/account/factors/app")
    const [state, secret] = [hidden(page, "state"), hidden(page, "secret")]
    expect(page.text).toContain("data:image/svg+xml;base64,")
    const app = authenticator(secret)
    const wrong = await ada.post("/account/factors/app", { state, secret, name: "Phone", code: "12" })
    expect([wrong.status, hidden(wrong, "secret")]).toEqual([400, secret])
    expect(wrong.text).toContain("A code has six digits.")
    const done = await ada.post("/account/factors/app", { state, secret, name: "Phone", code: await app.next() })
    expect(done.status).toBe(200)
    expect(new Set(done.text.match(/<code>[A-Z2-7]{4}(-[A-Z2-7]{4}){5}<\/code>/g)).size).toBe(10)
    expect(done.headers.get("Cache-Control")).toBe("no-store")
    const list = await ada.get("/account/factors")
    expect(list.text).toContain("<strong>Phone</strong>")
    expect(list.text).toContain("10 of 10 are left")
    // The state is used up, so a reload of that page adds no second one.
    const again = await ada.post("/account/factors/app", { state, secret, name: "Phone", code: await app.next() })
    expect(again.status).toBe(400)
  })

  test("are renamed and removed; names are text", async () => {
    const grace = await protectedInside()
    const name = `<script>alert("1")</script>`
    const renamed = await grace.post("/account/factors/rename", { id: grace.person.factorId, name })
    expect(renamed.location).toBe("/account/factors?told=renamed")
    const list = await grace.get("/account/factors?told=renamed")
    expect(list.text).toContain("<strong>&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;</strong>")
    expect(list.text).not.toContain("<script")
    const removed = await grace.post("/account/factors/remove", { id: grace.person.factorId })
    expect(removed.location).toBe("/account/factors?told=removed")
    expect((await grace.get("/account/factors")).text).toContain("You have none yet")
  })

  test("of others stay what they are", async () => {
    const [ada, grace] = [await inside(), await protectedInside()]
    const before = await holdings(grace)
    await ada.post("/account/factors/remove", { id: grace.person.factorId })
    await ada.post("/account/factors/rename", { id: grace.person.factorId, name: "Mine" })
    expect(await holdings(grace)).toEqual(before)
  })

  test("new recovery codes end the old ones", async () => {
    const grace = await protectedInside()
    const page = await grace.post("/account/factors/recovery-codes", {})
    expect(page.text).toContain("The ones before them have ended.")
    const fresh = /<code>([A-Z2-7-]+)<\/code>/.exec(page.text)?.[1] ?? ""
    const half = newVisitor({ ...grace.who, headers: { "CF-Connecting-IP": newNetwork() } })
    await half.post("/account/sign-in", { email: grace.who.email, password: grace.who.password })
    const old = await half.post("/account/recovery-code", { recoveryCode: grace.person.recoveryCodes[0] ?? "" })
    expect(old.status).toBe(400)
    expect((await half.post("/account/recovery-code", { recoveryCode: fresh })).location).toBe("/account")
  })
})

describe("API keys", () => {
  test("are made with scopes and an end, shown once, and ended", async () => {
    const ada = await inside()
    const form = { name: "<b>Robot</b>", "scope.tasks": "tasks:read", "scope.*": "", days: "7" }
    const made = await ada.post("/account/keys/new", form)
    const token = /<code class="secret">([^<]+)<\/code>/.exec(made.text)?.[1] ?? ""
    expect((await call({ token }, "GET /v1/tasks")).status).toBe(200)
    expect((await call({ token }, "GET /v1/projects")).status).toBe(403)
    const list = await ada.get("/account/keys")
    expect(list.text).toContain("<strong>&lt;b&gt;Robot&lt;/b&gt;</strong>")
    expect(list.text).not.toContain(token)
    const [key] = (await call(ada.person, "GET /v1/api-keys")).body.items
    expect(key.scopes).toEqual(["tasks:read"])
    expect(Date.parse(key.expiresAt) - Date.parse(key.createdAt)).toBeLessThan(7.01 * 86_400_000)
    expect((await ada.post("/account/keys/end", { id: key.id })).location).toBe("/account/keys?told=key-ended")
    expect((await call(ada.person, "GET /v1/api-keys")).body.items).toEqual([])
  })

  test.each([
    [{ name: "Robot", days: "7" }, "Choose what the key may do."],
    [{ name: "Robot", "scope.tasks": "tasks:read", days: "4000" }, "Choose when it ends."],
    [{ name: " ", "scope.tasks": "tasks:read", days: "7" }, "Give the key a name."],
    [{ name: "Robot", "scope.tasks": "tasks:everything", days: "7" }, "Make an API key"],
  ] as [Record<string, string>, string][])("%j makes none", async (form, text) => {
    const ada = await inside()
    const page = await ada.post("/account/keys/new", form)
    expect([page.status, page.text.includes(text)]).toEqual([400, true])
    expect((await call(ada.person, "GET /v1/api-keys")).body.items).toEqual([])
  })

  test("of others are not ended", async () => {
    const [ada, ben] = [await inside(), await inside("Ben")]
    const { id } = (await call(ben.person, "POST /v1/api-keys", { body: { name: "Key", scopes: ["*:read"] } })).body
    await ada.post("/account/keys/end", { id })
    expect((await call(ben.person, "GET /v1/api-keys")).body.items).toHaveLength(1)
  })
})

describe("programs that were let in", () => {
  test("are seen as text, with what they may do, and ended by who let them in alone", async () => {
    const [ada, eve] = [await host(), await inside("Eve")]
    const { access, grant } = await letIn(ada, await register({ client_name: "<img src=x>" }))
    const list = await ada.get("/account/grants")
    expect(list.text).toContain("“&lt;img src=x&gt;”")
    expect(list.text).not.toContain("<img")
    expect(list.text).toContain("See tasks <code>tasks:read</code>")
    await eve.post("/account/grants/end", { id: grant })
    expect((await call({ token: access }, "GET /v1/tasks")).status).toBe(200)
    expect((await ada.post("/account/grants/end", { id: grant })).location).toBe("/account/grants?told=grant-ended")
    expect((await ada.get("/account/grants")).text).toContain("There are none.")
  })
})

test("the password is changed by who knows the one before, and other sessions end", async () => {
  const ada = await inside()
  const next = `another one ${crypto.randomUUID()}`
  const wrong = await ada.post("/account/password", { currentPassword: "no password of hers", password: next })
  expect([wrong.status, wrong.text.includes("The current password is wrong")]).toEqual([400, true])
  expect(wrong.text).not.toContain(next)
  const done = await ada.post("/account/password", { currentPassword: ada.who.password, password: next })
  expect(done.location).toBe("/account?told=changed")
  const { refreshToken, headers } = ada.person
  expect((await call(null, "POST /v1/auth/refresh", { body: { refreshToken }, headers })).status).toBe(401)
  await expect(enter(ada.person)).rejects.toThrow()
})
