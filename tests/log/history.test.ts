/** What became of a record: field by field, at an instant, and for whom. */
import { env } from "cloudflare:workers"
import { beforeAll, describe, expect, test } from "vitest"
import { type Actor, newActor } from "../support/actors.ts"
import { call, costOf, faultsOf } from "../support/calls.ts"
import { person } from "../support/people.ts"
import { eventsOf, must, newWorkspace, type Workspace } from "../support/workspace.ts"

let at: Workspace
let admin: Actor

beforeAll(async () => {
  ;[at, admin] = await Promise.all([newWorkspace(), newActor("administrator", ["admin"])])
})

const newTask = (actor: Actor, more: object = {}) =>
  must(actor, "POST /v1/tasks", { projectId: at.projectId, title: "Paint", ...more })
const history = (actor: Actor | null, id: string, resource = "tasks", query = "") =>
  call(actor, `GET /v1/history/${resource}/${id}?${query}`)
const past = (actor: Actor | null, id: string, instant: string, resource = "tasks") =>
  call(actor, `GET /v1/history/${resource}/${id}/record?at=${instant}`)
const later = (instant: string, ms: number) => new Date(Date.parse(instant) + ms).toISOString()
const atOf = async (id: string) => (await eventsOf(id)).map((event) => String(event.at))

describe("history.list", () => {
  test("whoever reads the record sees who changed what, newest first", async () => {
    const { id } = await newTask(at.editor)
    await must(at.owner, `PATCH /v1/tasks/${id}`, { title: "Paint it", assigneeId: at.viewer.id })
    const { status, body } = await history(at.viewer, id)
    expect(status).toBe(200)
    expect(body.items).toMatchObject([
      {
        actor: at.owner.id,
        operation: "tasks.update",
        change: "updated",
        hidden: false,
        fields: [
          { field: "title", before: "Paint", after: "Paint it", personal: false },
          { field: "assigneeId", before: null, after: at.viewer.id },
        ],
      },
      { actor: at.editor.id, change: "created" },
    ])
    const created = body.items[1].fields.map((one: { field: string }) => one.field)
    expect(created).toEqual(expect.arrayContaining(["title", "status", "projectId", "organizationId", "createdBy"]))
    expect(created).not.toEqual(expect.arrayContaining(["version", "updatedAt", "id", "body"]))
  })

  test("to a stranger and to nobody it is absent, and so is what never was", async () => {
    const { id } = await newTask(at.editor)
    expect((await history(at.stranger, id)).body).toMatchObject({ code: "NOT_FOUND" })
    expect((await history(null, id)).status).toBe(401)
    expect((await history(at.editor, "task_00000000000000000000000000")).status).toBe(404)
    expect((await history(admin, "task_00000000000000000000000000")).status).toBe(404)
    expect(faultsOf(await history(at.editor, id, "secrets"))).toEqual([400, "/resource unknown_resource"])
  })

  test("a deleted record's is for the owner and for administrators; whoever could read it cannot any more", async () => {
    const { id } = await newTask(at.editor, { body: "unmistakable body" })
    await must(at.owner, `DELETE /v1/tasks/${id}`)
    for (const actor of [at.owner, admin]) {
      const { status, body } = await history(actor, id)
      expect([status, body.items.map((one: { change: string }) => one.change)]).toEqual([200, ["deleted", "created"]])
      expect(body.items[0].fields).toContainEqual({ field: "title", before: "Paint", personal: false })
    }
    const elsewhere = await newWorkspace()
    for (const actor of [at.editor, at.stranger, elsewhere.owner]) {
      const { status, body } = await history(actor, id)
      expect([status, JSON.stringify(body).includes("unmistakable")]).toEqual([404, false])
    }
  })

  test("a field that the reader may not read is not in it, nor that it changed", async () => {
    const { id } = await newTask(at.editor)
    await must(at.owner, "POST /v1/members", {
      organizationId: at.organizationId,
      userId: admin.id,
      role: "admin",
    })
    await must(admin, `PATCH /v1/tasks/${id}`, { internalNote: "unmistakable note" })
    for (const actor of [at.editor, at.owner]) {
      const { body } = await history(actor, id)
      expect(body.items[0]).toMatchObject({ change: "updated", actor: admin.id, fields: [] })
      expect(JSON.stringify(body)).not.toMatch(/unmistakable|internalNote/)
    }
    const { body } = await history(admin, id)
    expect(body.items[0].fields).toEqual([
      { field: "internalNote", before: null, after: "unmistakable note", personal: false },
    ])
  })

  test("what it was when the reader could not have seen it is told without its values", async () => {
    const reader = await newActor("reader")
    const { id } = await newTask(at.editor, { body: "before the reader came" })
    await must(at.editor, `PATCH /v1/tasks/${id}`, { body: "still before" })
    await must(at.editor, `PATCH /v1/tasks/${id}`, { assigneeId: reader.id, body: "for the reader" })
    const { status, body } = await history(reader, id)
    expect(status).toBe(200)
    // The reader sees it as assignee alone, and was not the assignee then.
    expect(body.items).toMatchObject([
      { change: "updated", hidden: true },
      { change: "updated", hidden: true, fields: [] },
      { change: "created", hidden: true, fields: [], actor: at.editor.id },
    ])
    expect(body.items[0].fields).toEqual([
      { field: "body", after: "for the reader", personal: false },
      { field: "assigneeId", after: reader.id, personal: false },
    ])
    expect(JSON.stringify(body)).not.toMatch(/the reader came|still before/)
  })

  test("what is inherited from a parent, and what is shared, is judged with the grants of now", async () => {
    const guest = await newActor("guest")
    const { id } = await newTask(at.editor)
    const comment = await must(at.editor, "POST /v1/comments", { taskId: id, body: "First" })
    await must(at.editor, `PATCH /v1/comments/${comment.id}`, { body: "Second" })
    expect((await history(guest, comment.id, "comments")).status).toBe(404)
    await must(at.editor, "POST /v1/shares", { taskId: id, userId: guest.id, level: "view" })
    for (const actor of [guest, at.viewer]) {
      const answer = await history(actor, comment.id, "comments")
      expect(answer.body.items).toMatchObject([
        { hidden: false, fields: [{ field: "body", before: "First", after: "Second" }] },
        { hidden: false, change: "created" },
      ])
      expect(costOf(answer).trips).toBe(1)
    }
    expect((await history(guest, id)).body.items).toMatchObject([{ hidden: false, change: "created" }])
  })

  test("of a person: that the name changed stands in it, what it was stands nowhere", async () => {
    const ada = await person("Ada")
    await must(ada, "PATCH /v1/me", { name: "Ada King" })
    const { body } = await history(admin, ada.id, "users")
    const renamed = body.items.find((one: { operation: string }) => one.operation === "me.update")
    expect(renamed.fields).toEqual([{ field: "name", personal: true }])
    expect(JSON.stringify(body)).not.toMatch(/Ada|password/)
  })

  test("comes in pages, each one round trip", async () => {
    const { id } = await newTask(at.editor)
    for (const priority of [3, 4, 5]) await must(at.editor, `PATCH /v1/tasks/${id}`, { priority })
    const first = await history(at.viewer, id, "tasks", "limit=3")
    const second = await history(at.viewer, id, "tasks", `limit=3&cursor=${first.body.nextCursor}`)
    const sequences = [...first.body.items, ...second.body.items].map((one: { sequence: number }) => one.sequence)
    expect(sequences).toEqual((await eventsOf(id)).map((event) => event.sequence).toReversed())
    expect([second.body.nextCursor, costOf(first).trips, costOf(second).trips]).toEqual([null, 1, 1])
    expect(faultsOf(await history(at.editor, id, "tasks", `cursor=${first.body.nextCursor}`))).toEqual([
      400,
      "/cursor invalid_cursor",
    ])
  })
})

