/** Undoing one change: by the way that every change takes, for those alone who could make it, and not over what came after. */
import { beforeAll, describe, expect, test } from "vitest"
import { type Actor, newActor } from "../support/actors.ts"
import { call, costOf, faultsOf } from "../support/calls.ts"
import { person } from "../support/people.ts"
import { eventsOf, must, newWorkspace, type Workspace } from "../support/workspace.ts"

let at: Workspace
let admin: Actor

beforeAll(async () => {
  ;[at, admin] = await Promise.all([newWorkspace(), newActor("administrator", ["admin"])])
  await must(at.owner, "POST /v1/members", { organizationId: at.organizationId, userId: admin.id, role: "admin" })
})

const newTask = (more: object = {}) =>
  must(at.editor, "POST /v1/tasks", { projectId: at.projectId, title: "Paint", ...more })
const change = (id: string, patch: object, actor = at.editor) => must(actor, `PATCH /v1/tasks/${id}`, patch)
const revert = (actor: Actor | null, event: unknown, body: object = {}, headers = {}) =>
  call(actor, `POST /v1/events/${event}/reversion`, { body, headers })
const taskOf = async (id: string) => (await call(at.editor, `GET /v1/tasks/${id}`)).body
const lastEvent = async (id: string) => String((await eventsOf(id)).at(-1)?.id)

describe("an update", () => {
  test("goes back to what was before, and the log says so, by whom and why", async () => {
    const { id } = await newTask()
    await change(id, { title: "Paint it", priority: 1 })
    const event = await lastEvent(id)
    await change(id, { status: "doing" })
    const { status, body } = await revert(at.editor, event, { reason: "wrong task" })
    expect(status).toBe(200)
    expect(body).toMatchObject({ change: "updated", resource: "tasks", id, restored: ["title", "priority"] })
    expect(body.record).toMatchObject({ title: "Paint", priority: 2, status: "doing", version: 4 })
    expect((await eventsOf(id)).at(-1)).toMatchObject({
      actor: at.editor.id,
      operation: "history.revert",
      change: "updated",
      reason: `Reverts ${event}: wrong task`,
    })
  })

  test("is refused to a reader without the right, and nothing is written", async () => {
    const { id } = await newTask()
    await change(id, { title: "Paint it" })
    const event = await lastEvent(id)
    const before = await eventsOf(id)
    expect((await revert(at.viewer, event)).body).toMatchObject({ status: 403, code: "PERMISSION_DENIED" })
    expect((await revert(at.stranger, event)).body).toMatchObject({ status: 404, code: "NOT_FOUND" })
    expect((await revert((await newWorkspace()).owner, event)).status).toBe(404)
    expect((await revert(null, event)).status).toBe(401)
    expect((await revert(at.owner, "event_00000000000000000000000000")).status).toBe(404)
    expect(await eventsOf(id)).toEqual(before)
    expect(await taskOf(id)).toMatchObject({ title: "Paint it", version: 2 })
  })

  test("is refused when the same fields changed since, naming them, unless it is forced", async () => {
    const { id } = await newTask()
    await change(id, { title: "Second", priority: 1 })
    const event = await lastEvent(id)
    await change(id, { title: "Third" })
    const refused = await revert(at.editor, event)
    expect(faultsOf(refused)).toEqual([refused.status, "/title changed_since"])
    expect(refused.body.code).toBe("FAILED_PRECONDITION")
    expect(await taskOf(id)).toMatchObject({ title: "Third", priority: 1, version: 3 })
    expect((await revert(at.editor, event, { force: true })).body.record).toMatchObject({ title: "Paint", priority: 2 })
  })

  test("brings nothing back that the caller may not see or write", async () => {
    const { id } = await newTask()
    await change(id, { title: "Second", internalNote: "unmistakable" }, admin)
    const event = await lastEvent(id)
    const { body } = await revert(at.editor, event)
    expect(body).toMatchObject({ restored: ["title"], notRestored: [], record: { title: "Paint" } })
    expect(JSON.stringify(body)).not.toMatch(/unmistakable|internalNote/)
    expect((await call(admin, `GET /v1/tasks/${id}`)).body).toMatchObject({
      title: "Paint",
      internalNote: "unmistakable",
    })
  })

  test("does not show the past to whom it was hidden: an assignee of today undoes nothing of before", async () => {
    const reader = await newActor("reader")
    const { id } = await newTask({ body: "unmistakable" })
    await change(id, { body: "harmless" })
    const event = await lastEvent(id)
    await change(id, { assigneeId: reader.id })
    const { status, body } = await revert(reader, event)
    expect([status, JSON.stringify(body).includes("unmistakable")]).toEqual([403, false])
    expect(await taskOf(id)).toMatchObject({ body: "harmless" })
  })

  test("takes what it takes and nothing else", async () => {
    const { id } = await newTask()
    await change(id, { projectId: at.projectId, title: "x" })
    const event = await lastEvent(id)
    expect((await revert(at.editor, event, { force: "yes" })).status).toBe(400)
    expect((await revert(at.editor, event, { reason: "" })).status).toBe(400)
  })

  test("with an idempotency key it happens once, and answers the same", async () => {
    const { id } = await newTask()
    await change(id, { title: "Second" })
    const event = await lastEvent(id)
    const headers = { "Idempotency-Key": crypto.randomUUID() }
    const first = await revert(at.editor, event, {}, headers)
    const again = await revert(at.editor, event, {}, headers)
    expect([first.status, again.status, again.body]).toEqual([200, 200, first.body])
    expect((await eventsOf(id)).filter(({ operation }) => operation === "history.revert")).toHaveLength(1)
  })

  test("two at once: one undoes, the other finds it undone", async () => {
    const { id } = await newTask()
    await change(id, { title: "Second" })
    const event = await lastEvent(id)
    const answers = await Promise.all([revert(at.editor, event), revert(at.owner, event)])
    expect(answers.map(({ status }) => status).filter((status) => status === 200)).toHaveLength(1)
    expect((await eventsOf(id)).filter(({ operation }) => operation === "history.revert")).toHaveLength(1)
  })

  test("takes two reads and one batch", async () => {
    const { id } = await newTask()
    await change(id, { title: "Second" })
    expect(costOf(await revert(at.editor, await lastEvent(id))).trips).toBe(3)
  })
})

