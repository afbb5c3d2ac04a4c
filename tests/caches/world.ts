/**
 * A blog whose posts anyone may read, served by isolates of a test's own over one database, one KV and one Cache API. The clock stands still until a
 * test moves it, and what the log says reaches the touches object when the test says so.
 */
import { env } from "cloudflare:workers"
import {
  anyone,
  app,
  countOf,
  get,
  index,
  is,
  json,
  many,
  me,
  one,
  operation,
  record,
  reference,
  resource,
  signedIn,
  sqliteTable,
  text,
} from "selvage"
import * as z from "zod"
import type { TouchesObject } from "../../src/core/hub-object.ts"
import { readLog } from "../../src/database/log.ts"
import type { Reader } from "../../src/feed/tail.ts"
import { createTable } from "../database/reads-fixture.ts"
import { type Actor, newActor } from "../support/actors.ts"
import type { Answer, CallOptions } from "../support/calls.ts"
import { type Serving, serving, watchedDatabase } from "../support/serving.ts"

const people = sqliteTable("c_people", { ...record("person"), name: text({ length: 50 }).notNull() }, (table) => [
  index("c_people_by_creation").on(table.createdAt, table.id),
])
const posts = sqliteTable(
  "c_posts",
  {
    ...record("post"),
    title: text({ length: 200 }).notNull(),
    body: text({ length: 20_000 }),
    labels: json(z.array(z.string())),
    authorId: reference("person"),
  },
  (table) => [
    index("c_posts_by_creation").on(table.createdAt, table.id),
    index("c_posts_by_title").on(table.title, table.id),
    index("c_posts_by_author").on(table.authorId, table.createdAt, table.id),
  ],
)
const remarks = sqliteTable("c_remarks", { ...record("remark"), postId: reference("post").notNull() }, (table) => [
  index("c_remarks_by_post").on(table.postId, table.createdAt, table.id),
])
const drafts = sqliteTable(
  "c_drafts",
  { ...record("draft"), postId: reference("post").notNull(), ownerId: reference("user").notNull(), text: text() },
  (table) => [
    index("c_drafts_by_post").on(table.postId, table.createdAt, table.id),
    index("c_drafts_by_owner").on(table.ownerId, table.createdAt, table.id),
  ],
)

const mine = is("ownerId", me)
const opened = { read: anyone(), create: signedIn(), update: signedIn(), delete: signedIn() }
export const cachedFor = { public: "60s", swr: "10m" } as const

const peopleResource = resource("people", {
  table: people,
  tenant: "none",
  policy: opened,
  cache: { public: "30s", swr: "1m" },
  relations: { posts: many("posts", "authorId", { onDelete: "clear" }) },
  operations: ["list", "get", "create", "update", "delete"],
})
export const postsResource = resource("posts", {
  table: posts,
  tenant: "none",
  policy: opened,
  cache: cachedFor,
  relations: {
    author: one("people", "authorId"),
    remarks: many("remarks", "postId", { onDelete: "delete" }),
    drafts: many("drafts", "postId", { onDelete: "delete" }),
  },
  computed: { remarkCount: countOf("remarks") },
  filter: ["title", "authorId"],
  sort: ["title"],
})
const remarksResource = resource("remarks", { table: remarks, tenant: "none", policy: opened, filter: ["postId"] })
const draftsResource = resource("drafts", {
  table: drafts,
  tenant: "none",
  policy: { read: mine, create: signedIn(), update: mine, delete: mine },
})

const asked = { kind: "query", policy: anyone(), input: z.strictObject({}) } as const
/** Says who asks, and how often it was asked: what must never reach another caller. */
const whoami = operation("posts.whoami", {
  ...asked,
  output: z.object({ who: z.string(), posts: z.int() }),
  cache: { ...cachedFor, tags: ["posts", "remarks"] },
  rest: get("/whoami"),
  async handle({ principal, read }) {
    const { count = 0 } = await read.list(postsResource, { count: true, limit: 1 })
    return { who: principal.kind === "user" ? principal.id : principal.kind, posts: count }
  },
})
/** Reads what it does not name. */
const forgetful = operation("posts.forgetful", {
  ...asked,
  output: z.object({ people: z.int() }),
  cache: { ...cachedFor, tags: ["posts"] },
  rest: get("/forgetful"),
  handle: async ({ read }) => ({
    people: (await read.list(peopleResource, { limit: 1, fields: ["id"] })).items.length,
  }),
})

