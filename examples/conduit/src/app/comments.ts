/** Comments on articles. Conduit's clients want a number for an id: it is made of the time and the chance in the record's own id. */
import {
  anyone,
  get,
  index,
  integer,
  is,
  me,
  nobody,
  one,
  operation,
  post,
  record,
  remove,
  resource,
  signedIn,
  sqliteTable,
  stamp,
  text,
  uniqueIndex,
} from "selvage"
import * as z from "zod"
import { articles, byProfile, byUser, ofArticle } from "./articles.ts"
import { idOf, profileSchema, profiles, shownProfile } from "./people.ts"

export const commentTable = sqliteTable(
  "comments",
  {
    ...record("comment"),
    number: integer().notNull(),
    body: text().notNull(),
    articleId: ofArticle(),
    authorId: byProfile(),
    createdBy: byUser(),
  },
  (table) => [
    uniqueIndex("comments_by_number").on(table.number),
    index("comments_by_article").on(table.articleId, table.createdAt, table.id),
    index("comments_by_author").on(table.authorId, table.createdAt, table.id),
    index("comments_by_creator").on(table.createdBy, table.createdAt, table.id),
  ],
)

export const comments = resource("comments", {
  table: commentTable,
  tenant: "none",
  summary: "What somebody says of an article",
  policy: { read: anyone(), create: signedIn(), update: nobody(), delete: is("createdBy", me) },
  fields: { createdBy: stamp(me) },
  relations: { article: one("articles", "articleId"), author: one("profiles", "authorId") },
  filter: ["articleId"],
  operations: [],
})

const shown = { fields: ["number", "body", "createdAt", "updatedAt"], expand: { author: shownProfile } } as const
const commentSchema = z
  .object({
    id: z.int(),
    body: z.string(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    author: profileSchema,
  })
  .meta({ id: "Comment" })

const digits = "0123456789abcdefghjkmnpqrstvwxyz"

/** 51 bits of a TypeID: the milliseconds of its UUIDv7 and the first of what follows. */
function numberOf(id: string): number {
  const text = id.slice(id.lastIndexOf("_") + 1).slice(0, 10)
  let number = 0
  for (const digit of text) number = number * 32 + digits.indexOf(digit)
  const chance = digits.indexOf(id.at(-1) ?? "0") & 7
  return number * 8 + chance
}

const list = operation("comments.list", {
  kind: "query",
  summary: "Get the comments of an article",
  input: z.strictObject({ slug: z.string().max(300) }),
  output: z.object({ comments: z.array(commentSchema) }).meta({ id: "CommentList" }),
  policy: anyone(),
  rest: get("/articles/{slug}/comments"),
  async handle({ input, read }) {
    const expand = { comments: { ...shown, limit: 100 } }
    const article = await read.get(articles, input, { fields: ["id"], expand })
    const found = article.comments as (z.input<typeof commentSchema> & { number: number })[]
    return { comments: found.map(({ number, ...rest }) => ({ ...rest, id: number })) }
  },
})

const create = operation("comments.create", {
  kind: "mutation",
  summary: "Comment on an article",
  input: z.strictObject({ slug: z.string().max(300), body: z.string().trim().min(1).max(10_000) }),
  output: commentSchema,
  policy: signedIn(),
  rest: post("/articles/{slug}/comments", { envelope: { request: "comment", answer: "comment" } }),
  async handle({ input: { slug, body }, principal, now, read, changes, ids }) {
    const article = await read.get(articles, { slug }, { fields: ["id"] })
    const author = await read.get(profiles, { userId: idOf(principal) })
    const id = numberOf(ids.mint("comment"))
    changes.create(comments, { articleId: article.id, authorId: author.id, body, number: id })
    const { username, bio, image } = author
    const at = now.toISOString()
    return { id, body, createdAt: at, updatedAt: at, author: { username, bio, image, following: false } }
  },
})

const removeComment = operation("comments.delete", {
  kind: "mutation",
  summary: "Delete a comment",
  input: z.strictObject({ slug: z.string().max(300), id: z.int() }),
  output: z.object({ id: z.int() }).meta({ id: "CommentDeleted" }),
  policy: signedIn(),
  rest: remove("/articles/{slug}/comments/{id}", 204),
  async handle({ input: { id }, read, changes }) {
    changes.delete(comments, (await read.get(comments, { number: String(id) })).id)
    return { id }
  },
})

export const commentOperations = [list, create, removeComment]
