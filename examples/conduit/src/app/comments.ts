/** Comments on articles. Conduit's clients want a number for an id, so a comment has one beside the id that all records have. */
import { get, operation, Problem, post, remove } from "selvage"
import * as z from "zod"
import { authored, bySlug } from "./articles.ts"
import { articles, comments } from "./data.ts"
import { asking, doing, shownProfile } from "./people.ts"

const shown = { expand: { author: shownProfile } }
/** The record, with its number in the place of its id. */
const commentSchema = z.preprocess(
  (row: { number?: number }) => ({ ...row, id: row.number }),
  z.object({ id: z.int(), body: z.string(), ...authored }).meta({ id: "Comment" }),
)

const list = operation("comments.list", {
  ...asking("articles", "comments", "profiles"),
  summary: "Get the comments of an article",
  input: bySlug,
  output: z.object({ comments: z.array(commentSchema) }).meta({ id: "CommentList" }),
  rest: get("/articles/{slug}/comments"),
  async handle({ input, read }) {
    const expand = { comments: { ...shown, limit: 100 } }
    const { comments } = await read.get(articles, input, { fields: [], expand })
    return { comments: comments as { number: number }[] }
  },
})

const create = operation("comments.create", {
  ...doing,
  summary: "Comment on an article",
  input: bySlug.extend({ body: z.string().trim().min(1).max(10_000) }),
  output: commentSchema,
  rest: post("/articles/{slug}/comments", { envelope: { request: "comment", answer: "comment" } }),
  async handle({ input: { slug, body }, read, changes, ids }) {
    const { id: articleId } = await read.get(articles, { slug }, { fields: [] })
    const { id } = changes.create(comments, { articleId, body, number: ids.number() })
    return changes.read(comments, id, shown)
  },
})

const removeComment = operation("comments.delete", {
  ...doing,
  summary: "Delete a comment",
  input: bySlug.extend({ id: z.int() }),
  output: z.object({}),
  rest: remove("/articles/{slug}/comments/{id}", 204),
  async handle({ input, read, changes }) {
    const expand = { article: { fields: ["slug"] } }
    const { id, article } = await read.get(comments, { number: String(input.id) }, { expand })
    const { slug } = article as { slug: string }
    if (slug !== input.slug) throw new Problem("NOT_FOUND", "The article has no such comment")
    changes.delete(comments, id)
    return {}
  },
})

export const commentOperations = [list, create, removeComment]
