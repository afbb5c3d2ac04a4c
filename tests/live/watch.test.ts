/** Live queries over WebSocket: what there is, then every change, judged for whoever watches. */
import { runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { expect, test } from "vitest"
import type { TopicPorts } from "../../src/feed/topic-object.ts"
import { topicObjectName } from "../../src/server/keys.ts"
import { type Actor, newActor } from "../support/actors.ts"
import { call } from "../support/calls.ts"
import { connect, type Kept, watch, watching } from "../support/live.ts"
import { must, newWorkspace, type Workspace } from "../support/workspace.ts"

const newTask = (place: Workspace, title: string, more: object = {}) =>
  must(place.owner, "POST /v1/tasks", { projectId: place.projectId, title, ...more })
const inOrganization = ({ organizationId }: Workspace, more: object = {}) => ({ filter: { organizationId, ...more } })

/** Ends when the watcher has heard of something that everybody sees: then it has heard of everything before, too. */
async function settled(place: Workspace, watcher: Kept): Promise<void> {
  const mark = await newTask(place, "Mark", { assigneeId: place.stranger.id, status: "done" })
  await must(place.owner, "POST /v1/shares", { taskId: mark.id, userId: place.stranger.id })
  await watcher.until(({ records }) => records.has(mark.id), "the mark")
  await must(place.owner, `DELETE /v1/tasks/${mark.id}`)
  await watcher.until(({ records }) => !records.has(mark.id), "the end of the mark")
}

/** What a list shows. */
async function listed(who: Actor, place: Workspace): Promise<string[]> {
  const { body } = await call(who, `GET /v1/tasks?organizationId=${place.organizationId}&limit=100`)
  return body.items.map(({ id }: { id: string }) => id).sort()
}

test("a watcher is told what there is, and then every change, masked as a list is", async () => {
  const place = await newWorkspace()
  const { owner, viewer } = place
  const first = await newTask(place, "First")
  await env.DB.prepare('update "tasks" set "internalNote" = ? where "id" = ?').bind("secret note", first.id).run()
  const watcher = await watching(viewer, "tasks.watch", inOrganization(place))
  expect([...watcher.records.keys()]).toEqual([first.id])
  expect(watcher.words).toEqual(["reset start", `changed ${first.id}`, "ready"])
  const second = await newTask(place, "Second")
  await watcher.until(({ records }) => records.has(second.id))
  await must(owner, `PATCH /v1/tasks/${first.id}`, { title: "Changed" })
  await watcher.until(({ records }) => records.get(first.id)?.title === "Changed")
  const { body } = await call(viewer, `GET /v1/tasks/${first.id}`)
  expect(watcher.records.get(first.id)).toEqual(body)
  await call(owner, `DELETE /v1/tasks/${second.id}`)
  await watcher.until(({ records }) => !records.has(second.id))
  expect(watcher.words.slice(3)).toEqual([`changed ${second.id}`, `changed ${first.id}`, `removed ${second.id}`])
  expect(JSON.stringify(watcher.connection.notices)).not.toMatch(/internalNote|secret note/)
  expect(watcher.faults).toEqual([])
})

test("an administrator of the application sees the masked field; who asks for some fields gets those", async () => {
  const place = await newWorkspace()
  const admin = await newActor("Admin", ["admin"])
  await must(place.owner, "POST /v1/project_members", { projectId: place.projectId, userId: admin.id, role: "editor" })
  const full = await watching(admin, "tasks.watch", inOrganization(place))
  const some = await watching(admin, "tasks.watch", { ...inOrganization(place), fields: ["title"] })
  const task = await must(admin, "POST /v1/tasks", { projectId: place.projectId, title: "Noted", internalNote: "psst" })
  await full.until(({ records }) => records.has(task.id))
  await some.until(({ records }) => records.has(task.id))
  expect(full.records.get(task.id)).toMatchObject({ internalNote: "psst" })
  expect(some.records.get(task.id)).toEqual({ id: task.id, title: "Noted" })
})

test("what leaves the filter is removed, what never matched is not told", async () => {
  const place = await newWorkspace()
  const { owner, viewer } = place
  const watcher = await watching(viewer, "tasks.watch", inOrganization(place, { status: "open" }))
  const task = await newTask(place, "Moves")
  await watcher.until(({ records }) => records.has(task.id))
  await must(owner, `PATCH /v1/tasks/${task.id}`, { status: "done" })
  await watcher.until(({ records }) => !records.has(task.id))
  const done = await newTask(place, "Done from the start", { status: "done" })
  await must(owner, `PATCH /v1/tasks/${done.id}`, { title: "Still done" })
  await must(owner, `PATCH /v1/tasks/${task.id}`, { status: "open" })
  await watcher.until(({ records }) => records.has(task.id))
  expect(watcher.words).toEqual([
    "reset start",
    "ready",
    `changed ${task.id}`,
    `removed ${task.id}`,
    `changed ${task.id}`,
  ])
})

test("rows move in and out of sight by assignment, share and membership, as a list says", async () => {
  const place = await newWorkspace()
  const { owner, stranger, viewer, projectId } = place
  const watcher = await watching(stranger, "tasks.watch", inOrganization(place))
  const [assigned, shared, other] = [
    await newTask(place, "Assigned"),
    await newTask(place, "Shared"),
    await newTask(place, "Other"),
  ]
  const seen = () => [...watcher.records.keys()].sort()
  const agrees = async (what: string) => {
    const expected = await listed(stranger, place)
    await watcher.until(() => JSON.stringify(seen()) === JSON.stringify(expected), what)
    return expected
  }
  expect(await agrees("nothing")).toEqual([])
  await must(owner, `PATCH /v1/tasks/${assigned.id}`, { assigneeId: stranger.id })
  expect(await agrees("the assignment")).toEqual([assigned.id])
  const share = await must(owner, "POST /v1/shares", { taskId: shared.id, userId: stranger.id })
  expect(await agrees("the share")).toEqual([assigned.id, shared.id].sort())
  await must(owner, `DELETE /v1/shares/${share.id}`)
  expect(await agrees("the end of the share")).toEqual([assigned.id])
  const place1 = await must(owner, "POST /v1/project_members", { projectId, userId: stranger.id, role: "viewer" })
  expect(await agrees("the membership")).toEqual([assigned.id, shared.id, other.id].sort())
  await must(owner, `DELETE /v1/project_members/${place1.id}`)
  expect(await agrees("the end of the membership")).toEqual([assigned.id])
  await must(owner, `PATCH /v1/tasks/${assigned.id}`, { assigneeId: viewer.id })
  expect(await agrees("another assignee")).toEqual([])
  expect(watcher.words.at(-1)).toBe(`removed ${assigned.id}`)
  expect(watcher.faults).toEqual([])
})

test("what a watcher may not see is never told, not even by its id", async () => {
  const place = await newWorkspace()
  const watcher = await watching(place.stranger, "tasks.watch", inOrganization(place))
  const hidden = await newTask(place, "Hidden words")
  await must(place.owner, `PATCH /v1/tasks/${hidden.id}`, { title: "Hidden still" })
  await settled(place, watcher)
  await must(place.owner, `DELETE /v1/tasks/${hidden.id}`)
  await settled(place, watcher)
  const told = JSON.stringify(watcher.connection.notices)
  expect(told).not.toContain(hidden.id)
  expect(told).not.toContain("Hidden")
})

test("a change of the record above moves the records below it in and out of sight", async () => {
  const place = await newWorkspace()
  const { owner, stranger } = place
  const task = await newTask(place, "Commented")
  const comment = await must(owner, "POST /v1/comments", { taskId: task.id, body: "Look" })
  const watcher = await watching(stranger, "comments.watch", inOrganization(place))
  expect(watcher.records.size).toBe(0)
  await must(owner, `PATCH /v1/tasks/${task.id}`, { assigneeId: stranger.id })
  await watcher.until(({ records }) => records.has(comment.id), "the comment of the task that is mine now")
  await must(owner, `PATCH /v1/tasks/${task.id}`, { assigneeId: null })
  await watcher.until(({ records }) => records.size === 0, "its end")
  expect(watcher.words.filter((word) => word.startsWith("reset"))).toEqual([
    "reset start",
    "reset facts_changed",
    "reset facts_changed",
  ])
})

test("comments go with the task, and whoever saw them is told", async () => {
  const place = await newWorkspace()
  const task = await newTask(place, "To be deleted")
  const comment = await must(place.owner, "POST /v1/comments", { taskId: task.id, body: "Look" })
  const watcher = await watching(place.viewer, "comments.watch", inOrganization(place))
  expect([...watcher.records.keys()]).toEqual([comment.id])
  await call(place.owner, `DELETE /v1/tasks/${task.id}`)
  await watcher.until(({ records }) => records.size === 0)
  expect(watcher.words.at(-1)).toBe(`removed ${comment.id}`)
})

test("one record is watched by its id alone, whatever else happens", async () => {
  const place = await newWorkspace()
  const [one, other] = [await newTask(place, "One"), await newTask(place, "Other")]
  const watcher = await watching(place.viewer, "tasks.watch", { id: one.id })
  expect([...watcher.records.keys()]).toEqual([one.id])
  await must(place.owner, `PATCH /v1/tasks/${other.id}`, { title: "Other still" })
  await must(place.owner, `PATCH /v1/tasks/${one.id}`, { title: "One still" })
  await watcher.until(({ records }) => records.get(one.id)?.title === "One still")
  await call(place.owner, `DELETE /v1/tasks/${one.id}`)
  await watcher.until(({ records }) => records.size === 0)
  expect(watcher.words).toEqual(["reset start", `changed ${one.id}`, "ready", `changed ${one.id}`, `removed ${one.id}`])
  const organization = await watching(place.viewer, "organizations.watch", { id: place.organizationId })
  expect(organization.records.size).toBe(0)
  await must(place.owner, "POST /v1/members", { organizationId: place.organizationId, userId: place.viewer.id })
  await organization.until(({ records }) => records.has(place.organizationId), "the organization")
})

test("two tabs are told the same, and one that stops does not end the other", async () => {
  const place = await newWorkspace()
  const [left, right] = [
    await watching(place.viewer, "tasks.watch", inOrganization(place)),
    await watching(place.viewer, "tasks.watch", inOrganization(place)),
  ]
  const first = await newTask(place, "First")
  for (const tab of [left, right]) await tab.until(({ records }) => records.has(first.id))
  await left.connection.call("watch.stop", { subscription: left.subscription })
  const second = await newTask(place, "Second")
  await right.until(({ records }) => records.has(second.id))
  expect(left.records.has(second.id)).toBe(false)
  right.connection.close()
  await right.connection.closed
})

test("a socket holds several watches", async () => {
  const place = await newWorkspace()
  const connection = await connect(place.viewer)
  const tasks = await watch(connection, "tasks.watch", inOrganization(place))
  const projects = await watch(connection, "projects.watch", inOrganization(place))
  await projects.until(({ records }) => records.has(place.projectId))
  const task = await newTask(place, "Both")
  await tasks.until(({ records }) => records.has(task.id))
  expect(projects.records.size).toBe(1)
})

/** Counts how often a topic delivers to objects. */
async function deliveries(place: Workspace): Promise<() => number> {
  let count = 0
  const topic = env.TOPIC.getByName(topicObjectName("tasks", place.organizationId, null))
  await runInDurableObject(topic, (instance) => {
    const object = instance as unknown as { ports(): TopicPorts }
    const real = object.ports()
    const live = (name: string) => {
      count += 1
      return real.live(name)
    }
    object.ports = () => ({ ...real, live })
  })
  return () => count
}

test("a write wakes only those who watch its tenant, and nobody after they have gone", async () => {
  const [here, there] = [await newWorkspace(), await newWorkspace()]
  const mine = await watching(here.viewer, "tasks.watch", inOrganization(here))
  const theirs = await watching(there.viewer, "tasks.watch", inOrganization(there))
  const [woken, foreign] = [await deliveries(here), await deliveries(there)]
  const task = await newTask(here, "Here")
  await mine.until(({ records }) => records.has(task.id))
  expect([woken(), foreign()]).toEqual([1, 0])
  mine.connection.close()
  await mine.connection.closed
  const feed = env.FEED.getByName("feed")
  const isOpen = () =>
    runInDurableObject(
      feed,
      (_, { storage }) =>
        storage.sql.exec('select 1 from "topics" where "tenant" = ?', here.organizationId).toArray().length > 0,
    )
  for (let turn = 0; turn < 200 && (await isOpen()); turn++) await scheduler.wait(10)
  expect(await isOpen()).toBe(false)
  await newTask(here, "After")
  const mark = await newTask(there, "There")
  await theirs.until(({ records }) => records.has(mark.id))
  expect([woken(), foreign()]).toEqual([1, 1])
})
