/** Articles one by one: writing, changing, deleting, liking; and the tags. */
import { describe, expect, it } from "vitest"
import { call, comment, person, rows, stored, unique, write } from "./client.ts"

const instant = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)

describe("an article", () => {
  it("is written with its tags in order, each once", async () => {
    const author = await person()
    const article = {
      title: "Été: how to train",
      description: "In short.",
      body: "At length.",
      tagList: ["z", "a", "z", "m"],
    }
    const { status, body } = await call(author, "POST /articles", { body: { article } })
    expect([status, body]).toEqual([
      201,
      {
        article: {
          ...article,
          slug: expect.stringMatching(/^ete-how-to-train-[0-9a-z]{6}$/),
          tagList: ["z", "a", "m"],
          createdAt: instant,
          updatedAt: body.article.createdAt,
          favorited: false,
          favoritesCount: 0,
          author: { username: author.username, bio: "", image: "", following: false },
        },
      },
    ])
    const read = await call(null, `GET /articles/${body.article.slug}`)
    expect([read.status, read.body]).toEqual([200, body])
  })

  it("needs no tags, and may have the title of another and no letters in it", async () => {
    const author = await person()
    const article = { title: "???", description: "In short.", body: "At length." }
    const [one, other] = [
      await call(author, "POST /articles", { body: { article } }),
      await write(author, { title: "???" }),
    ]
    expect(one.body.article.tagList).toEqual([])
    expect(one.body.article.slug).not.toBe(other.slug)
    expect((await call(null, `GET /articles/${one.body.article.slug}`)).status).toBe(200)
  })

  it("has another slug with another title, and the old one is gone", async () => {
    const author = await person()
    const { slug, createdAt, updatedAt, ...rest } = await write(author, { title: "Old title", tagList: ["b", "a"] })
    const { status, body } = await call(author, `PUT /articles/${slug}`, { body: { article: { title: "New title" } } })
    expect([status, body.article]).toEqual([
      200,
      { ...rest, title: "New title", slug: expect.stringMatching(/^new-title-/), createdAt, updatedAt: instant },
    ])
    expect(body.article.updatedAt >= updatedAt).toBe(true)
    expect((await call(null, `GET /articles/${slug}`)).status).toBe(404)
    expect((await call(null, `GET /articles/${body.article.slug}`)).body).toEqual(body)
  })

  it("keeps its slug when its title does not change", async () => {
    const author = await person()
    const { slug, title } = await write(author)
    const change = { title, description: "Shorter.", body: "Longer." }
    const { body } = await call(author, `PUT /articles/${slug}`, { body: { article: change } })
    expect(body.article).toMatchObject({ slug, ...change })
    const { body: partly } = await call(author, `PUT /articles/${slug}`, { body: { article: { body: "Last." } } })
    expect(partly.article).toMatchObject({ slug, ...change, body: "Last." })
  })

  it("goes with its tags, favorites and comments", async () => {
    const [author, reader] = [await person(), await person()]
    const tables = ["articles", "article_tags", "favorites", "comments"]
    const before = await Promise.all(tables.map(rows))
    const { slug } = await write(author, { tagList: [unique("gone"), unique("gone")] })
    await call(reader, `POST /articles/${slug}/favorite`)
    await comment(reader, slug)
    expect(await Promise.all(tables.map(rows))).not.toEqual(before)
    const { status, body } = await call(author, `DELETE /articles/${slug}`)
    expect([status, body]).toEqual([204, null])
    expect(await Promise.all(tables.map(rows))).toEqual(before)
    expect((await call(author, `GET /articles/${slug}`)).status).toBe(404)
    expect((await call(author, `DELETE /articles/${slug}`)).status).toBe(404)
  })

  it("tells a reader whether they like it and follow its author, and nobody that nobody does", async () => {
    const [author, reader, other] = [await person(), await person(), await person()]
    const { slug } = await write(author)
    await call(reader, `POST /articles/${slug}/favorite`)
    await call(reader, `POST /profiles/${author.username}/follow`)
    const seen = async (who: typeof reader | null) => {
      const { favorited, favoritesCount, author } = (await call(who, `GET /articles/${slug}`)).body.article
      return [favorited, favoritesCount, author.following]
    }
    expect([await seen(reader), await seen(other), await seen(null)]).toEqual([
      [true, 1, true],
      [false, 1, false],
      [false, 1, false],
    ])
  })
})

describe("favorites", () => {
  it("are counted, and liking twice counts once", async () => {
    const [author, one, other] = [await person(), await person(), await person()]
    const article = await write(author)
    const line = `/articles/${article.slug}/favorite`
    const before = await rows("favorites")
    const shown = (favorited: boolean, favoritesCount: number) => [
      200,
      { article: { ...article, favorited, favoritesCount } },
    ]
    const like = async (method: string, who: typeof one) => {
      const { status, body } = await call(who, `${method} ${line}`)
      return [status, body]
    }
    expect(await like("POST", one)).toEqual(shown(true, 1))
    expect(await like("POST", one)).toEqual(shown(true, 1))
    expect(await like("POST", other)).toEqual(shown(true, 2))
    expect(await rows("favorites")).toBe(before + 2)
    expect(await like("DELETE", one)).toEqual(shown(false, 1))
    expect(await like("DELETE", one)).toEqual(shown(false, 1))
    expect(await rows("favorites")).toBe(before + 1)
  })
})

