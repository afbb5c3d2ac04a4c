/** Lines 19 to 23 of the security checklist: when a session begins, goes on and ends. Cookies are in cookies.test.ts. */
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import { formatToken, idRoute, parseToken } from "../../src/authentication/token.ts"
import { newBrowser } from "../support/browser.ts"
import { call } from "../support/calls.ts"
import { administrator } from "../support/operators.ts"
import { letterTo, type Person, person, session, signIn } from "../support/people.ts"
import { holdClock, inObject, objectOf } from "../support/user-objects.ts"

const second = 1000
const hour = 3600 * second
const day = 24 * hour
/** The session is some moments older than the clock that a test holds. */
const minutesToSpare = 300 * second

const refresh = (refreshToken: string) => call(null, "POST /v1/auth/refresh", { body: { refreshToken } })
const me = async (token: string) => (await call({ token }, "GET /v1/me")).status
const sessionsOf = async (who: { token: string }): Promise<{ id: string; current: boolean; expiresAt: string }[]> =>
  (await call(who, "GET /v1/sessions")).body.items

/** Kinds of the events in a person's object, oldest first, with the reason of an end. */
async function eventsOf(who: Person): Promise<string[]> {
  const rows = await inObject(objectOf(who), 'select "kind", "fields" from "events" order by "sequence"')
  return rows.map(({ kind, fields }) => [kind, JSON.parse(String(fields)).reason].filter(Boolean).join(" "))
}

describe("checklist 19: a new session at each sign-in (ASVS 7.2.4)", () => {
  test("two sign-ins are two sessions, and a refresh keeps the one that it is of", async () => {
    const ada = await person()
    const again = (await signIn(ada)).body
    expect(again.sessionId).not.toBe(ada.sessionId)
    expect((await refresh(ada.refreshToken)).body.sessionId).toBe(ada.sessionId)
    expect((await sessionsOf(ada)).map(({ id }) => id).sort()).toEqual([ada.sessionId, again.sessionId].sort())
  })

  test("signed in over, the old one is dead: its refresh token, its access token, its place in the list", async () => {
    const ada = await person()
    const body = { email: ada.email, password: ada.password }
    const over = (await call(ada, "POST /v1/auth/sign-in", { body, headers: ada.headers })).body
    expect(over.sessionId).not.toBe(ada.sessionId)
    expect(await me(ada.token)).toBe(401)
    expect((await refresh(ada.refreshToken)).status).toBe(401)
    expect((await sessionsOf({ token: over.accessToken })).map(({ id }) => id)).toEqual([over.sessionId])
    expect(await eventsOf(ada)).toContain("session.ended replaced")
  })

  test.each([
    ["with both cookies", ["__Host-at", "__Host-rt"]],
    ["when its access cookie is over", ["__Host-rt"]],
  ])("in a browser, too: %s", async (_, names) => {
    const ada = await person()
    const browser = newBrowser()
    const first = (await browser.signIn(ada)).body.sessionId
    const old = new Map(browser.jar)
    for (const name of [...browser.jar.keys()]) if (!names.includes(name)) browser.jar.delete(name)
    const next = (await browser.signIn(ada)).body.sessionId
    expect((await sessionsOf(ada)).map(({ id }) => id)).not.toContain(first)
    expect((await sessionsOf(ada)).map(({ id }) => id)).toContain(next)
    for (const [name, value] of old) browser.jar.set(name, value)
    expect((await browser.fetch("GET /v1/me")).status).toBe(401)
  })

  test("by a link from a letter, too", async () => {
    const ada = await person()
    await call(null, "POST /v1/auth/request-magic-link", { body: { email: ada.email }, headers: ada.headers })
    const { token } = (await letterTo(ada.email, "Sign in")).action
    const over = await call(ada, "POST /v1/auth/redeem-magic-link", { body: { token }, headers: ada.headers })
    expect(over.body.sessionId).not.toBe(ada.sessionId)
    expect((await refresh(ada.refreshToken)).status).toBe(401)
    expect(await me(ada.token)).toBe(401)
  })

  test("another's sign-in over it ends nothing of it", async () => {
    const [ada, eve] = [await person(), await person()]
    const body = { email: eve.email, password: eve.password }
    expect((await call(ada, "POST /v1/auth/sign-in", { body, headers: eve.headers })).status).toBe(200)
    expect(await me(ada.token)).toBe(200)
    expect((await refresh(ada.refreshToken)).status).toBe(200)
  })

  test("nobody says which id a session is to have", async () => {
    const ada = await person()
    const answer = await signIn(ada, { sessionId: ada.sessionId })
    expect([answer.status, answer.body.code]).toEqual([400, "INVALID_ARGUMENT"])
  })
})

