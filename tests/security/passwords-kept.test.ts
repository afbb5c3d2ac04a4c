/** Lines 5 and 6 of the security checklist: how a password is changed, and what is kept of it. */
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import { argon2id } from "../../src/authentication/argon2.ts"
import { passwords } from "../../src/authentication/password.ts"
import { sealer } from "../../src/authentication/seal.ts"
import { parseKeyRing } from "../../src/core/sealing.ts"
import { call, faultsOf } from "../support/calls.ts"
import { counted } from "../support/counting.ts"
import { letterTo, type Newcomer, type Person, person, signIn } from "../support/people.ts"
import { holdClock, objectOf } from "../support/user-objects.ts"

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))

const stored = async ({ email }: Pick<Newcomer, "email">) => {
  const row = await env.DB.prepare('select "id", "version", "passwordSealed" from "users" where "email" = ?')
    .bind(email)
    .first<{ id: string; version: number; passwordSealed: string }>()
  if (row === null) throw new Error(`Nobody has the address ${email}`)
  return row
}

const pepper = sealer(parseKeyRing(env.PEPPER ?? ""), random)

describe("checklist 5: a change needs the current password and offers to end the other sessions (ASVS 6.2.3, 7.4.3)", () => {
  const change = (who: Person, body: object) =>
    call(who, "POST /v1/auth/change-password", { body, headers: who.headers })
  const refreshed = async (refreshToken: string) =>
    (await call(null, "POST /v1/auth/refresh", { body: { refreshToken } })).status

  test("a wrong current password changes nothing and ends nothing", async () => {
    const ada = await person()
    const before = await stored(ada)
    const answer = await change(ada, { currentPassword: "not what it is at all", password: "olive tugboat lantern" })
    expect(faultsOf(answer)).toEqual([400, "/currentPassword wrong_password"])
    expect(await stored(ada)).toEqual(before)
    expect(await refreshed(ada.refreshToken)).toBe(200)
  })

  test("guesses at the current password are throttled like any other", async () => {
    const ada = await person()
    const guess = () => change(ada, { currentPassword: "not what it is at all", password: "olive tugboat lantern" })
    const at = Date.now()
    await holdClock(objectOf(ada), () => at)
    const statuses: number[] = []
    for (let n = 0; n < 6; n++) statuses.push((await guess()).status)
    expect(statuses).toEqual([400, 400, 400, 400, 400, 429])
  })

  test("guesses made elsewhere do not keep the owner from changing it", async () => {
    const ada = await person()
    const at = Date.now()
    await holdClock(objectOf(ada), () => at)
    for (let n = 0; n < 5; n++) await signIn({ ...ada, password: "not what it is at all" })
    expect((await signIn(ada)).status).toBe(429)
    const answer = await change(ada, { currentPassword: ada.password, password: "olive tugboat lantern" })
    expect(answer.status).toBe(200)
  })

  test.each([
    ["ends the others when nothing is said", {}, 401],
    ["ends the others when it is asked for", { endOtherSessions: true }, 401],
    ["leaves them when one says so", { endOtherSessions: false }, 200],
  ])("%s", async (_, wish, others) => {
    const ada = await person()
    const phone = (await signIn(ada)).body
    const password = "olive tugboat lantern"
    expect((await change(ada, { currentPassword: ada.password, password, ...wish })).status).toBe(200)
    expect(await refreshed(phone.refreshToken)).toBe(others)
    expect((await call({ token: phone.accessToken }, "GET /v1/me")).status).toBe(others)
    expect((await call(ada, "GET /v1/me")).status).toBe(200)
    expect(await refreshed(ada.refreshToken)).toBe(200)
    expect((await signIn(ada)).status).toBe(401)
    expect((await signIn({ ...ada, password })).status).toBe(200)
    expect(await letterTo(ada.email, "Your password was changed")).toBeDefined()
  })

  test("a program with a key, or another issuer's token, changes no password", async () => {
    const ada = await person()
    const created = await call(ada, "POST /v1/api-keys", { body: { name: "robot", scopes: ["*:write"] } })
    expect(created.status, JSON.stringify(created.body)).toBe(201)
    const body = { currentPassword: ada.password, password: "olive tugboat lantern" }
    const answer = await call({ token: created.body.key }, "POST /v1/auth/change-password", { body })
    expect(answer.status).toBe(403)
    expect((await signIn(ada)).status).toBe(200)
  })
})

