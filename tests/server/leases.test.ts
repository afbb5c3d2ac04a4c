/** Leases over real objects: what a call costs, what comes back, and what happens when calls, isolates and objects go away. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import { networkOf } from "../../src/core/address.ts"
import type { Rate, Verdict } from "../../src/core/limiting.ts"
import { type Bucket, serve } from "../../src/server/bucket.ts"
import { limiterObjectName } from "../../src/server/keys.ts"
import { defaultLeaseRules, type LeasePorts, Leases } from "../../src/server/leases.ts"
import { type Counted, newLimiter, type Serving } from "../support/limiter.ts"

const newKey = () => `test/${crypto.randomUUID()}`
const now = new Date()
const later = (milliseconds: number) => new Date(now.getTime() + milliseconds)
const perMinute = (ratePerMinute: number, burst: number, cost = 1): Rate => ({ ratePerMinute, burst, cost })

/** Draws one after another. */
async function drawn({ limiter, behind }: Counted, key: string, limit: Rate, times: number, at = now) {
  const verdicts: Verdict[] = []
  for (let n = 0; n < times; n++) verdicts.push(await limiter.draw(key, limit, at, behind))
  return verdicts
}

/** Draws at once. */
function parallel({ limiter, behind }: Counted, key: string, limit: Rate, times: number) {
  return Promise.all(Array.from({ length: times }, async () => limiter.draw(key, limit, now, behind)))
}

const admittedOf = (verdicts: readonly Verdict[]) => verdicts.filter(({ admitted }) => admitted).length

/** What the object has in its row. */
function rowOf(key: string) {
  return runInDurableObject(env.LIMITER.getByName(limiterObjectName(key)), (_, { storage }) => {
    const row = storage.sql.exec<{ debt: number; leases: string }>('select "debt", "leases" from "buckets"').one()
    return { tokens: row.debt / 86_400_000, leases: JSON.parse(row.leases) as { tokens: number }[] }
  })
}

/** The object loses its memory in the middle of things. */
async function restarted(key: string): Promise<void> {
  const stub = env.LIMITER.getByName(limiterObjectName(key))
  await expect(runInDurableObject(stub, (_, state) => state.abort("restarted by a test"))).rejects.toThrow()
}

/** An object that answers in memory. */
function objectInMemory(): Serving {
  const buckets = new Map<string, Bucket>()
  return {
    async serve(key, limit, ask, at) {
      const { answer, bucket } = serve(buckets.get(key) ?? null, [], new Set(), limit as Rate, ask, at)
      buckets.set(key, bucket)
      return answer
    },
  }
}

