/** An isolate's meters over real objects: what they ask, when they report, how far several of them go beyond a budget, and what happens when nobody answers. */
import { describe, expect, test } from "vitest"
import { defaultMeterRules } from "../../src/usage/entry.ts"
import { codeOf, isolate, newAccount, noon, objectOf, read, spend } from "./isolate.ts"

describe("between reports", () => {
  test("nobody is asked: a hundred calls are one standing, one report, and one more for what came together", async () => {
    const [one, account, budget] = [isolate(), newAccount(), { rowsRead: 1_000_000 }]
    await spend(one, account, budget, read(2))
    await one.settled()
    expect(one.asked).toEqual(["standing", "report"])
    const checks = []
    for (let n = 0; n < 99; n++) {
      checks.push(one.check(account, budget, "query", noon))
      one.count(account, budget, read(2))
    }
    // No promise: nothing was waited for.
    expect(checks.every((check) => check === undefined)).toBe(true)
    await one.settled()
    expect(one.asked).toEqual(["standing", "report"])
    one.wake()
    await one.settled()
    expect(one.asked).toEqual(["standing", "report", "report"])
    expect((await objectOf(account).standing("2026-11-21")).spent).toMatchObject({ calls: 100, rowsRead: 200 })
  })

  test("a part of the rest that is worth it goes at once", async () => {
    const [one, account, budget] = [isolate(), newAccount(), { rowsRead: 2000 }]
    await spend(one, account, budget, read(1))
    await one.settled()
    await spend(one, account, budget, read(50))
    await one.settled()
    expect(one.asked).toEqual(["standing", "report"])
    await spend(one, account, budget, read(49))
    await one.settled()
    expect(one.asked).toEqual(["standing", "report", "report"])
  })

  test("what is known is refreshed behind the answer after a while, and waited for after a minute", async () => {
    const [one, other, account, budget] = [isolate(), isolate(), newAccount(), { rowsRead: 100 }]
    await one.check(account, budget, "query", noon)
    await spend(other, account, budget, read(100))
    await other.settled()
    one.elapsed += 6000
    expect(await codeOf(() => one.check(account, budget, "query", noon))).toBe("OK")
    await one.settled()
    expect(await codeOf(() => one.check(account, budget, "query", noon))).toBe("RESOURCE_EXHAUSTED")
    const late = isolate()
    const fresh = newAccount()
    await late.check(fresh, budget, "query", noon)
    await objectOf(fresh).report({ reporter: "x", number: 1, day: "2026-11-21", figures: read(100), budget: null })
    late.elapsed += 61_000
    expect(await codeOf(() => late.check(fresh, budget, "query", noon))).toBe("RESOURCE_EXHAUSTED")
  })
})

describe("several isolates on one budget", () => {
  test.each([2, 5, 8])("%i of them in turns go no further than a block and a call each", async (count) => {
    const [account, budget] = [newAccount(), { rowsRead: 1000 }]
    const isolates = Array.from({ length: count }, () => isolate())
    const cost = 7
    const open = new Set(isolates)
    while (open.size > 0)
      for (const one of open) {
        if ((await spend(one, account, budget, read(cost))) !== "OK") open.delete(one)
        one.elapsed += 50
      }
    for (const one of isolates) {
      await one.settled()
      one.wake()
      await one.settled()
    }
    const { spent } = await objectOf(account).standing("2026-11-21")
    expect(spent.rowsRead).toBeGreaterThanOrEqual(1000)
    expect(spent.rowsRead).toBeLessThanOrEqual(1000 + count * (1000 / defaultMeterRules.parts + cost))
  })

  test("one alone goes no further than its last call", async () => {
    const [one, account, budget] = [isolate(), newAccount(), { rowsRead: 100 }]
    let admitted = 0
    while ((await spend(one, account, budget, read(7))) === "OK") admitted += 7
    expect(admitted).toBe(105)
  })
})

