/** The limiter in a real object: exact under parallel calls, and by its arithmetic for any history of calls and clocks. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import type { Limit, Quota, Rate } from "../../src/core/limiting.ts"
import { type Bucket, oneCall, serve } from "../../src/server/bucket.ts"
import { limiterObjectName } from "../../src/server/keys.ts"
import { newLimiter } from "../support/limiter.ts"

const namespace = env.LIMITER
const { limiter } = newLimiter()
const seed = Number((env as { SEED?: string }).SEED ?? 20261121)
const newKey = () => `test/${crypto.randomUUID()}`
const now = new Date()
const later = (milliseconds: number) => new Date(now.getTime() + milliseconds)
const perMinute = (ratePerMinute: number, burst: number, cost = 1): Rate => ({ ratePerMinute, burst, cost })

/** One call, with nothing out and nothing to undo. */
const takeFrom = (bucket: Bucket | null, limit: Limit, at: number) => serve(bucket, [], new Set(), limit, oneCall, at)

describe("exact", () => {
  test.each([1, 10, 100])(
    "checklist 39: ten times %i in parallel, the clock held: exactly so many are admitted",
    async (count) => {
      const key = newKey()
      const verdicts = await Promise.all(
        Array.from({ length: 10 * count }, () => limiter.take(key, perMinute(count, count), now)),
      )
      expect(verdicts.filter(({ admitted }) => admitted)).toHaveLength(count)
    },
  )

  const limit = fc.record({
    ratePerMinute: fc.oneof(
      fc.integer({ min: 1, max: 6000 }),
      fc.integer({ min: 1, max: 1440 }).map((day) => day / 1440),
    ),
    burst: fc.integer({ min: 1, max: 50 }),
  })
  const call = fc.record({
    // Clocks of several machines: forwards mostly, sometimes back.
    move: fc.oneof(
      fc.integer({ min: 0, max: 200 }),
      fc.integer({ min: 0, max: 120_000 }),
      fc.integer({ min: -90_000, max: 0 }),
    ),
    cost: fc.integer({ min: 1, max: 50 }),
  })

  test(`checklist 39: any history admits no more than burst + rate × time, and no less than GCRA would (SEED=${seed})`, () => {
    fc.assert(
      fc.property(limit, fc.array(call, { maxLength: 80 }), (rule, calls) => {
        const perDay = BigInt(Math.round(rule.ratePerMinute * 1440))
        const token = 86_400_000n
        let bucket: Bucket | null = null
        let clock = now.getTime()
        // Time as the bucket knows it: never back behind what was admitted.
        let known = Number.NEGATIVE_INFINITY
        const admitted: { at: number; cost: number }[] = []
        for (const { move, cost } of calls) {
          clock += move
          const newest = Math.max(known, clock)
          const wanted = Math.min(cost, rule.burst)
          const taken = takeFrom(bucket, { ...rule, cost: wanted }, clock)
          // The most that could have been taken in each window that ends here, in exact arithmetic.
          const fits = [...admitted, { at: newest, cost: 0 }].every((from, index) => {
            const spent = admitted.slice(index).reduce((sum, one) => sum + one.cost, 0) + wanted
            return BigInt(spent) * token <= BigInt(rule.burst) * token + perDay * BigInt(newest - from.at)
          })
          expect(taken.answer.admitted).toBe(fits ? 1 : 0)
          if (fits) {
            admitted.push({ at: newest, cost: wanted })
            known = newest
            bucket = taken.bucket
          }
        }
      }),
      { seed, numRuns: 400 },
    )
  })

  test(`a caller that waits as told is admitted, a millisecond before it is not (SEED=${seed})`, () => {
    fc.assert(
      fc.property(limit, fc.integer({ min: 1, max: 50 }), (rule, cost) => {
        const rated = { ...rule, cost: Math.min(cost, rule.burst) }
        let bucket: Bucket | null = null
        const at = now.getTime()
        for (;;) {
          const { answer, bucket: next } = takeFrom(bucket, rated, at)
          if (answer.admitted === 0) {
            const wait = answer.waitMs
            expect(answer.firm).toBe(true)
            expect(takeFrom(bucket, rated, at + wait).answer.admitted).toBe(1)
            expect(takeFrom(bucket, rated, at + wait - 1).answer.admitted).toBe(0)
            expect(takeFrom(bucket, { ...rated, cost: rule.burst }, at + answer.resetMs).answer).toMatchObject({
              admitted: 1,
              remaining: 0,
            })
            return
          }
          bucket = next
        }
      }),
      { seed },
    )
  })
})

