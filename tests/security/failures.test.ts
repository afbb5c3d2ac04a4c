/** Parts that fail: whatever cannot be checked is refused as 503, never let through, and why is told to the operator alone. */
import { env } from "cloudflare:workers"
import { beforeAll, describe, expect, test } from "vitest"
import { apart } from "../support/apart.ts"
import type { Answer } from "../support/calls.ts"
import { call } from "../support/calls.ts"
import { type Newcomer, newAddress, type Person, person, signIn } from "../support/people.ts"
import { type Serving, serving, watched, watchedDatabase } from "../support/serving.ts"

const inside = "secret of the house"
const fail = () => {
  throw new Error(`${inside}: Network connection lost.`)
}

let ada: Person
let key: string
beforeAll(async () => {
  ada = await person("Ada")
  key = (await call(ada, "POST /v1/api-keys", { body: { name: "Backup", scopes: ["*:read"] } })).body.key
})

/** 503, nothing of the cause outside, all of it inside. */
function expectUnavailable(answer: Answer, isolate: Serving): void {
  expect([answer.status, answer.body?.code], JSON.stringify(answer.body)).toEqual([503, "UNAVAILABLE"])
  const text = JSON.stringify(answer.body)
  for (const word of [inside, "Network connection", "D1", "Durable", "stub"]) expect(text).not.toContain(word)
  const { type, title, status, detail, instance, code, requestId, retryAfter, ...rest } = answer.body
  expect({ type, title, status, code, rest }).toMatchObject({ status: 503, rest: {} })
  expect([typeof detail, typeof instance, typeof requestId]).toEqual(["string", "string", "string"])
  if (retryAfter !== undefined) expect(answer.headers.get("Retry-After")).toBe(String(retryAfter))
  expect(answer.headers.get("Set-Cookie")).toBeNull()
  const told = isolate.observations.at(-1)
  expect(told).toMatchObject({ kind: "call", code: "UNAVAILABLE" })
  expect(String((told as { cause?: { message?: string; cause?: unknown } }).cause)).not.toBe("undefined")
}

const signInBody = (who: Newcomer) => ({ email: who.email, password: who.password })

test("checklist 41: the shield does not count: nobody is let in", async () => {
  const isolate = serving({ SHIELD: { limit: async () => fail() } })
  expectUnavailable(await isolate.call(ada, "GET /v1/me", { headers: ada.headers }), isolate)
  expectUnavailable(
    await isolate.call(null, "POST /v1/auth/sign-in", { body: signInBody(ada), headers: ada.headers }),
    isolate,
  )
})

describe("checklist 41: the hub", () => {
  test("does not answer: nobody's session or key is believed by an isolate that has not asked it yet", async () => {
    const isolate = serving(watched("HUB", fail))
    for (const token of [ada.token, key]) expectUnavailable(await isolate.call({ token }, "GET /v1/me"), isolate)
  })

  test("is silent: the call waits three seconds and is refused", async () => {
    const isolate = serving(watched("HUB", () => new Promise<void>(() => undefined)))
    const started = Date.now()
    expectUnavailable(await isolate.call(ada, "GET /v1/me"), isolate)
    expect(Date.now() - started).toBeLessThan(10_000)
  })

  test("answers that it cannot: refused too", async () => {
    const getByName = () => ({ since: async () => ({ error: "UNAVAILABLE", cause: inside }) })
    const isolate = serving({ HUB: { getByName } })
    expectUnavailable(await isolate.call(ada, "GET /v1/me"), isolate)
  })

  test("fails after an isolate has asked it: what is known holds for its minute, and the operator hears of it", async () => {
    let isDown = false
    const isolate = serving(watched("HUB", () => (isDown ? fail() : undefined)))
    expect((await isolate.call(ada, "GET /v1/me")).status).toBe(200)
    isDown = true
    expect((await isolate.call(ada, "GET /v1/me")).status).toBe(200)
  })
})

