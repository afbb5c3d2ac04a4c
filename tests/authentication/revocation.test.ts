/** The revocations of an isolate: pulled behind responses, waited for when old, never guessed. */
import fc from "fast-check"
import { beforeEach, describe, expect, test } from "vitest"
import { type RevocationEntry, type RevocationList, revocationList } from "../../src/authentication/revocation.ts"
import { seed } from "./settings.ts"

const start = Date.parse("2026-11-21T12:00:00Z")
const far = start + 3_600_000
let hub: { entry: RevocationEntry; version: number }[]
let pulls: number[]
let answer: "well" | "badly" | "refusal" | "never"
let behind: Promise<void>[]
let faults: unknown[]

const source = {
  async since(version: number) {
    pulls.push(version)
    if (answer === "badly") throw new Error("unreachable")
    if (answer === "refusal") return { error: "UNAVAILABLE" }
    if (answer === "never") return new Promise<never>(() => {})
    const newest = hub.length
    const from = version > newest ? 0 : version
    return { version: newest, revoked: hub.filter((one) => one.version > from).map(({ entry }) => entry) }
  },
}
const revoke = (id: string, belowEpoch: number | null = null, until = far) =>
  hub.push({ entry: { id, belowEpoch, until }, version: hub.length + 1 })
const fresh = () =>
  revocationList({
    source,
    sleep: () => new Promise((resolve) => setTimeout(resolve, 10)),
    onFault: (cause) => faults.push(cause),
  })
const ask = (list: RevocationList, id: string, seconds: number, epoch = 0) =>
  list.isRevoked(id, epoch, new Date(start + seconds * 1000), (work) => behind.push(work))
const settle = () => Promise.all(behind.splice(0))

beforeEach(() => {
  hub = []
  pulls = []
  behind = []
  faults = []
  answer = "well"
})

test("the first call waits for what the hub knows; 200 calls within ten seconds are that one pull", async () => {
  const list = fresh()
  revoke("a")
  expect(await ask(list, "a", 0)).toBe(true)
  for (let call = 0; call < 200; call++) expect(await ask(list, "b", call / 25)).toBe(false)
  expect(pulls).toEqual([0])
  expect(behind).toHaveLength(0)
})

test("checklist 21: on a busy isolate a revocation holds within ten seconds, pulled behind one response", async () => {
  const list = fresh()
  await ask(list, "a", 0)
  revoke("a")
  expect(await ask(list, "a", 9.9)).toBe(false)
  const calls = await Promise.all(Array.from({ length: 50 }, () => ask(list, "a", 10)))
  expect(new Set(calls)).toEqual(new Set([false]))
  expect(behind).toHaveLength(1)
  await settle()
  expect(await ask(list, "a", 10.1)).toBe(true)
  expect(pulls).toEqual([0, 0])
  await ask(list, "a", 30)
  await settle()
  expect(pulls).toEqual([0, 0, 1])
})

test("checklist 21: on an idle isolate it holds within 60 seconds at worst: then the call waits", async () => {
  const list = fresh()
  await ask(list, "a", 0)
  revoke("a")
  expect(await ask(list, "a", 60)).toBe(true)
  expect(behind).toHaveLength(0)
})

describe("checklist 41: the hub does not answer", () => {
  test.each(["badly", "refusal", "never"] as const)(
    "%s: UNAVAILABLE at once or after a minute, never access",
    async (how) => {
      answer = how
      const list = fresh()
      await expect(ask(list, "a", 0)).rejects.toMatchObject({ code: "UNAVAILABLE" })
      answer = "well"
      expect(await ask(list, "a", 1)).toBe(false)
      answer = how
      expect(await ask(list, "a", 20)).toBe(false)
      await settle()
      expect(faults).toHaveLength(1)
      expect(await ask(list, "a", 59)).toBe(false)
      await settle()
      await expect(ask(list, "a", 61)).rejects.toMatchObject({ code: "UNAVAILABLE" })
      answer = "well"
      revoke("a")
      expect(await ask(list, "a", 62)).toBe(true)
    },
  )

  test("it is asked again behind a response at most every three seconds", async () => {
    const list = fresh()
    await ask(list, "a", 0)
    answer = "badly"
    for (let second = 10; second < 40; second++) await ask(list, "a", second)
    await settle()
    expect(pulls.length - 1).toBe(10)
  })
})

