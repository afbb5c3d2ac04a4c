/** People: an account of the engine, and beside it what Conduit shows of its owner. Followed by one another. */
import {
  anyone,
  existsOf,
  get,
  is,
  many,
  me,
  nobody,
  one,
  operation,
  type Principal,
  Problem,
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

export const profileTable = sqliteTable(
  "profiles",
  {
    ...record("profile"),
    userId: reference("user")
      .notNull()
      .references(() => userTable.id),
    username: text({ length: 50 }).notNull(),
    bio: text({ length: 1000 }).notNull().default(""),
    image: text({ length: 500 }).notNull().default(""),
  },
  (table) => [uniqueIndex("profiles_by_user").on(table.userId), uniqueIndex("profiles_by_username").on(table.username)],
)

export const followTable = sqliteTable(
  "follows",
  {
    ...record("follow"),
    profileId: reference("profile")
      .notNull()
      .references(() => profileTable.id),
    followerId: reference("user")
      .notNull()
      .references(() => userTable.id),
  },
  (table) => [
    uniqueIndex("follows_once").on(table.profileId, table.followerId),
    uniqueIndex("follows_by_follower").on(table.followerId, table.profileId),
  ],
)

export const profiles = resource("profiles", {
  table: profileTable,
  tenant: "none",
  summary: "What others see of somebody",
  policy: { read: anyone(), create: is("userId", me), update: is("userId", me), delete: nobody() },
  relations: {
    user: one("users", "userId"),
    followers: many("follows", "profileId", { onDelete: "delete" }),
  },
  computed: { following: existsOf("followers", is("followerId", me)) },
  operations: [],
})

export const follows = resource("follows", {
  table: followTable,
  tenant: "none",
  summary: "Somebody following somebody",
  policy: {
    read: is("followerId", me),
    create: is("followerId", me),
    update: nobody(),
    delete: is("followerId", me),
  },
  fields: { followerId: stamp(me) },
  operations: [],
})

/** What is shown of an author. */
export const shownProfile = { fields: ["username", "bio", "image", "following"] } as const
export const profileSchema = z
  .object({ username: z.string(), bio: z.string(), image: z.string(), following: z.boolean() })
  .meta({ id: "ConduitProfile" })

const userSchema = z
  .object({ email: z.string(), token: z.string(), username: z.string(), bio: z.string(), image: z.string() })
  .meta({ id: "ConduitUser" })
const usernameSchema = z.string().trim().min(1).max(50)
const inEnvelope = { envelope: { request: "user", answer: "user" } }

/** The id of who calls; operations that need it are closed to nobody. */
export function idOf(principal: Principal): string {
  if (principal.kind !== "user") throw new Problem("UNAUTHENTICATED", "Sign in to do this")
  return principal.id
}

const register = operation("users.register", {
  kind: "mutation",
  summary: "Register a new user",
  input: z.strictObject({ username: usernameSchema, email: z.email().max(254), password: z.string().max(256) }),
  output: userSchema,
  policy: anyone(),
  confidential: true,
  rest: post("/users", { status: 201, ...inEnvelope }),
  async handle({ input: { username, email, password }, accounts }) {
    const { accessToken: token } = await accounts.signUp({ email, password, name: username }, (changes, userId) =>
      changes.create(profiles, { userId, username }),
    )
    return { email, token, username, bio: "", image: "" }
  },
})

const login = operation("users.login", {
  kind: "mutation",
  summary: "Existing user login",
  input: z.strictObject({ email: z.string().max(254), password: z.string().max(256) }),
  output: userSchema,
  policy: anyone(),
  confidential: true,
  rest: post("/users/login", inEnvelope),
  async handle({ input, accounts, read }) {
    const { userId, email, accessToken: token } = await accounts.signIn(input)
    const { username, bio, image } = await read.get(profiles, { userId })
    return { email, token, username, bio, image }
  },
})

const currentUser = operation("users.current", {
  kind: "query",
  summary: "The user who is signed in",
  input: z.strictObject({}),
  output: userSchema,
  policy: signedIn(),
  confidential: true,
  rest: get("/user", { envelope: { answer: "user" } }),
  async handle({ principal, accounts, read }) {
    const { username, bio, image, user } = await read.get(
      profiles,
      { userId: idOf(principal) },
      { expand: { user: { fields: ["email"] } } },
    )
    const { email } = user as { email: string }
    return { email, token: accounts.presented(), username, bio, image }
  },
})

const updateUser = operation("users.update", {
  kind: "mutation",
  summary: "Update the user who is signed in",
  input: z
    .strictObject({
      email: z.email().max(254),
      password: z.string().max(256),
      username: usernameSchema,
      bio: z.string().max(1000),
      image: z.string().max(500),
    })
    .partial(),
  output: userSchema,
  policy: signedIn(),
  confidential: true,
  rest: put("/user", inEnvelope),
  async handle({ input: { email, password, ...shown }, principal, accounts, read }) {
    const before = await read.get(profiles, { userId: idOf(principal) })
    const account = await accounts.change({ email, password, name: shown.username }, (changes) => {
      if (Object.keys(shown).length > 0) changes.update(profiles, before.id, shown)
    })
    const { username = before.username, bio = before.bio, image = before.image } = shown
    return { email: account.email, token: accounts.presented(), username, bio, image }
  },
})

const byName = z.strictObject({ username: z.string().max(50) })
const profileAnswer = { envelope: { answer: "profile" } }

const getProfile = operation("profiles.get", {
  kind: "query",
  summary: "Get a profile",
  input: byName,
  output: profileSchema,
  policy: anyone(),
  rest: get("/profiles/{username}", profileAnswer),
  handle: ({ input, read }) => read.get(profiles, input, shownProfile),
})

const follow = operation("profiles.follow", {
  kind: "mutation",
  summary: "Follow a user",
  input: byName,
  output: profileSchema,
  policy: signedIn(),
  rest: post("/profiles/{username}/follow", profileAnswer),
  async handle({ input, read, changes }) {
    const { id, following } = await read.get(profiles, input)
    if (!following) changes.create(follows, { profileId: id })
    return changes.read(profiles, id, shownProfile)
  },
})

const unfollow = operation("profiles.unfollow", {
  kind: "mutation",
  summary: "Unfollow a user",
  input: byName,
  output: profileSchema,
  policy: signedIn(),
  rest: remove("/profiles/{username}/follow", profileAnswer),
  async handle({ input, read, changes }) {
    const { id, followers } = await read.get(profiles, input, { fields: ["id"], expand: { followers: { limit: 1 } } })
    // Of the followers nobody sees any but themselves.
    for (const mine of followers as { id: string }[]) changes.delete(follows, mine.id)
    return changes.read(profiles, id, shownProfile)
  },
})

export const peopleOperations = [register, login, currentUser, updateUser, getProfile, follow, unfollow]
