/** A key is the operation and its validated input: spelling, order, encoding and headers of a request make no other key and no other answer. */
import fc from "fast-check"
import { beforeAll, describe, expect, test } from "vitest"
import { canonicalText } from "../../src/core/canonical.ts"
import { makeTables, newBlog } from "./world.ts"

beforeAll(makeTables)

describe("the canonical text of a value", () => {
  const value = fc.jsonValue({ maxDepth: 3 })
  const shuffled = (from: unknown): unknown => {
    if (Array.isArray(from)) return from.map(shuffled)
    if (from === null || typeof from !== "object") return from
    const entries = Object.entries(from).reverse()
    return Object.fromEntries(entries.map(([name, inner]) => [name, shuffled(inner)]))
  }

  test("is the same whatever order the names come in, and JSON reads it back", () => {
    fc.assert(
      fc.property(value, (one) => {
        const text = canonicalText(one)
        expect(canonicalText(shuffled(one))).toBe(text)
        expect(JSON.parse(text ?? "")).toEqual(JSON.parse(JSON.stringify(one)))
      }),
    )
  })

  test("differs for values that differ", () => {
    fc.assert(
      fc.property(value, value, (one, other) => {
        const isSame = canonicalText(one) === canonicalText(other)
        expect(isSame).toBe(
          fc.stringify(JSON.parse(canonicalText(one) ?? "")) === fc.stringify(JSON.parse(canonicalText(other) ?? "")),
        )
      }),
    )
  })

  test("never takes one type for another, and has none for what is no value", () => {
    const at = new Date("2026-11-21T00:00:00.000Z")
    const texts = [at, at.toISOString(), 1n, 1, "1", true, "true", null, "null", [], {}, [[]]].map(canonicalText)
    expect(new Set(texts).size).toBe(texts.length)
    expect(canonicalText({ a: undefined, b: 1 })).toBe('{"b":1}')
    for (const none of [undefined, Number.NaN, new Map(), new Uint8Array(1), () => 1, Symbol("a"), { a: [undefined] }])
      expect(canonicalText(none)).toBeNull()
  })
})

describe("a request that means the same", () => {
  const ready = async () => {
    const { isolate, write } = await newBlog()
    const person = await write("POST /v1/people", { name: "Zoë" })
    await write("POST /v1/posts", { title: "Zoë & co", authorId: person.id })
    const here = isolate()
    const query = `title=Zo%C3%AB%20%26%20co&authorId=${person.id}&limit=5`
    const first = await here.see(`GET /v1/posts?${query}`)
    return { here, person, first }
  }

  test("is answered from the same entry, in any order and encoding", async () => {
    const { here, person, first } = await ready()
    expect(first).toEqual(["miss", 1, ["Zoë & co"]])
    for (const query of [
      `limit=5&authorId=${person.id}&title=Zo%c3%ab+%26+co`,
      `authorId=${person.id}&title=%5A%6F%C3%AB%20%26%20co&limit=5`,
      `limit=%35&title=Zo%C3%AB%20%26%20co&&authorId=${person.id}&`,
    ])
      expect([query, ...(await here.see(`GET /v1/posts?${query}`))]).toEqual([query, "hit", 0, ["Zoë & co"]])
  })

  test("is answered from it whatever headers it brings, and none of them comes out again", async () => {
    const { here, person } = await ready()
    const line = `GET /v1/posts?limit=5&authorId=${person.id}&title=Zo%C3%AB%20%26%20co`
    const evil = "evil.example"
    for (const name of [
      "Host",
      "X-Forwarded-Host",
      "X-Forwarded-Scheme",
      "X-Forwarded-For",
      "X-Original-URL",
      "X-Rewrite-URL",
      "X-HTTP-Method-Override",
      "Forwarded",
      "Origin",
      "Referer",
      "Accept-Language",
      "User-Agent",
      "traceparent",
      "Range",
      "Content-Type",
      "Cookie",
      "X-Request-Id",
    ]) {
      const answer = await here.call(null, line, { headers: { [name]: evil } })
      expect([name, answer.status, answer.headers.get("X-Selvage-Cache")]).toEqual([name, 200, "hit"])
      expect(JSON.stringify([answer.body, ...answer.headers])).not.toContain(evil)
    }
  })

  test("HEAD has the headers of GET and no body", async () => {
    const { here, person } = await ready()
    const path = `/v1/posts?limit=5&authorId=${person.id}&title=Zo%C3%AB%20%26%20co`
    const [head, whole] = [await here.call(null, `HEAD ${path}`), await here.call(null, `GET ${path}`)]
    expect([head.status, head.body]).toEqual([200, null])
    for (const name of ["Cache-Control", "Age", "Vary", "ETag", "X-Selvage-Cache"])
      expect(head.headers.get(name)).toBe(whole.headers.get(name))
  })
})

describe("a request that means something else", () => {
  test("another spelling of a letter is another text, and both are answered right", async () => {
    const { isolate, write } = await newBlog()
    const [composed, decomposed] = ["Caf\u00e9", "Cafe\u0301"]
    await write("POST /v1/posts", { title: composed })
    const here = isolate()
    for (let turn = 0; turn < 2; turn++) {
      const state = turn === 0 ? "miss" : "hit"
      expect(await here.see(`GET /v1/posts?title=${encodeURIComponent(composed)}`)).toMatchObject([
        state,
        1 - turn,
        [composed],
      ])
      expect(await here.see(`GET /v1/posts?title=${encodeURIComponent(decomposed)}`)).toMatchObject([
        state,
        1 - turn,
        [],
      ])
    }
    expect(await here.see("GET /v1/posts?title=CAF%C3%89")).toEqual(["miss", 1, []])
  })

  test.each(["TITLE=a", "title=a&title=b", "title[eq]=a&title[EQ]=b", "limit=5&limit=6", "title=%00", "__proto__=1"])(
    "is refused when it is none of what there is, also beside an entry: %s",
    async (query) => {
      const { isolate } = await newBlog()
      const here = isolate()
      await here.see("GET /v1/posts?title=a")
      for (let turn = 0; turn < 2; turn++) {
        const answer = await here.call(null, `GET /v1/posts?${query}`)
        expect([answer.status, answer.headers.get("Cache-Control")]).toEqual([400, "no-store"])
      }
    },
  )

  test("a very long question has a key as short as any", async () => {
    const { isolate, write } = await newBlog()
    const title = "long".repeat(45)
    await write("POST /v1/posts", { title })
    const here = isolate()
    const many = Array.from({ length: 60 }, (_, n) => `${n}`.padStart(30, "x"))
    const line = `GET /v1/posts?title[in]=${[title, ...many].join(",")}`
    expect(await here.see(line)).toEqual(["miss", 1, [title]])
    expect(await here.see(line)).toEqual(["hit", 0, [title]])
    expect(await here.see(line.replace("xxx0", "xxx_"))).toEqual(["miss", 1, [title]])
  })
})
