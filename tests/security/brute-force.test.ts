/** Lines 10 to 12 of the security checklist: guessing in parallel gains nothing, locks nobody out, and no trick with addresses helps. */
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import { targetOf } from "../../src/authentication/account.ts"
import { refreshTokens } from "../../src/authentication/refresh-token.ts"
import { parseKeyRing } from "../../src/core/sealing.ts"
import { type Answer, call } from "../support/calls.ts"
import { type Counted, counted } from "../support/counting.ts"
import { lettersTo, letterTo, newAddress, newNetwork, type Person, person, signIn } from "../support/people.ts"
import { holdClock, inObject, objectOf } from "../support/user-objects.ts"

const minute = 60_000

let made = 0
let network = ""

/** One guess. Twenty at most come from one address, so that limits on addresses are not what stops them. */
const guess = (world: Counted, email: string, password: string) => {
  if (made++ % 20 === 0) network = newNetwork()
  const headers = { "CF-Connecting-IP": network }
  return world.call(null, "POST /v1/auth/sign-in", { body: { email, password }, headers })
}

/** That many guesses at once; `right`, when it is given, stands three quarters of the way. */
const burst = (world: Counted, guesses: number, email: string, right?: string) =>
  Promise.all(
    Array.from({ length: guesses }, (_, n) => {
      const isRight = right !== undefined && n === Math.floor(guesses * 0.75)
      return guess(world, email, isRight ? right : `guess number ${n} of many`)
    }),
  )

/** Status and body without what is new in every answer. */
const seen = ({ status, body }: Answer) => JSON.stringify({ status, ...body, requestId: "" })

function count(answers: readonly Answer[]): Record<number, number> {
  const by: Record<number, number> = {}
  for (const { status } of answers) by[status] = (by[status] ?? 0) + 1
  return by
}

/** Name of the object that stands in for an address without an account. */
async function ghostOf(email: string): Promise<string> {
  const ports = {
    refreshTokens: refreshTokens(parseKeyRing(env.REFRESH ?? "")),
    objects: { user: () => null, ghost: () => null },
  }
  return (await targetOf(ports as never, null, email)).subject
}

describe("checklist 10: 200 guesses at once (ASVS 6.3.1, API2)", () => {
  test("at most 5 are evaluated, the right one among them opens nothing, and the victim's device signs in meanwhile", async () => {
    const victim = await person()
    const at = Date.now()
    await holdClock(objectOf(victim), () => at)
    const world = counted()
    const [answers, own] = await Promise.all([
      burst(world, 200, victim.email, victim.password),
      signIn(victim, { deviceToken: victim.deviceToken }),
    ])
    expect(own).toMatchObject({ status: 200, body: { userId: victim.id } })
    expect(count(answers)).toEqual({ 401: 5, 429: 195 })
    expect(world.counts.hashes).toBe(5)
    expect(JSON.stringify(answers.map(({ body }) => body))).not.toContain("sv_rt_")
    // The sessions are those of person() and of the victim's own sign-in.
    expect(await inObject(objectOf(victim), 'select "sid" from "sessions"')).toHaveLength(2)
  })

  test("a throttled attempt costs no hash, says when to come again, and is refused even with the right password", async () => {
    const victim = await person()
    const at = Date.now()
    await holdClock(objectOf(victim), () => at)
    const world = counted()
    for (let n = 0; n < 5; n++) expect((await guess(world, victim.email, "a wrong guess at it")).status).toBe(401)
    world.clear()
    const refused = await guess(world, victim.email, victim.password)
    expect(refused).toMatchObject({ status: 429, body: { code: "RESOURCE_EXHAUSTED", retryAfter: 1 } })
    expect(refused.headers.get("Retry-After")).toBe("1")
    expect(world.counts).toMatchObject({ hashes: 0, calls: { "USER.reserve": 1 } })
    expect(world.counts.calls["USER.complete"]).toBeUndefined()

    await holdClock(objectOf(victim), () => at + 1000)
    expect((await guess(world, victim.email, victim.password)).status).toBe(200)
  })

  test("the waits double up to 15 minutes and never become for ever", async () => {
    const victim = await person()
    let at = Date.now() - 3 * 3600_000
    await holdClock(objectOf(victim), () => at)
    const world = counted()
    const waits: number[] = []
    for (let n = 0; n < 18; n++) {
      const answer = await guess(world, victim.email, "a wrong guess at it")
      if (answer.status === 401) continue
      waits.push(answer.body.retryAfter)
      at += answer.body.retryAfter * 1000
      expect((await guess(world, victim.email, "a wrong guess at it")).status).toBe(401)
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900])
    at += 900_000
    expect((await guess(world, victim.email, victim.password)).status).toBe(200)
  })

  test("an address without an account is throttled in the same way and in the same words", async () => {
    const victim = await person()
    const nobody = newAddress()
    const at = Date.now()
    await Promise.all([holdClock(objectOf(victim), () => at), holdClock(await ghostOf(nobody.email), () => at)])
    const [known, unknown] = [counted(), counted()]
    const there = await burst(known, 60, victim.email)
    const absent = await burst(unknown, 60, nobody.email)
    expect(count(absent)).toEqual({ 401: 5, 429: 55 })
    expect(unknown.counts.hashes).toBe(5)
    expect(known.counts).toEqual(unknown.counts)
    expect(new Set(absent.map(seen))).toEqual(new Set(there.map(seen)))
    await holdClock(await ghostOf(nobody.email), null)
  })

  test("one absent address does not throttle another that shares its stand-in", async () => {
    const first = newAddress()
    const ghost = await ghostOf(first.email)
    const at = Date.now()
    await holdClock(ghost, () => at)
    const world = counted()
    for (let n = 0; n < 5; n++) await guess(world, first.email, "a wrong guess at it")
    expect((await guess(world, first.email, "a wrong guess at it")).status).toBe(429)
    let second = newAddress()
    for (let n = 0; (await ghostOf(second.email)) !== ghost; n++) {
      if (n === 100_000) throw new Error("No other address has the same stand-in")
      second = { ...second, email: `someone-${crypto.randomUUID()}@example.com` }
    }
    expect((await guess(world, second.email, "a wrong guess at it")).status).toBe(401)
    await holdClock(ghost, null)
  })
})

