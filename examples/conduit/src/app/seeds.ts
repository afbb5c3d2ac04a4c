/** Demo data: three people, a few articles, who follows whom. */
import { userTable } from "selvage"
import { articleTable, articleTagTable } from "./articles.ts"
import { commentTable } from "./comments.ts"
import { favoriteTable } from "./favorites.ts"
import { followTable, profileTable } from "./people.ts"

const day = 24 * 60 * 60 * 1000
const seedId = (prefix: string, n: number) => `${prefix}_01kaj70000000000000000000${n}`

const people = ["jake", "ada", "grace"]
const articles = [
  { title: "How to train your dragon", description: "Ever wonder how?", by: 0, tags: ["dragons", "training"] },
  { title: "Notes on the Analytical Engine", description: "A sketch, with notes.", by: 1, tags: ["engines", "notes"] },
  { title: "The first bug", description: "A moth, and a lesson.", by: 2, tags: ["bugs", "notes"] },
]

/** The rows, in the form in which they are stored, parents before children. */
export function seeds(now: Date) {
  const stamps = (days: number) => {
    const at = new Date(now.getTime() - days * day).toISOString()
    return { version: 1, createdAt: at, updatedAt: at }
  }
  const user = (n: number) => seedId("user", n)
  const profile = (n: number) => seedId("profile", n)
  const article = (n: number) => seedId("article", n)
  return [
    {
      table: userTable,
      rows: people.map((name, n) => {
        const account = { email: `${name}@example.com`, name, roles: "[]", status: "active" }
        return { id: user(n), ...stamps(30), ...account }
      }),
    },
    {
      table: profileTable,
      rows: people.map((username, n) => {
        const shown = { username, bio: `I am ${username}.`, image: "" }
        return { id: profile(n), ...stamps(30), userId: user(n), ...shown }
      }),
    },
    {
      table: followTable,
      rows: [{ id: seedId("follow", 0), ...stamps(20), profileId: profile(0), followerId: user(1) }],
    },
    {
      table: articleTable,
      rows: articles.map(({ title, description, by, tags }, n) => {
        const slug = `${title.toLowerCase().replaceAll(" ", "-")}-00000${n}`
        const text = { slug, title, description, body: `${description} Everything stands here.` }
        const owner = { authorId: profile(by), createdBy: user(by) }
        return { id: article(n), ...stamps(10 - n), ...text, tagList: JSON.stringify(tags), ...owner }
      }),
    },
    {
      table: articleTagTable,
      rows: articles.flatMap(({ tags }, n) =>
        tags.map((tag, m) => ({ id: seedId("articletag", n * 2 + m), ...stamps(10 - n), articleId: article(n), tag })),
      ),
    },
    {
      table: favoriteTable,
      rows: [
        { id: seedId("favorite", 0), ...stamps(5), articleId: article(0), profileId: profile(1), userId: user(1) },
      ],
    },
    {
      table: commentTable,
      rows: [
        {
          id: seedId("comment", 0),
          ...stamps(4),
          number: 1,
          body: "Thank you!",
          articleId: article(0),
          authorId: profile(2),
          createdBy: user(2),
        },
      ],
    },
  ]
}