test("a clock that went back makes what is known of unknown age: the call waits", async () => {
  const list = fresh()
  await ask(list, "a", 100)
  revoke("a")
  expect(await ask(list, "a", 50)).toBe(true)
})

test("a hub that lost its memory is read from the start; what was revoked stays so", async () => {
  const list = fresh()
  revoke("a")
  revoke("b")
  await ask(list, "a", 0)
  hub = []
  revoke("c")
  expect(await ask(list, "c", 60)).toBe(true)
  expect(await ask(list, "a", 61)).toBe(true)
})

test("an epoch makes older tokens void and newer ones good; the stricter of two entries stays", async () => {
  const list = fresh()
  revoke("a", 5)
  expect(await ask(list, "a", 0, 4)).toBe(true)
  expect(await ask(list, "a", 0, 5)).toBe(false)
  list.add([{ id: "a", belowEpoch: 4, until: far }])
  expect(await ask(list, "a", 0, 4)).toBe(true)
  list.add([{ id: "a", belowEpoch: null, until: start }])
  expect(await ask(list, "a", 0, 99)).toBe(true)
  list.add([{ id: "a", belowEpoch: 9, until: far }])
  expect(await ask(list, "a", 0, 99)).toBe(true)
})

test("entries that are over are forgotten", async () => {
  const list = fresh()
  for (let index = 0; index < 100; index++) revoke(`s${index}`, null, start + 30_000)
  await ask(list, "a", 0)
  expect(list.size).toBe(100)
  await ask(list, "a", 60)
  expect(list.size).toBe(0)
})

test(`checklist 21: whatever happens, no revocation older than a minute is missed (SEED=${seed})`, async () => {
  const step = fc.record({
    pause: fc.integer({ min: 0, max: 40 }),
    id: fc.constantFrom("a", "b", "c"),
    what: fc.constantFrom("ask", "ask", "ask", "revoke", "break", "mend", "settle"),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      hub = []
      answer = "well"
      const revokedAt = new Map<string, number>()
      const list = fresh()
      let seconds = 0
      for (const { pause, id, what } of steps) {
        seconds += pause
        if (what === "revoke") {
          revoke(id, null, start + 1e9)
          if (!revokedAt.has(id)) revokedAt.set(id, seconds)
        } else if (what === "break") answer = "badly"
        else if (what === "mend") answer = "well"
        else if (what === "settle") await settle()
        else {
          const known = await Promise.resolve(ask(list, id, seconds)).catch((problem) => problem.code as string)
          const since = seconds - (revokedAt.get(id) ?? Number.POSITIVE_INFINITY)
          if (since >= 60) expect(known).not.toBe(false)
          if (known === true) expect(revokedAt.has(id)).toBe(true)
          if (known === "UNAVAILABLE") expect(answer).toBe("badly")
        }
      }
      await settle()
    }),
    { seed, numRuns: 200 },
  )
})

describe("after a doubt", () => {
  test("the next call waits for the hub, however young the list is", async () => {
    const list = fresh()
    await ask(list, "a", 0)
    revoke("a")
    expect(ask(list, "a", 1)).toBe(false)
    list.doubt()
    expect(await ask(list, "a", 1)).toBe(true)
    expect(ask(list, "b", 2)).toBe(false)
  })

  test("a pull that was begun before does not dispel it", async () => {
    const list = fresh()
    await ask(list, "a", 0)
    // Begun behind a response; the hub answers with what it had then.
    ask(list, "a", 11)
    list.doubt()
    await settle()
    revoke("a")
    expect(await ask(list, "a", 11)).toBe(true)
  })

  test("nobody is believed while the hub does not answer", async () => {
    const list = fresh()
    await ask(list, "a", 0)
    list.doubt()
    answer = "badly"
    await expect(ask(list, "a", 1)).rejects.toMatchObject({ code: "UNAVAILABLE" })
  })
})
