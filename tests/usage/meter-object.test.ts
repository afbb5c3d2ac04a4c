/** The object of an account: it counts each report once, its day never goes back, and it forgets what is old. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { type Figures, type MeterObject, noFigures, plus, type UsageReport } from "../../src/core/usage.ts"
import { meterObjectName } from "../../src/server/keys.ts"

const seed = Number((env as { SEED?: string }).SEED ?? 20261121)
const stubOf = (id: string) => env.METER.getByName(meterObjectName({ kind: "organization", id }))
const newMeter = () => stubOf(crypto.randomUUID()) as unknown as MeterObject & DurableObjectStub
const today = "2026-11-21"
const spent = (rowsRead: number, rowsWritten = 0): Figures => ({ calls: 1, rowsRead, rowsWritten, estimate: 300 })
const said = (number: number, figures: Figures, more: Partial<UsageReport> = {}): UsageReport => ({
  reporter: "isolate",
  number,
  day: today,
  figures,
  budget: null,
  ...more,
})

describe("a report", () => {
  test("is counted once, however often it comes, also after the object has slept", async () => {
    const meter = newMeter()
    await meter.report(said(1, spent(10)))
    expect((await meter.report(said(1, spent(10)))).spent).toEqual(spent(10))
    await evictDurableObject(meter as never)
    expect((await meter.report(said(1, spent(10)))).spent).toEqual(spent(10))
    expect((await meter.report(said(2, spent(5)))).spent.rowsRead).toBe(15)
    // An old one that comes late was counted before the new one was made.
    expect((await meter.report(said(1, spent(10)))).spent.rowsRead).toBe(15)
  })

  test(`any run of reports by several isolates, some of them repeated, adds up to each of them once (SEED=${seed})`, async () => {
    const one = fc.record({
      reporter: fc.constantFrom("a", "b", "c"),
      rows: fc.integer({ min: 0, max: 1000 }),
      times: fc.integer({ min: 1, max: 3 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 12 }), async (history) => {
        const meter = newMeter()
        const numbers = new Map<string, number>()
        let expected = noFigures
        for (const { reporter, rows, times } of history) {
          const number = (numbers.get(reporter) ?? 0) + 1
          numbers.set(reporter, number)
          expected = plus(expected, spent(rows, rows % 7))
          const report = said(number, spent(rows, rows % 7), { reporter })
          await Promise.all(Array.from({ length: times }, () => meter.report(report)))
        }
        expect((await meter.standing(today)).spent).toEqual(expected)
      }),
      { seed, numRuns: 25 },
    )
  })

  test("by many isolates at once loses nothing", async () => {
    const meter = newMeter()
    await Promise.all(Array.from({ length: 50 }, (_, n) => meter.report(said(1, spent(2, 1), { reporter: `${n}` }))))
    expect((await meter.standing(today)).spent).toEqual({ calls: 50, rowsRead: 100, rowsWritten: 50, estimate: 15_000 })
  })
})

describe("the day", () => {
  test("renews; and a clock that is behind counts for the newest day, so it gets nothing anew", async () => {
    const meter = newMeter()
    await meter.report(said(1, spent(10)))
    expect(await meter.standing("2026-11-22")).toMatchObject({ day: "2026-11-22", spent: noFigures })
    await meter.report(said(2, spent(4), { day: "2026-11-22" }))
    const behind = await meter.report(said(3, spent(3)))
    expect(behind).toMatchObject({ day: "2026-11-22", spent: { rowsRead: 7 } })
    expect((await meter.standing(today)).day).toBe("2026-11-22")
    const days = await meter.days("2026-11-01", "2026-11-30")
    expect(days.map(({ day, rowsRead }) => [day, rowsRead])).toEqual([
      ["2026-11-21", 10],
      ["2026-11-22", 7],
    ])
  })
})

describe("a mark", () => {
  const budget = { rowsRead: 100, rowsWritten: 10 }
  test("is told to the report that passes it and to its repetition, and to no other", async () => {
    const meter = newMeter()
    expect((await meter.report(said(1, spent(79), { budget }))).passed).toEqual([])
    const at80 = [{ what: "rowsRead", percent: 80, budget: 100 }]
    expect((await meter.report(said(2, spent(1), { budget }))).passed).toEqual(at80)
    expect((await meter.report(said(2, spent(1), { budget }))).passed).toEqual(at80)
    expect((await meter.report(said(3, spent(5), { budget }))).passed).toEqual([])
    const rest = await meter.report(said(4, spent(15, 10), { budget }))
    expect(rest.passed.map(({ what, percent }) => `${what} ${percent}`).sort()).toEqual([
      "rowsRead 100",
      "rowsWritten 100",
      "rowsWritten 80",
    ])
    expect((await meter.report(said(5, spent(99), { day: "2026-11-22", budget }))).passed).toEqual([
      { what: "rowsRead", percent: 80, budget: 100 },
    ])
  })

  test("goes by the budget that the organization has set itself, when that is lower", async () => {
    const meter = newMeter()
    await meter.setOwn({ rowsRead: 10 })
    const { passed, own } = await meter.report(said(1, spent(10), { budget }))
    expect(own).toEqual({ rowsRead: 10 })
    expect(passed.map((one) => [one.percent, one.budget])).toEqual([
      [80, 10],
      [100, 10],
    ])
    await meter.setOwn({})
    expect((await meter.standing(today)).own).toEqual({})
  })
})

describe("what is old", () => {
  const rowsIn = (meter: DurableObjectStub, table: string) =>
    runInDurableObject(
      meter as never,
      (_, { storage }) => storage.sql.exec(`select * from "${table}"`).toArray().length,
    )

  test("goes with the daily alarm: days after 400, reporters after two; an object that is empty keeps nothing", async () => {
    const meter = newMeter()
    const dayAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10)
    await meter.report(said(1, spent(1), { day: dayAgo(401) }))
    await meter.report(said(2, spent(1), { day: dayAgo(399) }))
    await runDurableObjectAlarm(meter as never)
    expect((await meter.days("2000-01-01", "2100-01-01")).map(({ day }) => day)).toEqual([dayAgo(399)])
    expect(await rowsIn(meter, "reporters")).toBe(1)
    await runInDurableObject(meter as never, (_, { storage }) => {
      storage.sql.exec('delete from "days"')
      storage.sql.exec('update "reporters" set "at" = 1')
    })
    await runDurableObjectAlarm(meter as never)
    const kept = await runInDurableObject(meter as never, async (_, { storage }) => ({
      tables: storage.sql
        .exec(`select "name" from "sqlite_master" where "name" not like '\\_cf%' escape '\\'`)
        .toArray(),
      alarm: await storage.getAlarm(),
    }))
    expect(kept).toEqual({ tables: [], alarm: null })
    // And it begins anew.
    expect((await meter.report(said(1, spent(3)))).spent.rowsRead).toBe(3)
  })

  test("an object that wakes often keeps the alarm that it has", async () => {
    const meter = newMeter()
    const alarm = () => runInDurableObject(meter as never, (_, { storage }) => storage.getAlarm())
    await meter.report(said(1, spent(1)))
    await runInDurableObject(meter as never, (_, { storage }) => storage.setAlarm(Date.now() + 1_000_000))
    const set = await alarm()
    await evictDurableObject(meter as never)
    await meter.report(said(2, spent(1)))
    expect(await alarm()).toBe(set)
  })
})
