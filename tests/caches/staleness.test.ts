/**
 * A write, and reads behind it through every level: never older than the bound that docs/caches.md states. The clock is held, and the log reaches the
 * touches object when the test says so.
 */
import { beforeAll, describe, expect, test } from "vitest"
import { withLaggingReplica } from "../support/replica.ts"
import { type BlogWorld, type Isolate, type Levels, makeTables, minute, newBlog, second } from "./world.ts"

beforeAll(makeTables)

const levels: [name: string, levels: Levels][] = [
  ["memory", {}],
  ["the Cache API", { edge: true }],
  ["KV", { kv: true }],
]

/** A post that an isolate has read twice, and what is behind it has kept. */
async function read(
  world: BlogWorld,
  given: Levels,
): Promise<{ here: Isolate; lines: [string, unknown][]; path: string }> {
  const title = `Before ${crypto.randomUUID()}`
  const { id } = await world.write("POST /v1/posts", { title })
  const here = world.isolate(given)
  const path = `/v1/posts/${id}`
  const lines: [string, unknown][] = [
    [`GET ${path}`, title],
    ["GET /v1/posts?limit=1", [title]],
  ]
  for (const [line, body] of lines) {
    expect(await here.see(line)).toEqual(["miss", 1, body])
    expect(await here.see(line)).toEqual(["hit", 0, body])
  }
  await here.settled()
  return { here, lines, path }
}

const after = "After"
const shownAfter = (line: string) => (line.includes("?") ? [after] : after)

describe.each(levels)("%s", (_, given) => {
  test("gives what another isolate has kept, without the database", async () => {
    const world = await newBlog()
    const { lines } = await read(world, given)
    const other = world.isolate(given)
    const isShared = Object.keys(given).length > 0
    for (const [line, body] of lines)
      expect(await other.see(line)).toEqual(isShared ? ["hit", 0, body] : ["miss", 1, body])
  })

  test("may give what was before a write for ten seconds after the feed has told of it, and then never", async () => {
    const world = await newBlog()
    const { here, lines, path } = await read(world, given)
    await world.write(`PATCH ${path}`, { title: after })
    for (const [line, body] of lines) expect(await here.see(line)).toEqual(["hit", 0, body])
    await world.deliver()
    world.pass(10 * second)
    for (const [line] of lines) expect(await here.see(line)).toEqual(["miss", 1, shownAfter(line)])
    for (const [line] of lines) expect(await here.see(line)).toEqual(["hit", 0, shownAfter(line)])
  })

  test("a busy isolate knows it after five seconds and one call", async () => {
    const world = await newBlog()
    const { here, lines, path } = await read(world, given)
    await world.write(`PATCH ${path}`, { title: after })
    await world.deliver()
    world.pass(5 * second)
    await here.call(null, "GET /v1/posts?title=other")
    await here.settled()
    for (const [line] of lines) expect(await here.see(line)).toEqual(["miss", 1, shownAfter(line)])
  })

  test("an isolate that is new never gives what was before a write that was told", async () => {
    const world = await newBlog()
    const { lines, path } = await read(world, given)
    await world.write(`PATCH ${path}`, { title: after })
    await world.deliver()
    const other = world.isolate(given)
    for (const [line] of lines) expect(await other.see(line)).toEqual(["miss", 1, shownAfter(line)])
  })

  test("a deletion, and a creation where there was nothing, are changes like any other", async () => {
    const world = await newBlog()
    const { here, lines, path } = await read(world, given)
    await world.write(`DELETE ${path}`)
    await world.deliver()
    world.pass(10 * second)
    expect(await here.see(lines[0]?.[0] ?? "")).toEqual(["miss", 1, 404])
    expect((await here.see("GET /v1/posts?limit=1"))[0]).toBe("miss")
  })

  test("with the feed down, time is the bound: fresh for a minute, stale once more until ten minutes later", async () => {
    const world = await newBlog()
    const { here, lines, path } = await read(world, given)
    await world.write(`PATCH ${path}`, { title: after })
    world.pass(61 * second)
    for (const [line, body] of lines) {
      const [state, , seen] = await here.see(line)
      expect([state, seen]).toEqual(["stale", body])
    }
    await here.settled()
    for (const [line] of lines) expect(await here.see(line)).toEqual(["hit", 0, shownAfter(line)])
    world.pass(11 * minute + second)
    for (const [line] of lines) expect(await here.see(line)).toEqual(["miss", 1, shownAfter(line)])
  })

  test("where what changes have touched cannot be asked for, nothing stale is given: the bound is a minute", async () => {
    const world = await newBlog()
    const HUB = { getByName: () => ({ touchedSince: async () => ({ error: "UNAVAILABLE", cause: "test" }) }) }
    const { here, lines, path } = await read(world, { ...given, change: { HUB } })
    await world.write(`PATCH ${path}`, { title: after })
    world.pass(59 * second)
    for (const [line, body] of lines) expect(await here.see(line)).toEqual(["hit", 0, body])
    world.pass(2 * second)
    for (const [line] of lines) expect(await here.see(line)).toEqual(["miss", 1, shownAfter(line)])
    expect(here.observations).toContainEqual(expect.objectContaining({ kind: "fault", where: "cache touches" }))
  })
})

