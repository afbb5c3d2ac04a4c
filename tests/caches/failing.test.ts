/** Stores that are down, slow, full of garbage or of another build cost time and are told of; no call fails and no wrong answer is given. */
import { env } from "cloudflare:workers"
import { beforeAll, describe, expect, test } from "vitest"
import type { Observation } from "../../src/core/observation.ts"
import { flights } from "../../src/server/caching/flights.ts"
import { blog, makeTables, newBlog, second } from "./world.ts"

beforeAll(makeTables)

const faultsOf = (observations: readonly Observation[]) =>
  observations.flatMap((one) => (one.kind === "fault" ? [one.where] : []))

async function withPost(world: Awaited<ReturnType<typeof newBlog>>) {
  const { id } = await world.write("POST /v1/posts", { title: "There" })
  return `GET /v1/posts/${id}`
}

/** A KV of the test's own, whose values it can change. */
function ownStore() {
  const values = new Map<string, string>()
  const puts: { key: string; expirationTtl: number }[] = []
  const store = {
    get: async (key: string) => values.get(key) ?? null,
    put: async (key: string, text: string, { expirationTtl }: { expirationTtl: number }) => {
      values.set(key, text)
      puts.push({ key, expirationTtl })
    },
  }
  return { values, puts, change: { CACHE: store as unknown as KVNamespace } }
}

describe("a store that is down", () => {
  const down = async () => {
    throw new Error("down")
  }

  test("KV: answers come from the next level, and one line in ten seconds says so", async () => {
    const world = await newBlog()
    const line = await withPost(world)
    const here = world.isolate({ change: { CACHE: { get: down, put: down } } })
    expect(await here.see(line)).toEqual(["miss", 1, "There"])
    expect(await here.see(line)).toEqual(["hit", 0, "There"])
    expect(await here.see("GET /v1/posts?limit=1")).toEqual(["miss", 1, ["There"]])
    await here.settled()
    expect(faultsOf(here.observations)).toEqual(["cache kv"])
    world.pass(10 * second)
    await here.see("GET /v1/posts?title=Another")
    expect(faultsOf(here.observations)).toEqual(["cache kv", "cache kv"])
  })

  test("the Cache API: the same", async () => {
    const world = await newBlog()
    const line = await withPost(world)
    const here = world.isolate({ kv: true, edge: down })
    expect(await here.see(line)).toEqual(["miss", 1, "There"])
    expect(await here.see(line)).toEqual(["hit", 0, "There"])
    await here.settled()
    expect(faultsOf(here.observations)).toEqual(["cache edge"])
    expect(await world.isolate({ kv: true }).see(line)).toEqual(["hit", 0, "There"])
  })

  test("the touches object: nobody waits for it twice within five seconds", async () => {
    const world = await newBlog()
    const line = await withPost(world)
    let asked = 0
    const touchedSince = async () => {
      asked++
      throw new Error("down")
    }
    const here = world.isolate({ change: { HUB: { getByName: () => ({ touchedSince }) } } })
    expect(await here.see(line)).toEqual(["miss", 1, "There"])
    for (let n = 0; n < 5; n++) expect(await here.see(line)).toEqual(["hit", 0, "There"])
    expect(asked).toBe(1)
    world.pass(6 * second)
    await here.see(line)
    expect(asked).toBe(2)
  })

  test("the database: who waits for the same answer hears of the same fault, and the next call tries again", async () => {
    const world = await newBlog()
    const line = await withPost(world)
    let isDown = true
    const withSession = (start: never) => {
      const session = env.DB.withSession(start)
      if (!isDown) return session
      return { prepare: (sql: string) => session.prepare(sql), batch: down, getBookmark: () => null }
    }
    const DB = { withSession, prepare: (sql: string) => env.DB.prepare(sql) } as unknown as D1Database
    const here = world.isolate({ change: { DB } })
    const both = await Promise.all([here.call(null, line), here.call(null, line)])
    expect(both.map(({ status }) => status)).toEqual([500, 500])
    isDown = false
    expect((await here.call(null, line)).body.title).toBe("There")
  })
})

