/** Demo data: three people, an article of each, who follows whom. They get passwords where the seeds are put in. */
import { userTable } from "selvage"
import { articleTable, articleTagTable, commentTable, favoriteTable, followTable, profileTable } from "./data.ts"

const people = ["jake", "ada", "grace"]
const articles = [
  { title: "How to train your dragon", description: "Ever wonder how?", tags: ["dragons", "training"] },
  { title: "Notes on the Analytical Engine", description: "A sketch, with notes.", tags: ["engines", "notes"] },
  { title: "The first bug", description: "A moth, and a lesson.", tags: ["bugs", "notes"] },
]

const idOf = (prefix: string, n: number) => `${prefix}_01kaj70000000000000000000${n}`

/** The rows, in the form in which they are stored, parents before children. */
export function seeds(now: Date) {
  const row = (prefix: string, n: number, values: object) => {
    const at = new Date(now.getTime() - (10 - n) * 24 * 60 * 60 * 1000).toISOString()
    return { id: idOf(prefix, n), version: 1, createdAt: at, updatedAt: at, ...values }
  }
  const userRows = people.map((name, n) => row("user", n, { email: `${name}@example.com`, name, roles: "[]" }))
  const profileRows = people.map((username, n) => row("profile", n, { userId: idOf("user", n), username }))
  const articleRows = articles.map(({ tags, ...text }, n) => {
    const slug = `${text.title.toLowerCase().replaceAll(" ", "-")}-00000${n}`
    const rest = { body: `${text.description} Everything stands here.`, tagList: JSON.stringify(tags) }
    return row("article", n, { slug, ...text, ...rest, authorId: idOf("profile", n) })
  })
  const tagRows = articles.flatMap(({ tags }, n) =>
    tags.map((tag, m) => row("articletag", n * 2 + m, { articleId: idOf("article", n), tag })),
  )
  const [article, ada, adasProfile] = [idOf("article", 0), idOf("user", 1), idOf("profile", 1)]
  const comment = { number: 1, body: "Thank you!", articleId: article, authorId: idOf("profile", 2) }
  return [
    { table: userTable, rows: userRows },
    { table: profileTable, rows: profileRows },
    { table: followTable, rows: [row("follow", 0, { profileId: idOf("profile", 0), followerId: ada })] },
    { table: articleTable, rows: articleRows },
    { table: articleTagTable, rows: tagRows },
    { table: favoriteTable, rows: [row("favorite", 0, { articleId: article, profileId: adasProfile, userId: ada })] },
    { table: commentTable, rows: [row("comment", 0, comment)] },
  ]
}
