/** Visitors without an account are answered from a cache: at no cost to the database, and never with what was before a change or what is another's. */
import { expect, it } from "vitest"
import { type Answer, call, comment, person, tripsOf, unique, write } from "./client.ts"

const state = ({ headers }: Answer) => headers.get("X-Selvage-Cache")

it("answers visitors from memory, without a round trip, until something changes that the answer shows", async () => {
  const [author, reader] = [await person(), await person()]
  const tag = unique("cached")
  const { slug } = await write(author, { tagList: [tag] })
  await comment(reader, slug)
  const changes: [line: string, path: string, change: () => Promise<unknown>][] = [
    [`GET /articles?tag=${tag}`, "favoritesCount", () => call(reader, `POST /articles/${slug}/favorite`)],
    [
      `GET /articles/${slug}`,
      "More.",
      () => call(author, `PUT /articles/${slug}`, { body: { article: { body: "More." } } }),
    ],
    [`GET /articles/${slug}/comments`, "Well said.", () => comment(reader, slug, "Well said.")],
    [
      `GET /profiles/${author.username}`,
      "Writes.",
      () => call(author, "PUT /user", { body: { user: { bio: "Writes." } } }),
    ],
    ["GET /tags", `${tag}b`, () => write(author, { tagList: [`${tag}b`] })],
  ]
  for (const [line, shown, change] of changes) {
    const first = await call(null, line)
    const again = await call(null, line)
    expect([line, first.status, state(again), tripsOf(again)]).toEqual([line, 200, "hit", 0])
    expect(again.body).toEqual(first.body)
    expect(again.headers.get("Cache-Control")).toBe("public, max-age=60, stale-while-revalidate=600")
    await change()
    const changed = await call(null, line)
    expect([line, state(changed), tripsOf(changed)]).toEqual([line, "miss", 1])
    expect(changed.body).not.toEqual(first.body)
    expect(JSON.stringify(changed.body)).toContain(shown)
  }
})

it("answers whoever is signed in by a read of their own: what they like and follow is in no cache", async () => {
  const [author, reader] = [await person(), await person()]
  const { slug } = await write(author)
  await call(reader, `POST /articles/${slug}/favorite`)
  await call(reader, `POST /profiles/${author.username}/follow`)
  const liked = async (who: typeof reader | null) => {
    const answer = await call(who, `GET /articles/${slug}`)
    return [state(answer), answer.body.article.favorited, answer.body.article.author.following]
  }
  expect(await liked(reader)).toEqual(["pass", true, true])
  expect(await liked(null)).toEqual(["miss", false, false])
  expect(await liked(author)).toEqual(["pass", false, false])
  expect(await liked(reader)).toEqual(["pass", true, true])
  expect(await liked(null)).toEqual(["hit", false, false])
})