describe("the object", () => {
  test("counts what is left, and gives it back with time", async () => {
    const key = newKey()
    expect(await limiter.take(key, perMinute(60, 3), now)).toEqual({
      admitted: true,
      remaining: 2,
      retryAfterSeconds: 0,
      resetSeconds: 1,
      firm: false,
      local: false,
      grant: null,
    })
    expect(await limiter.take(key, perMinute(60, 3, 2), now)).toMatchObject({
      admitted: true,
      remaining: 0,
      resetSeconds: 3,
    })
    expect(await limiter.take(key, perMinute(60, 3), now)).toEqual({
      admitted: false,
      remaining: 0,
      retryAfterSeconds: 1,
      resetSeconds: 3,
      firm: true,
      local: false,
      grant: null,
    })
    expect(await limiter.take(key, perMinute(60, 3), later(999))).toMatchObject({ admitted: false })
    expect(await limiter.take(key, perMinute(60, 3), later(1000))).toMatchObject({ admitted: true, remaining: 0 })
  })

  test("a clock that jumps back gives nothing, and takes nothing", async () => {
    const key = newKey()
    const rule = perMinute(60, 2)
    await limiter.take(key, rule, later(10_000))
    await limiter.take(key, rule, later(10_000))
    expect(await limiter.take(key, rule, now)).toMatchObject({ admitted: false, retryAfterSeconds: 11 })
    expect(await limiter.take(key, rule, later(10_500))).toMatchObject({ admitted: false })
    expect(await limiter.take(key, rule, later(11_000))).toMatchObject({ admitted: true })
  })

  test("five an hour are five an hour", async () => {
    const key = newKey()
    const rule = perMinute(5 / 60, 5)
    for (let call = 0; call < 5; call++) expect((await limiter.take(key, rule, now)).admitted).toBe(true)
    expect(await limiter.take(key, rule, now)).toMatchObject({ admitted: false, retryAfterSeconds: 720 })
    expect((await limiter.take(key, rule, later(720_000 - 1))).admitted).toBe(false)
    expect((await limiter.take(key, rule, later(720_000))).admitted).toBe(true)
  })

  test("keeps its count when it loses its memory", async () => {
    const key = newKey()
    const rule = perMinute(60, 2)
    await limiter.take(key, rule, now)
    await limiter.take(key, rule, now)
    await evictDurableObject(namespace.getByName(limiterObjectName(key)))
    expect((await limiter.take(key, rule, now)).admitted).toBe(false)
  })

  test("one key does not touch another", async () => {
    const rule = perMinute(60, 1)
    expect((await limiter.take(newKey(), rule, now)).admitted).toBe(true)
    expect((await limiter.take(newKey(), rule, now)).admitted).toBe(true)
  })

  test("a refusal writes nothing", async () => {
    const key = newKey()
    await limiter.take(key, perMinute(1, 1), now)
    const rows = () =>
      runInDurableObject(namespace.getByName(limiterObjectName(key)), (_, { storage }) =>
        storage.sql.exec('select * from "buckets"').toArray(),
      )
    const before = await rows()
    for (let call = 1; call < 20; call++) await limiter.take(key, perMinute(1, 1), later(call))
    expect(await rows()).toEqual(before)
  })

  test("its alarm forgets what is at rest, and keeps what is not", async () => {
    const key = newKey()
    const stub = namespace.getByName(limiterObjectName(key))
    const tables = () =>
      runInDurableObject(stub, (_, { storage }) =>
        storage.sql.exec("select count(*) \"count\" from sqlite_master where name = 'buckets'").one(),
      )
    const rule = perMinute(1, 1)
    await limiter.take(key, rule, new Date(Date.now() - 30_000))
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect((await limiter.take(key, rule, new Date())).admitted).toBe(false)
    await runInDurableObject(stub, (_, { storage }) =>
      storage.sql.exec('update "buckets" set "restsAt" = ?', Date.now() - 60_000),
    )
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect(await tables()).toEqual({ count: 0 })
    expect(await runDurableObjectAlarm(stub)).toBe(false)
    expect((await limiter.take(key, rule, new Date())).admitted).toBe(true)
  })
})