/** A hundred wrong guesses from unknown devices, each after the longest wait. The last one was half an hour ago. */
async function attack(victim: Person): Promise<void> {
  // What the hashes cost is of no matter here.
  const world = counted({ derive: (_password, _salt, _parameters, length) => new Uint8Array(length) })
  let at = Date.now() - 102 * 15 * minute
  await holdClock(objectOf(victim), () => at)
  for (let n = 0; n < 100; n++) {
    at += 15 * minute
    const answer = await guess(world, victim.email, "a wrong guess at it")
    if (answer.status !== 401) throw new Error(`Guess ${n} was answered ${answer.status}`)
  }
  await holdClock(objectOf(victim), null)
}

describe("checklist 10: after a hundred wrong guesses in a row", () => {
  test("the right password from an unknown device opens nothing and a letter asks; its link signs in and forgives", async () => {
    const victim = await person()
    const world = counted()
    await attack(victim)

    // The known device needs no letter, and clears nobody's failures but its own.
    expect((await signIn(victim, { deviceToken: victim.deviceToken })).status).toBe(200)
    await holdClock(objectOf(victim), () => Date.now() - 15 * minute)
    const wrong = await guess(world, victim.email, "a wrong guess at it")
    await holdClock(objectOf(victim), null)
    const right = await guess(world, victim.email, victim.password)
    expect(wrong.status).toBe(401)
    expect(seen(right)).toBe(seen(wrong))
    expect(right.headers.getSetCookie()).toEqual([])
    await world.settled()

    const letters = (await lettersTo(victim.email)).filter(({ subject }) => subject.startsWith("Was it you"))
    expect(letters).toHaveLength(1)
    const { token } = (await letterTo(victim.email, "Was it you")).action
    const post = (path: string) => call(null, `POST /v1/auth/${path}`, { body: { token }, headers: victim.headers })
    expect((await post("redeem-magic-link")).status).toBe(400)
    const confirmed = await post("confirm-sign-in")
    expect(confirmed).toMatchObject({ status: 200, body: { userId: victim.id } })
    expect((await call({ token: confirmed.body.accessToken }, "GET /v1/me")).status).toBe(200)
    expect((await post("confirm-sign-in")).status).toBe(400)

    expect((await guess(world, victim.email, victim.password)).status).toBe(200)
  })
})

