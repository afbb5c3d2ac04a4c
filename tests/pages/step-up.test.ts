/** A fresh proof at the pages: who is led to it, by what it is given, and where it leads; and administrators who have to add a factor first. */
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import { host, newProof, register, requestPath, ticketIn } from "../oauth/program.ts"
import { authenticator } from "../support/authenticator.ts"
import { call } from "../support/calls.ts"
import { age, hidden, holdings, type Inside, inside, protectedInside } from "./signed-in.ts"
import { newVisitor } from "./visitor.ts"

const stepUp = (next: string) => `/account/step-up?next=${encodeURIComponent(next)}`
const proofBy = (by: string, next: string) => `/account/step-up?by=${by}&next=${encodeURIComponent(next)}`

async function stale<T extends Inside>(who: Promise<T>): Promise<T> {
  const found = await who
  await age(found, 700)
  return found
}

describe("a proof that is too old", () => {
  test.each([
    ["GET", "/account/factors/app", {}, "/account/factors/app"],
    ["GET", "/account/factors/passkey", {}, "/account/factors/passkey"],
    ["POST", "/account/factors/recovery-codes", {}, "/account/factors"],
    ["POST", "/account/factors/app", { state: "x", code: "123456", name: "Phone" }, "/account/factors/app"],
    ["POST", "/account/factors/passkey", { state: "x", credential: "{}" }, "/account/factors/passkey"],
  ] as ["GET" | "POST", string, Record<string, string>, string][])(
    "%s %s leads to a new one and back, and does nothing",
    async (method, path, form, next) => {
      const grace = await stale(protectedInside())
      const before = await holdings(grace)
      const led = method === "GET" ? await grace.get(path) : await grace.post(path, form)
      expect([led.status, led.location]).toEqual([303, stepUp(next)])
      // It is no reason to be signed out, nor to turn the refresh token.
      expect(led.headers.getSetCookie()).toEqual([])
      expect(await holdings(grace)).toEqual(before)
    },
  )

  test("removes no factor, and what is asked for is the code, once", async () => {
    const grace = await stale(protectedInside())
    const led = await grace.post("/account/factors/remove", { id: grace.person.factorId })
    expect(led.location).toBe(stepUp("/account/factors"))
    const page = await grace.get(led.location ?? "")
    expect(page.text).toContain('name="code"')
    expect(page.text).not.toContain('type="password"')
    const path = proofBy("code", "/account/factors")
    const wrong = await grace.post(path, { code: "12" })
    expect([wrong.status, wrong.text.includes("A code has six digits.")]).toEqual([400, true])
    expect((await grace.post("/account/factors/remove", { id: grace.person.factorId })).location).toBe(led.location)
    const done = await grace.post(path, { code: await grace.person.app.next() })
    expect(done.location).toBe("/account/factors?told=proved")
    expect((await grace.get(done.location ?? "")).text).toContain("Thank you. Now go on")
    const removed = await grace.post("/account/factors/remove", { id: grace.person.factorId })
    expect(removed.location).toBe("/account/factors?told=removed")
  })

  test("a recovery code does, too; a password does not where there is a factor", async () => {
    const grace = await stale(protectedInside())
    const byPassword = await grace.post(proofBy("password", "/account/keys"), { password: grace.who.password })
    expect([byPassword.status, byPassword.location]).toEqual([400, null])
    const [recoveryCode = ""] = grace.person.recoveryCodes
    expect((await grace.post(proofBy("recoveryCode", "/account/keys"), { recoveryCode })).location).toBe(
      "/account/keys?told=proved",
    )
  })

  test("makes no key, and what was typed is there again after the password", async () => {
    const ada = await stale(inside())
    const form = { name: "Robot & co", "scope.tasks": "tasks:write", "scope.*": "", days: "30" }
    const led = await ada.post("/account/keys/new", form)
    const next = new URL(led.location ?? "", "https://selvage.test").searchParams.get("next") ?? ""
    expect(next.startsWith("/account/keys/new?")).toBe(true)
    expect((await call(ada.person, "GET /v1/api-keys")).body.items).toEqual([])
    const wrong = await ada.post(proofBy("password", next), { password: "not the password of hers" })
    expect([wrong.status, wrong.text.includes("The current password is wrong")]).toEqual([400, true])
    const done = await ada.post(proofBy("password", next), { password: ada.who.password })
    const page = await ada.get(done.location ?? "")
    expect(page.text).toContain('value="Robot &amp; co"')
    expect(page.text).toContain('<option value="tasks:write" selected>')
    expect(page.text).toContain('<option value="30" selected>')
    expect((await ada.post("/account/keys/new", form)).text).toContain("Keep this key")
  })
})

