/** What an isolate keeps is bounded, and what it knows of changes is, without ever giving what is void. */
import { describe, expect, test } from "vitest"
import type { Loaded, Wanted } from "../../src/core/answers.ts"
import type { TouchesObject } from "../../src/core/hub-object.ts"
import { answerCache, defaultAnswerRules } from "../../src/server/caching/answers.ts"
import type { Entry } from "../../src/server/caching/entry.ts"
import { defaultFreshnessRules, freshness } from "../../src/server/caching/freshness.ts"
import { boundedMemory } from "../../src/server/caching/memory.ts"
import { shelf } from "../../src/server/caching/shelf.ts"

const start = Date.UTC(2026, 10, 21)

test("memory holds so many entries and so many bytes; what was used lately stays, what alone is too much is not taken", () => {
  const memory = boundedMemory<number>({ entries: 3, bytes: 1000 })
  for (const n of [1, 2, 3]) memory.set(`${n}`, n, 10)
  memory.get("1")
  memory.set("4", 4, 10)
  expect([1, 2, 3, 4].map((n) => memory.get(`${n}`))).toEqual([1, undefined, 3, 4])
  memory.set("5", 5, 990)
  expect([memory.size, memory.bytes]).toEqual([1, 992])
  memory.set("6", 6, 2000)
  expect([memory.get("5"), memory.get("6"), memory.bytes]).toEqual([5, undefined, 992])
  memory.delete("5")
  expect([memory.size, memory.bytes]).toEqual([0, 0])
})

const entry = (position: number, more: Partial<Entry> = {}): Entry => ({
  content: { kind: "output", output: { position } },
  position,
  at: start,
  freshMs: 60_000,
  staleMs: 0,
  tags: ["posts"],
  hash: "0".repeat(32),
  bytes: 100,
  ...more,
})

describe("the shelf", () => {
  const open = () => shelf({ entries: 10, bytes: 100_000, absences: 5 })
  const absent = { content: { kind: "absent", message: "none" } } as const

  test("keeps the answer that knows more, unless that one is over", () => {
    const kept = open()
    kept.keep("a", entry(7))
    kept.keep("a", entry(5))
    expect(kept.get("a")?.entry.position).toBe(7)
    kept.keep("a", entry(5, { at: start + 61_000 }))
    expect(kept.get("a")?.entry.position).toBe(5)
  })

  test("a flood of questions for what there is not pushes out nothing that there is", () => {
    const kept = open()
    kept.keep("there", entry(1))
    for (let n = 0; n < 1000; n++) kept.keep(`none ${n}`, entry(1, absent))
    expect(kept.size).toBe(6)
    expect(kept.get("there")).toBeDefined()
    kept.keep("there", entry(2, absent))
    expect(kept.get("there")?.entry.content.kind).toBe("absent")
  })
})

/** What is known of changes, with a touches object that the test speaks for. */
function knowing(rules: Partial<typeof defaultFreshnessRules> = {}) {
  let pulls = 0
  const behind: Promise<unknown>[] = []
  const faults: unknown[] = []
  let answer: () => ReturnType<TouchesObject["touchedSince"]> = async () => ({ version: 1, touches: [] })
  const known = freshness(
    {
      touches: () => ({
        touchedSince: () => {
          pulls++
          return answer()
        },
      }),
      behind: (work) => void behind.push(work),
      onFault: (cause) => void faults.push(cause),
    },
    { ...defaultFreshnessRules, ...rules },
  )
  return {
    known,
    faults,
    pulls: () => pulls,
    settled: () => Promise.all(behind.splice(0)),
    says: (next: typeof answer) => {
      answer = next
    },
  }
}

