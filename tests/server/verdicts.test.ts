/** Refusals that KV carries to isolates that have not asked, tokens that come back, and costs that are known afterwards. */
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import type { Limit, Verdict } from "../../src/core/limiting.ts"
import { type Counted, newLimiter } from "../support/limiter.ts"

const newKey = () => `test/${crypto.randomUUID()}`
const now = new Date()
const later = (milliseconds: number) => new Date(now.getTime() + milliseconds)
const hourly: Limit = { ratePerMinute: 1 / 60, burst: 2, cost: 1 }

async function draw({ limiter, behind }: Counted, key: string, limit: Limit, at = now): Promise<Verdict> {
  return limiter.draw(key, limit, at, behind)
}

/** An isolate that was refused, and what it wrote. */
async function refused(key: string, limit: Limit = hourly): Promise<Counted> {
  const isolate = newLimiter()
  for (let call = 0; call < 3; call++) await draw(isolate, key, limit)
  await isolate.settled()
  return isolate
}

describe("carried by KV", () => {
  test("a refusal of a minute or more refuses in an isolate that never asked, without a call of the object", async () => {
    const key = newKey()
    const first = await refused(key)
    expect(first.written).toHaveLength(1)
    const other = newLimiter()
    expect(await draw(other, key, hourly, later(1000))).toEqual({
      admitted: false,
      remaining: 0,
      retryAfterSeconds: 3599,
      resetSeconds: 7200,
      firm: true,
      local: true,
      grant: null,
    })
    for (let call = 0; call < 50; call++) await draw(other, key, hourly, later(call * 60_000))
    expect([other.asked.length, other.read.length, other.written.length]).toEqual([0, 1, 0])
    expect(await draw(other, key, hourly, later(3_600_000))).toMatchObject({ admitted: true, local: false })
  })

  test("it is written once, with its instant, and stays no longer than it holds", async () => {
    const key = newKey()
    const first = await refused(key)
    for (let call = 0; call < 50; call++) await draw(first, key, hourly, later(call * 1000))
    await first.settled()
    expect(first.written).toHaveLength(1)
    const { keys } = await env.CACHE.list({ prefix: first.written[0] as string })
    const expiresIn = (keys[0]?.expiration ?? 0) - Date.now() / 1000
    expect(expiresIn).toBeGreaterThan(3500)
    expect(expiresIn).toBeLessThanOrEqual(3601)
    expect(await env.CACHE.get(first.written[0] as string)).toBe(later(3_600_000).toISOString())
  })

  test("it is written once, also when calls that cost less still ask", async () => {
    const isolate = newLimiter()
    const key = newKey()
    const dear: Limit = { ratePerMinute: 1 / 60, burst: 10, cost: 9 }
    for (let call = 0; call < 2; call++) await draw(isolate, key, dear)
    for (let call = 0; call < 9; call++) await draw(isolate, key, { ...dear, cost: 1 })
    await isolate.settled()
    expect(isolate.written.map((name) => name.includes("9%20a%20call"))).toEqual([true, false])
  })

  test("a refusal for less than a minute is not, and limits that have no longer ones never ask KV", async () => {
    const isolate = await refused(newKey(), { ratePerMinute: 2, burst: 2, cost: 1 })
    expect([isolate.read, isolate.written]).toEqual([[], []])
  })

  test("a caller who is known to be good is not looked up, one who is not is looked up once a minute", async () => {
    const isolate = newLimiter()
    const key = newKey()
    const daily: Limit = { perDay: 1000, cost: 1 }
    const noon = new Date("2026-11-21T12:00:00Z").getTime()
    for (let second = 0; second < 600; second += 50) await draw(isolate, key, daily, new Date(noon + second * 1000))
    expect(isolate.read).toHaveLength(1)
    await draw(isolate, key, daily, new Date(noon + 1_000_000))
    expect(isolate.read).toHaveLength(2)
  })

  test.each([
    ["no instant", "tomorrow"],
    ["nothing", ""],
    ["a past one", "2020-01-01T00:00:00Z"],
    ["one beyond what the limit can make wait", later(3_600_001).toISOString()],
    ["one in a million years", "+275760-09-13T00:00:00.000Z"],
  ])("%s is ignored: the object is asked", async (_, text) => {
    // The name of the entry, from an isolate that looks it up.
    const [scout, isolate] = [newLimiter(), newLimiter()]
    const key = newKey()
    await draw(scout, key, hourly)
    await env.CACHE.put(scout.read[0] as string, text)
    expect(await draw(isolate, key, hourly)).toMatchObject({ admitted: true, local: false })
    expect([isolate.read.length, isolate.asked.length, isolate.told]).toEqual([1, 1, []])
  })

  test("a day's quota that is used up refuses everywhere until midnight, and not after it", async () => {
    const key = newKey()
    const daily: Limit = { perDay: 2, cost: 1 }
    const evening = new Date("2026-11-21T23:00:00Z")
    const isolate = newLimiter()
    for (let call = 0; call < 3; call++) await draw(isolate, key, daily, evening)
    await isolate.settled()
    const other = newLimiter()
    expect(await draw(other, key, daily, evening)).toMatchObject({ admitted: false, retryAfterSeconds: 3600 })
    expect(other.asked).toHaveLength(0)
    expect(await draw(other, key, daily, new Date("2026-11-22T00:00:00Z"))).toMatchObject({ admitted: true })
  })

  test("KV does not answer: the object does, and the operator is told", async () => {
    const isolate = newLimiter()
    const key = `test/${"ü".repeat(20)}/${crypto.randomUUID()}`
    const { get } = env.CACHE
    try {
      env.CACHE.get = (() => Promise.reject(new Error("KV is away"))) as never
      expect(await draw(isolate, key, hourly)).toMatchObject({ admitted: true })
    } finally {
      env.CACHE.get = get
    }
    expect(isolate.told).toHaveLength(1)
  })
})

