/** What changes have touched, from the log to the object that isolates ask: by version, bounded, and only what a cache could show. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import application from "../../src/app/index.ts"
import type { Event } from "../../src/core/event.ts"
import type { Touch, TouchesObject } from "../../src/core/hub-object.ts"
import { anonymous } from "../../src/core/principal.ts"
import { type Touchable, tagsOfWrites, touchableOf } from "../../src/core/tags.ts"
import type { TurnFacts } from "../../src/database/turn.ts"
import { registryOf } from "../../src/engine.ts"
import { touchesReader } from "../../src/feed/touches.ts"
import type { Hub } from "../../src/user/hub-object.ts"
import { recordsMax } from "../../src/user/touches.ts"
import { blog } from "./world.ts"

const minute = 60_000

/** A touches object of the test's own, with the clock in its hand. */
async function newObject() {
  const stub = env.HUB.getByName(`touches/${crypto.randomUUID()}`)
  let clock = Date.now()
  await runInDurableObject<Hub, void>(stub as never, (instance) => {
    instance.ports = { now: () => clock }
  })
  const object = stub as unknown as TouchesObject
  const since = async (version: number) => {
    const answer = await object.touchedSince(version)
    if ("error" in answer) throw new Error(answer.cause)
    return answer
  }
  return {
    stub,
    object,
    since,
    tags: async (version: number) =>
      [...(await since(version)).touches].map(({ tag, sequence }) => [tag, sequence]).sort(),
    pass: (milliseconds: number) => {
      clock += milliseconds
    },
    now: () => clock,
  }
}

describe("the object", () => {
  test("tells what is new since a version, and everything to whoever comes with none or another's", async () => {
    const { object, since, tags, now } = await newObject()
    expect(await since(0)).toEqual({ version: 0, touches: [] })
    expect(
      await object.touch(
        [
          { tag: "posts", sequence: 3 },
          { tag: "posts/1", sequence: 3 },
        ],
        minute,
      ),
    ).toEqual({ version: 1 })
    expect(await object.touch([{ tag: "people", sequence: 4 }], minute)).toEqual({ version: 2 })
    expect(await since(1)).toEqual({ version: 2, touches: [{ tag: "people", sequence: 4, until: now() + minute }] })
    expect(await since(2)).toEqual({ version: 2, touches: [] })
    const all = [
      ["people", 4],
      ["posts", 3],
      ["posts/1", 3],
    ]
    expect(await tags(0)).toEqual(all)
    expect(await tags(99)).toEqual(all)
    expect(await object.touch([], minute)).toEqual({ version: 2 })
  })

  test("of two touches of a tag keeps the newer place and the longer time, in whatever order they come", async () => {
    const { object, since, now } = await newObject()
    await object.touch([{ tag: "posts", sequence: 9 }], 2 * minute)
    await object.touch([{ tag: "posts", sequence: 7 }], minute)
    expect((await since(0)).touches).toEqual([{ tag: "posts", sequence: 9, until: now() + 2 * minute }])
  })

  test("tells many records of a noun as all of them, at the newest place of theirs", async () => {
    const { object, tags } = await newObject()
    const many = Array.from({ length: recordsMax }, (_, n): Touch => ({ tag: `posts/${n}`, sequence: n + 1 }))
    await object.touch([...many, { tag: "posts", sequence: 500 }, { tag: "people/1", sequence: 1 }], minute)
    expect(await tags(0)).toHaveLength(recordsMax + 2)
    await object.touch([{ tag: "posts/more", sequence: 900 }], minute)
    expect(await tags(0)).toEqual([
      ["people/1", 1],
      ["posts", 500],
      ["posts/*", 900],
    ])
    expect(await tags(1)).toEqual([["posts/*", 900]])
  })

  test("forgets what no answer can depend on any more: told no longer when it is over, cleared by the alarm", async () => {
    const { stub, object, tags, pass } = await newObject()
    await object.touch([{ tag: "posts", sequence: 1 }], minute)
    pass(minute)
    expect(await tags(0)).toEqual([])
    pass(minute)
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    const left = await runInDurableObject<Hub, unknown[]>(stub as never, (_, { storage }) =>
      storage.sql.exec('select * from "touched"').toArray(),
    )
    expect(left).toEqual([])
  })
})

const touchableIn = (of: typeof application): Touchable => {
  const { models, operations, organizations } = registryOf(of, { development: false })
  return touchableOf(models, operations.values(), organizations)
}
const blogs = touchableIn(blog())
const workspace = touchableIn(application)

const event = (resource: string, record: string, sequence: number, more: Partial<Event> = {}): Event =>
  ({ sequence, resource, record, change: "updated", before: {}, after: {}, changed: [], ...more }) as Event

/** A reader, and what it told. */
function reading(touchable: Touchable) {
  const told: { touches: readonly Touch[]; keepMs: number }[] = []
  let answer: Awaited<ReturnType<TouchesObject["touch"]>> = { version: 1 }
  const reader = touchesReader({
    touchable: () => touchable,
    touches: () => ({
      touch: async (touches, keepMs) => {
        told.push({ touches, keepMs })
        return answer
      },
    }),
  })
  const read = (...events: Event[]) => reader.read(events, null as never)
  return { reader, read, told, fail: () => void (answer = { error: "UNAVAILABLE", cause: "full" }) }
}

