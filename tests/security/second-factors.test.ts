/** Lines 13 and 14 of the security checklist: an account with a second factor opens for nothing less, by whatever way one comes. */
import { env } from "cloudflare:workers"
import { base64url } from "jose"
import { beforeAll, describe, expect, test } from "vitest"
import { authenticator } from "../support/authenticator.ts"
import { newBrowser } from "../support/browser.ts"
import { type Answer, call, faultsOf } from "../support/calls.ts"
import { letterTo, newNetwork, type Person, signIn } from "../support/people.ts"
import { completeSignIn, type Protected, protectedPerson, ticketOf } from "../support/second-factors.ts"
import { type Serving, serving } from "../support/serving.ts"
import { eventsIn, holdClock, inObject, objectOf } from "../support/user-objects.ts"

const minute = 60_000
const from = () => ({ "CF-Connecting-IP": newNetwork() })
const post = (path: string, body: object) => call(null, `POST /v1/${path}`, { body, headers: from() })

/** Nothing that opens anything stands in the answer, and nothing was opened. */
async function expectNoSession(who: Person, answer: Answer, sessions: number): Promise<void> {
  const { ticket: _, ...told } = answer.body
  expect(JSON.stringify(told)).not.toMatch(/eyJ|sv_|s1\.|accessToken|refreshToken|deviceToken|sessionId/)
  expect(answer.headers.getSetCookie()).toEqual([])
  expect(await inObject(objectOf(who), 'select "sid" from "sessions"')).toHaveLength(sessions)
}

