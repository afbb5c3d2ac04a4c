/** What a cached read costs and says: hit, miss, stale and absent, one flight for many, and what the caches on the way are told. */
import { beforeAll, describe, expect, test } from "vitest"
import { newActor } from "../support/actors.ts"
import { makeTables, minute, newBlog, second } from "./world.ts"

beforeAll(makeTables)

describe("an isolate's memory", () => {
  test("a miss is one round trip, a hit is none, for a record, a list and figures", async () => {
    const { isolate, write } = await newBlog()
    const { id, title } = await write("POST /v1/posts", { title: "Counted" })
    const here = isolate()
    for (const [line, body] of [
      [`/v1/posts/${id}`, title],
      ["/v1/posts?title=Counted", [title]],
      ["/v1/posts/aggregate?title=Counted", { groups: [{ count: 1 }] }],
    ] as const) {
      expect(await here.see(`GET ${line}`)).toEqual(["miss", 1, body])
      expect(await here.see(`GET ${line}`)).toEqual(["hit", 0, body])
    }
  })

  test("a hundred that miss at once cost one round trip, and all have the answer", async () => {
    const { isolate, write } = await newBlog()
    const { id } = await write("POST /v1/posts", { title: "Hot" })
    const here = isolate()
    here.trips()
    const all = await Promise.all(Array.from({ length: 100 }, () => here.call(null, `GET /v1/posts/${id}`)))
    expect(here.trips()).toBe(1)
    expect(new Set(all.map(({ body }) => body.title))).toEqual(new Set(["Hot"]))
    const states = all.map(({ headers }) => headers.get("X-Selvage-Cache"))
    expect(states.filter((state) => state === "miss")).toHaveLength(1)
    expect(states.filter((state) => state === "hit")).toHaveLength(99)
  })

  test("what is stale by age is given at once and renewed behind, once; what is too old is not given", async () => {
    const { isolate, write, pass } = await newBlog()
    const { id } = await write("POST /v1/posts", { title: "Ages" })
    const here = isolate()
    const line = `GET /v1/posts/${id}`
    await here.see(line)
    pass(61 * second)
    here.trips()
    const both = await Promise.all([here.call(null, line), here.call(null, line)])
    expect(both.map(({ headers }) => headers.get("X-Selvage-Cache"))).toEqual(["stale", "stale"])
    await here.settled()
    expect(here.trips()).toBe(1)
    expect(await here.see(line)).toEqual(["hit", 0, "Ages"])
    pass(11 * minute + second)
    expect(await here.see(line)).toEqual(["miss", 1, "Ages"])
  })

  test("that there is nothing is known for ten seconds, and no longer", async () => {
    const { isolate, pass } = await newBlog()
    const here = isolate()
    const line = "GET /v1/posts/post_01kaj700000000000000000000"
    expect(await here.see(line)).toEqual(["miss", 1, 404])
    pass(9 * second)
    expect(await here.see(line)).toEqual(["hit", 0, 404])
    pass(2 * second)
    expect(await here.see(line)).toEqual(["miss", 1, 404])
  })

  test("a record that is made where there was none is seen at once by whoever made it", async () => {
    const { isolate, author } = await newBlog()
    const here = isolate()
    expect(await here.see("GET /v1/posts?title=Late")).toEqual(["miss", 1, []])
    await here.call(author, "POST /v1/posts", { body: { title: "Late" } })
    expect(await here.see("GET /v1/posts?title=Late")).toEqual(["miss", 1, ["Late"]])
  })

  test("what cannot be asked for is refused each time, and nothing is kept of it", async () => {
    const { isolate } = await newBlog()
    const here = isolate()
    for (let n = 0; n < 2; n++) {
      const answer = await here.call(null, "GET /v1/posts?sort=body")
      expect([answer.status, answer.body.violations[0].code]).toEqual([400, "not_sortable"])
    }
  })

  test("the next page is kept too, and its cursor is good for everybody", async () => {
    const { isolate, write, author } = await newBlog()
    for (const n of [1, 2, 3]) await write("POST /v1/posts", { title: "Page", body: `${n}` })
    const here = isolate()
    const first = await here.call(null, "GET /v1/posts?title=Page&limit=2")
    const line = `GET /v1/posts?title=Page&limit=2&cursor=${first.body.nextCursor}`
    expect(await here.see(line)).toEqual(["miss", 1, ["Page"]])
    expect(await here.see(line, {}, author)).toEqual(["hit", 0, ["Page"]])
    const expanded = await here.call(author, `${line}&expand=drafts`)
    expect([expanded.status, expanded.headers.get("X-Selvage-Cache")]).toEqual([200, "pass"])
  })
})