describe("history.get", () => {
  test("is the record as it was, in one round trip", async () => {
    const { id } = await newTask(at.editor)
    await must(at.editor, `PATCH /v1/tasks/${id}`, { title: "Second", priority: 1 })
    await must(at.editor, `PATCH /v1/tasks/${id}`, { title: "Third" })
    const [created, second, third] = (await atOf(id)) as [string, string, string]
    const answer = await past(at.viewer, id, created)
    expect(costOf(answer).trips).toBe(1)
    // Events of one millisecond are one instant: the last of them counts.
    const expected = third === created ? "Third" : second === created ? "Second" : "Paint"
    expect(answer.body).toMatchObject({ resource: "tasks", id, at: created, record: { id, title: expected } })
    expect((await past(at.viewer, id, third)).body.record).toMatchObject({ title: "Third", version: 3, priority: 1 })
    expect((await past(at.viewer, id, later(created, -1))).status).toBe(404)
  })

  test("in any offset, and in the future it is what it is now", async () => {
    const { id } = await newTask(at.editor)
    for (const instant of ["2999-01-01T00:00:00Z", "2999-01-01T05:00:00%2B05:00"])
      expect((await past(at.viewer, id, instant)).body.record).toMatchObject({ title: "Paint" })
    expect((await past(at.viewer, id, "yesterday")).status).toBe(400)
  })

  test("after its deletion there is none, before there is, for those who read the tenant's log", async () => {
    const { id } = await newTask(at.editor)
    const [created] = (await atOf(id)) as [string]
    await scheduler.wait(3)
    await must(at.owner, `DELETE /v1/tasks/${id}`)
    expect((await past(at.owner, id, created)).body.record).toMatchObject({ title: "Paint" })
    expect((await past(at.owner, id, "2999-01-01T00:00:00Z")).status).toBe(404)
    for (const actor of [at.editor, at.stranger]) expect((await past(actor, id, created)).status).toBe(404)
  })

  test("what the reader could not have seen then is not to be found", async () => {
    const reader = await newActor("reader")
    const { id } = await newTask(at.editor)
    await scheduler.wait(3)
    await must(at.editor, `PATCH /v1/tasks/${id}`, { assigneeId: reader.id })
    const [created, assigned] = (await atOf(id)) as [string, string]
    expect((await past(reader, id, created)).status).toBe(404)
    expect((await past(reader, id, assigned)).body.record).toMatchObject({ assigneeId: reader.id })
    expect((await past(at.viewer, id, created)).body.record).toMatchObject({ assigneeId: null })
  })

  test("personal values are absent and named", async () => {
    const ada = await person("Ada Unmistakable")
    const { body } = await past(ada, ada.id, "2999-01-01T00:00:00Z", "users")
    expect(body.personal.toSorted()).toEqual(["email", "name"])
    expect(body.record).toMatchObject({ id: ada.id, kind: "person", roles: [] })
    expect(JSON.stringify(body)).not.toMatch(/Unmistakable|example\.com|password/)
  })

  test("a record that was there before the log is as it is", async () => {
    // newActor writes its row past the engine.
    const one = await newActor("Written past the log")
    const { body } = await past(one, one.id, "2999-01-01T00:00:00Z", "users")
    expect(body).toMatchObject({ sequence: null, record: { id: one.id, status: "active" } })
    expect((await past(one, one.id, "2020-01-01T00:00:00Z", "users")).status).toBe(404)
    expect(await env.DB.prepare('select 1 from "events" where "record" = ?').bind(one.id).first()).toBeNull()
  })
})