describe("refusals", () => {
  test("admit throws RESOURCE_EXHAUSTED with the seconds to wait", async () => {
    const key = newKey()
    await limiter.admit(key, perMinute(2, 1), now)
    await expect(limiter.admit(key, perMinute(2, 1), now)).rejects.toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      options: { retryAfterSeconds: 30 },
    })
  })

  test("checklist 41: an object that does not answer is UNAVAILABLE, never admission", async () => {
    const silent = newLimiter({ serve: () => Promise.reject(new Error("Network connection lost")) }).limiter
    await expect(silent.take("a", perMinute(1, 1), now)).rejects.toMatchObject({ code: "UNAVAILABLE" })
    await expect(silent.draw("a", perMinute(1, 1), now, () => {})).rejects.toMatchObject({ code: "UNAVAILABLE" })
  })

  test.each<[string, Limit]>([
    ["no rate", perMinute(0, 1)],
    ["a rate below one a day", perMinute(1 / 2000, 1)],
    ["no burst", perMinute(1, 0)],
    ["half a token", perMinute(1, 1, 0.5)],
    ["a cost over the burst", perMinute(1, 1, 2)],
    ["no number", perMinute(Number.NaN, 1)],
    ["endless", perMinute(Number.POSITIVE_INFINITY, 1)],
    ["a quota of nothing", { perDay: 0, cost: 1 }],
    ["a cost over the quota", { perDay: 5, cost: 6 }],
    ["a quota that no double counts", { perDay: 1e9, cost: 1 }],
  ])("%s makes no sense", async (_, rule) => {
    await expect(limiter.take(newKey(), rule, now)).rejects.toThrow(RangeError)
    expect(() => limiter.draw(newKey(), rule, now, () => {})).toThrow(RangeError)
  })
})

describe("a quota", () => {
  const noon = new Date("2026-11-21T12:00:00Z")
  const evening = new Date("2026-11-21T23:59:50.500Z")
  const morning = new Date("2026-11-22T00:00:00Z")
  const quota = (perDay: number, cost = 1): Quota => ({ perDay, cost })

  test("is so much in a day of UTC, and Retry-After leads to midnight", async () => {
    const key = newKey()
    expect(await limiter.take(key, quota(3, 2), noon)).toMatchObject({
      admitted: true,
      remaining: 1,
      resetSeconds: 12 * 3600,
    })
    expect(await limiter.take(key, quota(3), evening)).toMatchObject({ admitted: true, remaining: 0, resetSeconds: 10 })
    expect(await limiter.take(key, quota(3), evening)).toMatchObject({
      admitted: false,
      firm: true,
      retryAfterSeconds: 10,
    })
    expect(await limiter.take(key, quota(3, 3), morning)).toMatchObject({ admitted: true, remaining: 0 })
    expect(await limiter.take(key, quota(3), morning)).toMatchObject({ admitted: false, retryAfterSeconds: 86_400 })
  })

  test("a caller whose clock still shows yesterday gets nothing of yesterday's, and waits for the night after this", async () => {
    const key = newKey()
    for (let call = 0; call < 2; call++) await limiter.take(key, quota(2), morning)
    expect(await limiter.take(key, quota(2), evening)).toMatchObject({ admitted: false, retryAfterSeconds: 86_410 })
  })

  test.each([1, 10, 100])("ten times %i in parallel: exactly so many are admitted", async (perDay) => {
    const key = newKey()
    const verdicts = await Promise.all(
      Array.from({ length: 10 * perDay }, () => limiter.take(key, quota(perDay), noon)),
    )
    expect(verdicts.filter(({ admitted }) => admitted)).toHaveLength(perDay)
  })
})