describe("refusals", () => {
  it("are 401 for nobody", async () => {
    const { slug } = await write(await person())
    const before = await stored()
    const article = { title: "T", description: "D", body: "B" }
    const calls = [
      call(null, "POST /articles", { body: { article } }),
      call(null, `PUT /articles/${slug}`, { body: { article } }),
      call(null, `DELETE /articles/${slug}`),
      call(null, `POST /articles/${slug}/favorite`),
      call(null, `DELETE /articles/${slug}/favorite`),
      call(null, `GET /articles/${slug}`, { authorization: "Token nonsense" }),
      call(null, "GET /articles", { authorization: "Token nonsense" }),
    ]
    for (const answer of calls) {
      const { status, body } = await answer
      expect([status, body]).toEqual([401, { errors: { body: [expect.any(String)] } }])
    }
    expect(await stored()).toEqual(before)
  })

  it("are 403 on another's article", async () => {
    const { slug } = await write(await person())
    const other = await person()
    const before = await stored()
    for (const [line, body] of [
      [`PUT /articles/${slug}`, { article: { title: "Mine now" } }],
      [`DELETE /articles/${slug}`, undefined],
    ] as const) {
      const answer = await call(other, line, { body })
      expect([answer.status, answer.body]).toEqual([403, { errors: { body: [expect.any(String)] } }])
    }
    expect(await stored()).toEqual(before)
  })

  it("are 404 for an unknown slug", async () => {
    const me = await person()
    const before = await stored()
    const lines = [
      ["GET /articles/not-there"],
      ["PUT /articles/not-there", { article: { body: "B" } }],
      ["DELETE /articles/not-there"],
      ["POST /articles/not-there/favorite"],
      ["DELETE /articles/not-there/favorite"],
    ] as const
    for (const [line, body] of lines) {
      const answer = await call(me, line, { body })
      expect([line, answer.status, answer.body]).toEqual([line, 404, { errors: { body: [expect.any(String)] } }])
    }
    expect(await stored()).toEqual(before)
  })

  it("are 422 naming each field", async () => {
    const author = await person()
    const { slug } = await write(author)
    const before = await stored()
    const faults = async (line: string, body: unknown) => {
      const answer = await call(author, line, { body })
      for (const sentences of Object.values(answer.body.errors))
        expect(sentences).toEqual(expect.arrayContaining([expect.any(String)]))
      return [answer.status, ...Object.keys(answer.body.errors).sort()]
    }
    const all = { title: "", description: 1, body: null, tagList: "a" }
    expect(await faults("POST /articles", { article: {} })).toEqual([422, "body", "description", "title"])
    expect(await faults("POST /articles", { article: all })).toEqual([422, "body", "description", "tagList", "title"])
    expect(await faults("POST /articles", {})).toEqual([422, "article", "body"])
    const good = { title: "T", description: "D", body: "B" }
    expect(await faults("POST /articles", { article: { ...good, favoritesCount: 9 } })).toEqual([
      422,
      "body",
      "favoritesCount",
    ])
    expect(await faults("POST /articles", { article: good, more: 1 })).toEqual([422, "body", "more"])
    expect(await faults(`PUT /articles/${slug}`, { article: { title: "", body: "" } })).toEqual([422, "body", "title"])
    expect(await faults(`PUT /articles/${slug}`, { article: { slug: "mine" } })).toEqual([422, "body", "slug"])
    expect(await stored()).toEqual(before)
  })
})

it("lists every tag once, the most used first", async () => {
  const author = await person()
  const [rare, common] = [unique("a-rare-"), unique("z-common-")]
  for (const tagList of [[common, rare], [common], [common]]) await write(author, { tagList })
  const { status, body } = await call(null, "GET /tags")
  expect([status, Object.keys(body)]).toEqual([200, ["tags"]])
  expect(new Set(body.tags).size).toBe(body.tags.length)
  expect(body.tags.filter((tag: string) => tag === rare || tag === common)).toEqual([common, rare])
  expect((await call(null, "GET /tags?limit=1")).status).toBe(422)
})

it("repeats an answer for an idempotency key, field by field", async () => {
  const { token } = await person()
  const { exports } = await import("cloudflare:workers")
  const send = async () => {
    const headers = { Authorization: `Token ${token}`, "Content-Type": "application/json", "Idempotency-Key": "once" }
    const body = JSON.stringify({ article: { title: "T", description: "D", body: "B", tagList: ["x"] } })
    return (
      await exports.default.fetch(new Request("https://conduit.test/api/articles", { method: "POST", headers, body }))
    ).json()
  }
  const before = await rows("articles")
  expect(await send()).toEqual(await send())
  expect(await rows("articles")).toBe(before + 1)
})
