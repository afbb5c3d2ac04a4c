/** Who is there, and what they call to one another: only among those who may read the record, and kept nowhere. */
import { runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { expect, test } from "vitest"
import { topicObjectName } from "../../src/server/keys.ts"
import { type Connection, connect } from "../support/live.ts"
import { must, newWorkspace, rowCount } from "../support/workspace.ts"

const heard = async (connection: Connection, method: string, count = 1) => {
  const of = () => connection.notices.filter((one) => one.method === method)
  for (let turn = 0; turn < 300 && of().length < count; turn++) await scheduler.wait(10)
  return of().map(({ params }) => params)
}

async function meeting() {
  const place = await newWorkspace()
  const task = await must(place.owner, "POST /v1/tasks", { projectId: place.projectId, title: "Met about" })
  const topic = { resource: "tasks", id: task.id }
  const [editor, viewer, stranger] = [
    await connect(place.editor),
    await connect(place.viewer),
    await connect(place.stranger),
  ]
  const leave = () => {
    for (const one of [editor, viewer, stranger]) one.close()
  }
  return { place, task, topic, editor, viewer, stranger, leave }
}

test("people see one another come and go", async () => {
  const { place, topic, editor, viewer, leave } = await meeting()
  const { connection } = (await editor.call("presence.join", { topic })) as { connection: string }
  await viewer.call("presence.join", { topic })
  expect(await heard(editor, "presence.joined")).toMatchObject([{ topic, user: place.viewer.id }])
  const { attendees } = (await viewer.call("presence.list", { topic })) as { attendees: { user: string }[] }
  expect(attendees.map(({ user }) => user).sort()).toEqual([place.editor.id, place.viewer.id].sort())
  editor.close()
  expect(await heard(viewer, "presence.left")).toMatchObject([{ topic, user: place.editor.id, connection }])
  expect(await viewer.call("presence.list", { topic })).toMatchObject({ attendees: [{ user: place.viewer.id }] })
  leave()
})

test("a message reaches those who are there, but not its sender, and is kept nowhere", async () => {
  const { place, topic, editor, viewer, leave } = await meeting()
  await editor.call("presence.join", { topic })
  await viewer.call("presence.join", { topic })
  const before = await rowCount("events")
  await editor.call("topic.broadcast", { topic, message: { cursor: [3, 4] } })
  expect(await heard(viewer, "topic.message")).toMatchObject([{ message: { cursor: [3, 4] }, user: place.editor.id }])
  expect(editor.notices.filter(({ method }) => method === "topic.message")).toEqual([])
  expect(await rowCount("events")).toBe(before)
  const dump = await runInDurableObject(
    env.TOPIC.getByName(topicObjectName("tasks", null, topic.id)),
    (_, { storage }) =>
      JSON.stringify(
        ["watchers", "attending", "address"].map((t) => storage.sql.exec(`select * from "${t}"`).toArray()),
      ),
  )
  expect(dump).not.toContain("cursor")
  leave()
})

test("who may not read the record neither joins, nor lists, nor speaks; it is absent to them", async () => {
  const { topic, editor, stranger, leave } = await meeting()
  await editor.call("presence.join", { topic })
  for (const method of ["presence.join", "presence.list", "topic.broadcast"])
    await expect(stranger.call(method, { topic, message: "hello" }), method).rejects.toMatchObject({
      ...(method === "topic.broadcast" ? { code: -32005 } : {}),
    })
  await expect(stranger.call("presence.join", { topic })).rejects.toMatchObject({ code: -32005 })
  await expect(stranger.call("presence.list", { topic: { resource: "nothing", id: "x" } })).rejects.toMatchObject({
    code: -32602,
  })
  await editor.call("topic.broadcast", { topic, message: "only us" })
  expect(JSON.stringify(stranger.notices)).not.toContain("only us")
  leave()
})

test("who loses the right hears nothing more", async () => {
  const { place, topic, editor, viewer, leave } = await meeting()
  await editor.call("presence.join", { topic })
  await viewer.call("presence.join", { topic })
  // Watching, its object hears of the end of its rights at once; else a quarter of a minute later.
  await viewer.call("tasks.watch", { filter: { organizationId: place.organizationId } })
  const members = (await must(place.owner, "GET /v1/project_members")) as unknown as {
    items: { id: string; userId: string }[]
  }
  const mine = members.items.find(({ userId }) => userId === place.viewer.id)
  await must(place.owner, `DELETE /v1/project_members/${mine?.id}`)
  await heard(viewer, "watch.reset", 2)
  await editor.call("topic.broadcast", { topic, message: "among ourselves" })
  expect(await heard(viewer, "presence.end")).toMatchObject([{ topic }])
  expect(JSON.stringify(viewer.notices)).not.toContain("among ourselves")
  leave()
})

test("a message that is too long, and too many of them, are refused", async () => {
  const { topic, editor, leave } = await meeting()
  await expect(editor.call("topic.broadcast", { topic, message: "x".repeat(5000) })).rejects.toMatchObject({
    code: -32602,
    data: { violations: [{ path: "/message", code: "too_big" }] },
  })
  const answers = await Promise.allSettled(
    Array.from({ length: 60 }, () => editor.call("topic.broadcast", { topic, message: "hey" })),
  )
  const refused = answers.filter((one) => one.status === "rejected" && one.reason.code === -32008)
  expect(refused.length).toBeGreaterThan(20)
  expect(answers.filter((one) => one.status === "fulfilled").length).toBeGreaterThanOrEqual(20)
  leave()
})