describe("checklist 20: sessions end by themselves, and the server decides (ASVS 7.3.1, 7.3.2)", () => {
  /** Moves the clock of a person's object. */
  async function clockOf(who: Person) {
    const start = Date.now()
    let passed = 0
    await holdClock(objectOf(who), () => start + passed)
    return { pass: (ms: number) => void (passed += ms) }
  }

  test("after 30 days without a refresh, not before; each refresh begins them anew", async () => {
    const ada = await person()
    const clock = await clockOf(ada)
    clock.pass(30 * day - minutesToSpare)
    const kept = await refresh(ada.refreshToken)
    expect(kept.status).toBe(200)
    clock.pass(30 * day - minutesToSpare)
    const again = await refresh(kept.body.refreshToken)
    expect(again.status).toBe(200)
    clock.pass(30 * day)
    expect((await refresh(again.body.refreshToken)).status).toBe(401)
    expect(await eventsOf(ada)).toContain("session.ended expired")
    expect(await inObject(objectOf(ada), 'select "sid" from "sessions"')).toEqual([])
  })

  test("after 180 days, however busy it was", async () => {
    const ada = await person()
    const clock = await clockOf(ada)
    let token = ada.refreshToken
    for (let n = 1; n <= 6; n++) {
      clock.pass(29 * day)
      const answer = await refresh(token)
      expect(answer.status, `after ${n * 29} days`).toBe(200)
      token = answer.body.refreshToken
    }
    clock.pass(6 * day)
    expect((await refresh(token)).status).toBe(401)
  })

  test("an administrator's after 12 hours without a refresh, and after 24 hours", async () => {
    const [idle, busy] = [await administrator(), await administrator()]
    const [one, two] = [await clockOf(idle), await clockOf(busy)]
    one.pass(12 * hour)
    expect((await refresh(idle.refreshToken)).status).toBe(401)
    let token = busy.refreshToken
    for (const hours of [11, 11]) {
      two.pass(hours * hour)
      const answer = await refresh(token)
      expect(answer.status).toBe(200)
      token = answer.body.refreshToken
    }
    two.pass(2 * hour)
    expect((await refresh(token)).status).toBe(401)
  })

  test("no access token outlives its session, and in its last second there is none", async () => {
    const ada = await person()
    const hardAt = Date.now() + 120 * second
    await inObject(objectOf(ada), 'update "sessions" set "hardAt" = ?', hardAt)
    const last = await refresh(ada.refreshToken)
    expect(last.status).toBe(200)
    expect(Date.parse(last.body.accessExpiresAt)).toBeLessThanOrEqual(hardAt)
    expect(Date.parse(last.body.refreshExpiresAt)).toBeLessThanOrEqual(hardAt)
    await holdClock(objectOf(ada), () => Date.now())
    await inObject(objectOf(ada), 'update "sessions" set "hardAt" = ?', Date.now() + 900)
    expect((await refresh(last.body.refreshToken)).status).toBe(401)
  })
})

describe("checklist 22: sessions are seen and ended by their owner, and by administrators (ASVS 7.5.2, 7.4.5)", () => {
  test("one sees one's own, where they are, and which one asks", async () => {
    const ada = await person()
    const body = { email: ada.email, password: ada.password }
    const headers = { "CF-Connecting-IP": "2001:db8:7:7:1:2:3:4", "User-Agent": "Phone/1.0" }
    const phone = (await call(null, "POST /v1/auth/sign-in", { body, headers })).body
    const items = await sessionsOf(ada)
    expect(items).toHaveLength(2)
    expect(items.find(({ current }) => current)?.id).toBe(ada.sessionId)
    expect(items.find(({ id }) => id === phone.sessionId)).toMatchObject({
      current: false,
      userAgent: "Phone/1.0",
      address: "2001:db8:7:7::/64",
      methods: ["pwd"],
    })
    expect(JSON.stringify(items)).not.toMatch(/sv_rt_|seed|counter/)
  })

  test("ends one: its refresh and its access at once, and nothing else", async () => {
    const ada = await person()
    const phone = (await signIn(ada)).body
    expect((await call(ada, `DELETE /v1/sessions/${phone.sessionId}`)).body).toEqual({ ended: 1 })
    expect(await me(phone.accessToken)).toBe(401)
    expect((await refresh(phone.refreshToken)).status).toBe(401)
    expect(await me(ada.token)).toBe(200)
    expect((await call(ada, `DELETE /v1/sessions/${phone.sessionId}`)).status).toBe(404)
  })

  test("ends all others, and stays", async () => {
    const ada = await person()
    const others = [(await signIn(ada)).body, (await signIn(ada)).body]
    expect((await call(ada, "POST /v1/sessions/revoke-others", { body: {} })).body).toEqual({ ended: 2 })
    for (const { accessToken, refreshToken } of others) {
      expect(await me(accessToken)).toBe(401)
      expect((await refresh(refreshToken)).status).toBe(401)
    }
    expect((await refresh(ada.refreshToken)).status).toBe(200)
  })

  test("another's are out of reach: absent from the list, and not to be ended", async () => {
    const [ada, eve] = [await person(), await person()]
    expect((await sessionsOf(eve)).map(({ id }) => id)).toEqual([eve.sessionId])
    expect((await call(eve, `DELETE /v1/sessions/${ada.sessionId}`)).status).toBe(404)
    expect((await call(eve, `POST /v1/users/${ada.id}/end-sessions`, { body: {} })).status).toBe(403)
    expect((await call(null, "GET /v1/sessions")).status).toBe(401)
    expect(await me(ada.token)).toBe(200)
    expect((await refresh(ada.refreshToken)).status).toBe(200)
  })

  test("an administrator ends anyone's; the events name the administrator", async () => {
    const [ada, admin] = [await person(), await administrator()]
    const phone = (await signIn(ada)).body
    expect((await call(admin, `POST /v1/users/${ada.id}/end-sessions`, { body: {} })).body).toEqual({ ended: 2 })
    for (const { token, refreshToken } of [ada, { ...phone, token: phone.accessToken }]) {
      expect(await me(token)).toBe(401)
      expect((await refresh(refreshToken)).status).toBe(401)
    }
    const events = await inObject(objectOf(ada), `select "actor" from "events" where "kind" = 'session.ended'`)
    expect(events).toEqual([{ actor: admin.id }])
    expect((await signIn(ada)).status).toBe(200)
    expect(await me(admin.token)).toBe(200)
  })
})

