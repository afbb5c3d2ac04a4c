/** The feed hands the log on: in order, without gaps, to readers that do not hold one another up. Run in a feed object of the test's own. */
import { runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { expect, test } from "vitest"
import type { Event } from "../../src/core/event.ts"
import type { FeedObject } from "../../src/core/feed-object.ts"
import type { Observation } from "../../src/core/observation.ts"
import type { FeedPorts, FeedTurns } from "../../src/feed/object.ts"
import type { Reader } from "../../src/feed/tail.ts"

let made = 0

/** Appends events to the log as the writer does; gives their ids. */
async function append(count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => `event_${crypto.randomUUID()}`)
  await env.DB.prepare(
    `insert into "events" ("id", "at", "actor", "operation", "resource", "record", "change", "changed", "requestId")
       select value, ?2, 'system', 'test', 'nothing', value, 'created', '[]', 'r' from json_each(?1)`,
  )
    .bind(JSON.stringify(ids), new Date().toISOString())
    .run()
  return ids
}

/** A reader that remembers; `fault` makes it fail. */
function reading(name: string) {
  const seen: Event[] = []
  const reader: Reader & { seen: Event[]; fault: Error | null; wanted: boolean; pages: number } = {
    name,
    seen,
    fault: null,
    wanted: true,
    pages: 0,
    wants: () => reader.wanted,
    async read(events) {
      reader.pages++
      if (reader.fault) throw reader.fault
      seen.push(...events)
    },
  }
  return reader
}

/** A feed with these readers. */
async function feedOf(...readers: Reader[]) {
  const name = `test-${++made}-${crypto.randomUUID()}`
  const told: Observation[] = []
  const ports: FeedPorts = {
    database: env.DB,
    readers,
    pump: { run: async () => null, due: async () => 0 },
    observe: (one) => void told.push(one),
    now: () => new Date(),
  }
  const stub = env.FEED.getByName(name)
  await runInDurableObject(stub, (instance) => {
    const object = instance as unknown as FeedTurns
    object.ports = () => ports
  })
  return { stub: stub as unknown as FeedObject & { alarm(): Promise<void> }, told, raw: stub }
}

test("a reader that is new begins at the end of the log and gets what comes, in order", async () => {
  await append(3)
  const reader = reading("one")
  const { stub } = await feedOf(reader)
  await stub.poke()
  expect(reader.seen).toEqual([])
  const ids = await append(1203)
  await stub.poke()
  const mine = reader.seen.filter(({ id }) => ids.includes(id))
  expect(mine.map(({ id }) => id)).toEqual(ids)
  const sequences = reader.seen.map(({ sequence }) => sequence)
  expect(sequences).toEqual([...sequences].sort((a, b) => a - b))
  expect(reader.pages).toBeGreaterThan(2)
  await stub.poke()
  expect(reader.seen.filter(({ id }) => ids.includes(id))).toHaveLength(1203)
})

test("one reader that fails keeps its place, is told of, and holds up no other", async () => {
  const [bad, good] = [reading("bad"), reading("good")]
  const { stub, told } = await feedOf(bad, good)
  await stub.poke()
  bad.fault = new Error("not now")
  const ids = await append(2)
  await stub.poke()
  expect(good.seen.map(({ id }) => id)).toEqual(expect.arrayContaining(ids))
  expect(bad.seen).toEqual([])
  expect(told).toMatchObject([{ kind: "fault", where: "feed bad" }])
  expect(await stub.lag()).toMatchObject({ events: expect.any(Number) })
  expect((await stub.lag()).events).toBeGreaterThanOrEqual(2)
  bad.fault = null
  await stub.poke()
  expect(bad.seen.map(({ id }) => id)).toEqual(expect.arrayContaining(ids))
})

test("what nobody wants is not read, and what comes after somebody does is", async () => {
  const reader = reading("asleep")
  reader.wanted = false
  const { stub } = await feedOf(reader)
  await append(2)
  await stub.poke()
  expect(reader.pages).toBe(0)
  reader.wanted = true
  const ids = await append(2)
  await stub.poke()
  expect(reader.seen.map(({ id }) => id)).toEqual(expect.arrayContaining(ids))
})

test("pokes at the same moment share a turn; what was committed before a poke has been read when it answers", async () => {
  const reader = reading("many")
  const { stub } = await feedOf(reader)
  await stub.poke()
  const before = reader.pages
  const all: string[] = []
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      const ids = await append(1)
      all.push(...ids)
      await stub.poke()
      expect(reader.seen.map(({ id }) => id)).toEqual(expect.arrayContaining(ids))
    }),
  )
  expect(new Set(reader.seen.map(({ id }) => id)).size).toBe(reader.seen.length)
  expect(reader.pages - before).toBeLessThanOrEqual(21)
  expect(all).toHaveLength(20)
})
