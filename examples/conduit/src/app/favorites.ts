/** Favorites: who likes which article. Counted when the article is read. */
import {
  anyone,
  type Filter,
  index,
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
  uniqueIndex,
} from "selvage"
import { answered, articleSchema, articles, byProfile, bySlug, byUser, ofArticle, whole } from "./articles.ts"
import { idOf, profiles } from "./people.ts"

export const favoriteTable = sqliteTable(
  "favorites",
  { ...record("favorite"), articleId: ofArticle(), profileId: byProfile(), userId: byUser() },
  (table) => [
    uniqueIndex("favorites_once").on(table.articleId, table.userId),
    index("favorites_by_profile").on(table.profileId, table.articleId),
    index("favorites_by_user").on(table.userId, table.articleId),
  ],
)

export const favorites = resource("favorites", {
  table: favoriteTable,
  tenant: "none",
  summary: "Somebody liking an article",
  policy: { read: anyone(), create: signedIn(), update: nobody(), delete: is("userId", me) },
  fields: { userId: stamp(me) },
  relations: { profile: one("profiles", "profileId") },
  operations: [],
})

const favorite = operation("articles.favorite", {
  kind: "mutation",
  summary: "Favorite an article",
  input: bySlug,
  output: articleSchema,
  policy: signedIn(),
  rest: post("/articles/{slug}/favorite", answered),
  async handle({ input, principal, read, changes }) {
    const { id, favorited } = await read.get(articles, input)
    if (!favorited) {
      const profile = await read.get(profiles, { userId: idOf(principal) })
      changes.create(favorites, { articleId: id, profileId: profile.id })
    }
    return changes.read(articles, id, whole)
  },
})

const unfavorite = operation("articles.unfavorite", {
  kind: "mutation",
  summary: "Unfavorite an article",
  input: bySlug,
  output: articleSchema,
  policy: signedIn(),
  rest: remove("/articles/{slug}/favorite", answered),
  async handle({ input, principal, read, changes }) {
    const { id } = await read.get(articles, input)
    const filter: Filter = {
      op: "and",
      of: [
        { op: "eq", field: "articleId", value: id },
        { op: "eq", field: "userId", value: idOf(principal) },
      ],
    }
    for (const one of (await read.list(favorites, { filter, limit: 1 })).items) changes.delete(favorites, one.id)
    return changes.read(articles, id, whole)
  },
})

export const favoriteOperations = [favorite, unfavorite]