describe("what is known of changes", () => {
  test("is pulled when it is first needed, behind a call after five seconds, before it after ten", async () => {
    const { known, pulls, settled } = knowing()
    expect(await known.learn(start)).toBe(true)
    expect(known.learn(start + 4999)).toBe(true)
    expect(pulls()).toBe(1)
    expect(known.learn(start + 5000)).toBe(true)
    expect(pulls()).toBe(2)
    await settled()
    expect(known.learn(start + 14_999)).toBe(true)
    await settled()
    expect(known.learn(start + 25_000)).toBeInstanceOf(Promise)
  })

  test("many calls wait for one pull; a clock that goes back is not trusted", async () => {
    const { known, pulls } = knowing()
    await Promise.all(Array.from({ length: 50 }, () => known.learn(start)))
    expect(pulls()).toBe(1)
    expect(known.learn(start - 1000)).toBe(true)
    await known.learn(start - 6000)
    expect(pulls()).toBe(2)
  })

  test("voids what knows less of the log than an event that touched it, and nothing else", async () => {
    const { known, says } = knowing()
    const until = start + 600_000
    says(async () => ({
      version: 2,
      touches: [
        { tag: "posts", sequence: 10, until },
        { tag: "posts/1", sequence: 8, until },
      ],
    }))
    await known.learn(start)
    expect([9, 10, 11].map((position) => known.isVoid(position, ["posts"]))).toEqual([true, false, false])
    expect([7, 8].map((position) => known.isVoid(position, ["posts/1", "posts/*"]))).toEqual([true, false])
    expect(known.isVoid(1, ["people", "posts/2"])).toBe(false)
    known.touch([{ tag: "posts/1", sequence: 5 }], start, 1000)
    expect(known.isVoid(7, ["posts/1"])).toBe(true)
  })

  test("too many tags become one place in the log: what knows less is void, whatever it depends on", () => {
    const { known } = knowing({ tagsMax: 10 })
    for (let n = 1; n <= 11; n++) known.touch([{ tag: `posts/${n}`, sequence: n }], start, 60_000)
    expect(known.isVoid(10, ["anything"])).toBe(true)
    expect(known.isVoid(11, ["anything", "posts/1"])).toBe(false)
  })

  test("tags whose time is over are forgotten before that", () => {
    const { known } = knowing({ tagsMax: 10 })
    for (let n = 1; n <= 10; n++) known.touch([{ tag: `old/${n}`, sequence: n }], start, 1000)
    known.touch([{ tag: "posts", sequence: 20 }], start + 2000, 60_000)
    expect(known.isVoid(15, ["other"])).toBe(false)
    expect(known.isVoid(15, ["posts"])).toBe(true)
  })

  test("an object that does not answer in time is a fault, and is not waited for again at once", async () => {
    const { known, pulls, says, faults } = knowing({ patienceMs: 30 })
    says(() => new Promise(() => undefined))
    expect(await known.learn(start)).toBe(false)
    expect(known.learn(start + 1000)).toBe(false)
    expect([pulls(), faults.length]).toEqual([1, 1])
    says(async () => ({ version: 1, touches: [] }))
    expect(await known.learn(start + 5000)).toBe(true)
  })
})

describe("an answer in the making", () => {
  const wanted: Wanted = {
    operation: { name: "posts.get" } as never,
    input: "{}",
    rule: { freshMs: 60_000, staleMs: 0 },
    now: new Date(start),
    bookmark: null,
  }
  const loaded = (position: number): Loaded => ({
    content: { kind: "output", output: { position } },
    position,
    tags: ["posts"],
  })
  const open = (rules: Partial<typeof defaultAnswerRules> = {}) => {
    const { known } = knowing()
    const cache = answerCache(
      {
        freshness: known,
        levels: [],
        hash: async (text) => text.padEnd(64, "0"),
        buildOf: () => "build",
        behind: (work) => void work.catch(() => undefined),
        observe: () => undefined,
        now: () => new Date(start),
      },
      { ...defaultAnswerRules, ...rules },
    )
    return { known, cache }
  }

  test("is made once more when the call that made it went away, and serves all who waited", async () => {
    const { cache } = open({ patienceMs: 30 })
    let loads = 0
    const lost = () => new Promise<Loaded>(() => void loads++)
    const load = async () => {
      loads++
      return loaded(1)
    }
    void cache.answer(wanted, lost)
    const all = await Promise.all(Array.from({ length: 50 }, () => cache.answer(wanted, load)))
    expect(loads).toBe(2)
    for (const { content } of all) expect(content).toEqual({ kind: "output", output: { position: 1 } })
  })

  test("while a write goes on is made again from the primary, for all who wait for it", async () => {
    const { known, cache } = open()
    const sessions: boolean[] = []
    const load = async ({ fresh }: { fresh: boolean }) => {
      sessions.push(fresh)
      if (!fresh) known.touch([{ tag: "posts", sequence: 6 }], start, 60_000)
      return loaded(fresh ? 6 : 5)
    }
    const both = await Promise.all([cache.answer(wanted, load), cache.answer(wanted, load)])
    expect(sessions).toEqual([false, true])
    for (const { content } of both) expect(content).toEqual({ kind: "output", output: { position: 6 } })
  })

  test("that is overtaken each time is given to the call that made it, and kept for nobody", async () => {
    const { known, cache } = open()
    let position = 5
    const load = async () => {
      const made = loaded(position++)
      known.touch([{ tag: "posts", sequence: position }], start, 60_000)
      return made
    }
    const [one, other] = await Promise.all([cache.answer(wanted, load), cache.answer(wanted, load)])
    expect([one.state, one.shared, other.state]).toEqual(["pass", null, "pass"])
    expect(one.content).not.toEqual(other.content)
  })

  test("that is too long is kept for nobody", async () => {
    const { cache } = open()
    const output = "x".repeat(defaultAnswerRules.entryBytes)
    const load = async (): Promise<Loaded> => ({ ...loaded(1), content: { kind: "output", output } })
    for (let n = 0; n < 2; n++) expect((await cache.answer(wanted, load)).state).toBe("pass")
  })
})