describe("checklist 6: what is kept of a password (ASVS 11.4.2)", () => {
  test("Argon2id with 19 MiB and two passes, sealed, and never in the log", async () => {
    const ada = await person()
    const { id, passwordSealed } = await stored(ada)
    expect(passwordSealed).toMatch(/^s1\.k1\.[A-Za-z0-9_-]+$/)
    expect(await pepper.open("password", id, passwordSealed)).toMatch(
      /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/,
    )
    const { results } = await env.DB.prepare('select * from "events" where "record" = ?').bind(id).all()
    expect(results.length).toBeGreaterThan(0)
    expect(JSON.stringify(results)).not.toContain(passwordSealed)
    expect(JSON.stringify(results)).not.toContain(ada.password)
  })

  test("in another user's row it opens nothing", async () => {
    const ada = await person()
    const eve = await person()
    const { passwordSealed } = await stored(eve)
    const update = env.DB.prepare('update "users" set "passwordSealed" = ? where "email" = ?')
    await update.bind(passwordSealed, ada.email).run()
    const answer = await signIn({ ...ada, password: eve.password })
    expect(answer).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } })
    expect((await signIn(eve)).status).toBe(200)
  })

  test("when the pepper ring turns, a sign-in keeps it anew behind the answer, and it goes on opening", async () => {
    const ada = await person()
    const before = await stored(ada)
    const old = JSON.parse(env.PEPPER ?? "")
    const k2 = random(32).toBase64({ alphabet: "base64url", omitPadding: true })
    const turned = counted({ change: { PEPPER: JSON.stringify({ current: "k2", keys: { ...old.keys, k2 } }) } })
    const enter = (password: string) =>
      turned.call(null, "POST /v1/auth/sign-in", { body: { email: ada.email, password }, headers: ada.headers })

    expect((await enter("not what it is at all")).status).toBe(401)
    await turned.settled()
    expect(await stored(ada)).toEqual(before)

    turned.clear()
    expect((await enter(ada.password)).status).toBe(200)
    await turned.settled()
    const after = await stored(ada)
    expect(after.passwordSealed).toMatch(/^s1\.k2\./)
    expect(turned.counts.hashes).toBe(2)

    turned.clear()
    expect((await enter(ada.password)).status).toBe(200)
    await turned.settled()
    expect([(await stored(ada)).passwordSealed, turned.counts.hashes]).toEqual([after.passwordSealed, 1])
    expect(turned.observations.filter(({ kind }) => kind === "fault")).toEqual([])
  })

  test("a hash of weaker parameters becomes one of today's", async () => {
    const ada = await person()
    const { id } = await stored(ada)
    const parameters = { memoryKiB: 7168, passes: 1, lanes: 1 }
    const weak = passwords({ derive: argon2id, sealer: pepper, random, parameters })
    const update = env.DB.prepare('update "users" set "passwordSealed" = ? where "id" = ?')
    await update.bind(await weak.hash(id, ada.password), id).run()
    const own = counted()
    const body = { email: ada.email, password: ada.password }
    expect((await own.call(null, "POST /v1/auth/sign-in", { body, headers: ada.headers })).status).toBe(200)
    await own.settled()
    expect(await pepper.open("password", id, (await stored(ada)).passwordSealed)).toContain("m=19456,t=2,p=1")
    expect((await signIn(ada)).status).toBe(200)
  })
})
