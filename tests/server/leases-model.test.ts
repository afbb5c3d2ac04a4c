/**
 * Leases against what they promise: several isolates and the object, both with their real code, in any order of calls, answers, losses, steps of
 * clocks and restarts. Never is more admitted than burst + rate × time within any time of the object's, and never more than a quota in a day.
 */
import { env } from "cloudflare:workers"
import fc from "fast-check"
import { expect, test } from "vitest"
import type { Limit, Quota, Rate } from "../../src/core/limiting.ts"
import { happenings, LeasesWorld } from "../support/leases-world.ts"

const seed = Number((env as { SEED?: string }).SEED ?? 20261121)
const start = Date.UTC(2026, 10, 21, 23, 59, 0)
const dayMs = 86_400_000

const isolate = fc.nat({ max: 2 })
const often = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary })
const act = <const K extends string>(kind: K, more: Record<string, fc.Arbitrary<unknown>> = {}) =>
  fc.record({ kind: fc.constant(kind), ...more })
const step = fc.oneof(fc.integer({ min: -900, max: 900 }), fc.integer({ min: -20_000, max: 20_000 }))
const action = fc.oneof(
  often(10, act("draw", { isolate, times: fc.integer({ min: 1, max: 12 }) })),
  often(8, act("deliver")),
  often(3, act("arrive")),
  often(6, act("pass", { ms: fc.oneof(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 0, max: 9000 })) })),
  often(1, act("pass", { ms: fc.integer({ min: 10_000, max: 400_000 }) })),
  often(2, act("step", { isolate, by: step })),
  often(1, act("leap", { isolate, by: fc.integer({ min: -dayMs, max: dayMs }) })),
  often(1, act("step of the object", { by: step })),
  often(1, act("restart", { isolate })),
  often(1, act("restart of the object")),
  often(1, act("lose", { isTold: fc.boolean() })),
  often(1, act("timers die", { isolate })),
  often(2, act("restore", { isolate })),
  often(1, act("charge", { isolate, tokens: fc.integer({ min: 1, max: 40 }) })),
  often(1, act("sweep")),
) as fc.Arbitrary<{
  kind: string
  isolate: number
  times: number
  ms: number
  by: number
  isTold: boolean
  tokens: number
}>

/** Lets everything that can go on go on. */
async function flush(): Promise<void> {
  for (let turn = 0; turn < 24; turn++) await null
}

async function run(world: LeasesWorld, actions: readonly Awaited<ReturnType<typeof sampleOf>>[]): Promise<void> {
  for (const one of actions) {
    const here = world.isolates[one.isolate ?? 0] as LeasesWorld["isolates"][number]
    if (one.kind === "draw") world.draw(here, one.times)
    if (one.kind === "deliver") world.deliver()
    if (one.kind === "arrive") world.arrive()
    if (one.kind === "pass") await world.pass(one.ms, flush)
    if (one.kind === "step" || one.kind === "leap") world.step(here, one.by)
    if (one.kind === "step of the object") world.stepObject(one.by)
    if (one.kind === "restart") world.restart(one.isolate)
    if (one.kind === "restart of the object") world.restartObject()
    if (one.kind === "lose") world.lose(one.isTold)
    if (one.kind === "timers die") world.killTimers(here)
    if (one.kind === "restore") world.restore(here)
    if (one.kind === "charge") world.charge(here, one.tokens)
    if (one.kind === "sweep") world.sweep()
    await flush()
  }
}
declare function sampleOf(): typeof action extends fc.Arbitrary<infer T> ? T : never

const cost = fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 4 }))
const rate: fc.Arbitrary<Rate> = fc.record({
  ratePerMinute: fc.oneof(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 600, max: 60_000 })),
  burst: fc.integer({ min: 4, max: 120 }),
  cost,
})
const quota: fc.Arbitrary<Quota> = fc.record({ perDay: fc.integer({ min: 4, max: 120 }), cost })

const histories = (limit: fc.Arbitrary<Limit>) =>
  [limit, fc.boolean(), fc.array(action, { minLength: 20, maxLength: 120, size: "max" })] as const

/** Every kind of thing did happen. */
function expectAll(counts: ReadonlyMap<string, number>): void {
  expect(happenings.filter((what) => (counts.get(what) ?? 0) === 0)).toEqual([])
}

async function play(limit: Limit, sweeps: boolean, actions: Parameters<typeof run>[1], counts: Map<string, number>) {
  const world = new LeasesWorld(limit, start, 3, sweeps)
  await run(world, actions)
  for (const [what, times] of world.counts) counts.set(what, (counts.get(what) ?? 0) + times)
  expect(world.broken).toEqual([])
  return world.admissions.filter(({ restored }) => !restored)
}

const timed = (admitted: Awaited<ReturnType<typeof play>>, which: "from" | "to") =>
  admitted.map((one) => ({ at: one[which] ?? one.from, tokens: one.tokens })).sort((a, b) => a.at - b.at)

/** The windows in which more was admitted than burst + rate × time, in exact arithmetic. */
function excessOver({ ratePerMinute, burst }: Rate, admitted: ReturnType<typeof timed>): string[] {
  const token = BigInt(dayMs)
  return admitted.flatMap((first, place) => {
    let spent = 0n
    return admitted.slice(place).flatMap(({ at, tokens }) => {
      spent += BigInt(tokens) * token
      const most = BigInt(burst) * token + BigInt(ratePerMinute * 1440) * BigInt(at - first.at)
      return spent > most ? [`${spent / token} within ${at - first.at} ms`] : []
    })
  })
}

test(`any history of isolates that lease admits no more than burst + rate × time (SEED=${seed})`, async () => {
  const counts = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(...histories(rate), async (limit, sweeps, actions) => {
      const admitted = await play(limit, sweeps, actions, counts)
      // By what the object knew when a call was admitted, and by what it knew with its next call.
      for (const which of ["from", "to"] as const) expect(excessOver(limit as Rate, timed(admitted, which))).toEqual([])
    }),
    { seed, numRuns: 300 },
  )
  expectAll(counts)
}, 120_000)

test(`any history of isolates that lease admits no more than a quota in a day of UTC (SEED=${seed})`, async () => {
  const counts = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(...histories(quota), async (limit, sweeps, actions) => {
      const admitted = await play(limit, sweeps, actions, counts)
      for (const which of ["from", "to"] as const) {
        const days = new Map<number, number>()
        for (const { at, tokens } of timed(admitted, which)) {
          const day = Math.floor(at / dayMs)
          days.set(day, (days.get(day) ?? 0) + tokens)
        }
        expect(Math.max(0, ...days.values())).toBeLessThanOrEqual((limit as Quota).perDay)
      }
    }),
    { seed, numRuns: 300 },
  )
  expectAll(counts)
}, 120_000)
