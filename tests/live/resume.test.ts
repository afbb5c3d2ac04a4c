/** Coming back: a watch goes on where it was cut, without a gap and without telling anything twice, and says so when it cannot. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { expect, test } from "vitest"
import type { LiveObject, Note } from "../../src/core/live-object.ts"
import { additions } from "../../src/database/additions.ts"
import { oldestKept, openEvent } from "../../src/database/log.ts"
import { topicObjectName } from "../../src/server/keys.ts"
import { administrator } from "../support/administrators.ts"
import { connect, type Kept, watch, watching } from "../support/live.ts"
import { person } from "../support/people.ts"
import { must, newWorkspace, type Workspace } from "../support/workspace.ts"

const newTask = (place: Workspace, title: string) =>
  must(place.owner, "POST /v1/tasks", { projectId: place.projectId, title })
const inOrganization = ({ organizationId }: Workspace) => ({ filter: { organizationId } })

/** Cuts a watch. What it had stays in `kept`. */
async function cut(kept: Kept): Promise<void> {
  kept.connection.close()
  await kept.connection.closed
}

const titles = ({ records }: Kept) => [...records.values()].map(({ title }) => title).sort()

test("what happened while a client was away is told when it comes back, once, and nothing else", async () => {
  const place = await newWorkspace()
  const kept = await newTask(place, "Stays")
  const gone = await newTask(place, "Goes")
  const before = await watching(place.viewer, "tasks.watch", inOrganization(place))
  await cut(before)
  await must(place.owner, `PATCH /v1/tasks/${kept.id}`, { title: "Stays, changed" })
  await must(place.owner, `DELETE /v1/tasks/${gone.id}`)
  const fresh = await newTask(place, "New")
  const after = await watching(place.viewer, "tasks.watch", inOrganization(place), before)
  expect(after.words).toEqual([`changed ${kept.id}`, `removed ${gone.id}`, `changed ${fresh.id}`, "ready"])
  expect(titles(after)).toEqual(["New", "Stays, changed"])
  await must(place.owner, `PATCH /v1/tasks/${fresh.id}`, { title: "New, changed" })
  await after.until((one) => titles(one).includes("New, changed"))
  expect(after.faults).toEqual([])
})

test("cut again and again while things change, a client has what a list shows, and heard each event once", async () => {
  const place = await newWorkspace()
  let kept = await watching(place.viewer, "tasks.watch", inOrganization(place))
  const writes = (async () => {
    for (let n = 0; n < 30; n++) await newTask(place, `Task ${n}`)
  })()
  for (let turn = 0; turn < 6; turn++) {
    await scheduler.wait(15)
    await cut(kept)
    kept = await watching(place.viewer, "tasks.watch", inOrganization(place), kept)
  }
  await writes
  await kept.until(({ records }) => records.size === 30)
  expect(kept.faults).toEqual([])
  expect(kept.words.filter((word) => word.startsWith("reset"))).toEqual([])
  expect(kept.sequences).toEqual([...kept.sequences].sort((a, b) => a - b))
})

test("an object that was evicted, as after a sleep, goes on telling the sockets that it has", async () => {
  const place = await newWorkspace()
  const first = await newTask(place, "First")
  const kept = await watching(place.viewer, "tasks.watch", inOrganization(place))
  await must(place.owner, `PATCH /v1/tasks/${first.id}`, { title: "Before the sleep" })
  await kept.until((one) => titles(one).includes("Before the sleep"))
  await evictDurableObject(env.USER.getByName(`user/${place.viewer.id}`))
  await must(place.owner, `PATCH /v1/tasks/${first.id}`, { title: "After the sleep" })
  await kept.until((one) => titles(one).includes("After the sleep"))
  await evictDurableObject(env.TOPIC.getByName(topicObjectName("tasks", place.organizationId, null)))
  await evictDurableObject(env.FEED.getByName("feed"))
  const second = await newTask(place, "Second")
  await kept.until(({ records }) => records.has(second.id))
  expect(kept.words.filter((word) => word.startsWith("reset"))).toEqual(["reset start"])
  expect(kept.faults).toEqual([])
  await evictDurableObject(env.USER.getByName(`user/${place.viewer.id}`))
  // Asleep, it has forgotten what its user may see: it must hear of a change, and judge by what is.
  const { body } = { body: await must(place.owner, "GET /v1/project_members") }
  const mine = (body as unknown as { items: { id: string; userId: string }[] }).items.find(
    ({ userId }) => userId === place.viewer.id,
  )
  await must(place.owner, `DELETE /v1/project_members/${mine?.id}`)
  await kept.until(({ records }) => records.size === 0, "the end of the membership")
})

