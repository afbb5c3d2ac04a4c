/**
 * The account flows as handlers call them: in one batch with what the application keeps beside a person, under the limits and the throttle of
 * `auth.*`, and not at all where nothing may be told or where something would be stored.
 */
import { env } from "cloudflare:workers"
import { beforeAll, describe, expect, test } from "vitest"
import type { AccountOptions } from "../../src/core/accounts.ts"
import { mintToken } from "../support/actors.ts"
import { type Answer, faultsOf } from "../support/calls.ts"
import type { Counted } from "../support/counting.ts"
import { lettersTo, letterTo, newAddress, newNetwork } from "../support/people.ts"
import { holdClock, objectOf } from "../support/user-objects.ts"
import { eventsOf } from "../support/workspace.ts"
import { arrival, asking, handleOf, makeHandles, newcomer, open, personOf, signIn, signUp } from "./dictated.ts"

beforeAll(makeHandles)

/** What was counted, in the order of names. */
const spent = ({ counts }: Counted) => ({ ...counts, calls: Object.entries(counts.calls).sort().map(String) })

describe("signing up", () => {
  test("opens a session at once, and the person and what is kept beside it are written together", async () => {
    const world = open()
    const who = newcomer()
    const answer = await signUp(world, who)
    expect(answer.status, JSON.stringify(answer.body)).toBe(201)
    expect(answer.body.email).toBe(who.email)
    const { userId: id, token } = answer.body
    expect((await world.call({ token }, "GET /v1/me")).body).toMatchObject({ id, email: who.email, name: who.handle })
    expect(await handleOf(who.handle)).toMatchObject({ userId: id })
    const own = await handleOf(who.handle)
    const [of, beside] = await Promise.all([eventsOf(id), eventsOf(String(own?.id))])
    expect([of[0]?.requestId, of[0]?.operation]).toEqual([beside[0]?.requestId, "door.signUp"])
    expect(beside[0]?.actor).toBe(id)
    expect((await letterTo(who.email, "Confirm")).action.token).toMatch(/^sv_em_/)
  })

  test("costs what auth.signUp costs", async () => {
    const [mine, usual] = [open(), open()]
    await arrival(mine)
    const who = newAddress()
    const { name, email, password } = who
    await asking(usual, "POST /v1/auth/sign-up", who, { name, email, password })
    await usual.settled()
    expect(spent(mine)).toEqual(spent(usual))
    expect(mine.counts.hashes).toBe(1)
  })

  test("of a taken address says so, at the address, and writes nothing beside it", async () => {
    const world = open()
    const before = await arrival(world)
    const other = { ...newcomer(), email: before.email.toUpperCase() }
    expect(faultsOf(await signUp(world, other))).toEqual([409, "/email taken"])
    expect(await handleOf(other.handle)).toBeNull()
  })

  test("with what is taken beside the person says so, there, and leaves no person", async () => {
    const world = open()
    const before = await arrival(world)
    const other = { ...newcomer(), handle: before.handle }
    const refused = await signUp(world, other)
    expect(faultsOf(refused)).toEqual([409, "/handle already_exists"])
    expect(await personOf(other.email)).toBeNull()
    expect(JSON.stringify(refused.body)).not.toContain("/email")
    await world.settled()
    expect(await lettersTo(other.email)).toEqual([])
  })

  test("twice at once makes one person", async () => {
    const world = open()
    const who = newcomer()
    const answers = await Promise.all([signUp(world, who), signUp(world, { ...who, handle: newcomer().handle })])
    expect(answers.map(faultsOf).sort()).toEqual([[201], [409, "/email taken"]])
  })

  test("takes no password that nobody should choose", async () => {
    const world = open()
    const who = newcomer()
    expect(faultsOf(await signUp(world, who, { password: "short" }))).toEqual([400, "/password too_short"])
    expect(faultsOf(await signUp(world, who, { password: `${who.handle}` }))[0]).toBe(400)
    expect(await personOf(who.email)).toBeNull()
    expect(world.counts.hashes).toBe(0)
  })

  test("is limited by the address that it is about, wherever it comes from, together with auth.signUp", async () => {
    const world = open()
    const who = newcomer()
    const from = () => ({ headers: { "CF-Connecting-IP": newNetwork() } })
    expect((await signUp(world, { ...who, ...from() })).status).toBe(201)
    expect((await signUp(world, { ...who, ...from() })).status).toBe(409)
    const { email, password } = who
    expect((await asking(world, "POST /v1/auth/sign-up", from(), { email, password, name: "x" })).status).toBe(409)
    const fourth = await signUp(world, { ...who, ...from() })
    expect(fourth).toMatchObject({ status: 429, body: { code: "RESOURCE_EXHAUSTED" } })
    expect(Number(fourth.headers.get("Retry-After"))).toBeGreaterThan(60)
  })
})