describe("a budget that is spent", () => {
  test("of rows written stops mutations, of rows read everything; it says whose, how much and when it renews", async () => {
    const [one, account] = [isolate(), newAccount()]
    const budget = { rowsRead: 100, rowsWritten: 5 }
    await spend(one, account, budget, { calls: 1, rowsRead: 1, rowsWritten: 5, estimate: 0 })
    expect(await codeOf(() => one.check(account, budget, "mutation", noon))).toBe("RESOURCE_EXHAUSTED")
    expect(await codeOf(() => one.check(account, budget, "query", noon))).toBe("OK")
    await spend(one, account, budget, read(99))
    expect(await codeOf(() => one.check(account, budget, "query", noon))).toBe("RESOURCE_EXHAUSTED")
    const problem = one.refusal(account, budget, "query", noon)
    expect(problem?.message).toBe(
      `The budget of organization ${account.id} is spent: 100 rows read a day; it renews at 2026-11-22T00:00:00.000Z`,
    )
    expect(problem?.options).toMatchObject({ type: "budget-exhausted", retryAfterSeconds: 12 * 3600 })
  })

  test("renews with the UTC day, and not with a clock that goes back", async () => {
    const [one, account, budget] = [isolate(), newAccount(), { rowsRead: 10 }]
    await spend(one, account, budget, read(10))
    await one.settled()
    const at = (text: string) => codeOf(() => one.check(account, budget, "query", (one.now = new Date(text))))
    expect(await at("2026-11-21T23:59:59.999Z")).toBe("RESOURCE_EXHAUSTED")
    expect(await at("2026-11-20T12:00:00.000Z")).toBe("RESOURCE_EXHAUSTED")
    expect(await at("2026-11-22T00:00:00.000Z")).toBe("OK")
    one.count(account, budget, read(10))
    await one.settled()
    one.wake()
    await one.settled()
    expect(await at("2026-11-21T12:00:00.000Z")).toBe("RESOURCE_EXHAUSTED")
    const other = isolate()
    expect(await codeOf(() => other.check(account, budget, "query", noon))).toBe("RESOURCE_EXHAUSTED")
  })

  test("that was raised lets through again within seconds", async () => {
    const [one, account] = [isolate(), newAccount()]
    await objectOf(account).setOwn({ rowsRead: 5 })
    await spend(one, account, { rowsRead: 100 }, read(5))
    await one.settled()
    const check = () => codeOf(() => one.check(account, { rowsRead: 100 }, "query", noon))
    expect(await check()).toBe("RESOURCE_EXHAUSTED")
    await objectOf(account).setOwn({})
    one.elapsed += 6000
    await check()
    await one.settled()
    expect(await check()).toBe("OK")
    expect(one.asked).toHaveLength(3)
  })

  test("counts what this isolate has not reported yet", async () => {
    const [one, account, budget] = [isolate(), newAccount(), { rowsRead: 100 }]
    await one.check(account, budget, "query", noon)
    one.before = () => new Promise(() => undefined)
    one.count(account, budget, read(60))
    expect(one.refusal(account, budget, "query", noon)).toBeNull()
    // The first is on its way, the second waits.
    one.count(account, budget, read(40))
    expect(one.refusal(account, budget, "query", noon)?.code).toBe("RESOURCE_EXHAUSTED")
  })

  test("refuses again and again without asking anybody", async () => {
    const [one, account, budget] = [isolate(), newAccount(), { rowsRead: 5 }]
    await spend(one, account, budget, read(5))
    await one.settled()
    const before = one.asked.length
    for (let n = 0; n < 50; n++)
      expect(await codeOf(() => one.check(account, budget, "query", noon))).toBe("RESOURCE_EXHAUSTED")
    expect(one.asked).toHaveLength(before)
  })
})

describe("an object that does not answer", () => {
  const fail = () => {
    throw new Error("The object is not to be reached")
  }
  test("holds nobody up whom it has told how they stand, until a block is used; then nothing goes", async () => {
    const [one, account, budget] = [isolate(), newAccount(), { rowsRead: 1000 }]
    await spend(one, account, budget, read(1))
    await one.settled()
    one.before = fail
    one.elapsed += 90_000
    for (let n = 0; n < 4; n++) expect(await spend(one, account, budget, read(10))).toBe("OK")
    expect(await spend(one, account, budget, read(10))).toBe("OK")
    expect(await spend(one, account, budget, read(10))).toBe("UNAVAILABLE")
    expect(one.faults.length).toBeGreaterThan(0)
    one.before = () => undefined
    expect(await spend(one, account, budget, read(10))).toBe("OK")
    await one.settled()
    one.wake()
    await one.settled()
    // Nothing of what was counted meanwhile is lost, nothing counted twice.
    expect((await objectOf(account).standing("2026-11-21")).spent).toMatchObject({ calls: 7, rowsRead: 61 })
  })

  test("lets nobody through of whom nothing is known, and holds up nobody without a budget", async () => {
    const [one, account] = [isolate(), newAccount()]
    one.before = fail
    expect(await spend(one, account, { rowsRead: 100 }, read(1))).toBe("UNAVAILABLE")
    one.count(account, null, read(3))
    await one.settled()
    one.before = () => undefined
    one.wake()
    await one.settled()
    expect((await objectOf(account).standing("2026-11-21")).spent.rowsRead).toBe(3)
  })

  test("an answer that is lost on its way: the report goes again and counts once", async () => {
    const [one, account, budget] = [isolate(), newAccount(), { rowsRead: 100 }]
    let lost = 2
    one.after = (method) => {
      if (method === "report" && lost-- > 0) fail()
    }
    await spend(one, account, budget, read(80))
    for (let turn = 0; turn < 3; turn++) {
      await one.settled()
      one.wake()
    }
    expect(one.asked).toEqual(["standing", "report", "report", "report"])
    expect((await objectOf(account).standing("2026-11-21")).spent).toMatchObject({ calls: 1, rowsRead: 80 })
    expect(one.passed).toEqual([{ what: "rowsRead", percent: 80, budget: 100 }])
  })
})

describe("memory", () => {
  test("holds so many accounts and no more; the ones with nothing to report go first", async () => {
    const one = isolate({ accountsMax: 100 })
    one.before = () => new Promise(() => undefined)
    const waiting = newAccount()
    one.count(waiting, null, read(1))
    for (let n = 0; n < 10_000; n++) one.refusal(newAccount(), {}, "query", noon)
    expect(one.size).toBe(1)
    for (let n = 0; n < 500; n++) void codeOf(() => one.check(newAccount(), { rowsRead: 5 }, "query", noon))
    expect(one.size).toBe(100)
    expect(one.faults).toEqual([])
    for (let n = 0; n < 200; n++) one.count(newAccount(), null, read(1))
    expect(one.size).toBe(100)
    // What had to go with figures in it is told.
    expect(String(one.faults[0])).toMatch(/What was counted for organization\/.* is lost/)
  })
})
