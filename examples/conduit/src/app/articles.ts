/** Articles, their tags and their favorites. A slug follows the title; tags keep their order; favorites are counted when they are read. */
import {
  anyone,
  countOf,
  existsOf,
  type Filter,
  get,
  index,
  is,
  json,
  many,
  me,
  nobody,
  one,
  operation,
  post,
  put,
  record,
  reference,
  remove,
  resource,
  signedIn,
  sqliteTable,
  stamp,
  text,
  uniqueIndex,
  userTable,
} from "selvage"
import * as z from "zod"
import { idOf, profileSchema, profiles, profileTable, shownProfile } from "./people.ts"

export const byUser = () =>
  reference("user")
    .notNull()
    .references(() => userTable.id)
export const byProfile = () =>
  reference("profile")
    .notNull()
    .references(() => profileTable.id)

export const articleTable = sqliteTable(
  "articles",
  {
    ...record("article"),
    slug: text({ length: 300 }).notNull(),
    title: text({ length: 200 }).notNull(),
    description: text({ length: 500 }).notNull(),
    body: text().notNull(),
    tagList: json(z.array(z.string().max(50)).max(20)).notNull(),
    authorId: byProfile(),
    createdBy: byUser(),
  },
  (table) => [
    uniqueIndex("articles_by_slug").on(table.slug),
    index("articles_by_creation").on(table.createdAt, table.id),
    index("articles_by_author").on(table.authorId, table.createdAt, table.id),
    index("articles_by_creator").on(table.createdBy, table.createdAt, table.id),
  ],
)

export const ofArticle = () =>
  reference("article")
    .notNull()
    .references(() => articleTable.id)

export const articleTagTable = sqliteTable(
  "article_tags",
  { ...record("articletag"), articleId: ofArticle(), tag: text({ length: 50 }).notNull() },
  (table) => [
    uniqueIndex("article_tags_once").on(table.articleId, table.tag),
    index("article_tags_by_tag").on(table.tag, table.articleId),
  ],
)

const mine = { create: is("createdBy", me), update: is("createdBy", me), delete: is("createdBy", me) }

export const articles = resource("articles", {
  table: articleTable,
  tenant: "none",
  summary: "Something that somebody wrote",
  policy: { read: anyone(), ...mine },
  fields: { createdBy: stamp(me) },
  relations: {
    author: one("profiles", "authorId"),
    tags: many("article_tags", "articleId", { onDelete: "delete" }),
    favorites: many("favorites", "articleId", { onDelete: "delete" }),
    comments: many("comments", "articleId", { onDelete: "delete" }),
  },
  computed: { favorited: existsOf("favorites", is("userId", me)), favoritesCount: countOf("favorites") },
  operations: [],
})

export const articleTags = resource("article_tags", {
  table: articleTagTable,
  tenant: "none",
  summary: "A word for what an article is about",
  policy: { read: anyone(), create: signedIn(), update: nobody(), delete: nobody() },
  relations: { article: one("articles", "articleId") },
  filter: ["tag"],
  operations: [],
})

const listed = ["slug", "title", "description", "tagList", "createdAt", "updatedAt", "favorited", "favoritesCount"]
const inList = { fields: listed, expand: { author: shownProfile } }
export const whole = { ...inList, fields: [...listed, "body"] }

const listedSchema = z
  .object({
    slug: z.string(),
    title: z.string(),
    description: z.string(),
    tagList: z.array(z.string()),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    favorited: z.boolean(),
    favoritesCount: z.int(),
    author: profileSchema,
  })
  .meta({ id: "ListedArticle" })
export const articleSchema = listedSchema.extend({ body: z.string() }).meta({ id: "Article" })

const title = z.string().trim().min(1).max(200)
const description = z.string().trim().min(1).max(500)
const body = z.string().min(1).max(100_000)
export const bySlug = z.strictObject({ slug: z.string().max(300) })
const inEnvelope = { envelope: { request: "article", answer: "article" } }
export const answered = { envelope: { answer: "article" } }

/** Letters and digits of the title, and the end of a new id, so that two articles may have one title. */
function slugOf(of: string, unique: string): string {
  const words =
    of
      .normalize("NFKD")
      .toLowerCase()
      .match(/[a-z0-9]+/g) ?? []
  return [...words, unique.slice(-6)].join("-")
}

const page = z.strictObject({
  limit: z.int().min(1).max(100).default(20),
  offset: z.int().min(0).max(100_000).default(0),
})
const pageSchema = z.object({ articles: z.array(listedSchema), articlesCount: z.int() }).meta({ id: "ArticlePage" })

