/** Comments: written, read and deleted under their article. */
import { describe, expect, it } from "vitest"
import { call, comment, person, rows, stored, write } from "./client.ts"

describe("a comment", () => {
  it("is written by anybody with an account, and read by anybody", async () => {
    const [author, reader] = [await person(), await person()]
    const { slug } = await write(author)
    const line = `/articles/${slug}/comments`
    const { status, body } = await call(reader, `POST ${line}`, { body: { comment: { body: "Well said." } } })
    expect([status, body]).toEqual([
      200,
      {
        comment: {
          id: expect.any(Number),
          body: "Well said.",
          createdAt: expect.stringMatching(/Z$/),
          updatedAt: body.comment.createdAt,
          author: { username: reader.username, bio: "", image: "", following: false },
        },
      },
    ])
    expect(Number.isSafeInteger(body.comment.id)).toBe(true)
    const second = await comment(author, slug, "Thank you.")
    const list = await call(null, `GET ${line}`)
    expect([list.status, list.body]).toEqual([200, { comments: [second, body.comment] }])
    expect((await call(null, `GET /articles/${(await write(author)).slug}/comments`)).body).toEqual({ comments: [] })
  })

  it("tells each reader whether they follow who wrote it", async () => {
    const [author, reader] = [await person(), await person()]
    const { slug } = await write(author)
    await comment(author, slug)
    await call(reader, `POST /profiles/${author.username}/follow`)
    const following = async (who: typeof reader | null) =>
      (await call(who, `GET /articles/${slug}/comments`)).body.comments[0].author.following
    expect([await following(reader), await following(author), await following(null)]).toEqual([true, false, false])
  })

  it("is deleted by who wrote it, and the others stay", async () => {
    const [author, reader] = [await person(), await person()]
    const { slug } = await write(author)
    const [mine, theirs] = [await comment(reader, slug), await comment(author, slug)]
    const { status, body } = await call(reader, `DELETE /articles/${slug}/comments/${mine.id}`)
    expect([status, body]).toEqual([204, null])
    expect((await call(null, `GET /articles/${slug}/comments`)).body.comments).toEqual([theirs])
    expect((await call(reader, `DELETE /articles/${slug}/comments/${mine.id}`)).status).toBe(404)
  })

  it("has a number of its own, also when many come at once", async () => {
    const author = await person()
    const { slug } = await write(author)
    const made = await Promise.all(Array.from({ length: 20 }, () => comment(author, slug)))
    expect(new Set(made.map(({ id }) => id)).size).toBe(20)
  })
})

it("refuses with nothing changed", async () => {
  const [author, reader] = [await person(), await person()]
  const { slug } = await write(author)
  const { slug: elsewhere } = await write(author)
  const { id } = await comment(author, slug)
  const before = await stored()
  const comments = await rows("comments")
  const said = { comment: { body: "Mine." } }
  const refusals = [
    [401, null, `POST /articles/${slug}/comments`, said],
    [401, null, `DELETE /articles/${slug}/comments/${id}`],
    [403, reader, `DELETE /articles/${slug}/comments/${id}`],
    // Even its own author finds it under its own article only.
    [404, author, `DELETE /articles/${elsewhere}/comments/${id}`],
    [404, author, `DELETE /articles/not-there/comments/${id}`],
    [404, author, `DELETE /articles/${slug}/comments/7`],
    [404, author, "GET /articles/not-there/comments"],
    [404, author, "POST /articles/not-there/comments", said],
    [422, author, `DELETE /articles/${slug}/comments/one`],
    [422, author, `DELETE /articles/${slug}/comments/1.5`],
    [422, author, `POST /articles/${slug}/comments`, { comment: { body: "" } }],
    [422, author, `POST /articles/${slug}/comments`, { comment: {} }],
    [422, author, `POST /articles/${slug}/comments`, { body: "outside" }],
    [422, author, `POST /articles/${slug}/comments`, { comment: { body: "B", author: reader.username } }],
  ] as const
  for (const [status, who, line, body] of refusals) {
    const answer = await call(who, line, { body })
    expect([line, answer.status]).toEqual([line, status])
    expect(answer.body.errors.body).toEqual(expect.arrayContaining([expect.any(String)]))
  }
  expect(await rows("comments")).toBe(comments)
  expect(await stored()).toEqual(before)
})
