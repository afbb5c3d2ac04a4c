/** Round trips to D1: every read is one, every write is its reads and then one batch. The README shows the same figures. */
import { env } from "cloudflare:workers"
import { beforeAll, expect, it } from "vitest"
import { type Answer, call, comment, type Person, person, tripsOf, unique, write } from "./client.ts"

/** What a figure is made of, in the order of the README. */
const figures: [line: string, trips: number, made: string][] = []

function note(line: string, answer: Answer, trips: number, made: string): void {
  expect([line, answer.status < 300]).toEqual([line, true])
  figures.push([line, tripsOf(answer), made])
  expect([line, tripsOf(answer)]).toEqual([line, trips])
}

let [me, other] = [] as unknown as [Person, Person]
beforeAll(async () => {
  ;[me, other] = [await person(), await person()]
})

it("reads in one statement", async () => {
  const { slug } = await write(other, { tagList: ["figures"] })
  await comment(me, slug)
  await call(me, `POST /articles/${slug}/favorite`)
  await call(me, `POST /profiles/${other.username}/follow`)
  const read = async (line: string, path: string) => note(line, await call(me, `GET ${path}`), 1, "one statement")
  await read("GET /user", "/user")
  await read("GET /profiles/{username}", `/profiles/${other.username}`)
  const filters = `tag=figures&author=${other.username}&favorited=${me.username}`
  await read("GET /articles", `/articles?limit=20&offset=0&${filters}`)
  await read("GET /articles/feed", "/articles/feed?limit=20")
  await read("GET /articles/{slug}", `/articles/${slug}`)
  await read("GET /articles/{slug}/comments", `/articles/${slug}/comments`)
  await read("GET /tags", "/tags")
})

it("writes in one batch, after what it has to know", async () => {
  const username = unique("figure")
  const account = { email: `${username}@example.com`, password: "kestrel-gravel-41" }
  const registered = await call(null, "POST /users", { body: { user: { ...account, username } } })
  note("POST /users", registered, 2, "is the address taken, one batch")
  const entered = await call(null, "POST /users/login", { body: { user: account } })
  note("POST /users/login", entered, 2, "account, profile; the session opens in the user's own object")
  const changed = await call(me, "PUT /user", { body: { user: { bio: "Figures." } } })
  note("PUT /user", changed, 3, "profile, account, one batch")
  const line = `/profiles/${other.username}/follow`
  await call(me, `DELETE ${line}`)
  note("POST /profiles/{username}/follow", await call(me, `POST ${line}`), 2, "profile, one batch")
  note("DELETE /profiles/{username}/follow", await call(me, `DELETE ${line}`), 2, "profile, one batch")
  const article = { title: "Figures", description: "D", body: "B", tagList: ["one", "two", "three"] }
  const written = await call(me, "POST /articles", { body: { article } })
  note("POST /articles", written, 1, "one batch, whatever its tags")
  const slug = written.body.article.slug
  const edited = await call(me, `PUT /articles/${slug}`, { body: { article: { body: "More." } } })
  note("PUT /articles/{slug}", edited, 2, "article, one batch")
  note("POST /articles/{slug}/favorite", await call(me, `POST /articles/${slug}/favorite`), 2, "article, one batch")
  const unliked = await call(me, `DELETE /articles/${slug}/favorite`)
  note("DELETE /articles/{slug}/favorite", unliked, 3, "article, favorite, one batch")
  const said = await call(me, `POST /articles/${slug}/comments`, { body: { comment: { body: "So many." } } })
  note("POST /articles/{slug}/comments", said, 2, "article, one batch")
  const path = `/articles/${slug}/comments/${said.body.comment.id}`
  note("DELETE /articles/{slug}/comments/{id}", await call(me, `DELETE ${path}`), 2, "comment, one batch")
  note("DELETE /articles/{slug}", await call(me, `DELETE /articles/${slug}`), 2, "article, one batch")
})

it("stands in the README", () => {
  const lines = figures.map(([line, trips, made]) => `| \`${line}\` | ${trips} | ${made} |`)
  const table = ["| operation | round trips | made of |", "| --- | --- | --- |", ...lines].join("\n")
  const { paths } = JSON.parse(env.TEST_SPECIFICATION) as { paths: Record<string, object> }
  const operations = Object.values(paths).flatMap((path) => Object.keys(path))
  expect(figures.length).toBe(operations.length)
  expect(env.TEST_README).toContain(table)
})
