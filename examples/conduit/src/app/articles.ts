/** Articles, their tags and who likes them. A slug follows the title; tags keep their order; favorites are counted when they are read. */
import { callerId, type Filter, get, operation, post, put, type Read, remove, signedIn } from "selvage"
import * as z from "zod"
import { articles, articleTags, favorites } from "./data.ts"
import { asking, doing, profileSchema, shownProfile } from "./people.ts"

/** What articles and comments have in common. */
export const authored = { createdAt: z.iso.datetime(), updatedAt: z.iso.datetime(), author: profileSchema }
const listedSchema = z
  .object({
    slug: z.string(),
    title: z.string(),
    description: z.string(),
    tagList: z.array(z.string()),
    ...authored,
    favorited: z.boolean(),
    favoritesCount: z.int(),
  })
  .meta({ id: "ListedArticle" })
const articleSchema = listedSchema.extend({ body: z.string() }).meta({ id: "Article" })
const pageSchema = z.object({ articles: z.array(listedSchema), articlesCount: z.int() }).meta({ id: "ArticlePage" })

const fields = Object.keys(listedSchema.omit({ author: true }).shape)
const inList = { fields, expand: { author: shownProfile } }
const whole = { ...inList, fields: [...fields, "body"] }

const text = {
  title: z.string().trim().min(1).max(200),
  description: z.string().trim().min(1).max(500),
  body: z.string().min(1).max(100_000),
}
const tagList = z.array(z.string().trim().min(1).max(50)).max(20).default([])
export const bySlug = z.strictObject({ slug: z.string().max(300) })
const page = z.strictObject({
  limit: z.int().min(1).max(100).default(20),
  offset: z.int().min(0).max(100_000).default(0),
})
const ofArticle = { input: bySlug, output: articleSchema }
const inEnvelope = { envelope: { request: "article", answer: "article" } }
const answered = { envelope: { answer: "article" } }

const eq = (field: string, value: string): Filter => ({ op: "eq", field, value })
const some = (relation: string, of: Filter): Filter => ({ op: "some", relation, of })

/** Letters and digits of the title, and the end of a new id, so that two articles may have one title. */
function slugOf(title: string, unique: string): string {
  const letters = title.normalize("NFKD").replace(/\p{M}/gu, "")
  return [...(letters.toLowerCase().match(/[a-z0-9]+/g) ?? []), unique.slice(-6)].join("-")
}

async function pageOf(read: Read, part: z.output<typeof page>, filter: Filter) {
  const { items, count = 0 } = await read.list(articles, { ...inList, ...part, count: "exact", filter })
  return { articles: items, articlesCount: count }
}

const list = operation("articles.list", {
  ...asking("articles", "article_tags", "favorites", "profiles"),
  summary: "Get recent articles globally",
  input: page.extend({ tag: z.string().optional(), author: z.string().optional(), favorited: z.string().optional() }),
  output: pageSchema,
  rest: get("/articles"),
  handle({ input: { tag, author, favorited, ...part }, read }) {
    const of: Filter[] = []
    if (tag !== undefined) of.push(some("tags", eq("tag", tag)))
    if (author !== undefined) of.push(some("author", eq("username", author)))
    if (favorited !== undefined) of.push(some("favorites", some("profile", eq("username", favorited))))
    return pageOf(read, part, { op: "and", of })
  },
})

const feed = operation("articles.feed", {
  kind: "query",
  summary: "Get recent articles from users you follow",
  input: page,
  output: pageSchema,
  policy: signedIn(),
  rest: get("/articles/feed"),
  handle: ({ input, principal, read }) =>
    pageOf(read, input, some("author", some("followers", eq("followerId", callerId(principal))))),
})

const getArticle = operation("articles.get", {
  ...asking("articles", "favorites", "profiles"),
  summary: "Get an article",
  ...ofArticle,
  rest: get("/articles/{slug}", answered),
  handle: ({ input, read }) => read.get(articles, input, whole),
})

const createArticle = operation("articles.create", {
  ...doing,
  summary: "Create an article",
  input: z.strictObject({ ...text, tagList }),
  output: articleSchema,
  rest: post("/articles", { status: 201, ...inEnvelope }),
  handle({ input, changes, ids }) {
    const tagList = [...new Set(input.tagList)]
    const { id } = changes.create(articles, { ...input, tagList, slug: slugOf(input.title, ids.mint("slug")) })
    for (const tag of tagList) changes.create(articleTags, { articleId: id, tag })
    return changes.read(articles, id, whole)
  },
})

const updateArticle = operation("articles.update", {
  ...doing,
  summary: "Update an article",
  input: z.strictObject(text).partial().extend(bySlug.shape),
  output: articleSchema,
  rest: put("/articles/{slug}", inEnvelope),
  async handle({ input: { slug: at, ...given }, read, changes, ids }) {
    const { id, slug, title } = await read.get(articles, { slug: at })
    const { title: next = title } = given
    changes.update(articles, id, { ...given, slug: next === title ? slug : slugOf(next, ids.mint("slug")) })
    return changes.read(articles, id, whole)
  },
})

const deleteArticle = operation("articles.delete", {
  ...doing,
  summary: "Delete an article",
  input: bySlug,
  output: z.object({}),
  rest: remove("/articles/{slug}", 204),
  async handle({ input, read, changes }) {
    changes.delete(articles, (await read.get(articles, input, { fields: [] })).id)
    return {}
  },
})

const favorite = operation("articles.favorite", {
  ...doing,
  summary: "Favorite an article",
  ...ofArticle,
  rest: post("/articles/{slug}/favorite", answered),
  async handle({ input, read, changes }) {
    const { id, favorited } = await read.get(articles, input)
    if (!favorited) changes.create(favorites, { articleId: id })
    return changes.read(articles, id, whole)
  },
})

const unfavorite = operation("articles.unfavorite", {
  ...doing,
  summary: "Unfavorite an article",
  ...ofArticle,
  rest: remove("/articles/{slug}/favorite", answered),
  async handle({ input, principal, read, changes }) {
    const { id } = await read.get(articles, input)
    const filter: Filter = { op: "and", of: [eq("articleId", id), eq("userId", callerId(principal))] }
    for (const mine of (await read.list(favorites, { filter, limit: 1 })).items) changes.delete(favorites, mine.id)
    return changes.read(articles, id, whole)
  },
})

const tags = operation("tags.list", {
  ...asking("article_tags"),
  summary: "Get tags",
  input: z.strictObject({}),
  output: z.object({ tags: z.array(z.string()) }).meta({ id: "Tags" }),
  rest: get("/tags"),
  handle: async ({ read }) => ({ tags: (await read.groups(articleTags, "tag")).map(({ value }) => String(value)) }),
})

const reading = [feed, list, getArticle, tags]
export const articleOperations = [...reading, createArticle, updateArticle, deleteArticle, favorite, unfavorite]
