/** Nothing of one caller reaches another through a cache: whoever asks first, whatever is expanded, whoever the handler asks for. */
import { env } from "cloudflare:workers"
import { beforeAll, describe, expect, test } from "vitest"
import { buildRegistry } from "../../src/core/registry.ts"
import { ada, callOf } from "../core/fixture.ts"
import { newActor } from "../support/actors.ts"
import { blog, makeTables, newBlog } from "./world.ts"

beforeAll(makeTables)

/** Everything that KV holds of answers. */
async function keptTexts(): Promise<string> {
  const { keys } = await env.CACHE.list({ prefix: "answer/", limit: 1000 })
  const texts = await Promise.all(keys.map(({ name }) => env.CACHE.get(name)))
  return texts.join("\n")
}

describe("a resource that anyone may read", () => {
  test("is the same for whoever asks first and whoever comes after", async () => {
    const { isolate, write, author } = await newBlog()
    const { id } = await write("POST /v1/posts", { title: "Same" })
    const here = isolate()
    const line = `GET /v1/posts/${id}`
    const first = await here.call(author, line)
    const second = await here.call(null, line)
    const stranger = await newActor("stranger")
    const third = await here.call(stranger, line)
    expect([second.body, third.body]).toEqual([first.body, first.body])
    const states = [first, second, third].map(({ headers }) => headers.get("X-Selvage-Cache"))
    expect(states).toEqual(["miss", "hit", "hit"])
    for (const { headers } of [first, second, third]) expect(headers.get("Cache-Control")).toMatch(/^public,/)
  })

  test("is refused to a token that does not hold, though the answer is there", async () => {
    const { isolate, write } = await newBlog()
    const { id } = await write("POST /v1/posts", { title: "There" })
    const here = isolate()
    await here.see(`GET /v1/posts/${id}`)
    const answer = await here.call({ token: "forged" }, `GET /v1/posts/${id}`)
    expect([answer.status, answer.headers.get("Cache-Control")]).toEqual([401, "no-store"])
  })
})

test("a kept answer is made for nobody, whoever it is made by; one that is not kept, for whoever asks", async () => {
  const registry = buildRegistry(blog())
  const id = "post_01kaj700000000000000000000"
  const rows = { [id]: { id, title: "There" } }
  const readersOf = async (input: object) =>
    (await callOf(registry, "posts.get", { principal: ada, rows, input: { id, ...input } })).readers
  expect(await readersOf({})).toEqual(["anonymous"])
  expect(await readersOf({ expand: { author: true } })).toEqual(["anonymous"])
  expect(await readersOf({ expand: { drafts: true } })).toEqual(["user"])
})

describe("an expansion", () => {
  test("of what says cache too is kept, for the shorter of the two times", async () => {
    const { isolate, write } = await newBlog()
    const person = await write("POST /v1/people", { name: "Ada" })
    const { id } = await write("POST /v1/posts", { title: "By Ada", authorId: person.id })
    const here = isolate()
    const line = `GET /v1/posts/${id}?expand=author`
    expect(await here.see(line)).toEqual(["miss", 1, "By Ada"])
    const answer = await here.call(null, line)
    expect(answer.headers.get("X-Selvage-Cache")).toBe("hit")
    expect(answer.headers.get("Cache-Control")).toBe("public, max-age=30, stale-while-revalidate=60")
    await here.call(await newActor("editor"), `PATCH /v1/people/${person.id}`, { body: { name: "Ada L." } })
    const after = await here.call(null, line)
    expect([after.headers.get("X-Selvage-Cache"), after.body.author.name]).toEqual(["miss", "Ada L."])
  })

  test.each(["expand=drafts", "expand=remarks", "expand=author.posts.drafts", "expand=author,drafts"])(
    "of what does not passes by the cache: %s",
    async (query) => {
      const { isolate, write, author } = await newBlog()
      const text = `draft ${crypto.randomUUID()}`
      const { id } = await write("POST /v1/posts", { title: "With drafts" })
      await write("POST /v1/drafts", { postId: id, ownerId: author.id, text })
      const here = isolate({ kv: true })
      const line = `GET /v1/posts/${id}?${query}`
      for (const actor of [author, null, author, null]) {
        const answer = await here.call(actor, line)
        expect(answer.status).toBe(200)
        expect(answer.headers.get("X-Selvage-Cache")).toBe("pass")
        expect(answer.headers.get("Cache-Control")).toBe("private, no-cache")
        if (actor === null) expect(JSON.stringify(answer.body)).not.toContain(text)
        else if (query === "expand=drafts") expect(JSON.stringify(answer.body)).toContain(text)
      }
      await here.settled()
      expect(await keptTexts()).not.toContain(text)
    },
  )
})

describe("an operation of one's own", () => {
  const whoOf = ({ body }: { body: { who: string } }) => body.who

  test("answers nobody from the cache, and everybody else by a run of their own", async () => {
    const { isolate, author } = await newBlog()
    const stranger = await newActor("stranger")
    const here = isolate({ kv: true, edge: true })
    const seen: [string, string | null][] = []
    for (const actor of [author, null, stranger, null, author]) {
      const answer = await here.call(actor, "GET /v1/whoami")
      seen.push([whoOf(answer), answer.headers.get("X-Selvage-Cache")])
    }
    expect(seen).toEqual([
      [author.id, "pass"],
      ["anonymous", "miss"],
      [stranger.id, "pass"],
      ["anonymous", "hit"],
      [author.id, "pass"],
    ])
    await here.settled()
    const kept = await keptTexts()
    expect(kept).not.toContain(author.id)
    expect(kept).not.toContain(stranger.id)
  })

  test("tells the caches on the way that a credential makes a difference", async () => {
    const { isolate, author } = await newBlog()
    const here = isolate()
    const nobody = await here.call(null, "GET /v1/whoami")
    expect(nobody.headers.get("Cache-Control")).toMatch(/^public,/)
    expect(nobody.headers.get("Vary")).toBe("Accept, Authorization, Cookie, X-Selvage-Bookmark")
    const somebody = await here.call(author, "GET /v1/whoami")
    expect(somebody.headers.get("Cache-Control")).toBe("private, no-cache")
    expect(somebody.headers.get("Vary")).toBe("Accept, Authorization, Cookie")
  })

  test("that reads what it does not name is right each time, kept never, and told of once", async () => {
    const { isolate } = await newBlog()
    const here = isolate()
    for (let n = 0; n < 3; n++) {
      const [state, trips] = await here.see("GET /v1/forgetful")
      expect([state, trips]).toEqual(["pass", 1])
    }
    const faults = here.observations.filter(({ kind }) => kind === "fault")
    expect(faults).toMatchObject([{ where: "cache", cause: { message: expect.stringContaining("reads people") } }])
  })
})
