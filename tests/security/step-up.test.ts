/** Step-up (RFC 9470): what takes a fresh proof, what is said to whoever has none, and what a proof gives. Line 19 of the checklist, too. */
import { describe, expect, test } from "vitest"
import { refuse } from "../../src/api/websocket/problem.ts"
import { stepUpNeeded } from "../../src/core/assurance.ts"
import { newBrowser } from "../support/browser.ts"
import { call, faultsOf } from "../support/calls.ts"
import { ownClaims, signOwn } from "../support/own-tokens.ts"
import { newNetwork, type Person, person, signIn } from "../support/people.ts"
import { completeSignIn, protectedPerson, ticketOf } from "../support/second-factors.ts"
import { eventsIn, inObject, objectOf } from "../support/user-objects.ts"
import { routes } from "./registered.ts"

const from = () => ({ "CF-Connecting-IP": newNetwork() })
const stepUp = (who: { readonly token: string }, body: object) =>
  call(who, "POST /v1/auth/step-up", { body, headers: from() })
const makeKey = (who: { readonly token: string }) =>
  call(who, "POST /v1/api-keys", { body: { name: "Key", scopes: ["*:read"] } })
const claimsOf = (token: string) =>
  JSON.parse(atob((token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/")))

/** The same session, whose holder proved who they are so long ago. */
async function agedBy(seconds: number, who: Person): Promise<Person> {
  const claims = ownClaims(who)
  const { epoch } = claimsOf(who.token)
  return { ...who, token: await signOwn({ ...claims, epoch, auth_time: Math.floor(Date.now() / 1000) - seconds }) }
}

test("these operations take a fresh proof, and each asks for a person who signed in", () => {
  const fresh = routes.filter(({ operation }) => operation.fresh !== undefined)
  expect(fresh.map(({ operation }) => `${operation.name} ${operation.fresh}`).sort()).toEqual([
    "apiKeys.create 10m",
    "factors.addPasskey 10m",
    "factors.beginPasskey 10m",
    "factors.confirmTotp 10m",
    "factors.enrolTotp 10m",
    "factors.makeRecoveryCodes 10m",
    "factors.remove 10m",
    "users.impersonate 10m",
    "users.setRoles 10m",
  ])
  for (const { operation } of fresh) expect(operation.credential).toBe("session")
})

describe("a proof that is too old", () => {
  test("is refused with the age that is allowed, in the header and in the body, and nothing is done", async () => {
    const ada = await person("Ada")
    const old = await agedBy(605, ada)
    const answer = await makeKey(old)
    expect(answer.status).toBe(401)
    expect(answer.headers.get("WWW-Authenticate")).toBe(
      'Bearer realm="selvage", error="insufficient_user_authentication", max_age=600, ' +
        'resource_metadata="http://localhost:8787/.well-known/oauth-protected-resource"',
    )
    expect(answer.body).toMatchObject({
      type: "urn:selvage:problem:insufficient-user-authentication",
      code: "UNAUTHENTICATED",
      maxAge: 600,
      violations: [{ path: "", code: "insufficient_user_authentication" }],
    })
    expect((await call(ada, "GET /v1/api-keys")).body.items).toEqual([])
    // It is no reason to be signed out.
    expect((await call(old, "GET /v1/me")).status).toBe(200)
    expect((await makeKey(await agedBy(590, ada))).status).toBe(201)
  })

  test("is told on a connection as it is over HTTP", () => {
    const { error } = JSON.parse(refuse(1, stepUpNeeded(600)))
    expect(error.data).toMatchObject({
      code: "UNAUTHENTICATED",
      type: "urn:selvage:problem:insufficient-user-authentication",
      maxAge: 600,
      violations: [{ code: "insufficient_user_authentication" }],
    })
  })

  test("stays old through a refresh: only a proof makes it new", async () => {
    const ada = await person("Ada")
    const hour = 3_600_000
    await inObject(objectOf(ada), 'update "sessions" set "authTime" = ?', Date.now() - hour)
    const body = { refreshToken: ada.refreshToken }
    const { accessToken: token } = (await call(null, "POST /v1/auth/refresh", { body })).body
    expect((await makeKey({ token })).status).toBe(401)
    const done = await stepUp({ token }, { password: ada.password })
    expect(done.status).toBe(200)
    expect((await makeKey({ token: done.body.accessToken })).status).toBe(201)
  })
})

describe("a proof by password, without a second factor", () => {
  test("gives a session of a new id with a fresh proof, to the end that the old one had; the old one is dead", async () => {
    const ada = await person("Ada")
    const kept = 'select "sid", "hardAt", "device", "amr" from "sessions"'
    const [before] = await inObject(objectOf(ada), kept)
    const old = await agedBy(605, ada)
    const { status, body } = await stepUp(old, { password: ada.password })
    expect(status).toBe(200)
    expect(body).toMatchObject({ kind: "session", userId: ada.id })
    expect(body.sessionId).not.toBe(ada.sessionId)
    const after = await inObject(objectOf(ada), kept)
    expect(after).toEqual([{ ...before, sid: body.sessionId }])
    expect((await makeKey({ token: body.accessToken })).status).toBe(201)
    for (const { token } of [ada, old]) expect((await call({ token }, "GET /v1/me")).status).toBe(401)
    const stale = { body: { refreshToken: ada.refreshToken } }
    expect((await call(null, "POST /v1/auth/refresh", stale)).status).toBe(401)
    expect(await eventsIn(ada)).toContainEqual([
      "session.renewed",
      { sid: body.sessionId, of: ada.sessionId, amr: ["pwd"] },
    ])
  })

  test("a wrong one changes nothing and counts as an attempt", async () => {
    const ada = await person("Ada")
    expect(faultsOf(await stepUp(ada, { password: "a wrong guess, wrong" }))).toEqual([400, "/password wrong_password"])
    expect((await call(ada, "GET /v1/me")).status).toBe(200)
    expect((await eventsIn(ada)).map(([kind]) => kind)).toContain("signin.failed")
    for (let n = 0; n < 4; n++) await stepUp(ada, { password: "a wrong guess, wrong" })
    expect((await stepUp(ada, { password: ada.password })).status).toBe(429)
  })

  test("a code is none for who has no second factor; nor is nothing, nor two at once", async () => {
    const ada = await person("Ada")
    expect(faultsOf(await stepUp(ada, { code: "123456" }))).toEqual([400, "/code wrong_code"])
    expect(faultsOf(await stepUp(ada, {}))).toEqual([400, " exactly_one"])
    expect(faultsOf(await stepUp(ada, { password: ada.password, code: "123456" }))).toEqual([400, " exactly_one"])
  })

  test("is for who is signed in: nobody, a key and whoever acts in another's name are refused", async () => {
    const ada = await person("Ada")
    const { key } = (await makeKey(ada)).body
    expect((await call(null, "POST /v1/auth/step-up", { body: { password: ada.password } })).status).toBe(401)
    expect((await stepUp({ token: key }, { password: ada.password })).status).toBe(403)
  })

  test("in a browser the session stays in its cookies", async () => {
    const ada = await person("Ada")
    const browser = newBrowser()
    const { sessionId } = (await browser.signIn(ada)).body
    const done = await browser.fetch("POST /v1/auth/step-up", { body: { password: ada.password } })
    expect(done.status).toBe(200)
    expect(JSON.stringify(done.body)).not.toMatch(/eyJ|sv_/)
    expect(done.body.sessionId).not.toBe(sessionId)
    expect((await browser.fetch("GET /v1/me")).status).toBe(200)
    expect((await browser.fetch("POST /v1/auth/refresh", { body: {} })).body).toMatchObject({
      sessionId: done.body.sessionId,
    })
  })
})

describe("a proof where there is a second factor", () => {
  test("the password alone is refused, and what would do is named", async () => {
    const ada = await protectedPerson()
    const answer = await stepUp(ada, { password: ada.password })
    expect(faultsOf(answer)).toEqual([400, "/password second_factor_required"])
    expect(answer.body.violations[0].message).toContain("totp, recoveryCode")
    expect((await call(ada, "GET /v1/me")).status).toBe(200)
    expect(await inObject(objectOf(ada), 'select * from "pending"')).toEqual([])
  })

  test("a code does, once, and says with what the session was opened before", async () => {
    const ada = await protectedPerson()
    const code = await ada.app.next()
    const { status, body } = await stepUp(await agedBy(605, ada), { code })
    expect(status).toBe(200)
    expect(claimsOf(body.accessToken)).toMatchObject({ amr: ["pwd", "otp", "mfa"], acr: "aal2", sid: body.sessionId })
    expect((await makeKey({ token: body.accessToken })).status).toBe(201)
    expect(faultsOf(await stepUp({ token: body.accessToken }, { code }))).toEqual([400, "/code used_code"])
    // A code that proved here proves nothing at a sign-in.
    expect((await completeSignIn(ada, { ticket: await ticketOf(ada), code })).status).toBe(400)
  })

  test("a recovery code does, once", async () => {
    const ada = await protectedPerson()
    const [recoveryCode] = ada.recoveryCodes
    const { status, body } = await stepUp(ada, { recoveryCode })
    expect(status).toBe(200)
    const again = await stepUp({ token: body.accessToken }, { recoveryCode })
    expect(faultsOf(again)).toEqual([400, "/recoveryCode wrong_recovery_code"])
  })

  test("guesses are few: at most 5 of 12 in parallel are evaluated, and who signs in elsewhere is not held up", async () => {
    const ada = await protectedPerson()
    const right = await ada.app.next()
    const guesses = Array.from({ length: 12 }, (_, n) => (n === 8 ? right : `55555${n % 10}`))
    const answers = await Promise.all(guesses.map((code) => stepUp(ada, { code })))
    expect(answers.map(({ status }) => status)).not.toContain(200)
    expect((await eventsIn(ada)).filter(([kind]) => kind === "factor.failed").length).toBeLessThanOrEqual(5)
    // The guesses were made with the session of one device; another device has a bucket of its own.
    const ticket = (await signIn({ ...ada, headers: from() })).body.ticket
    expect((await completeSignIn(ada, { ticket, code: await ada.app.next() })).status).toBe(200)
  })

  test("a session that ended meanwhile goes on with nothing", async () => {
    const ada = await protectedPerson()
    await inObject(objectOf(ada), 'delete from "sessions"')
    expect((await stepUp(ada, { code: await ada.app.next() })).status).toBe(401)
    expect(await inObject(objectOf(ada), 'select * from "sessions"')).toEqual([])
  })
})
