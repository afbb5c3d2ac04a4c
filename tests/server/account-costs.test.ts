/** What each flow costs, as exact numbers: round trips to D1 and calls to objects, before the answer and behind it. Prints the README's table. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import application from "../../src/app/index.ts"
import { authenticator } from "../support/authenticator.ts"
import { type Answer, costOf } from "../support/calls.ts"
import { site } from "../support/passkey-holders.ts"
import { softPasskey } from "../support/passkeys.ts"
import { letterTo, type Newcomer, newAddress, type Person, person } from "../support/people.ts"
import { type Serving, serving, watched, watchedDatabase } from "../support/serving.ts"

/** Round trips to D1 and calls to objects. */
interface Cost {
  readonly d1: number
  readonly user: number
  readonly hub: number
  readonly limiter: number
}

const none: Cost = { d1: 0, user: 0, hub: 0, limiter: 0 }
const table: string[] = []
let spent: { d1: number; user: number; hub: number; limiter: number } = { ...none }
let isolate: Serving
let ada: Person

const count = (what: keyof Cost) => () => {
  spent[what]++
}

beforeAll(async () => {
  ada = await person("Ada")
  // The clock stands: what an isolate does every few seconds, behind whatever answer it is, is no cost of a flow.
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() })
  const bindings = {
    ...watchedDatabase(count("d1")),
    ...watched("USER", count("user")),
    ...watched("HUB", count("hub")),
    ...watched("LIMITER", count("limiter")),
  }
  // What every call has, from leased tokens, is counted by tests/limits: here stands what the flows have beside it.
  isolate = serving(bindings, { ...application, limits: { default: [] } })
  // A warm isolate: it knows the signing keys and has asked the hub.
  expect((await isolate.call(ada, "GET /v1/me")).status).toBe(200)
  await isolate.settled()
})

afterAll(() => {
  vi.useRealTimers()
  const head = "| flow | D1 trips | object calls | D1 trips behind the answer |\n|---|---:|---:|---:|"
  console.log(`${head}\n${table.join("\n")}`)
})

const objectCalls = ({ user, hub, limiter }: Cost) =>
  [
    [user, "user"],
    [hub, "hub"],
    [limiter, "limiter"],
  ]
    .flatMap(([n, name]) => (n === 0 ? [] : [`${n} ${name}`]))
    .join(", ") || "0"

/**
 * Makes a call and holds it against what it may cost.
 * @param behind D1 trips that the answer does not wait for: what was delivered is removed from the outbox
 */
async function expectCost(flow: string, make: () => Promise<Answer>, cost: Partial<Cost>, behind = 0): Promise<Answer> {
  await isolate.settled()
  spent = { ...none }
  const answer = await make()
  await isolate.settled()
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300)
  const expected = { ...none, ...cost }
  table.push(`| ${flow} | ${expected.d1} | ${objectCalls(expected)} | ${behind} |`)
  expect(spent, flow).toEqual({ ...expected, d1: expected.d1 + behind })
  expect(costOf(answer).trips, flow).toBe(expected.d1)
  return answer
}

const from = ({ headers }: Newcomer, body: object) => ({ body, headers })