describe("checklist 11: the victim's known device signs in while others guess (ASVS 6.1.1)", () => {
  test("again and again, at the height of the throttle", async () => {
    const victim = await person()
    const at = Date.now()
    await holdClock(objectOf(victim), () => at)
    const world = counted()
    await burst(world, 60, victim.email)
    for (let n = 0; n < 3; n++) {
      expect((await guess(world, victim.email, victim.password)).status).toBe(429)
      expect((await signIn(victim, { deviceToken: victim.deviceToken })).status).toBe(200)
    }
  })

  test("a device token of somebody else, a made-up one and one that was forgotten are unknown devices", async () => {
    const victim = await person()
    const eve = await person()
    const at = Date.now()
    await holdClock(objectOf(victim), () => at)
    for (let n = 0; n < 5; n++) await signIn({ ...victim, password: "a wrong guess at it" })
    const [head, key, body = ""] = victim.deviceToken.split(".")
    const changed = `${head}.${key}.${body.slice(0, -2)}${body.endsWith("AA") ? "BB" : "AA"}`
    for (const deviceToken of [eve.deviceToken, changed, "s1.k1.AAAA", "x"])
      expect((await signIn(victim, { deviceToken })).status, deviceToken).toBe(429)
    await inObject(objectOf(victim), 'delete from "devices"')
    expect((await signIn(victim, { deviceToken: victim.deviceToken })).status).toBe(429)
  })

  test("a known device has a throttle of its own, which spares the others", async () => {
    const victim = await person()
    const { deviceToken } = victim
    const at = Date.now()
    await holdClock(objectOf(victim), () => at)
    for (let n = 0; n < 5; n++)
      expect((await signIn({ ...victim, password: "a wrong guess at it" }, { deviceToken })).status).toBe(401)
    expect((await signIn(victim, { deviceToken })).status).toBe(429)
    expect((await signIn(victim)).status).toBe(200)
  })
})

describe("checklist 12: addresses cannot be changed to escape a limit (API4)", () => {
  /** Asks for letters to strangers: 20 at once, then one in three minutes. Gives how many were admitted. */
  async function ask(times: number, headersOf: (n: number) => Record<string, string>): Promise<number> {
    const answers: Answer[] = []
    for (let n = 0; n < times; n++) {
      const { email } = newAddress()
      answers.push(await call(null, "POST /v1/auth/request-magic-link", { body: { email }, headers: headersOf(n) }))
    }
    for (const { status, headers } of answers.filter((one) => one.status !== 202)) {
      expect(status).toBe(429)
      expect(Number(headers.get("Retry-After"))).toBeGreaterThan(0)
    }
    return answers.filter(({ status }) => status === 202).length
  }
  const block = () => {
    const [a, b] = crypto.getRandomValues(new Uint16Array(2))
    return `2001:db8:${a?.toString(16)}:${b?.toString(16)}`
  }

  test("all of a /64 is one subscriber, however it is written; the next /64 is another", async () => {
    const mine = block()
    const forms = [
      (n: number) => `${mine}::${n + 1}`,
      (n: number) => `${mine.toUpperCase()}:0:0:abcd:${n.toString(16)}`,
    ]
    expect(await ask(24, (n) => ({ "CF-Connecting-IP": forms[n % 2]?.(n) ?? "" }))).toBe(20)
    expect(await ask(1, () => ({ "CF-Connecting-IP": `${mine}:ffff:ffff:ffff:ffff` }))).toBe(0)
    expect(await ask(1, () => ({ "CF-Connecting-IP": `${block()}::1` }))).toBe(1)
  })

  test.each(["X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "X-Client-IP"])(
    "%s changes nothing",
    async (name) => {
      const mine = newNetwork()
      const headersOf = (n: number) => ({
        "CF-Connecting-IP": mine,
        [name]: name === "Forwarded" ? `for=198.51.100.${n}` : `198.51.100.${n}`,
      })
      expect(await ask(22, headersOf)).toBe(20)
    },
  )

  test("a limit on an account holds whatever the address: five letters, then none", async () => {
    const { email } = newAddress()
    const statuses: number[] = []
    for (let n = 0; n < 7; n++)
      statuses.push(
        (
          await call(null, "POST /v1/auth/request-magic-link", {
            body: { email: n % 2 === 0 ? email : email.toUpperCase() },
            headers: { "CF-Connecting-IP": newNetwork() },
          })
        ).status,
      )
    expect(statuses).toEqual([202, 202, 202, 202, 202, 429, 429])
  })
})