describe("what comes back", () => {
  test("what a call had drawn is restored: into the lease, or with the next question", async () => {
    const isolate = newLimiter()
    const { limiter } = isolate
    const key = newKey()
    const limit: Limit = { ratePerMinute: 1, burst: 100, cost: 1 }
    const cold = await draw(isolate, key, limit)
    expect(cold).toMatchObject({ local: false, remaining: 99 })
    limiter.restore(key, limit, cold)
    expect(await draw(isolate, key, limit)).toMatchObject({ local: false, remaining: 99 })
    expect(await draw(isolate, key, limit)).toMatchObject({ local: false, remaining: 98 })
    const leased = await draw(isolate, key, limit)
    expect(leased).toMatchObject({ local: true, remaining: 97 })
    limiter.restore(key, limit, leased)
    expect(await draw(isolate, key, limit)).toMatchObject({ local: true, remaining: 97 })
    expect(await newLimiter().limiter.take(key, limit, now)).toMatchObject({ remaining: 96 })
  })

  test("what has filled up again meanwhile does not come back a second time", async () => {
    const isolate = newLimiter()
    const key = newKey()
    const limit: Limit = { ratePerMinute: 60, burst: 3, cost: 1 }
    const drawn = await draw(isolate, key, limit)
    for (let call = 0; call < 3; call++) await newLimiter().limiter.take(key, limit, later(1000))
    isolate.limiter.restore(key, limit, drawn)
    expect(await draw(isolate, key, limit, later(1000))).toMatchObject({ admitted: false, remaining: 0 })
  })

  test("a refusal gives nothing back", async () => {
    const isolate = newLimiter()
    const key = newKey()
    const limit: Limit = { ratePerMinute: 1, burst: 1, cost: 1 }
    await draw(isolate, key, limit)
    for (let call = 0; call < 5; call++) isolate.limiter.restore(key, limit, await draw(isolate, key, limit))
    expect(await newLimiter().limiter.take(key, limit, now)).toMatchObject({ admitted: false })
  })
})

describe("what a call turned out to cost", () => {
  const rows: Limit = { ratePerMinute: 600, burst: 1000, cost: 1 }

  test("is taken afterwards, told once for many calls, and the next calls are refused until it is paid", async () => {
    const isolate = newLimiter()
    const key = newKey()
    expect(await draw(isolate, key, rows)).toMatchObject({ admitted: true })
    for (let call = 0; call < 10; call++) isolate.limiter.charge(key, rows, 150, now, isolate.behind)
    expect(isolate.asked).toHaveLength(1)
    await isolate.settled()
    expect(isolate.asked.map(({ charged }) => charged)).toEqual([0, 1500])
    // 501 over the burst, one for the call, at ten a second.
    expect(await draw(newLimiter(), key, rows)).toMatchObject({ admitted: false, firm: true, retryAfterSeconds: 51 })
    expect(await draw(newLimiter(), key, rows, later(50_199))).toMatchObject({ admitted: false })
    expect(await draw(newLimiter(), key, rows, later(50_200))).toMatchObject({ admitted: true })
  })

  test("the next question of this isolate carries it at once", async () => {
    const isolate = newLimiter()
    const key = newKey()
    isolate.limiter.charge(key, rows, 1000, now, isolate.behind)
    expect(await draw(isolate, key, rows)).toMatchObject({ admitted: false })
  })

  test("is forgiven beyond four times the burst", async () => {
    const isolate = newLimiter()
    const key = newKey()
    isolate.limiter.charge(key, rows, 1_000_000, now, isolate.behind)
    expect(await draw(isolate, key, rows)).toMatchObject({ admitted: false, retryAfterSeconds: 301 })
  })

  test("that the object did not hear is told again", async () => {
    const heard: number[] = []
    let isDown = true
    const isolate = newLimiter({
      serve: async (_key, _limit, ask) => {
        if (isDown) throw new Error("Network connection lost")
        heard.push(ask.charged)
        return { admitted: ask.calls, leased: 0, remaining: 1, waitMs: 0, resetMs: 0, firm: false }
      },
    })
    isolate.limiter.charge("test/charge", rows, 7, now, isolate.behind)
    await isolate.settled()
    isDown = false
    await draw(isolate, "test/charge", rows)
    expect(heard).toEqual([7])
  })

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])("%d tokens make no sense", (tokens) => {
    expect(() => newLimiter().limiter.charge(newKey(), rows, tokens, now, () => {})).toThrow(RangeError)
  })
})