const list = operation("articles.list", {
  kind: "query",
  summary: "Get recent articles globally",
  input: page.extend({ tag: z.string().optional(), author: z.string().optional(), favorited: z.string().optional() }),
  output: pageSchema,
  policy: anyone(),
  rest: get("/articles"),
  async handle({ input: { tag, author, favorited, ...part }, read }) {
    const named = (value: string): Filter => ({ op: "eq", field: "username", value })
    const of: Filter[] = []
    if (tag !== undefined) of.push({ op: "some", relation: "tags", of: { op: "eq", field: "tag", value: tag } })
    if (author !== undefined) of.push({ op: "some", relation: "author", of: named(author) })
    if (favorited !== undefined) {
      const by: Filter = { op: "some", relation: "profile", of: named(favorited) }
      of.push({ op: "some", relation: "favorites", of: by })
    }
    const { items, count } = await read.list(articles, {
      ...inList,
      ...part,
      count: "exact",
      filter: { op: "and", of },
    })
    return { articles: items, articlesCount: count ?? 0 }
  },
})

const feed = operation("articles.feed", {
  kind: "query",
  summary: "Get recent articles from users you follow",
  input: page,
  output: pageSchema,
  policy: signedIn(),
  rest: get("/articles/feed"),
  async handle({ input, principal, read }) {
    const me: Filter = { op: "eq", field: "followerId", value: idOf(principal) }
    const followed: Filter = { op: "some", relation: "followers", of: me }
    const filter: Filter = { op: "some", relation: "author", of: followed }
    const { items, count } = await read.list(articles, { ...inList, ...input, count: "exact", filter })
    return { articles: items, articlesCount: count ?? 0 }
  },
})

const getArticle = operation("articles.get", {
  kind: "query",
  summary: "Get an article",
  input: bySlug,
  output: articleSchema,
  policy: anyone(),
  rest: get("/articles/{slug}", answered),
  handle: ({ input, read }) => read.get(articles, input, whole),
})

const createArticle = operation("articles.create", {
  kind: "mutation",
  summary: "Create an article",
  input: z.strictObject({
    title,
    description,
    body,
    tagList: z.array(z.string().trim().min(1).max(50)).max(20).optional(),
  }),
  output: articleSchema,
  policy: signedIn(),
  rest: post("/articles", { status: 201, ...inEnvelope }),
  async handle({ input: { tagList = [], ...text }, principal, read, changes, ids }) {
    const author = await read.get(profiles, { userId: idOf(principal) })
    const tags = [...new Set(tagList)]
    const slug = slugOf(text.title, ids.mint("slug"))
    const article = changes.create(articles, { ...text, slug, tagList: tags, authorId: author.id })
    for (const tag of tags) changes.create(articleTags, { articleId: article.id, tag })
    return changes.read(articles, article.id, whole)
  },
})

const updateArticle = operation("articles.update", {
  kind: "mutation",
  summary: "Update an article",
  input: bySlug.extend({ title, description, body }).partial({ title: true, description: true, body: true }),
  output: articleSchema,
  policy: signedIn(),
  rest: put("/articles/{slug}", inEnvelope),
  async handle({ input: { slug: at, ...text }, read, changes, ids }) {
    const { id, title: before } = await read.get(articles, { slug: at })
    const isRenamed = text.title !== undefined && text.title !== before
    const slug = isRenamed ? { slug: slugOf(String(text.title), ids.mint("slug")) } : {}
    changes.update(articles, id, { ...text, ...slug })
    return changes.read(articles, id, whole)
  },
})

const deleteArticle = operation("articles.delete", {
  kind: "mutation",
  summary: "Delete an article",
  input: bySlug,
  output: z.object({ slug: z.string() }).meta({ id: "ArticleDeleted" }),
  policy: signedIn(),
  rest: remove("/articles/{slug}", 204),
  async handle({ input, read, changes }) {
    changes.delete(articles, (await read.get(articles, input)).id)
    return input
  },
})

const tags = operation("tags.list", {
  kind: "query",
  summary: "Get tags",
  input: z.strictObject({}),
  output: z.object({ tags: z.array(z.string()) }).meta({ id: "Tags" }),
  policy: anyone(),
  rest: get("/tags"),
  async handle({ read }) {
    return { tags: (await read.groups(articleTags, "tag")).map(({ value }) => String(value)) }
  },
})

export const articleOperations = [feed, list, getArticle, createArticle, updateArticle, deleteArticle, tags]