describe("checklist 23: a stolen refresh token ends the family (ASVS 10.4.5)", () => {
  test("an old token, presented again: the newest is dead with it, the owner is told, and the log keeps it", async () => {
    const ada = await person()
    const next = (await refresh(ada.refreshToken)).body
    const newest = (await refresh(next.refreshToken)).body
    expect((await refresh(ada.refreshToken)).status).toBe(401)
    expect((await refresh(newest.refreshToken)).status).toBe(401)
    expect((await refresh(next.refreshToken)).status).toBe(401)

    const back = await session(ada)
    const told = (await call(back, "GET /v1/me/export")).body.object.events
    expect(told.filter(({ kind }: { kind: string }) => kind === "session.reuse")).toMatchObject([
      { fields: { reason: "reuse", sids: [ada.sessionId] } },
    ])
    const logged = () =>
      env.DB.prepare(`select "after" from "events" where "record" = ? and "operation" = 'session.reuse'`)
        .bind(ada.id)
        .first<string>("after")
    await expect.poll(logged, { timeout: 10_000 }).toContain(ada.sessionId)
    expect(await logged()).not.toContain("sv_rt_")
  })

  test("only the family: another session of the same person goes on", async () => {
    const ada = await person()
    const phone = (await signIn(ada)).body
    await refresh((await refresh(ada.refreshToken)).body.refreshToken)
    expect((await refresh(ada.refreshToken)).status).toBe(401)
    expect((await refresh(phone.refreshToken)).status).toBe(200)
  })

  test("a retry within 30 seconds gives the same successor; after them it is theft", async () => {
    const ada = await person()
    const start = Date.now()
    let passed = 0
    await holdClock(objectOf(ada), () => start + passed)
    const first = (await refresh(ada.refreshToken)).body
    passed = 30 * second
    const retried = await refresh(ada.refreshToken)
    expect([retried.status, retried.body.refreshToken]).toEqual([200, first.refreshToken])
    passed = 31 * second
    expect((await refresh(ada.refreshToken)).status).toBe(401)
    expect((await refresh(first.refreshToken)).status).toBe(401)
    expect(await eventsOf(ada)).toContain("session.reuse reuse")
  })

  test("8 at the same time agree on one successor, and nobody is a thief", async () => {
    const ada = await person()
    const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(ada.refreshToken)))
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200))
    const successors = new Set(answers.map(({ body }) => body.refreshToken))
    expect(successors.size).toBe(1)
    expect((await refresh([...successors][0])).status).toBe(200)
    expect(await eventsOf(ada)).not.toContain("session.reuse reuse")
  })

  test("a forged one ends nothing: another MAC, an old counter, another user's object, a letter less", async () => {
    const [ada, eve] = [await person(), await person()]
    const next = (await refresh(ada.refreshToken)).body.refreshToken
    const newest = (await refresh(next)).body.refreshToken
    const { route, payload } = parseToken(["rt"], newest) ?? { route: new Uint8Array(), payload: new Uint8Array() }
    const otherMac = payload.slice()
    otherMac.set([(payload.at(-1) ?? 0) ^ 1], payload.length - 1)
    const oldCounter = payload.slice()
    new DataView(oldCounter.buffer).setUint32(16, 0)
    const forged = [
      formatToken("rt", route, otherMac),
      formatToken("rt", route, oldCounter),
      formatToken("rt", idRoute(eve.id), payload),
      newest.slice(0, -1),
      "x",
    ]
    for (const text of forged) expect((await refresh(text)).status, text).toBe(401)
    expect((await refresh(newest)).status).toBe(200)
    expect((await refresh(eve.refreshToken)).status).toBe(200)
    expect(await eventsOf(ada)).not.toContain("session.reuse reuse")
  })
})