/** The blog; another title makes it another application to the shared stores. */
export function blog(title = `Blog ${crypto.randomUUID()}`) {
  const resources = [peopleResource, postsResource, remarksResource, draftsResource]
  return app({ title, resources, operations: [whoami, forgetful] })
}

/** A store of answers that keeps nothing. */
export const noStore = { get: async () => null, put: async () => undefined } as unknown as KVNamespace

/** An isolate. */
export interface Isolate extends Serving {
  /** Round trips to D1 since it was asked last. */
  trips(): number
  /** What the cache did, the round trips of the call, and the title or titles that it answered. */
  see(
    line: string,
    options?: CallOptions,
    actor?: Actor | null,
  ): Promise<[state: string | null, trips: number, body: unknown]>
}

/** What an isolate has beyond its memory. */
export interface Levels {
  readonly edge?: boolean | (() => Promise<Cache>)
  readonly kv?: boolean
  /** Bindings that are others. */
  readonly change?: object
}

/** The blog's world. */
export interface BlogWorld {
  readonly author: Actor
  isolate(levels?: Levels): Isolate
  /** Writes as somebody in an isolate that nobody reads in. Gives the body. */
  write(line: string, body?: object): Promise<Record<string, never> & { id: string; title: string }>
  /** The feed reads the log and tells the touches object. */
  deliver(): Promise<void>
  /** Lets time pass. */
  pass(milliseconds: number): void
  now(): Date
  /** The touches object of this world. */
  readonly touches: TouchesObject
}

export const second = 1000
export const minute = 60_000

/** Empty tables, for a file. */
export async function makeTables(): Promise<void> {
  const statements = [people, posts, remarks, drafts].flatMap(createTable)
  await env.DB.batch(statements.map((sql) => env.DB.prepare(sql)))
}

/** Makes a world. */
export async function newBlog(application = blog()): Promise<BlogWorld> {
  const author = await newActor("author")
  let clock = Date.now()
  const now = () => new Date(clock)
  const name = `touches/${crypto.randomUUID()}`
  const HUB = { getByName: (asked: string) => env.HUB.getByName(asked === "touches" ? name : asked) }
  const end = async () =>
    (await env.DB.prepare('select coalesce(max("sequence"), 0) as "n" from "events"').first<number>("n")) ?? 0
  let cursor = await end()
  const isolate = ({ edge = false, kv = false, change = {} }: Levels = {}): Isolate => {
    let trips = 0
    // An isolate begins with a look for what another left undelivered: that belongs to no call.
    const counted = watchedDatabase(([sql = ""]) => void (trips += sql.startsWith('update "outbox"') ? 0 : 1))
    const bindings = { ...counted, HUB, ...(kv ? {} : { CACHE: noStore }), ...change }
    const served = serving(bindings, application, { now, ...(edge === true ? {} : { edge: edge || null }) })
    const spent = () => {
      const count = trips
      trips = 0
      return count
    }
    const see: Isolate["see"] = async (line, options = {}, actor = null) => {
      spent()
      const answer = await served.call(actor, line, options)
      return [answer.headers.get("X-Selvage-Cache"), spent(), shown(answer)]
    }
    return { ...served, trips: spent, see }
  }
  const writer = isolate()
  const reader = writer.feed.readers.find((one) => one.name === "touches") as Reader
  return {
    author,
    isolate,
    now,
    touches: env.HUB.getByName(name) as unknown as TouchesObject,
    pass: (milliseconds) => {
      clock += milliseconds
    },
    async write(line, body) {
      const answer = await writer.call(author, line, body === undefined ? {} : { body })
      if (answer.status >= 300) throw new Error(`${line} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
      return answer.body
    },
    async deliver() {
      const events = await readLog(env.DB, { after: cursor, limit: 500 })
      cursor = events.at(-1)?.sequence ?? cursor
      await reader.read(events, null as never)
    },
  }
}

function shown({ status, body }: Answer): unknown {
  if (status >= 400) return status
  if (Array.isArray(body?.items)) return body.items.map(({ title }: { title: string }) => title)
  return body?.title ?? body
}