describe("checklist 13: no session before the second factor (ASVS 6.3.3, 6.3.4)", () => {
  let ada: Protected
  beforeAll(async () => {
    ada = await protectedPerson()
  })

  test("the right password is answered with a ticket and the methods, and makes no session", async () => {
    const answer = await signIn({ ...ada, headers: from() })
    expect(answer).toMatchObject({
      status: 200,
      body: {
        kind: "secondFactor",
        ticket: expect.stringMatching(/^sv_mf_/),
        ticketExpiresAt: expect.any(String),
        methods: ["totp", "recoveryCode"],
      },
    })
    await expectNoSession(ada, answer, 1)
  })

  test("the ticket is no credential: neither as a bearer, nor as a cookie, nor for a refresh", async () => {
    const token = await ticketOf(ada)
    expect((await call({ token }, "GET /v1/me")).status).toBe(401)
    expect((await call(null, "GET /v1/me", { headers: { Cookie: `__Host-at=${token}` } })).status).toBe(401)
    expect((await post("auth/refresh", { refreshToken: token })).status).toBe(401)
    expect((await post("auth/refresh", { refreshToken: token.replace("sv_mf_", "sv_rt_") })).status).toBe(401)
  })

  test("with the code there is one, of two factors, under a new id, and the ticket is used up", async () => {
    const grace = await protectedPerson("Grace")
    const ticket = await ticketOf(grace)
    const answer = await completeSignIn(grace, { ticket, code: await grace.app.next() })
    expect(answer).toMatchObject({
      status: 200,
      body: { kind: "session", userId: grace.id, accessToken: expect.any(String), deviceToken: expect.any(String) },
    })
    const claims = JSON.parse(atob(answer.body.accessToken.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")))
    expect(claims).toMatchObject({ amr: ["pwd", "otp", "mfa"], acr: "aal2" })
    expect((await call({ token: answer.body.accessToken }, "GET /v1/me")).body).toMatchObject({ id: grace.id })
    const again = await completeSignIn(grace, { ticket, code: await grace.app.next() })
    expect(faultsOf(again)).toEqual([400, "/ticket invalid_token"])
  })

  test("a link by mail is no way around it, nor is the letter after very many guesses", async () => {
    const before = (await inObject(objectOf(ada), 'select "sid" from "sessions"')).length
    expect((await post("auth/request-magic-link", { email: ada.email })).status).toBe(202)
    const { token } = (await letterTo(ada.email, "Sign in")).action
    const answer = await post("auth/redeem-magic-link", { token })
    expect(answer).toMatchObject({ status: 200, body: { kind: "secondFactor", methods: ["totp", "recoveryCode"] } })
    await expectNoSession(ada, answer, before)
  })

  test("a new password by letter keeps the factor, and the sign-in with it asks for it", async () => {
    const grace = await protectedPerson("Grace")
    await post("auth/request-password-reset", { email: grace.email })
    const { token } = (await letterTo(grace.email, "Set a new")).action
    const password = "olive tugboat lantern"
    expect((await post("auth/reset-password", { token, password })).status).toBe(200)
    const answer = await signIn({ ...grace, password, headers: from() })
    expect(answer.body.kind).toBe("secondFactor")
    await expectNoSession(grace, answer, 0)
    expect((await completeSignIn(grace, { ticket: answer.body.ticket, code: await grace.app.next() })).status).toBe(200)
  })

  test("a ticket from before a reset opens nothing after it", async () => {
    const grace = await protectedPerson("Grace")
    const ticket = await ticketOf(grace)
    await post("auth/request-password-reset", { email: grace.email })
    const { token } = (await letterTo(grace.email, "Set a new")).action
    await post("auth/reset-password", { token, password: "olive tugboat lantern" })
    const answer = await completeSignIn(grace, { ticket, code: await grace.app.next() })
    expect(faultsOf(answer)).toEqual([400, "/ticket invalid_token"])
  })

  test("a ticket works for five minutes and not at the end of them", async () => {
    const grace = await protectedPerson("Grace")
    const [one, other] = [await ticketOf(grace), await ticketOf(grace)]
    const start = Date.now()
    await holdClock(objectOf(grace), () => start + 5 * minute)
    expect(faultsOf(await completeSignIn(grace, { ticket: other, code: await grace.app.next() }))).toEqual([
      400,
      "/ticket invalid_token",
    ])
    await holdClock(objectOf(grace), () => start + 4 * minute)
    expect((await completeSignIn(grace, { ticket: one, code: await grace.app.next() })).status).toBe(200)
  })

  test("a ticket opens the account that it is of, whoever brings a code of their own", async () => {
    const mallory = await protectedPerson("Mallory")
    const ticket = await ticketOf(ada)
    const answer = await completeSignIn(mallory, { ticket, code: await mallory.app.next() })
    expect(faultsOf(answer)).toEqual([400, "/code wrong_code"])
    expect(faultsOf(await completeSignIn(mallory, { ticket: `${ticket.slice(0, -1)}_`, code: "000000" }))).toEqual([
      400,
      "/ticket invalid_token",
    ])
  })

  test("a browser keeps the ticket in a cookie that no script reads, and its session replaces it", async () => {
    const grace = await protectedPerson("Grace")
    const browser = newBrowser()
    const first = await browser.signIn(grace)
    expect(first.body).toEqual({
      kind: "secondFactor",
      ticketExpiresAt: expect.any(String),
      methods: ["totp", "recoveryCode"],
    })
    const set = first.headers.getSetCookie()
    expect(set).toHaveLength(1)
    expect(set[0]).toMatch(/^__Host-mfa=sv_mf_\w+; Max-Age=(29\d|300); Path=\/; Secure; HttpOnly; SameSite=Strict$/)
    expect((await browser.fetch("GET /v1/me")).status).toBe(401)
    const code = await grace.app.next()
    const elsewhere = { headers: { "Sec-Fetch-Site": "cross-site" }, body: { code } }
    expect((await browser.fetch("POST /v1/auth/second-factor", elsewhere)).status).toBe(403)
    const done = await browser.fetch("POST /v1/auth/second-factor", { body: { code } })
    expect(done.status).toBe(200)
    expect(JSON.stringify(done.body)).not.toMatch(/eyJ|sv_|s1\./)
    expect([...browser.jar.keys()].sort()).toEqual(["__Host-at", "__Host-device", "__Host-rt"])
    expect((await browser.fetch("GET /v1/me")).body).toMatchObject({ id: grace.id })
  })

  test("exactly one factor is given", async () => {
    const ticket = await ticketOf(ada)
    expect(faultsOf(await completeSignIn(ada, { ticket }))).toEqual([400, " exactly_one"])
    const both = { ticket, code: "000000", recoveryCode: ada.recoveryCodes[0] }
    expect(faultsOf(await completeSignIn(ada, both))).toEqual([400, " exactly_one"])
  })
})

describe("checklist 14: a code (ASVS 6.5.1, 6.5.5)", () => {
  test("works once, and none of a step before it works any more", async () => {
    const ada = await protectedPerson()
    const now = new Date()
    const [before, code] = [await ada.app.at(0, now), await ada.app.at(1, now)]
    const [one, two, three] = [await ticketOf(ada), await ticketOf(ada), await ticketOf(ada)]
    expect((await completeSignIn(ada, { ticket: one, code })).status).toBe(200)
    expect(faultsOf(await completeSignIn(ada, { ticket: two, code }))).toEqual([400, "/code used_code"])
    const older = await completeSignIn(ada, { ticket: three, code: before })
    expect(older.status).toBe(400)
    expect((await eventsIn(ada)).filter(([kind]) => kind === "factor.failed")).toMatchObject([
      ["factor.failed", { method: "totp", reason: "replayed", failures: 1 }],
      ["factor.failed", { method: "totp", failures: 2 }],
    ])
  })

  test("holds when KEK turns: the seed goes under the new key with its first use; without its key it opens nothing", async () => {
    const ada = await protectedPerson()
    const sealedNow = async () => String((await inObject(objectOf(ada), 'select "sealed" from "factors"'))[0]?.sealed)
    const old = JSON.parse(env.KEK ?? "")
    const fresh = base64url.encode(crypto.getRandomValues(new Uint8Array(32)))
    const turned = serving({ KEK: JSON.stringify({ current: "k2", keys: { ...old.keys, k2: fresh } }) })
    const give = async (isolate: Serving, code: string) =>
      isolate.call(null, "POST /v1/auth/second-factor", {
        body: { ticket: await ticketOf(ada), code },
        headers: from(),
      })
    expect(await sealedNow()).toMatch(/^s1\.k1\./)
    expect((await give(turned, await ada.app.next())).status).toBe(200)
    expect(await sealedNow()).toMatch(/^s1\.k2\./)
    const unaware = serving()
    const refused = await give(unaware, await ada.app.next())
    expect(faultsOf(refused)).toEqual([400, "/code wrong_code"])
    expect((await eventsIn(ada)).at(-1)).toMatchObject(["factor.failed", { reason: "unreadable" }])
    // The operator hears of it.
    expect(JSON.stringify(unaware.observations)).toContain("totp")
  })

  test("of 4 that bring one code at the same time, one comes in", async () => {
    const ada = await protectedPerson()
    const tickets = await Promise.all(Array.from({ length: 4 }, () => ticketOf(ada)))
    const code = await ada.app.next()
    const answers = await Promise.all(tickets.map((ticket) => completeSignIn(ada, { ticket, code })))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400])
  })

  test("of the wrong seed, of a far step, of the wrong form: refused, and counted", async () => {
    const ada = await protectedPerson()
    const other = authenticator("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
    const ticket = await ticketOf(ada)
    for (const code of [await other.at(0), await ada.app.at(2), await ada.app.at(-2)])
      expect(faultsOf(await completeSignIn(ada, { ticket, code }))).toEqual([400, "/code wrong_code"])
    for (const code of ["12345", "1234567", "abcdef", "", "12 34 56", "１２３４５６"])
      expect(faultsOf(await completeSignIn(ada, { ticket, code }))).toEqual([400, "/code invalid_format"])
    const failed = (await eventsIn(ada)).filter(([kind]) => kind === "factor.failed")
    expect(failed.map(([, { reason, failures }]) => [reason, failures])).toEqual([
      ["wrong", 1],
      ["wrong", 2],
      ["wrong", 3],
    ])
    // As it is shown: in two groups.
    const code = (await ada.app.next()).replace(/^(...)/, "$1 ")
    expect((await completeSignIn(ada, { ticket, code })).status).toBe(200)
  })

  test("after a hundred wrong ones in a row none is taken from unknown devices, until something that nobody guesses is given", async () => {
    const ada = await protectedPerson()
    const longAgo = Date.now() - 16 * minute
    await inObject(objectOf(ada), `insert into "buckets" values ('factor/unknown', 100, ?)`, longAgo)
    const closed = await completeSignIn(ada, { ticket: await ticketOf(ada), code: await ada.app.next() })
    expect(closed.body).toMatchObject({ code: "FAILED_PRECONDITION", detail: expect.stringContaining("recovery code") })
    await inObject(objectOf(ada), 'update "tickets" set "at" = ?', longAgo)
    const [recoveryCode] = ada.recoveryCodes
    expect((await completeSignIn(ada, { ticket: await ticketOf(ada), recoveryCode })).status).toBe(200)
    await inObject(objectOf(ada), 'delete from "tickets"')
    expect((await completeSignIn(ada, { ticket: await ticketOf(ada), code: await ada.app.next() })).status).toBe(200)
  })

  test("30 guesses in parallel evaluate at most 5, the right one among the others fails, and the owner is told", async () => {
    const ada = await protectedPerson()
    const ticket = await ticketOf(ada)
    const right = await ada.app.next()
    const guesses = Array.from({ length: 30 }, (_, n) => (n === 20 ? right : String(n).padStart(6, "7")))
    const answers = await Promise.all(guesses.map((code) => completeSignIn(ada, { ticket, code })))
    expect(answers.filter(({ status }) => status === 200)).toEqual([])
    expect(answers.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(25)
    expect((await eventsIn(ada)).filter(([kind]) => kind === "factor.failed").length).toBeLessThanOrEqual(5)
    expect((await letterTo(ada.email, "Wrong codes")).text).toContain("right password")
    // The password, right again, forgives no wrong code.
    await ticketOf(ada)
    const kept = await inObject(objectOf(ada), `select "name", "failures" from "buckets"`)
    expect(kept).toEqual([{ name: "factor/unknown", failures: 5 }])
  })
})