test("whoever lost a right while away begins anew, and does not hear what happened meanwhile", async () => {
  const place = await newWorkspace()
  const task = await newTask(place, "Seen")
  const before = await watching(place.viewer, "tasks.watch", inOrganization(place))
  await cut(before)
  const members = (await must(place.owner, "GET /v1/project_members")) as unknown as {
    items: { id: string; userId: string }[]
  }
  const mine = members.items.find(({ userId }) => userId === place.viewer.id)
  await must(place.owner, `DELETE /v1/project_members/${mine?.id}`)
  await must(place.owner, `PATCH /v1/tasks/${task.id}`, { title: "Not for the viewer" })
  const after = await watching(place.viewer, "tasks.watch", inOrganization(place), before)
  expect(after.words).toEqual(["reset facts_changed", "ready"])
  expect(after.records.size).toBe(0)
  expect(JSON.stringify(after.connection.notices)).not.toContain("Not for the viewer")
})

test("a place from the future, and one that is too far back, begin anew with the reason", async () => {
  const place = await newWorkspace()
  const task = await newTask(place, "There")
  const connection = await connect(place.viewer)
  const future = await watch(connection, "tasks.watch", { ...inOrganization(place), after: 9_000_000_000 })
  await future.until(({ words }) => words.includes("ready"))
  expect(future.words).toEqual(["reset after_unknown", `changed ${task.id}`, "ready"])
  const start = (await env.DB.prepare('select max("sequence") from "events"').first<number>('max("sequence")')) ?? 0
  await env.DB.prepare(
    `with recursive n(i) as (select 1 union all select i + 1 from n where i < 5001)
     insert into "events" ("id", "at", "actor", "operation", "resource", "record", "change", "changed", "requestId")
       select 'event_' || ?1 || i, ?2, 'system', 'test', 'nothing', 'x', 'created', '[]', 'r' from n`,
  )
    .bind(crypto.randomUUID(), new Date().toISOString())
    .run()
  const late = await watch(connection, "tasks.watch", { ...inOrganization(place), after: start })
  await late.until(({ words }) => words.includes("ready"))
  expect(late.words).toEqual(["reset after_too_old", `changed ${task.id}`, "ready"])
})

/** Prunes the log but for its two newest events, as the maintenance does, for as long as the work takes. */
async function whilePruned(work: (oldest: number) => Promise<void>): Promise<void> {
  const last = 'coalesce((select max("sequence") - 2 from "events"), 0)'
  const guards = additions([]).filter(({ name }) => name === "events_no_delete" || name === "log_segments_no_delete")
  const run = (...all: string[]) => env.DB.batch(all.map((sql) => env.DB.prepare(sql)))
  await run(
    ...guards.map(({ name }) => `drop trigger "${name}"`),
    `create table "live_pruned" as select * from "events" where "sequence" <= ${last}`,
    `insert into "log_segments" ("first", "last", "events", "hash", "seal", "sealedAt", "archivedAt", "prunedAt")
       select -1, max("sequence"), count(*), '', '', '2026', '2026', '2026' from "live_pruned"`,
    'delete from "events" where "sequence" in (select "sequence" from "live_pruned")',
  )
  try {
    await work(await oldestKept(env.DB))
  } finally {
    await run(
      'insert into "events" select * from "live_pruned"',
      'drop table "live_pruned"',
      'delete from "log_segments" where "first" = -1',
      ...guards.map(({ sql }) => sql),
    )
  }
}

test("a place that the log does not reach back to any more begins anew: what was pruned is not taken for nothing", async () => {
  const place = await newWorkspace()
  const task = await newTask(place, "There")
  await whilePruned(async (oldest) => {
    const connection = await connect(place.viewer)
    const resumed = await watch(connection, "tasks.watch", { ...inOrganization(place), after: oldest - 1 })
    await resumed.until(({ words }) => words.includes("ready"))
    expect(resumed.words).not.toContain("reset after_too_old")
    const pruned = await watch(connection, "tasks.watch", { ...inOrganization(place), after: oldest - 2 })
    await pruned.until(({ words }) => words.includes("ready"))
    expect(pruned.words).toEqual(["reset after_too_old", `changed ${task.id}`, "ready"])
  })
})

test("a list of many pages is told whole; one of more than a thousand is refused, with the cure", async () => {
  const place = await newWorkspace()
  const make = async (count: number) => {
    const records = Array.from({ length: count }, (_, n) => ({
      op: "create",
      values: { projectId: place.projectId, title: `Task ${n}` },
    }))
    await must(place.owner, "POST /v1/tasks/batch", { records })
  }
  await make(100)
  await make(100)
  await make(60)
  const kept = await watching(place.viewer, "tasks.watch", inOrganization(place))
  expect(kept.records.size).toBe(260)
  for (let n = 0; n < 8; n++) await make(100)
  const connection = await connect(place.viewer)
  await expect(watch(connection, "tasks.watch", inOrganization(place))).rejects.toMatchObject({
    code: -32008,
    message: expect.stringContaining("narrow the filter"),
  })
  // The watch that was there goes on: it was told each of them.
  await kept.until(({ records }) => records.size === 1060)
  expect(kept.faults).toEqual([])
})