describe("what caches on the way are told", () => {
  const read = async (more: object = {}) => {
    const blog = await newBlog()
    const { id } = await blog.write("POST /v1/posts", { title: "Told" })
    const here = blog.isolate({ change: more })
    const line = `GET /v1/posts/${id}`
    return { ...blog, here, line, ask: (options = {}) => here.call(null, line, options) }
  }
  const told = ({ headers }: { headers: Headers }) => ["Cache-Control", "Age", "Vary"].map((name) => headers.get(name))

  test("how long, how old, and what it depends on", async () => {
    const { ask, pass } = await read()
    const fresh = "public, max-age=60, stale-while-revalidate=600"
    expect(told(await ask())).toEqual([fresh, "0", "Accept, X-Selvage-Bookmark"])
    pass(20 * second)
    expect(told(await ask())).toEqual([fresh, "20", "Accept, X-Selvage-Bookmark"])
    pass(50 * second)
    expect(told(await ask())).toEqual([fresh, "70", "Accept, X-Selvage-Bookmark"])
  })

  test("where origins are listed, the answer depends on the origin", async () => {
    const { ask } = await read({ CORS_ORIGINS: "https://app.example.com" })
    const answer = await ask({ headers: { Origin: "https://app.example.com" } })
    expect(answer.headers.get("Vary")).toBe("Accept, X-Selvage-Bookmark, Origin")
    expect(answer.headers.get("Access-Control-Allow-Origin")).toBe("https://app.example.com")
  })

  test("a list has the tag of its content, and who has it already gets no body", async () => {
    const { here } = await read()
    const list = await here.call(null, "GET /v1/posts?title=Told")
    const tag = list.headers.get("ETag") ?? ""
    expect(tag).toMatch(/^W\/"[0-9a-f]{32}"$/)
    const again = await here.call(null, "GET /v1/posts?title=Told", { headers: { "If-None-Match": tag } })
    expect([again.status, again.body, told(again)[0]]).toEqual([304, null, told(list)[0]])
    const other = await here.call(null, "GET /v1/posts?title=None")
    expect(other.headers.get("ETag")).not.toBe(tag)
  })

  test("an answer for all has no bookmark, no cookie, and no request id that a caller chose", async () => {
    const { ask } = await read()
    for (const answer of [await ask(), await ask({ headers: { "X-Request-Id": "chosen-by-somebody" } })]) {
      expect(answer.headers.get("X-Selvage-Bookmark")).toBeNull()
      expect(answer.headers.get("Set-Cookie")).toBeNull()
      expect(answer.headers.get("X-Request-Id")).not.toBe("chosen-by-somebody")
    }
  })

  test("that there is nothing is nobody's to keep", async () => {
    const { here } = await read()
    const answer = await here.call(null, "GET /v1/posts/post_01kaj700000000000000000000")
    expect([answer.status, ...told(answer).slice(0, 2)]).toEqual([404, "no-store", null])
  })

  test("an administrator, who is told what a call costs, has an answer of their own", async () => {
    const { here, line } = await read()
    const answer = await here.call(await newActor("admin", ["admin"]), line)
    expect(told(answer).slice(0, 2)).toEqual(["private, no-cache", null])
  })
})