describe("a creation", () => {
  test("is undone by a deletion, with the right to delete", async () => {
    const { id } = await newTask()
    const event = await lastEvent(id)
    expect((await revert(at.editor, event)).status).toBe(403)
    expect((await taskOf(id)).id).toBe(id)
    const { body } = await revert(at.owner, event)
    expect(body).toMatchObject({ change: "deleted", record: null, id })
    expect((await call(at.owner, `GET /v1/tasks/${id}`)).status).toBe(404)
    expect((await eventsOf(id)).at(-1)).toMatchObject({ change: "deleted", operation: "history.revert" })
  })

  test("not when it was changed since, unless it is forced", async () => {
    const { id } = await newTask()
    const event = await lastEvent(id)
    await change(id, { title: "Second" })
    expect((await revert(at.owner, event)).body).toMatchObject({ code: "FAILED_PRECONDITION" })
    expect((await taskOf(id)).title).toBe("Second")
    expect((await revert(at.owner, event, { force: true })).status).toBe(200)
  })

  test("not where no plain deletion is served: an account is not removed through the log", async () => {
    const ada = await person("Ada")
    const event = String((await eventsOf(ada.id))[0]?.id)
    const { status, body } = await revert(admin, event, { force: true })
    expect([status, body.code]).toEqual([400, "FAILED_PRECONDITION"])
    expect((await call(ada, "GET /v1/me")).status).toBe(200)
  })
})

describe("a deletion", () => {
  test("is undone under the same id, with what it was and who made it", async () => {
    const { id } = await newTask({ body: "Two coats", dueAt: "2027-01-01T00:00:00.000Z", estimateHours: 1.5 })
    await must(at.owner, `DELETE /v1/tasks/${id}`)
    const { status, body } = await revert(at.owner, await lastEvent(id))
    expect(status).toBe(200)
    expect(body).toMatchObject({ change: "created", id, notRestored: [] })
    expect(await taskOf(id)).toMatchObject({
      id,
      title: "Paint",
      body: "Two coats",
      dueAt: "2027-01-01T00:00:00.000Z",
      estimateHours: 1.5,
      projectId: at.projectId,
      organizationId: at.organizationId,
      createdBy: at.editor.id,
      version: 1,
    })
    expect((await eventsOf(id)).map(({ change }) => change)).toEqual(["created", "deleted", "created"])
  })

  test("not by whoever could not see it any more, nor twice", async () => {
    const { id } = await newTask()
    await must(at.owner, `DELETE /v1/tasks/${id}`)
    const event = await lastEvent(id)
    for (const actor of [at.editor, at.viewer, at.stranger]) expect((await revert(actor, event)).status).toBe(404)
    expect((await eventsOf(id)).at(-1)).toMatchObject({ change: "deleted" })
    expect((await revert(at.owner, event)).status).toBe(200)
    expect((await revert(at.owner, event)).body).toMatchObject({ code: "FAILED_PRECONDITION" })
    expect((await eventsOf(id)).map(({ change }) => change)).toEqual(["created", "deleted", "created"])
  })

  test("not when what it belonged to is gone", async () => {
    const { id } = await newTask()
    const comment = await must(at.editor, "POST /v1/comments", { taskId: id, body: "First" })
    await must(at.owner, `DELETE /v1/tasks/${id}`)
    const { status, body } = await revert(at.owner, await lastEvent(comment.id))
    expect([status >= 400, body.code]).toEqual([
      true,
      expect.stringMatching(/PERMISSION_DENIED|FAILED_PRECONDITION|NOT_FOUND/),
    ])
    expect((await eventsOf(comment.id)).at(-1)).toMatchObject({ change: "deleted" })
  })
})

test("a key that does not reach the resource does not reach it through the log", async () => {
  const owner = await person("Owner")
  const organization = await must(owner, "POST /v1/organizations", { name: "Keyed" })
  const project = await must(owner, "POST /v1/projects", { organizationId: organization.id, name: "P" })
  const task = await must(owner, "POST /v1/tasks", { projectId: project.id, title: "Paint" })
  await must(owner, `PATCH /v1/tasks/${task.id}`, { title: "Second" })
  const event = await lastEvent(task.id)
  const key = async (scopes: readonly string[]) => {
    const { body } = await call(owner, "POST /v1/api-keys", { body: { name: "k", scopes } })
    return { id: owner.id, name: "key", token: body.key as string }
  }
  const history = await key(["history:write"])
  expect((await revert(history, event)).status).toBe(403)
  expect((await call(history, `GET /v1/history/tasks/${task.id}`)).status).toBe(403)
  expect((await revert(await key(["history:write", "tasks:read"]), event)).status).toBe(403)
  expect((await call(owner, `GET /v1/tasks/${task.id}`)).body.title).toBe("Second")
  expect((await revert(await key(["history:write", "tasks:write"]), event)).status).toBe(200)
})
