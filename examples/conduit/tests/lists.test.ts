/** Lists of articles: filters, pages, counts, order, and the feed. */
import { beforeAll, describe, expect, it } from "vitest"
import { call, type Person, person, stored, unique, write } from "./client.ts"

interface Listed {
  readonly articles: readonly { readonly slug: string; readonly title: string }[]
  readonly articlesCount: number
}

const titles = ({ articles }: Listed) => articles.map(({ title }) => title)
let [ada, bob, reader, nobody] = [] as unknown as Person[]
const tag = unique("tag")

async function list(who: Person | null | undefined, query: string): Promise<Listed> {
  const { status, body } = await call(who ?? null, `GET /articles${query}`)
  expect(status).toBe(200)
  return body
}

beforeAll(async () => {
  ;[ada, bob, reader, nobody] = [await person(), await person(), await person(), await person()]
  for (const [author, title, tagList] of [
    [ada, "a1", [tag, "b"]],
    [bob, "b1", [tag]],
    [ada, "a2", ["b"]],
    [ada, "a3", ["c", tag]],
  ] as const)
    await write(author as Person, { title, tagList })
  const { articles } = await list(null, `?author=${ada?.username}`)
  for (const { slug } of articles.slice(0, 2)) await call(reader as Person, `POST /articles/${slug}/favorite`)
  await call(reader as Person, `POST /profiles/${bob?.username}/follow`)
})

describe("a list", () => {
  it("shows the newest first, without bodies", async () => {
    const page = await list(null, `?author=${ada?.username}`)
    expect([titles(page), page.articlesCount]).toEqual([["a3", "a2", "a1"], 3])
    expect(page.articles[0]).toEqual({
      slug: expect.stringMatching(/^a3-/),
      title: "a3",
      description: "In short.",
      tagList: ["c", tag],
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
      favorited: false,
      favoritesCount: 1,
      author: { username: ada?.username, bio: "", image: "", following: false },
    })
  })

  it("is filtered by tag, author and who likes it, together as well", async () => {
    expect(titles(await list(null, `?tag=${tag}`))).toEqual(["a3", "b1", "a1"])
    expect(titles(await list(null, `?tag=${tag}&author=${bob?.username}`))).toEqual(["b1"])
    expect(titles(await list(null, `?favorited=${reader?.username}`))).toEqual(["a3", "a2"])
    expect(titles(await list(null, `?favorited=${reader?.username}&tag=${tag}`))).toEqual(["a3"])
    for (const query of [`?tag=${tag}x`, "?author=not-there", `?favorited=${ada?.username}`, "?tag="])
      expect(await list(null, query)).toEqual({ articles: [], articlesCount: 0 })
  })

  it("comes in pages, and counts all of them", async () => {
    const page = async (query: string) => {
      const body = await list(null, `?author=${ada?.username}&${query}`)
      return [...titles(body), body.articlesCount]
    }
    expect(await page("limit=2")).toEqual(["a3", "a2", 3])
    expect(await page("limit=2&offset=2")).toEqual(["a1", 3])
    expect(await page("limit=1&offset=1")).toEqual(["a2", 3])
    expect(await page("offset=3")).toEqual([3])
    expect((await list(null, "")).articles.length).toBeLessThanOrEqual(20)
  })

  it("tells each reader what they like and whom they follow", async () => {
    const seen = async (who: Person | null) =>
      (await list(who, `?tag=${tag}`)).articles.map((one) => {
        const { favorited, author } = one as unknown as { favorited: boolean; author: { following: boolean } }
        return [favorited, author.following]
      })
    const none = [false, false]
    expect(await seen(reader as Person)).toEqual([[true, false], [false, true], none])
    expect(await seen(null)).toEqual([none, none, none])
  })

  it("refuses what is no page, and parameters that it does not know", async () => {
    const faults = async (query: string) => {
      const { status, body } = await call(null, `GET /articles?${query}`)
      return [status, ...Object.keys(body.errors).sort()]
    }
    for (const wrong of ["0", "-1", "101", "1.5", "ten", ""])
      expect(await faults(`limit=${wrong}`)).toEqual([422, "body", "limit"])
    expect(await faults("offset=-1")).toEqual([422, "body", "offset"])
    expect(await faults("limit=1&limit=2")).toEqual([422, "body", "limit"])
    expect(await faults("sort=title")).toEqual([422, "body", "sort"])
    expect(await faults("limit=x&offset=y")).toEqual([422, "body", "limit", "offset"])
  })
})

describe("the feed", () => {
  it("shows the articles of those whom one follows", async () => {
    const feed = async (who: Person, query = "") => {
      const { status, body } = await call(who, `GET /articles/feed${query}`)
      expect(status).toBe(200)
      return [...titles(body), body.articlesCount]
    }
    const before = await stored()
    expect(await feed(reader as Person)).toEqual(["b1", 1])
    expect(await feed(nobody as Person)).toEqual([0])
    expect(await stored()).toEqual(before)
    await call(reader as Person, `POST /profiles/${ada?.username}/follow`)
    expect(await feed(reader as Person)).toEqual(["a3", "a2", "b1", "a1", 4])
    expect(await feed(reader as Person, "?limit=1&offset=2")).toEqual(["b1", 4])
    await call(reader as Person, `DELETE /profiles/${bob?.username}/follow`)
    expect(await feed(reader as Person)).toEqual(["a3", "a2", "a1", 3])
  })

  it("has no filters", async () => {
    expect((await call(reader as Person, `GET /articles/feed?tag=${tag}`)).status).toBe(422)
    expect((await call(reader as Person, "GET /articles/feed?limit=0")).status).toBe(422)
  })
})