describe("signing in", () => {
  test("opens a session that refreshes and ends as every other", async () => {
    const world = open()
    const who = await arrival(world)
    const { status, body } = await signIn(world, who)
    expect([status, body.userId, body.email]).toEqual([200, who.id, who.email])
    expect((await world.call({ token: body.token }, "GET /v1/sessions")).body.items).toHaveLength(2)
    expect((await asking(world, "POST /v1/auth/refresh", who, { refreshToken: body.refresh })).status).toBe(200)
    expect((await world.call({ token: body.token }, "POST /v1/auth/sign-out")).body).toEqual({ ended: 1 })
    expect((await world.call({ token: body.token }, "GET /v1/me")).status).toBe(401)
  })

  test("says the same of a wrong password and of nobody, as auth.signIn does, for the same work", async () => {
    const who = await arrival(open())
    const wrong = { ...who, password: "not the one it is" }
    const seen: [Answer, ReturnType<typeof spent>][] = []
    for (const [line, given] of [
      ["POST /door/sessions", wrong],
      ["POST /door/sessions", { ...wrong, email: newAddress().email }],
      ["POST /v1/auth/sign-in", wrong],
    ] as const) {
      const world = open()
      const answer = await signIn(world, given, line)
      await world.settled()
      seen.push([answer, spent(world)])
    }
    const [first] = seen
    for (const [answer, counts] of seen) {
      expect([answer.status, answer.body.code, answer.body.detail]).toEqual([
        401,
        "UNAUTHENTICATED",
        first?.[0].body.detail,
      ])
      expect(counts).toEqual(first?.[1])
    }
    expect(first?.[1].hashes).toBe(1)
  })

  test("is throttled together with auth.signIn: 5 guesses in all, and then not even the right password", async () => {
    const world = open()
    const who = await arrival(world)
    const at = Date.now()
    await holdClock(objectOf(who), () => at)
    const wrong = { ...who, password: "not the one it is" }
    const lines = ["POST /door/sessions", "POST /v1/auth/sign-in"]
    for (let n = 0; n < 5; n++) expect((await signIn(world, wrong, lines[n % 2])).status).toBe(401)
    world.clear()
    for (const line of lines) expect((await signIn(world, who, line)).status).toBe(429)
    expect(world.counts.hashes).toBe(0)
  })

  test("opens nothing for an account that is closed", async () => {
    const world = open()
    const who = await arrival(world)
    await env.DB.prepare(`update "users" set "status" = 'disabled', "version" = "version" + 1 where "id" = ?`)
      .bind(who.id)
      .run()
    expect((await signIn(world, who)).status).toBe(403)
  })
})

describe("what was presented", () => {
  const presented = (world: Counted, who: { token: string } | null, headers = {}) =>
    world.call(who, "GET /door/me", { headers })

  test("is the access token, or the key, as it came", async () => {
    const world = open()
    const who = await arrival(world)
    expect((await presented(world, who)).body).toEqual({ token: who.token })
    const { key } = (await world.call(who, "POST /v1/api-keys", { body: { name: "k", scopes: ["door:read"] } })).body
    expect((await presented(world, { token: key })).body).toEqual({ token: key })
  })

  test("is nothing for nobody, for a browser's cookies, and for what does not hold", async () => {
    const world = open()
    const who = await arrival(world)
    expect(await presented(world, null)).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } })
    const cookie = { Cookie: `__Host-at=${who.token}`, "Sec-Fetch-Site": "same-origin" }
    expect((await world.call(null, "GET /v1/me", { headers: cookie })).status).toBe(200)
    expect((await presented(world, null, cookie)).status).toBe(401)
    expect((await presented(world, { token: `${who.token}x` })).status).toBe(401)
  })
})

describe("handlers that must not have them", () => {
  const lines: [string, object | undefined][] = [
    ["POST /door/people", { email: newAddress().email, password: "five green boats at noon", handle: "never" }],
    ["POST /door/sessions", { email: newAddress().email, password: "five green boats at noon" }],
    ["GET /door/me", undefined],
  ]
  const safe = { emailVerification: "optional", takenAddress: "told" } as const
  const wrongs: [string, AccountOptions, boolean, RegExp][] = [
    ["that may be stored", safe, false, /confidential: true/],
    ["where a taken address is not told", { ...safe, takenAddress: "hidden" }, true, /takenAddress "told"/],
    [
      "where an address must be proved",
      { ...safe, emailVerification: "required" },
      true,
      /emailVerification "optional"/,
    ],
    ["where nothing is said of either", {}, true, /takenAddress "told"/],
  ]
  test.each(wrongs)(
    "%s fail, nothing happens, and the operator is told why",
    async (_, accounts, isConfidential, why) => {
      const world = open(accounts, isConfidential)
      for (const [line, body] of lines) {
        const answer = await world.call(null, line, body === undefined ? {} : { body })
        expect(answer).toMatchObject({ status: 500, body: { code: "INTERNAL" } })
        expect(JSON.stringify(answer.body)).not.toMatch(why)
        expect(
          String(
            world.observations
              .filter(({ kind }) => kind === "call")
              .map((one) => "cause" in one && one.cause)
              .at(-1),
          ),
        ).toMatch(why)
      }
      const token = await mintToken((await arrival(open())).id)
      expect((await world.call({ token }, "PATCH /door/me", { body: { name: "x" } })).status).toBe(500)
      expect(await handleOf("never")).toBeNull()
      expect([
        world.counts.hashes,
        // The flows' own limits; every call is counted beside them.
        Object.keys(world.counts.calls).filter((name) => name === "LIMITER.take"),
      ]).toEqual([0, []])
    },
  )
})