describe("hops", () => {
  test("calls that wait ask together: a hundred at once cost one question or two, and all are counted", async () => {
    const isolate = newLimiter()
    const key = newKey()
    const first = await parallel(isolate, key, perMinute(1, 60), 100)
    expect(isolate.asked.length).toBeLessThanOrEqual(2)
    expect(admittedOf(first)).toBe(60)
    const [, next] = [await isolate.settled(), await newLimiter().limiter.take(key, perMinute(1, 60), now)]
    expect(next).toMatchObject({ admitted: false, remaining: 0 })
  })

  test("a cold key leases nothing, a busy one more and more, and what is used is what is counted", async () => {
    const isolate = newLimiter(undefined, { idleMs: 60_000 })
    const key = newKey()
    const limit = perMinute(1, 2000)
    const verdicts = await drawn(isolate, key, limit, 500)
    expect(admittedOf(verdicts)).toBe(500)
    expect(isolate.asked.slice(0, 5).map(({ prefetch }) => prefetch)).toEqual([0, 0, 1, 2, 4])
    expect(isolate.asked.length).toBeLessThan(20)
    expect(verdicts.filter(({ local }) => local)).toHaveLength(500 - isolate.asked.length)
    // In memory as in the object: what is left is known.
    expect(verdicts.map(({ remaining }) => remaining)).toEqual(Array.from({ length: 500 }, (_, n) => 1999 - n))
  })

  test("near the limit nothing is leased: each call asks", async () => {
    const isolate = newLimiter()
    const key = newKey()
    await newLimiter().limiter.take(key, perMinute(1, 1000, 501), now)
    expect(admittedOf(await drawn(isolate, key, perMinute(1, 1000), 30))).toBe(30)
    expect(isolate.asked).toHaveLength(30)
  })

  test("what lies idle goes back", async () => {
    const isolate = newLimiter(undefined, { idleMs: 20 })
    const key = newKey()
    await drawn(isolate, key, perMinute(1, 1000), 40)
    await isolate.settled()
    expect(await rowOf(key)).toEqual({ tokens: 40, leases: [] })
  })

  test("a refusal that stands costs no hop until its wait is over, and then one", async () => {
    const isolate = newLimiter()
    const key = newKey()
    const limit = perMinute(6, 1)
    await drawn(isolate, key, limit, 2)
    expect(isolate.asked).toHaveLength(2)
    const [refused] = await drawn(isolate, key, limit, 1, later(4000))
    expect(refused).toMatchObject({ admitted: false, firm: true, local: true, retryAfterSeconds: 6 })
    await drawn(isolate, key, limit, 100, later(9999))
    expect(isolate.asked).toHaveLength(2)
    expect(await drawn(isolate, key, limit, 1, later(10_000))).toMatchObject([{ admitted: true, local: false }])
    expect(isolate.asked).toHaveLength(3)
  })

  test("a refusal does not stand while another isolate holds tokens that may come back", async () => {
    const [holder, other] = [newLimiter(undefined, { idleMs: 1500 }), newLimiter()]
    const key = newKey()
    const limit = perMinute(1, 100)
    await drawn(holder, key, limit, 8)
    const { tokens, leases } = await rowOf(key)
    expect(leases).toHaveLength(1)
    const rest = perMinute(1, 100, 100 - tokens)
    expect(await other.limiter.take(key, rest, now)).toMatchObject({ admitted: true })
    expect(await drawn(other, key, limit, 1)).toMatchObject([{ admitted: false, firm: false }])
    await holder.settled()
    expect(await drawn(other, key, limit, 1)).toMatchObject([{ admitted: true }])
  })

  test("a limit that was raised is not held to what was refused before", async () => {
    const isolate = newLimiter()
    const key = newKey()
    await drawn(isolate, key, perMinute(1, 1), 2)
    expect(await drawn(isolate, key, perMinute(1, 5), 1)).toMatchObject([{ admitted: true }])
  })

  test("an IPv6 network is one caller, however it changes its address", async () => {
    const isolate = newLimiter()
    const network = crypto.randomUUID().slice(0, 4)
    const verdicts: Verdict[] = []
    for (let n = 0; n < 12; n++) {
      const address = `2001:db8:${network}:7:${n.toString(16)}::${(n * 77).toString(16)}`
      verdicts.push(...(await drawn(isolate, `test/address/${networkOf(address)}`, perMinute(1, 5), 1)))
    }
    expect(admittedOf(verdicts)).toBe(5)
  })
})