describe("the reader of the log", () => {
  test("tells a page in one call: each tag with its newest place, for as long as an answer may live and five minutes", async () => {
    const { read, told } = reading(blogs)
    await read(event("posts", "post_1", 4), event("posts", "post_1", 6), event("people", "person_1", 5))
    expect(told).toEqual([
      {
        keepMs: 16 * minute,
        touches: [
          { tag: "posts", sequence: 6 },
          { tag: "posts/post_1", sequence: 6 },
          { tag: "people", sequence: 5 },
          { tag: "people/person_1", sequence: 5 },
        ],
      },
    ])
  })

  test("tells nothing of what no cache shows", async () => {
    const { read, told } = reading(blogs)
    await read(event("drafts", "draft_1", 4), event("users", "user_1", 5))
    expect(told).toEqual([])
  })

  test("tells many records of a page as all of them", async () => {
    const { read, told } = reading(blogs)
    await read(...Array.from({ length: 300 }, (_, n) => event("posts", `post_${n}`, n + 1)))
    expect(told[0]?.touches).toEqual([
      { tag: "posts", sequence: 300 },
      { tag: "posts/*", sequence: 300 },
    ])
  })

  test("of organizations tells whose membership changed, and of which the plan did", async () => {
    const { read, told } = reading(workspace)
    await read(
      event("members", "member_1", 1, { before: null, after: { userId: "user_1" } }),
      event("members", "member_2", 2, { before: { userId: "user_2" }, after: { userId: "user_3" } }),
      event("members", "member_3", 3, { before: { userId: null }, after: null }),
      event("organizations", "org_1", 4, { before: { name: "a" }, after: { name: "b" } }),
      event("tasks", "task_1", 5),
    )
    expect(told[0]?.touches.map(({ tag }) => tag)).toEqual([
      "@member/user_1",
      "@member/user_2",
      "@member/user_3",
      "@member/*",
    ])
    const planned = reading({ ...workspace, organizations: { resource: "organizations", plan: "name" } })
    await planned.read(event("organizations", "org_1", 4, { before: { name: "a" }, after: { name: "b" } }))
    expect(planned.told[0]?.touches).toEqual([{ tag: "@plan/org_1", sequence: 4 }])
  })

  test("keeps its place when the object does not answer", async () => {
    const { read, fail } = reading(blogs)
    fail()
    await expect(read(event("posts", "post_1", 4))).rejects.toThrow("could not be told")
  })

  test("wants nothing where there is nothing to tell, and looks no further than the turn's own look", async () => {
    const facts = (recent: string[], newest = 10): TurnFacts => ({
      newest,
      recent,
      jobDueAt: null,
      hasEndpoints: false,
    })
    const stub = env.HUB.getByName(`cursors/${crypto.randomUUID()}`)
    await runInDurableObject<Hub, void>(stub as never, (_, { storage: { sql } }) => {
      sql.exec('create table "cursors" ("reader" text primary key, "sequence" integer not null)')
      const { reader } = reading(blogs)
      expect(reader.wants(sql, facts(["tasks"]))).toBe(true)
      sql.exec(`insert into "cursors" values ('touches', 5)`)
      expect(reader.wants(sql, facts(["tasks", "drafts"]))).toBe(false)
      expect(reader.wants(sql, facts(["tasks", "posts"]))).toBe(true)
      expect(reader.wants(sql, facts(["tasks"], 26))).toBe(true)
      const none = touchableIn({ ...blog(), resources: [], operations: [] })
      expect(reading(none).reader.wants(sql, facts(["posts"]))).toBe(false)
    })
  })
})

test("writes touch, before their events are there, at least what their events will touch", () => {
  const tags = (kind: "create" | "update" | "delete", resource: string, values = {}) =>
    [...tagsOfWrites(blogs, [{ kind, resource, id: "x", values, version: null, as: anonymous } as never])].sort()
  expect(tags("create", "posts")).toEqual(["posts", "posts/x"])
  expect(tags("delete", "posts")).toEqual(["posts", "posts/x", "remarks", "remarks/*"])
  expect(tags("delete", "people")).toEqual(["people", "people/x", "posts", "posts/*"])
  expect(tags("update", "drafts")).toEqual([])
  const ofMembers = (kind: "create" | "update" | "delete", values = {}) =>
    tagsOfWrites(workspace, [{ kind, resource: "members", id: "x", values, version: null, as: anonymous } as never])
  expect(ofMembers("create", { userId: "user_1" })).toEqual(["@member/user_1"])
  expect(ofMembers("update")).toEqual(["@member/*"])
  const gone = [{ kind: "delete", resource: "organizations", id: "x", version: null, as: anonymous } as const]
  expect(tagsOfWrites(workspace, gone)).toEqual(["@plan/x", "@member/*"])
})
