/** People: an account of the engine, and beside it what Conduit shows of its owner. Refuses to tell one person's address to another. */
import { type Also, anyone, callerId, get, operation, post, put, remove, signedIn } from "selvage"
import * as z from "zod"
import { follows, profiles } from "./data.ts"

const told = { username: z.string(), bio: z.string(), image: z.string() }
export const profileSchema = z.object({ ...told, following: z.boolean() }).meta({ id: "ConduitProfile" })
const userSchema = z.object({ email: z.string(), token: z.string(), ...told }).meta({ id: "ConduitUser" })
/** What is read of an author. */
export const shownProfile = { fields: Object.keys(profileSchema.shape) }

const cache = { public: "60s", swr: "10m" } as const
/** What anybody may ask (who has no account is answered from a cache until one of these changes), and what users may do. */
export const asking = (...tags: string[]) => ({ kind: "query", policy: anyone(), cache: { ...cache, tags } }) as const
export const doing = { kind: "mutation", policy: signedIn() } as const

const username = z.string().trim().min(1).max(50)
const email = z.email().max(254)
const password = z.string().max(256)
const bio = z.string().max(1000)
const image = z.string().max(500)
const changed = z.strictObject({ email, password, username, bio, image }).partial()

const answersUser = { output: userSchema, confidential: true } as const
const entering = { kind: "mutation", policy: anyone(), ...answersUser } as const
const inEnvelope = { envelope: { request: "user", answer: "user" } }

const register = operation("users.register", {
  ...entering,
  summary: "Register a new user",
  input: z.strictObject({ username, email, password }),
  rest: post("/users", { status: 201, ...inEnvelope }),
  async handle({ input: { username, ...given }, accounts }) {
    const also: Also = (changes, userId) => changes.create(profiles, { userId, username })
    const { email, accessToken: token } = await accounts.signUp({ ...given, name: username }, also)
    return { email, token, username, bio: "", image: "" }
  },
})

const login = operation("users.login", {
  ...entering,
  summary: "Existing user login",
  input: z.strictObject({ email: z.string().max(254), password }),
  rest: post("/users/login", inEnvelope),
  async handle({ input, accounts, read }) {
    const { userId, email, accessToken: token } = await accounts.signIn(input)
    return { ...(await read.get(profiles, { userId })), email, token }
  },
})

const currentUser = operation("users.current", {
  kind: "query",
  summary: "The user who is signed in",
  input: z.strictObject({}),
  ...answersUser,
  policy: signedIn(),
  rest: get("/user", { envelope: { answer: "user" } }),
  async handle({ principal, accounts, read }) {
    const withEmail = { expand: { user: { fields: ["email"] } } }
    const profile = await read.get(profiles, { userId: callerId(principal) }, withEmail)
    return { ...profile, ...(profile.user as { email: string }), token: accounts.presented() }
  },
})

const updateUser = operation("users.update", {
  ...doing,
  summary: "Update the user who is signed in",
  input: changed.refine((given) => Object.keys(given).length > 0, "Give at least one field"),
  ...answersUser,
  rest: put("/user", inEnvelope),
  async handle({ input: { email, password, ...shown }, principal, accounts, read }) {
    const before = await read.get(profiles, { userId: callerId(principal) })
    const account = await accounts.change({ email, password, name: shown.username }, (changes) => {
      if (Object.keys(shown).length > 0) changes.update(profiles, before.id, shown)
    })
    return { ...before, ...shown, email: account.email, token: accounts.presented() }
  },
})

const ofProfile = { input: z.strictObject({ username: z.string().max(50) }), output: profileSchema }
const answered = { envelope: { answer: "profile" } }

const getProfile = operation("profiles.get", {
  ...asking("profiles"),
  summary: "Get a profile",
  ...ofProfile,
  rest: get("/profiles/{username}", answered),
  handle: ({ input, read }) => read.get(profiles, input, shownProfile),
})

const follow = operation("profiles.follow", {
  ...doing,
  summary: "Follow a user",
  ...ofProfile,
  rest: post("/profiles/{username}/follow", answered),
  async handle({ input, read, changes }) {
    const { id, following } = await read.get(profiles, input)
    if (!following) changes.create(follows, { profileId: id })
    return changes.read(profiles, id, shownProfile)
  },
})

const unfollow = operation("profiles.unfollow", {
  ...doing,
  summary: "Unfollow a user",
  ...ofProfile,
  rest: remove("/profiles/{username}/follow", answered),
  async handle({ input, read, changes }) {
    const { id, followers } = await read.get(profiles, input, { fields: ["id"], expand: { followers: { limit: 1 } } })
    // Of the followers nobody sees any but themselves.
    for (const mine of followers as { id: string }[]) changes.delete(follows, mine.id)
    return changes.read(profiles, id, shownProfile)
  },
})

export const peopleOperations = [register, login, currentUser, updateUser, getProfile, follow, unfollow]