describe("where a proof leads", () => {
  test.each([
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "/..//evil.example/",
    "/account/..//evil.example/",
    "/account@evil.example/",
    "\thttps://evil.example",
    "javascript:alert(1)",
    "/accounts",
    "/v1/me",
    "",
  ])("%j is no page of the account: it leads to the account", async (next) => {
    const ada = await inside()
    expect((await ada.get(stepUp(next))).text).not.toContain("evil")
    const done = await ada.post(proofBy("password", next), { password: ada.who.password })
    expect([done.status, done.location]).toEqual([303, "/account?told=proved"])
  })

  test("nobody proves anything: who is not signed in is asked to, and comes back", async () => {
    const nobody = newVisitor()
    expect((await nobody.get(stepUp("/account/keys"))).location).toBe("/account/sign-in")
    expect((await nobody.post(proofBy("password", "/account/keys"), { password: "x" })).location).toBe(
      "/account/sign-in",
    )
  })
})

describe("a detour's cookie", () => {
  test.each(["https://evil.example", "//evil.example", "/..//evil.example", "%ff", "\\\\evil.example"])(
    "%s leads nowhere",
    async (value) => {
      const ada = await inside()
      ada.cookies.set("__Host-next", value === "%ff" ? value : encodeURIComponent(value))
      const page = await ada.get("/account")
      expect([page.status, page.location]).toEqual([200, null])
    },
  )
})

describe("an administrator without a second factor", () => {
  async function bareAdministrator(): Promise<Inside> {
    const ada = await inside("Root")
    await env.DB.prepare(`update "users" set "roles" = '["admin"]', "version" = "version" + 1 where "id" = ?`)
      .bind(ada.person.id)
      .run()
    const { email, password } = ada.who
    const entered = await ada.post("/account/sign-in", { email, password })
    expect(entered.location).toBe("/account/factors?told=enrol")
    return ada
  }

  async function addApp(ada: Inside): Promise<void> {
    const page = await ada.get("/account/factors/app")
    const [state, secret] = [hidden(page, "state"), hidden(page, "secret")]
    const code = await authenticator(secret).next()
    const added = await ada.post("/account/factors/app", { state, secret, name: "Phone", code })
    expect(added.text).toContain("Keep your recovery codes")
  }

  test("is led to adding one, from every page that is closed until then", async () => {
    const ada = await bareAdministrator()
    expect((await ada.get("/account/factors?told=enrol")).text).toContain("you need a second factor")
    for (const path of ["/account/keys", "/account/grants"])
      expect((await ada.get(path)).location).toBe("/account/factors?told=enrol")
    const made = await ada.post("/account/keys/new", { name: "Key", "scope.*": "*:write", days: "7" })
    expect(made.location).toBe("/account/factors?told=enrol")
    await addApp(ada)
    ada.cookies.delete("__Host-next")
    expect((await ada.get("/account/keys")).text).toContain("You have none.")
  })

  test("is asked about a program after that, and not before", async () => {
    const path = requestPath(await register(), await newProof())
    expect(ticketIn(await (await host()).get(path))).toEqual(expect.any(String))
    const ada = await bareAdministrator()
    expect((await ada.get(path)).location).toBe("/account/factors?told=enrol")
    await addApp(ada)
    const resumed = await ada.get("/account")
    expect(resumed.location).toBe(path)
    expect(ticketIn(await ada.get(resumed.location ?? ""))).toEqual(expect.any(String))
  })
})