describe("what goes wrong", () => {
  test("a clock that goes back drops what is leased; a call that began a little earlier does not", async () => {
    const isolate = newLimiter()
    const key = newKey()
    const limit = perMinute(1, 1000)
    await drawn(isolate, key, limit, 10)
    expect(await drawn(isolate, key, limit, 1, later(-900))).toMatchObject([{ local: true }])
    const asked = isolate.asked.length
    expect(await drawn(isolate, key, limit, 1, later(-1100))).toMatchObject([{ admitted: true, local: false }])
    expect(isolate.asked.slice(asked)).toMatchObject([{ settled: [{ tokens: expect.any(Number) }] }])
  })

  test("a lease is over five seconds after it was asked for", async () => {
    const isolate = newLimiter()
    const key = newKey()
    const limit = perMinute(1, 1000)
    await drawn(isolate, key, limit, 10)
    expect(await drawn(isolate, key, limit, 1, later(4999))).toMatchObject([{ local: true }])
    expect(await drawn(isolate, key, limit, 1, later(5000))).toMatchObject([{ local: false }])
  })

  test("what is out does not fill up again, also when the object loses its memory", async () => {
    const key = newKey()
    const limit = perMinute(60, 100)
    await drawn(newLimiter(undefined, { idleMs: 60_000 }), key, limit, 10)
    const [out] = (await rowOf(key)).leases
    const tokens = out?.tokens as number
    expect(tokens).toBeGreaterThan(1)
    await restarted(key)
    const { limiter } = newLimiter()
    const hourLater = later(3_600_000)
    expect(await limiter.take(key, perMinute(60, 100, 101 - tokens), hourLater)).toMatchObject({ admitted: false })
    expect(await limiter.take(key, perMinute(60, 100, 100 - tokens), hourLater)).toMatchObject({ admitted: true })
  })

  test("a bucket at rest is kept while tokens of it are out", async () => {
    const key = newKey()
    await drawn(newLimiter(undefined, { idleMs: 60_000 }), key, perMinute(1, 100), 10)
    const stub = env.LIMITER.getByName(limiterObjectName(key))
    await runInDurableObject(stub, (_, { storage }) => storage.sql.exec('update "buckets" set "restsAt" = 0'))
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect(await rowOf(key)).toMatchObject({ leases: [{ tokens: 4 }] })
  })

  test("the question of a call fails: it is UNAVAILABLE, and those who waited with it ask themselves", async () => {
    const object = objectInMemory()
    let calls = 0
    const isolate = newLimiter({
      serve: async (...question) => {
        if (calls++ === 0) throw new Error("Network connection lost")
        return object.serve(...question)
      },
    })
    const outcomes = await Promise.allSettled(
      Array.from({ length: 9 }, async () =>
        isolate.limiter.draw("test/fails", perMinute(100, 100), now, isolate.behind),
      ),
    )
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", ...Array(8).fill("fulfilled")])
    expect(outcomes[0]).toMatchObject({ reason: { code: "UNAVAILABLE" } })
    expect(isolate.asked).toHaveLength(3)
  })

  test("the call that asked goes away and its promise never settles: the others ask, and later ones do not wait for it", async () => {
    const object = objectInMemory()
    let calls = 0
    const isolate = newLimiter(
      { serve: (...question) => (calls++ === 0 ? new Promise(() => {}) : object.serve(...question)) },
      { patienceMs: 30 },
    )
    const draws = Array.from({ length: 5 }, async () =>
      isolate.limiter.draw("test/gone", perMinute(100, 100), now, () => {}),
    )
    const [gone, ...others] = await Promise.allSettled(draws)
    expect(gone).toMatchObject({ reason: { code: "UNAVAILABLE" } })
    expect(others).toMatchObject(Array(4).fill({ value: { admitted: true } }))
    expect(await drawn(isolate, "test/gone", perMinute(100, 100), 1)).toMatchObject([{ admitted: true }])
  })

  test("an object that fails twice is UNAVAILABLE to everybody, at three questions", async () => {
    const isolate = newLimiter({ serve: () => Promise.reject(new Error("overloaded")) })
    const outcomes = await Promise.allSettled(
      Array.from({ length: 9 }, async () =>
        isolate.limiter.draw("test/down", perMinute(100, 100), now, isolate.behind),
      ),
    )
    expect(outcomes).toMatchObject(Array(9).fill({ reason: { code: "UNAVAILABLE" } }))
    expect(isolate.asked).toHaveLength(3)
  })
})

describe("memory", () => {
  test("ten thousand principals take no more room than the bound", async () => {
    const object = objectInMemory()
    const ports: LeasePorts = {
      ask: (...question) => object.serve(...question),
      sleep: () => new Promise(() => {}),
      now: () => now,
      newId: () => crypto.randomUUID(),
      carrier: { read: async () => null, write: async () => {} },
      tell: () => {},
    }
    const leases = new Leases(ports, { ...defaultLeaseRules, keys: 1000 })
    for (let n = 0; n < 10_000; n++) await leases.draw(`test/${n}`, perMinute(1, 5), now, () => {})
    expect(leases.size).toBe(1000)
  })

  test("a key that is forgotten gives back what it held, and is still counted exactly", async () => {
    const isolate = newLimiter(undefined, { keys: 1, idleMs: 20 })
    const [busy, other] = [newKey(), newKey()]
    await drawn(isolate, busy, perMinute(1, 100), 10)
    expect((await rowOf(busy)).leases).toHaveLength(1)
    await drawn(isolate, other, perMinute(1, 100), 1)
    await isolate.settled()
    expect(await rowOf(busy)).toEqual({ tokens: 10, leases: [] })
  })
})

test("an object of the release before goes on counting", async () => {
  const key = newKey()
  const stub = env.LIMITER.getByName(limiterObjectName(key))
  await runInDurableObject(stub, (_, { storage }) => {
    storage.sql.exec(
      `create table if not exists "buckets"
         ("key" text primary key, "debt" integer not null, "at" integer not null, "restsAt" integer not null) without rowid`,
    )
    storage.sql.exec(
      'insert into "buckets" values (?, ?, ?, ?)',
      key,
      3 * 86_400_000,
      now.getTime(),
      now.getTime() + 180_000,
    )
  })
  const isolate = newLimiter()
  expect(await drawn(isolate, key, perMinute(1, 5), 3)).toMatchObject([
    { admitted: true, remaining: 1 },
    { admitted: true, remaining: 0 },
    { admitted: false },
  ])
})
