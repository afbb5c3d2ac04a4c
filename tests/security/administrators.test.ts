/** Administrators take a second factor: until they have one, their session can add it, end itself, and do nothing else. */
import { beforeAll, describe, expect, test } from "vitest"
import application from "../../src/app/index.ts"
import { accountRules } from "../../src/core/accounts.ts"
import { newActor } from "../support/actors.ts"
import { newBrowser } from "../support/browser.ts"
import { call } from "../support/calls.ts"
import { tryConnect } from "../support/live.ts"
import { administrator, newSetupCode } from "../support/operators.ts"
import { newAddress, newNetwork, type Person, person, session, signIn } from "../support/people.ts"
import { withApp } from "../support/second-factors.ts"
import { serving } from "../support/serving.ts"
import { routes, validCall } from "./registered.ts"

/** An administrator who has just been made: with a password alone. */
async function newcomer(): Promise<Person> {
  const who = newAddress("Root")
  const { name, email, password, headers } = who
  const made = await call(null, "POST /v1/auth/set-up", {
    body: { code: await newSetupCode(), name, email, password },
    headers,
  })
  expect(made.status).toBe(201)
  return session(who)
}

let root: Person
beforeAll(async () => {
  root = await newcomer()
})

const served = routes.filter(({ operation }) => operation.standard?.resource !== "service_accounts")

describe("an administrator without a second factor", () => {
  test("signs in, and is told what is missing; the token says so and holds no role", async () => {
    const { body } = await signIn(root)
    expect(body).toMatchObject({ kind: "session", restricted: "enrolment" })
    const claims = JSON.parse(atob(body.accessToken.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")))
    expect(claims).toMatchObject({ restricted: "enrolment", roles: [], acr: "aal1" })
    const refreshed = await call(null, "POST /v1/auth/refresh", { body: { refreshToken: body.refreshToken } })
    expect(refreshed.body).toMatchObject({ restricted: "enrolment" })
  })

  test.each(
    served.filter(({ operation }) => !operation.enrolment).map((route) => [route.operation.name, route] as const),
  )("%s: refused, with the way out", async (_, route) => {
    const { line, ...options } = validCall(route)
    const answer = await call(root, line, options)
    expect([answer.status, answer.body.code], JSON.stringify(answer.body)).toEqual([403, "PERMISSION_DENIED"])
    expect(answer.body.violations).toMatchObject([{ path: "", code: "second_factor_required" }])
    expect(answer.body.detail).toContain("factors.enrolTotp")
  })

  test("what is open is what it takes to add one, to see oneself and to get out", () => {
    const open = served.filter(({ operation }) => operation.enrolment).map(({ operation }) => operation.name)
    expect(open.filter((name) => !name.startsWith("auth.")).sort()).toEqual([
      "factors.addPasskey",
      "factors.beginPasskey",
      "factors.confirmTotp",
      "factors.enrolTotp",
      "factors.list",
      "factors.makeRecoveryCodes",
      "factors.remove",
      "factors.rename",
      "me.get",
      "sessions.list",
      "sessions.revoke",
      "sessions.revokeOthers",
    ])
    expect(open).not.toContain("auth.rotateKeys")
  })

  test("opens no live connection", async () => {
    expect(await tryConnect(root)).toMatchObject({ status: 403, body: { code: "PERMISSION_DENIED" } })
  })

  test("sees oneself, and is somebody as soon as there is an app, by which the next sign-in goes", async () => {
    expect((await call(root, "GET /v1/me")).body).toMatchObject({ roles: ["admin"] })
    const safe = await withApp(root)
    expect((await call(safe, "GET /v1/users?limit=1")).status).toBe(200)
    expect((await signIn(root)).body.kind).toBe("secondFactor")
  })

  test("may do so in a browser, in cookies", async () => {
    const browser = newBrowser()
    expect((await browser.signIn(await newcomer())).body).toMatchObject({ restricted: "enrolment" })
    expect((await browser.fetch("GET /v1/users")).status).toBe(403)
    expect((await browser.fetch("GET /v1/me")).status).toBe(200)
    expect((await browser.fetch("POST /v1/factors/totp", { body: {} })).status).toBe(200)
    // Whoever is in the wrong account signs in to another.
    expect((await browser.signIn(await person("Ada"))).body).toMatchObject({ kind: "session" })
    expect((await browser.fetch("GET /v1/tasks")).status).toBe(200)
  })
})

describe("the second factor of an administrator", () => {
  test("is there to stay: the last one is not removed", async () => {
    const safe = await administrator()
    const answer = await call(safe, `DELETE /v1/factors/${safe.factorId}`)
    expect(answer.body).toMatchObject({ code: "FAILED_PRECONDITION", detail: expect.stringContaining("add another") })
    expect((await call(safe, "GET /v1/factors")).body.items).toHaveLength(1)
  })

  test("is asked of who becomes one, and no more of who is one no longer", async () => {
    const [chief, ada] = [await administrator(), await person("Ada")]
    const roles = (given: string[]) => call(chief, `PUT /v1/users/${ada.id}/roles`, { body: { roles: given } })
    const refresh = async (refreshToken: string) =>
      (await call(null, "POST /v1/auth/refresh", { body: { refreshToken } })).body
    expect((await roles(["admin"])).status).toBe(200)
    const promoted = await refresh(ada.refreshToken)
    expect(promoted).toMatchObject({ restricted: "enrolment" })
    expect((await call({ token: promoted.accessToken }, "GET /v1/tasks")).status).toBe(403)
    expect((await roles([])).status).toBe(200)
    const demoted = await refresh(promoted.refreshToken)
    expect(demoted).not.toHaveProperty("restricted")
    expect((await call({ token: demoted.accessToken }, "GET /v1/tasks")).status).toBe(200)
  })

  test("is asked of the keys that were made before: until it is there they hold no role", async () => {
    const [chief, ada] = [await administrator(), await person("Ada")]
    const { headers } = ada
    const { key: token } = (
      await call(ada, "POST /v1/api-keys", { body: { name: "Key", scopes: ["*:read"] }, headers })
    ).body
    const line = `GET /v1/users/${chief.id}`
    expect((await call({ token }, line)).status).toBe(404)
    expect((await call(chief, `PUT /v1/users/${ada.id}/roles`, { body: { roles: ["admin"] } })).status).toBe(200)
    expect((await call({ token }, line)).status).toBe(404)
    expect((await call({ token }, "GET /v1/tasks")).status).toBe(200)
    await withApp(await session(ada))
    // Its answer is believed for half a minute; another isolate asks.
    expect((await serving().call({ token }, line)).status).toBe(200)
  })

  test("is left to each of them where the application says so", async () => {
    const accounts = { ...application.accounts, mfa: accountRules({ mfa: { administrators: "optional" } }).mfa }
    const lenient = serving({}, { ...application, accounts })
    const who = await newcomer()
    const { email, password } = who
    const answer = await lenient.call(null, "POST /v1/auth/sign-in", {
      body: { email, password },
      headers: { "CF-Connecting-IP": newNetwork() },
    })
    expect(answer.body).not.toHaveProperty("restricted")
    const token = answer.body.accessToken
    expect((await lenient.call({ token }, "GET /v1/users?limit=1")).status).toBe(200)
  })

  test("is not ours to ask for of another issuer's administrator", async () => {
    expect((await call(await newActor("Foreign", ["admin"]), "GET /v1/users?limit=1")).status).toBe(200)
  })
})
