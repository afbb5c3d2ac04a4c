/** A right to a record is no right to take it elsewhere: nobody carries rows over the wall between organizations. */
import { beforeAll, describe, expect, test } from "vitest"
import { call } from "../support/calls.ts"
import { must, newWorkspace, rowCount, type Workspace } from "../support/workspace.ts"

let at: Workspace
let other: Workspace
beforeAll(async () => {
  at = await newWorkspace()
  other = await newWorkspace()
})

const newTask = (values: object = {}) =>
  must(at.owner, "POST /v1/tasks", { projectId: at.projectId, title: "Mine", ...values })

describe("checklist 38: a task cannot be carried into a project of another organization", () => {
  test.each([
    ["its editor", (w: Workspace) => w.editor],
    ["the owner of its organization", (w: Workspace) => w.owner],
    ["whoever it is assigned to", (w: Workspace) => w.viewer],
  ])("by %s", async (_, who) => {
    const task = await newTask({ assigneeId: who(at).id })
    const events = await rowCount("events")
    const answer = await call(who(at), `PATCH /v1/tasks/${task.id}`, { body: { projectId: other.projectId } })
    expect([answer.status, answer.body.code]).toEqual([403, "PERMISSION_DENIED"])
    expect((await call(at.owner, `GET /v1/tasks/${task.id}`)).body).toMatchObject({
      projectId: at.projectId,
      organizationId: at.organizationId,
      version: 1,
    })
    expect((await call(other.owner, `GET /v1/tasks?projectId=${other.projectId}`)).body.items).toEqual([])
    expect(await rowCount("events")).toBe(events)
  })

  test("by somebody with whom it is shared for editing", async () => {
    const task = await newTask()
    await must(at.owner, "POST /v1/shares", { taskId: task.id, userId: at.stranger.id, level: "edit" })
    expect((await call(at.stranger, `PATCH /v1/tasks/${task.id}`, { body: { title: "Ours" } })).status).toBe(200)
    expect(
      (await call(at.stranger, `PATCH /v1/tasks/${task.id}`, { body: { projectId: other.projectId } })).status,
    ).toBe(403)
  })

  test("in a batch, which then changes nothing at all", async () => {
    const tasks = await Promise.all([newTask({ assigneeId: at.viewer.id }), newTask({ assigneeId: at.viewer.id })])
    const records = tasks.map((task, n) => ({
      op: "update",
      id: task.id,
      patch: n === 0 ? { title: "New" } : { projectId: other.projectId },
    }))
    expect((await call(at.viewer, "POST /v1/tasks/batch", { body: { records } })).status).toBe(403)
    expect((await call(at.owner, `GET /v1/tasks/${tasks[0]?.id}`)).body.title).toBe("Mine")
  })
})

test("checklist 38: who may edit both projects moves the task, and its tenant follows", async () => {
  await must(other.owner, "POST /v1/project_members", {
    projectId: other.projectId,
    userId: at.editor.id,
    role: "editor",
  })
  const task = await newTask()
  const moved = await must(at.editor, `PATCH /v1/tasks/${task.id}`, { projectId: other.projectId })
  expect(moved).toMatchObject({ projectId: other.projectId, organizationId: other.organizationId, version: 2 })
})