describe("what a store holds", () => {
  const entry = { form: 1, position: 1e9, at: 0, freshMs: 60_000, staleMs: 0, tags: [], hash: "0".repeat(32) }
  test.each([
    ["no JSON", "{"],
    ["another value", "null"],
    ["no entry", '{"output":{"title":"Forged"}}'],
    ["an entry without an output", JSON.stringify(entry)],
    ["an entry of a negative place", JSON.stringify({ ...entry, position: -1, output: {} })],
    ["an entry of another form", JSON.stringify({ ...entry, form: 2, output: {} })],
    ["tags that are none", JSON.stringify({ ...entry, tags: [1], output: {} })],
  ])("is not given when it is garbage, and told of: %s", async (_, garbage) => {
    const world = await newBlog()
    const line = await withPost(world)
    const { values, change } = ownStore()
    const first = world.isolate({ change })
    await first.see(line)
    await first.see(line)
    await first.settled()
    expect(values.size).toBe(1)
    for (const key of values.keys()) values.set(key, garbage)
    const other = world.isolate({ change })
    expect(await other.see(line)).toEqual(["miss", 1, "There"])
    expect(faultsOf(other.observations)).toEqual(["cache kv"])
  })

  test("is not given when it is too old, or from beyond the present", async () => {
    const world = await newBlog()
    const line = await withPost(world)
    const { values, change } = ownStore()
    const first = world.isolate({ change })
    await first.see(line)
    await first.see(line)
    await first.settled()
    for (const shift of [-660 * second - 1, 61 * second]) {
      for (const [key, text] of values) {
        const kept = JSON.parse(text)
        values.set(key, JSON.stringify({ ...kept, at: world.now().getTime() + shift }))
      }
      const other = world.isolate({ change })
      expect(await other.see(line)).toEqual(["miss", 1, "There"])
      expect(faultsOf(other.observations)).toEqual([])
    }
  })

  test("belongs to the build that made it", async () => {
    const application = blog()
    const world = await newBlog(application)
    const line = await withPost(world)
    const { change } = ownStore()
    const build = (id: string) => world.isolate({ change: { ...change, VERSION: { id, tag: "", timestamp: "" } } })
    const old = build("old")
    await old.see(line)
    await old.see(line)
    await old.settled()
    expect(await build("old").see(line)).toEqual(["hit", 0, "There"])
    expect(await build("new").see(line)).toEqual(["miss", 1, "There"])
  })

  test("without a build's name, belongs to the shape of its answers", async () => {
    const world = await newBlog()
    const line = await withPost(world)
    const { change } = ownStore()
    const nameless = { ...change, VERSION: undefined }
    const first = world.isolate({ change: nameless })
    await first.see(line)
    await first.see(line)
    await first.settled()
    expect(await world.isolate({ change: nameless }).see(line)).toEqual(["hit", 0, "There"])
  })
})

describe("writes to KV", () => {
  test("are earned by a second question, made once a key and minute, with the life of the answer; nothing of what there is not", async () => {
    const world = await newBlog()
    const line = await withPost(world)
    const { puts, change } = ownStore()
    const here = world.isolate({ change })
    await here.see(line)
    await here.settled()
    expect(puts).toEqual([])
    for (let n = 0; n < 5; n++) await here.see(line)
    for (let n = 0; n < 3; n++) await here.see("GET /v1/posts/post_01kaj700000000000000000000")
    await here.settled()
    expect(puts.map(({ expirationTtl }) => expirationTtl)).toEqual([660])
    world.pass(59 * second)
    await here.see(line)
    world.pass(2 * second)
    await here.see(line)
    await here.settled()
    expect(puts).toHaveLength(2)
  })

  test("are at most sixty a minute, whatever is asked for", async () => {
    const world = await newBlog()
    const { puts, change } = ownStore()
    const here = world.isolate({ change })
    for (let n = 0; n < 70; n++)
      for (let turn = 0; turn < 2; turn++) await here.call(null, `GET /v1/posts?title=${n}&limit=1&fields=title`)
    await here.settled()
    expect(puts).toHaveLength(60)
  })
})

describe("a flight", () => {
  const flight = () => flights<number>({ behind: (work) => void work.catch(() => undefined), patienceMs: 50 })

  test("whose call went away is begun anew by one of those who waited, and the others wait for that", async () => {
    const fly = flight()
    let begun = 0
    const lost = () => new Promise<number>(() => void begun++)
    const found = async () => {
      await scheduler.wait(20)
      return ++begun
    }
    void fly("key", lost)
    const waiting = await Promise.all(Array.from({ length: 20 }, () => fly("key", found)))
    expect([begun, new Set(waiting)]).toEqual([2, new Set([2])])
  })

  test("that fails, fails for those who wait, and is forgotten", async () => {
    const fly = flight()
    const broken = async () => {
      throw new Error("broken")
    }
    const outcomes = await Promise.allSettled([
      fly("key", broken),
      fly("key", async () => 1),
      fly("other", async () => 2),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"])
    expect(await fly("key", async () => 3)).toBe(3)
  })
})