describe("checklist 41: the user's object", () => {
  test.each<[string, (isolate: Serving) => Promise<Answer>]>([
    ["an API key", (isolate) => isolate.call({ token: key }, "GET /v1/me")],
    [
      "sign-in with the right password",
      (isolate) => isolate.call(null, "POST /v1/auth/sign-in", { body: signInBody(ada), headers: ada.headers }),
    ],
    [
      "sign-in of nobody",
      (isolate) =>
        isolate.call(null, "POST /v1/auth/sign-in", { body: signInBody(newAddress()), headers: ada.headers }),
    ],
    ["refresh", (isolate) => isolate.call(null, "POST /v1/auth/refresh", { body: { refreshToken: ada.refreshToken } })],
    ["the list of sessions", (isolate) => isolate.call(ada, "GET /v1/sessions")],
    ["sign-out", (isolate) => isolate.call(ada, "POST /v1/auth/sign-out")],
    ["the copy of one's data", (isolate) => isolate.call(ada, "GET /v1/me/export")],
    ["a new key", (isolate) => isolate.call(ada, "POST /v1/api-keys", { body: { name: "N", scopes: ["*:read"] } })],
    [
      "another password",
      (isolate) =>
        isolate.call(ada, "POST /v1/auth/change-password", {
          body: { currentPassword: ada.password, password: "another sentence altogether" },
        }),
    ],
  ])("does not answer: %s is refused", async (_, make) => {
    const isolate = serving(watched("USER", fail))
    const answer = await make(isolate)
    expectUnavailable(answer, isolate)
    expect(JSON.stringify(answer.body)).not.toContain("Token")
  })

  test("and afterwards everything is as it was", async () => {
    expect((await signIn(ada)).status).toBe(200)
    expect((await call({ token: key }, "GET /v1/me")).status).toBe(200)
  })
})

describe("checklist 41: the limiter", () => {
  test.each<[string, object]>([
    ["sign-up", { email: newAddress().email, name: "N", password: "a long enough sentence" }],
    ["sign-in", {}],
    ["request-password-reset", {}],
    ["request-magic-link", {}],
  ])("does not count: %s is refused and does nothing", async (flow, more) => {
    const isolate = serving(watched("LIMITER", fail))
    const known = flow === "sign-in" ? signInBody(ada) : { email: ada.email }
    const count = () =>
      env.DB.prepare('select (select count(*) from "users") || (select count(*) from "outbox") n').first("n")
    const before = await count()
    const answer = await isolate.call(null, `POST /v1/auth/${flow}`, {
      body: { ...known, ...more },
      headers: ada.headers,
    })
    expectUnavailable(answer, isolate)
    expect(await count()).toBe(before)
  })
})

describe("checklist 41: the database", () => {
  test("cannot be reached: a token is not believed by an isolate that does not know the keys yet", async () => {
    const isolate = serving(watchedDatabase(fail))
    expectUnavailable(await isolate.call(ada, "GET /v1/me"), isolate)
  })

  test.each<[string, string, object | null]>([
    ["a read", "GET /v1/me", null],
    ["a write", "PATCH /v1/me", { name: "Ada" }],
    ["the copy of one's data", "GET /v1/me/export", null],
  ])("goes away under who is known: %s is refused", async (_, line, body) => {
    let isDown = false
    const isolate = serving(watchedDatabase(() => (isDown ? fail() : undefined)))
    expect((await isolate.call(ada, "GET /v1/me")).status).toBe(200)
    isDown = true
    expectUnavailable(await isolate.call(ada, line, body ? { body } : {}), isolate)
  })

  test("goes away: neither sign-in nor sign-up nor a letter", async () => {
    const isolate = serving(watchedDatabase(fail))
    const who = newAddress()
    const { name, email, password, headers } = who
    for (const [flow, body] of [
      ["sign-in", { email, password }],
      ["sign-up", { name, email, password }],
      ["request-magic-link", { email }],
    ] as const)
      expectUnavailable(await isolate.call(null, `POST /v1/auth/${flow}`, { body, headers }), isolate)
  })

  test("goes away: the published keys are not answered with what is stale", async () => {
    const isolate = serving(watchedDatabase(fail))
    expect((await isolate.call(null, "GET /.well-known/jwks.json")).status).toBe(503)
  })
})

describe("checklist 41: KV", () => {
  const CACHE = { get: fail, put: fail, list: fail, delete: fail, getWithMetadata: fail }

  test("is gone: accounts work without it; only the mailbox of development stays empty, and the letter waits", async () => {
    const own = await apart()
    const isolate = serving({ CACHE }, undefined, { apart: own })
    const who = newAddress()
    const { name, email, password, headers } = who
    const made = await isolate.call(null, "POST /v1/auth/sign-up", { body: { name, email, password }, headers })
    expect(made.status).toBe(202)
    await isolate.settled()
    const undelivered = isolate.observations.find(({ kind }) => kind === "undelivered")
    expect(undelivered).toMatchObject({ topic: "job", givenUp: false })
    expect(
      (await isolate.call(null, "POST /v1/auth/sign-in", { body: signInBody(ada), headers: ada.headers })).status,
    ).toBe(200)
    expect((await isolate.call(ada, "GET /v1/me")).status).toBe(200)
    expect((await isolate.call({ token: key }, "GET /v1/me")).status).toBe(200)
    const ready = await isolate.call(null, "GET /health/ready")
    expect(ready.status).toBe(503)
    expect(JSON.stringify(ready.body)).not.toContain(inside)
  })
})
