/** Line 7 of the security checklist: whoever asks for an account learns nothing of others'. Lines 8 and 9 are in recovery.test.ts and setup.test.ts. */
import { env } from "cloudflare:workers"
import { beforeAll, describe, expect, test } from "vitest"
import { apart } from "../support/apart.ts"
import type { Answer } from "../support/calls.ts"
import { type Counted, type Counts, counted } from "../support/counting.ts"
import { lettersTo, type Newcomer, newAddress, newNetwork, person, signUp } from "../support/people.ts"
import { production } from "../support/runtime.ts"

const rounds = 5

/** People in every state that an address can be in, one a round, so that no limit on an account is met. */
const states = {
  known: () => person(),
  "known, not proved": async () => {
    const who = newAddress()
    await signUp(who)
    return who
  },
  disabled: async () => {
    const who = await person()
    await env.DB.prepare(`update "users" set "status" = 'disabled' where "email" = ?`).bind(who.email).run()
    return who
  },
} satisfies Record<string, () => Promise<Newcomer>>

type State = "unknown" | keyof typeof states

const people = new Map<State, Newcomer[]>()
beforeAll(async () => {
  for (const [state, make] of Object.entries(states)) {
    const made: Newcomer[] = []
    for (let round = 0; round < rounds; round++) made.push(await make())
    people.set(state as State, made)
  }
})

/** All that a caller can tell an answer by, save for ids that are new in every answer. */
function seen({ status, body, headers }: Answer) {
  const { requestId: _, ...rest } = body
  const own = new Set(["x-request-id", "x-selvage-bookmark"])
  return { status, body: rest, headers: [...headers].map(([name, value]) => [name, own.has(name) ? "…" : value]) }
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number

/** Calls once a state and round, in turns, in production: there no answer carries what it cost. Gives what was seen and done. */
async function compare(states: readonly State[], line: string, bodyOf: (who: Newcomer) => object) {
  const world: Counted = counted({ change: production().env, apart: await apart() })
  await world.call(null, line, { body: bodyOf(newAddress()), headers: { "CF-Connecting-IP": newNetwork() } })
  await world.settled()
  const told: { state: State; answer: ReturnType<typeof seen>; done: Counts; ms: number }[] = []
  for (let round = 0; round < rounds; round++) {
    for (const state of states) {
      // Whoever is unknown is so to every test: a sign-up makes an account.
      const who = state === "unknown" ? newAddress() : (people.get(state)?.[round] as Newcomer)
      const rows = await env.DB.prepare('select 1 from "users" where "email" = ?').bind(who.email).all()
      expect(rows.results, state).toHaveLength(state === "unknown" ? 0 : 1)
      world.clear()
      const start = performance.now()
      const answer = await world.call(null, line, {
        body: bodyOf(who),
        headers: { "CF-Connecting-IP": newNetwork() },
      })
      const ms = performance.now() - start
      await world.settled()
      told.push({ state, answer: seen(answer), done: structuredClone(world.counts), ms })
    }
  }
  const times = states.map(
    (state) => `${state} ${median(told.filter((one) => one.state === state).map(({ ms }) => ms)).toFixed(1)} ms`,
  )
  console.log(`${line}: ${times.join(", ")} (medians of ${rounds})`)
  return told
}

const all: readonly State[] = ["unknown", "known", "known, not proved", "disabled"]

describe("checklist 7: known and unknown addresses look alike, cost alike (ASVS 6.3.8); median times are printed", () => {
  test("sign-up: free, taken, taken and not proved, closed", async () => {
    const told = await compare(all, "POST /v1/auth/sign-up", ({ email, name }) => ({
      email,
      name,
      password: "olive tugboat lantern",
    }))
    for (const { state, answer, done } of told) {
      expect(answer, state).toEqual(told[0]?.answer)
      expect(answer, state).toMatchObject({ status: 202, body: { accepted: true } })
      expect(done, state).toEqual(told[0]?.done)
    }
    expect(told[0]?.done).toEqual({ hashes: 1, trips: 5, calls: { "LIMITER.serve": 4, "USER.apply": 1 } })
  })

  test("sign-in: a wrong password, an unknown address, one that is not proved, one that is closed", async () => {
    const told = await compare(all, "POST /v1/auth/sign-in", ({ email }) => ({
      email,
      password: "not what it is at all",
    }))
    for (const { state, answer, done } of told) {
      expect(answer, state).toEqual(told[0]?.answer)
      expect(answer, state).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } })
      expect(done, state).toEqual(told[0]?.done)
    }
    expect(told[0]?.done).toEqual({
      hashes: 1,
      trips: 1,
      calls: { "LIMITER.serve": 3, "USER.reserve": 1, "USER.complete": 1 },
    })
  })

  test.each([
    ["a new password", "POST /v1/auth/request-password-reset"],
    ["a link that signs in", "POST /v1/auth/request-magic-link"],
  ])("a letter with %s", async (_, line) => {
    const told = await compare(all, line, ({ email }) => ({ email }))
    for (const { state, answer, done } of told) {
      expect(answer, state).toEqual(told[0]?.answer)
      expect(answer, state).toMatchObject({ status: 202, body: { accepted: true } })
      expect(done, state).toEqual(told[0]?.done)
    }
    expect(told[0]?.done).toEqual({ hashes: 0, trips: 5, calls: { "LIMITER.serve": 4, "USER.apply": 1 } })
  })

  test("what differs goes by mail, to the owner alone", async () => {
    const { env: change, sent } = production()
    const world = counted({ change, apart: await apart() })
    const owner = await person()
    const before = (await lettersTo(owner.email)).length
    const ask = (email: string, line: string) =>
      world.call(null, line, { body: { email }, headers: { "CF-Connecting-IP": newNetwork() } })
    const nobody = newAddress()
    for (const line of ["POST /v1/auth/request-password-reset", "POST /v1/auth/request-magic-link"])
      await Promise.all([ask(nobody.email, line), ask(owner.email, line)])
    const { name, email, headers } = owner
    await world.call(null, "POST /v1/auth/sign-up", {
      body: { name, email, password: "olive tugboat lantern" },
      headers,
    })
    await world.settled()
    const to = sent.map((letter) => (letter as { to: string }).to)
    expect(to).toEqual([owner.email, owner.email, owner.email])
    expect(sent.map((letter) => (letter as { subject: string }).subject).sort()).toEqual([
      expect.stringContaining("Set a new password"),
      expect.stringContaining("Sign in"),
      expect.stringContaining("You already have an account"),
    ])
    // The development mailbox of the other Worker has heard of nothing.
    expect((await lettersTo(owner.email)).length).toBe(before)
  })

  test("a sign-up over an account changes nothing of it", async () => {
    const ada = await person()
    const row = () => env.DB.prepare('select * from "users" where "email" = ?').bind(ada.email).first()
    const before = await row()
    const intruder = { ...ada, name: "Eve", password: "the intruder's own words", headers: newAddress().headers }
    expect((await signUp(intruder)).status).toBe(202)
    expect(await row()).toEqual(before)
  })
})