describe("costs of a flow on a warm isolate", () => {
  test("sign-up, for a free and for a taken address", async () => {
    const who = newAddress("Costs")
    const { name, email, password } = who
    const make = () => isolate.call(null, "POST /v1/auth/sign-up", from(who, { name, email, password }))
    // A read by address, one batch; the letter's token goes to the object; the command goes from the outbox behind the answer, the letter by a job.
    await expectCost("sign-up, free address", make, { d1: 2, user: 1, limiter: 3 }, 1)
    await expectCost("sign-up, taken address", make, { d1: 2, user: 1, limiter: 3 }, 1)
  })

  test("verify, sign-in, refresh, sign-out", async () => {
    const who = newAddress("Costs")
    const { name, email, password } = who
    await isolate.call(null, "POST /v1/auth/sign-up", from(who, { name, email, password }))
    await isolate.settled()
    const { token } = (await letterTo(email, "Confirm")).action
    // The first proof looks for what the account holds already: keys in D1 and in the object, identities elsewhere, sessions, factors.
    await expectCost(
      "verify",
      () => isolate.call(null, "POST /v1/auth/verify-email", from(who, { token })),
      { d1: 4, user: 5, limiter: 2 },
      1,
    )
    const signIn = (given: object) => isolate.call(null, "POST /v1/auth/sign-in", from(who, given))
    const { body } = await expectCost("sign-in", () => signIn({ email, password }), { d1: 1, user: 2, limiter: 2 })
    const next = await expectCost(
      "refresh",
      () => isolate.call(null, "POST /v1/auth/refresh", from(who, { refreshToken: body.refreshToken })),
      { user: 1 },
    )
    const bearer = { token: next.body.accessToken }
    await expectCost("sign-out", () => isolate.call(bearer, "POST /v1/auth/sign-out", { headers: who.headers }), {
      user: 1,
    })
  })

  test("a failed sign-in costs the same for who has an account and for nobody", async () => {
    const costs: Cost[] = []
    for (const email of [ada.email, newAddress().email]) {
      await isolate.settled()
      spent = { ...none }
      const answer = await isolate.call(
        null,
        "POST /v1/auth/sign-in",
        from(ada, { email, password: "a wrong guess, wrong" }),
      )
      expect(answer.status).toBe(401)
      await isolate.settled()
      costs.push({ ...spent })
    }
    expect(costs[0]).toEqual({ d1: 1, user: 2, hub: 0, limiter: 2 })
    expect(costs[1]).toEqual(costs[0])
  })

  test("an authenticated read: nothing for who, one statement for what", async () => {
    // Whatever ended sessions here before made the isolate ask the hub once.
    await isolate.call(ada, "GET /v1/me")
    await expectCost("GET with an access token", () => isolate.call(ada, "GET /v1/me"), { d1: 1 })
    // Which organizations a caller belongs to is read once in a while by an isolate: budgets go by it.
    await isolate.call(ada, "GET /v1/tasks")
    await expectCost("list with an access token", () => isolate.call(ada, "GET /v1/tasks?expand=project"), { d1: 1 })
  })

  test("an API key: one object call when an isolate sees it first, then none for half a minute", async () => {
    const made = await expectCost(
      "API key made",
      () => isolate.call(ada, "POST /v1/api-keys", { body: { name: "Costs", scopes: ["*:read"] } }),
      { d1: 3, user: 3 },
      1,
    )
    const bearer = { token: made.body.key }
    await expectCost("GET with an API key, first", () => isolate.call(bearer, "GET /v1/me"), {
      d1: 1,
      user: 1,
      // Making a key tells the object the owner's roles; the isolate asks the hub once what that ended.
      hub: 1,
    })
    await expectCost("GET with an API key, again", () => isolate.call(bearer, "GET /v1/me"), { d1: 1 })
  })

  test("second factors: added, given, given once more, removed", async () => {
    const who = await person("Costs")
    const body = {}
    const begun = await expectCost("TOTP begun", () => isolate.call(who, "POST /v1/factors/totp", { body }), { d1: 1 })
    const app = authenticator(begun.body.secret)
    const confirm = { state: begun.body.state, code: await app.next() }
    // The letter is one batch and goes by a job.
    const added = await expectCost(
      "TOTP confirmed",
      () => isolate.call(who, "POST /v1/factors/totp/confirm", { body: confirm }),
      { d1: 2, user: 1 },
    )
    const half = await expectCost(
      "sign-in, first half",
      () => isolate.call(null, "POST /v1/auth/sign-in", from(who, { email: who.email, password: who.password })),
      { d1: 1, user: 2, limiter: 2 },
    )
    const { ticket } = half.body
    const code = await app.next()
    await expectCost(
      "sign-in, second half, by code",
      () => isolate.call(null, "POST /v1/auth/second-factor", from(who, { ticket, code })),
      { user: 2, limiter: 2 },
    )
    const bearer = { token: added.body.session.accessToken }
    const again = { code: await app.next() }
    const up = await expectCost(
      "step-up by code",
      () => isolate.call(bearer, "POST /v1/auth/step-up", from(who, again)),
      // The isolate asks the hub once what it had ended itself.
      { user: 2, limiter: 2, hub: 1 },
    )
    const next = { token: up.body.accessToken }
    await isolate.call(next, "GET /v1/factors")
    await expectCost(
      "factor removed",
      () => isolate.call(next, `DELETE /v1/factors/${added.body.factor.id}`),
      { d1: 2, user: 3 },
      1,
    )
  })

  test("a passkey: added, and a sign-in with it alone", async () => {
    const who = await person("Costs")
    const passkey = await softPasskey(site)
    // Whatever ended sessions here before made the isolate ask the hub once.
    await isolate.call(who, "GET /v1/me")
    const make = () => isolate.call(who, "POST /v1/factors/passkey", { body: {} })
    const begun = await expectCost("passkey begun", make, { d1: 1, user: 1 })
    const body = { state: begun.body.state, credential: await passkey.create(begun.body.options) }
    await expectCost("passkey added", () => isolate.call(who, "POST /v1/factors/passkey/confirm", { body }), {
      d1: 2,
      user: 1,
    })
    const asked = await expectCost(
      "passkey asked for",
      () => isolate.call(null, "POST /v1/auth/passkey", from(who, {})),
      {},
    )
    const answer = { state: asked.body.state, credential: await passkey.get(asked.body.options) }
    await expectCost(
      "sign-in by passkey",
      () => isolate.call(null, "POST /v1/auth/passkey/sign-in", from(who, answer)),
      { d1: 1, user: 2, limiter: 2 },
    )
  })

  test("a new password by letter", async () => {
    const who = await person("Costs")
    await expectCost(
      "reset asked for",
      () => isolate.call(null, "POST /v1/auth/request-password-reset", from(who, { email: who.email })),
      { d1: 2, user: 1, limiter: 3 },
      1,
    )
    const { token } = (await letterTo(who.email, "Set a new")).action
    await expectCost(
      "reset",
      () => isolate.call(null, "POST /v1/auth/reset-password", from(who, { token, password: "a quite new sentence" })),
      { d1: 2, user: 4, limiter: 2 },
      1,
    )
  })
})