describe("one's own writes", () => {
  test("are seen at once by the isolate that made them, through all levels, before anything was told", async () => {
    const world = await newBlog()
    const { here, lines, path } = await read(world, { edge: true, kv: true })
    await here.call(world.author, `PATCH ${path}`, { body: { title: after } })
    for (const [line] of lines) expect(await here.see(line)).toEqual(["miss", 1, shownAfter(line)])
  })

  test("are seen elsewhere by whoever brings the bookmark, which passes by the caches and refreshes them", async () => {
    const world = await newBlog()
    const { here, lines, path } = await read(world, {})
    const elsewhere = world.isolate()
    const written = await elsewhere.call(world.author, `PATCH ${path}`, { body: { title: after } })
    const headers = { "X-Selvage-Bookmark": written.headers.get("X-Selvage-Bookmark") ?? "" }
    for (const [line, body] of lines) {
      expect(await here.see(line)).toEqual(["hit", 0, body])
      const answer = await here.call(null, line, { headers })
      expect(answer.headers.get("X-Selvage-Cache")).toBe("pass")
      expect(answer.headers.get("Cache-Control")).toBe("private, no-cache")
      expect(answer.headers.get("X-Selvage-Bookmark")).not.toBeNull()
      expect(await here.see(line)).toEqual(["hit", 0, shownAfter(line)])
    }
    const refused = await here.call(null, lines[0]?.[0] ?? "", { headers: { "X-Selvage-Bookmark": "garbage" } })
    expect([refused.status, refused.body.violations[0].path]).toEqual([400, "/bookmark"])
  })
})

describe("what is computed and expanded", () => {
  test("changes with the records that it counts, and with those that go with a deleted one", async () => {
    const world = await newBlog()
    const { id } = await world.write("POST /v1/posts", { title: "Counted" })
    const remark = await world.write("POST /v1/remarks", { postId: id })
    const here = world.isolate()
    const countOf = async () => (await here.call(null, `GET /v1/posts/${id}`)).body.remarkCount
    expect(await countOf()).toBe(1)
    await here.call(world.author, "POST /v1/remarks", { body: { postId: id } })
    expect(await countOf()).toBe(2)
    await world.write(`DELETE /v1/remarks/${remark.id}`)
    expect(await countOf()).toBe(2)
    await world.deliver()
    world.pass(10 * second)
    expect(await countOf()).toBe(1)
  })

  test("a deletion that clears a column elsewhere is known at once by the isolate that made it", async () => {
    const world = await newBlog()
    const person = await world.write("POST /v1/people", { name: "Ada" })
    const { id } = await world.write("POST /v1/posts", { title: "By Ada", authorId: person.id })
    const here = world.isolate()
    const authorOf = async () => (await here.call(null, `GET /v1/posts/${id}`)).body.authorId
    expect(await authorOf()).toBe(person.id)
    await here.call(world.author, `DELETE /v1/people/${person.id}`)
    expect(await authorOf()).toBeNull()
  })
})

test("a replica that has not heard of a write is asked once, and the primary then: what is told is never followed by what was before", async () => {
  const world = await newBlog()
  const { id } = await world.write("POST /v1/posts", { title: "Before" })
  const { change, opened } = await withLaggingReplica("c_posts", "events")
  const here = world.isolate({ change })
  const line = `GET /v1/posts/${id}`
  expect((await here.see(line))[2]).toBe("Before")
  await world.write(`PATCH /v1/posts/${id}`, { title: after })
  await world.deliver()
  world.pass(10 * second)
  opened.length = 0
  const answer = await here.call(null, line)
  expect([answer.headers.get("X-Selvage-Cache"), answer.body.title]).toEqual(["miss", after])
  expect(answer.headers.get("X-Selvage-Cost")).toMatch(/^trips=2,/)
  expect(opened).toEqual(["replica", "primary"])
  expect((await here.call(null, line)).headers.get("X-Selvage-Cache")).toBe("hit")
})

test("any order of writes, deliveries and reads in two isolates: a read is never older than what was told ten seconds ago", async () => {
  const world = await newBlog()
  const { id } = await world.write("POST /v1/posts", { title: "0" })
  const isolates = [world.isolate({ edge: true, kv: true }), world.isolate({ edge: true, kv: true })] as const
  const writes: { number: number; toldAt: number | null }[] = [{ number: 0, toldAt: Number.NEGATIVE_INFINITY }]
  // The same steps in each run: a fault can be looked at again.
  let seed = 42
  const next = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return seed % below
  }
  let reads = 0
  for (let step = 0; step < 150; step++) {
    const choice = next(10)
    if (choice < 2) {
      const number = writes.length
      await world.write(`PATCH /v1/posts/${id}`, { title: `${number}` })
      writes.push({ number, toldAt: null })
    } else if (choice < 4) {
      await world.deliver()
      for (const one of writes) one.toldAt ??= world.now().getTime()
    } else if (choice < 6) world.pass(next(15) * second)
    else {
      const here = isolates[next(2)] as Isolate
      const seen = Number((await here.call(null, `GET /v1/posts/${id}`)).body.title)
      const due = writes.filter(({ toldAt }) => toldAt !== null && world.now().getTime() - toldAt >= 10 * second)
      expect(seen).toBeGreaterThanOrEqual(Math.max(0, ...due.map(({ number }) => number)))
      reads++
    }
  }
  expect(reads).toBeGreaterThan(40)
})