test("an object that does not answer is left behind and catches up by itself; the others wait for nothing", async () => {
  const place = await newWorkspace()
  const slow = await watching(place.viewer, "tasks.watch", inOrganization(place))
  const quick = await watching(place.editor, "tasks.watch", inOrganization(place))
  const topic = env.TOPIC.getByName(topicObjectName("tasks", place.organizationId, null))
  let isBroken = true
  await runInDurableObject(topic, (instance) => {
    const object = instance as unknown as { ports(): { live(name: string): object } }
    const real = object.ports()
    const broken = { deliver: async () => Promise.reject(new Error("not now")) }
    const live = (name: string) => (isBroken && name === `user/${place.viewer.id}` ? broken : real.live(name))
    object.ports = () => ({ ...real, live })
  })
  const first = await newTask(place, "While it is broken")
  await quick.until(({ records }) => records.has(first.id))
  expect(slow.records.has(first.id)).toBe(false)
  isBroken = false
  const second = await newTask(place, "While it is behind")
  await slow.until(({ records }) => records.has(first.id) && records.has(second.id), "what it had missed")
  expect(slow.words.slice(2)).toEqual([`changed ${first.id}`, `changed ${second.id}`, "ready"])
  expect([...slow.faults, ...quick.faults]).toEqual([])
})

test("a topic that does not answer is told later that it missed something", async () => {
  const place = await newWorkspace()
  const kept = await watching(place.viewer, "tasks.watch", inOrganization(place))
  const name = topicObjectName("tasks", place.organizationId, null)
  const broken = async (isBroken: boolean) =>
    runInDurableObject(env.TOPIC.getByName(name), (instance) => {
      const object = instance as unknown as { ports(): { live(name: string): object; now(): Date } }
      const real = Object.getPrototypeOf(object).ports.call(object)
      object.ports = isBroken
        ? () => {
            throw new Error("the topic is broken")
          }
        : () => real
    })
  await broken(true)
  const first = await newTask(place, "Missed")
  const feed = env.FEED.getByName("feed")
  const owed = () =>
    runInDurableObject(
      feed,
      (_, { storage }) => storage.sql.exec('select 1 from "owed" where "name" = ?', name).toArray().length,
    )
  for (let turn = 0; turn < 300 && (await owed()) === 0; turn++) await scheduler.wait(10)
  await broken(false)
  await kept.until(({ records }) => records.has(first.id), "what the topic had missed")
  expect(kept.faults).toEqual([])
})

test("a person whose account is disabled is told nothing more", async () => {
  const place = await newWorkspace()
  const ada = await person("Ada")
  await must(place.owner, "POST /v1/project_members", { projectId: place.projectId, userId: ada.id, role: "viewer" })
  const kept = await watching(ada, "tasks.watch", inOrganization(place))
  const admin = await administrator()
  await must(admin, `POST /v1/users/${ada.id}/disable`, {})
  expect(await kept.connection.closed).toMatchObject({ code: 4401 })
  await newTask(place, "After the end")
  expect(JSON.stringify(kept.connection.notices)).not.toContain("After the end")
})

test("an event that is delivered again, and one that the list holds already, are not told again", async () => {
  const place = await newWorkspace()
  const task = await newTask(place, "In the list")
  const kept = await watching(place.viewer, "tasks.watch", inOrganization(place))
  await must(place.owner, `PATCH /v1/tasks/${task.id}`, { title: "Told" })
  await kept.until((one) => titles(one).includes("Told"))
  const topic = topicObjectName("tasks", place.organizationId, null)
  const object = env.USER.getByName(`user/${place.viewer.id}`) as unknown as LiveObject
  const { results } = await env.DB.prepare('select * from "events" where "record" = ? order by "sequence"')
    .bind(task.id)
    .all()
  const notes = results.map((row): Note => ({ kind: "row", event: openEvent(row) }))
  expect(notes).toHaveLength(2)
  expect(await object.deliver(topic, notes)).toBe(true)
  const last = await newTask(place, "Last")
  await kept.until(({ records }) => records.has(last.id))
  expect(kept.words).toEqual(["reset start", `changed ${task.id}`, "ready", `changed ${task.id}`, `changed ${last.id}`])
  expect(kept.faults).toEqual([])
})
