/**
 * What Conduit stores, and who may touch it. Articles and comments belong to a profile: whoever may change the profile may change them.
 * Followers are told to nobody but themselves.
 */
import {
  anyone,
  can,
  countOf,
  existsOf,
  index,
  integer,
  is,
  json,
  many,
  me,
  nobody,
  one,
  own,
  record,
  reference,
  resource,
  signedIn,
  sqliteTable,
  stamp,
  text,
  uniqueIndex,
  userTable,
} from "selvage"
import * as z from "zod"

/** One tenant for all, and no operations but those of the mount. */
const plain = { tenant: "none", operations: [] } as const

export const profileTable = sqliteTable(
  "profiles",
  {
    ...record("profile"),
    userId: reference("user", () => userTable.id).notNull(),
    username: text({ length: 50 }).notNull(),
    bio: text({ length: 1000 }).notNull().default(""),
    image: text({ length: 500 }).notNull().default(""),
  },
  (table) => [uniqueIndex("profiles_by_user").on(table.userId), uniqueIndex("profiles_by_username").on(table.username)],
)

export const profiles = resource("profiles", {
  table: profileTable,
  ...plain,
  policy: { read: anyone(), create: is("userId", me), update: is("userId", me), delete: nobody() },
  relations: { user: one("users", "userId"), followers: many("follows", "profileId", { onDelete: "delete" }) },
  computed: { following: existsOf("followers", is("followerId", me)) },
})

export const followTable = sqliteTable(
  "follows",
  {
    ...record("follow"),
    profileId: reference("profile", () => profileTable.id).notNull(),
    followerId: reference("user", () => userTable.id).notNull(),
  },
  (table) => [
    uniqueIndex("follows_once").on(table.profileId, table.followerId),
    uniqueIndex("follows_by_follower").on(table.followerId, table.profileId),
  ],
)

export const follows = resource("follows", {
  table: followTable,
  ...plain,
  policy: { read: is("followerId", me), create: is("followerId", me), update: nobody(), delete: is("followerId", me) },
  fields: { followerId: stamp(me) },
})

export const articleTable = sqliteTable(
  "articles",
  {
    ...record("article"),
    slug: text({ length: 300 }).notNull(),
    title: text({ length: 200 }).notNull(),
    description: text({ length: 500 }).notNull(),
    body: text().notNull(),
    tagList: json(z.array(z.string().max(50)).max(20)).notNull(),
    authorId: reference("profile", () => profileTable.id).notNull(),
  },
  (table) => [
    uniqueIndex("articles_by_slug").on(table.slug),
    index("articles_by_creation").on(table.createdAt, table.id),
    index("articles_by_author").on(table.authorId, table.createdAt, table.id),
  ],
)

const byAuthor = can("update", "authorId")

export const articles = resource("articles", {
  table: articleTable,
  ...plain,
  policy: { read: anyone(), create: byAuthor, update: byAuthor, delete: byAuthor },
  fields: { authorId: stamp(own("profiles", "userId")) },
  relations: {
    author: one("profiles", "authorId"),
    tags: many("article_tags", "articleId", { onDelete: "delete" }),
    favorites: many("favorites", "articleId", { onDelete: "delete" }),
    comments: many("comments", "articleId", { onDelete: "delete" }),
  },
  computed: { favorited: existsOf("favorites", is("userId", me)), favoritesCount: countOf("favorites") },
})

const ofArticle = () => reference("article", () => articleTable.id).notNull()

export const articleTagTable = sqliteTable(
  "article_tags",
  { ...record("articletag"), articleId: ofArticle(), tag: text({ length: 50 }).notNull() },
  (table) => [
    uniqueIndex("article_tags_once").on(table.articleId, table.tag),
    index("article_tags_by_tag").on(table.tag, table.articleId),
  ],
)

export const articleTags = resource("article_tags", {
  table: articleTagTable,
  ...plain,
  policy: { read: anyone(), create: can("update", "articleId"), update: nobody(), delete: nobody() },
  relations: { article: one("articles", "articleId") },
})

export const favoriteTable = sqliteTable(
  "favorites",
  {
    ...record("favorite"),
    articleId: ofArticle(),
    profileId: reference("profile", () => profileTable.id).notNull(),
    userId: reference("user", () => userTable.id).notNull(),
  },
  (table) => [
    uniqueIndex("favorites_once").on(table.articleId, table.userId),
    index("favorites_by_profile").on(table.profileId, table.articleId),
    index("favorites_by_user").on(table.userId, table.articleId),
  ],
)

export const favorites = resource("favorites", {
  table: favoriteTable,
  ...plain,
  policy: { read: anyone(), create: signedIn(), update: nobody(), delete: is("userId", me) },
  fields: { userId: stamp(me), profileId: stamp(own("profiles", "userId")) },
  relations: { profile: one("profiles", "profileId") },
})

export const commentTable = sqliteTable(
  "comments",
  {
    ...record("comment"),
    number: integer().notNull(),
    body: text().notNull(),
    articleId: ofArticle(),
    authorId: reference("profile", () => profileTable.id).notNull(),
  },
  (table) => [
    uniqueIndex("comments_by_number").on(table.number),
    index("comments_by_article").on(table.articleId, table.createdAt, table.id),
    index("comments_by_author").on(table.authorId, table.createdAt, table.id),
  ],
)

export const comments = resource("comments", {
  table: commentTable,
  ...plain,
  policy: { read: anyone(), create: byAuthor, update: nobody(), delete: byAuthor },
  fields: { authorId: stamp(own("profiles", "userId")) },
  relations: { article: one("articles", "articleId"), author: one("profiles", "authorId") },
})
