/** Tasks as people use them: who sees, who changes, who is refused, and what must not have happened. */
import { beforeAll, describe, expect, test } from "vitest"
import { newActor } from "../support/actors.ts"
import { call, costOf } from "../support/calls.ts"
import { eventsOf, must, newWorkspace, rowCount, type Workspace } from "../support/workspace.ts"

let at: Workspace
const newTask = (values: object = {}) =>
  must(at.editor, "POST /v1/tasks", { projectId: at.projectId, title: "Paint the door", ...values })

beforeAll(async () => {
  at = await newWorkspace()
})

describe("creating a task", () => {
  test("an editor creates one: 201, its place, its version, its event, one trip", async () => {
    const answer = await call(at.editor, "POST /v1/tasks", {
      body: { projectId: at.projectId, title: "Paint", dueAt: "2026-12-01T10:00:00+01:00" },
    })
    expect(answer.status).toBe(201)
    expect(answer.headers.get("Location")).toBe(`/v1/tasks/${answer.body.id}`)
    expect(answer.headers.get("ETag")).toBe('W/"1"')
    expect(answer.body).toMatchObject({
      title: "Paint",
      status: "open",
      priority: 2,
      organizationId: at.organizationId,
      createdBy: at.editor.id,
      dueAt: "2026-12-01T09:00:00.000Z",
      version: 1,
    })
    expect(answer.body).not.toHaveProperty("internalNote")
    expect(costOf(answer).trips).toBe(1)
    const events = await eventsOf(answer.body.id)
    expect(events).toMatchObject([
      { actor: at.editor.id, operation: "tasks.create", change: "created", tenant: at.organizationId, before: null },
    ])
  })

  test.each([
    ["a viewer", () => at.viewer, 403],
    ["a stranger", () => at.stranger, 403],
    ["nobody", () => null, 401],
  ])("%s creates none", async (_, actor, status) => {
    const before = await rowCount("tasks")
    const answer = await call(actor(), "POST /v1/tasks", { body: { projectId: at.projectId, title: "No" } })
    expect(answer.status).toBe(status)
    expect(await rowCount("tasks")).toBe(before)
  })

  test("the organization cannot be chosen: it follows from the project", async () => {
    const answer = await call(at.editor, "POST /v1/tasks", {
      body: { projectId: at.projectId, title: "No", organizationId: at.organizationId },
    })
    expect(answer.status).toBe(400)
    expect(answer.body.violations).toMatchObject([{ path: "/organizationId", code: "unknown_field" }])
  })

  test("an unwritable field is refused, by name of nothing but the right", async () => {
    const answer = await call(at.editor, "POST /v1/tasks", {
      body: { projectId: at.projectId, title: "No", internalNote: "x" },
    })
    expect(answer.status).toBe(403)
  })
})

describe("reading tasks", () => {
  test("members read it; to a stranger it does not exist; nobody is asked to sign in", async () => {
    const task = await newTask()
    for (const actor of [at.owner, at.editor, at.viewer])
      expect((await call(actor, `GET /v1/tasks/${task.id}`)).status).toBe(200)
    expect((await call(at.stranger, `GET /v1/tasks/${task.id}`)).status).toBe(404)
    expect((await call(null, `GET /v1/tasks/${task.id}`)).status).toBe(401)
  })

  test("a read is one trip, whatever it expands", async () => {
    const task = await newTask()
    await must(at.viewer, "POST /v1/comments", { taskId: task.id, body: "Which colour?" })
    const one = await call(at.viewer, `GET /v1/tasks/${task.id}?expand=project.organization,comments,shares`)
    expect(one.body).toMatchObject({ project: { name: "Launch" }, comments: [{ body: "Which colour?" }], shares: [] })
    // A viewer is no member of the organization, so that it exists is not told.
    expect(one.body.project.organization).toBeNull()
    expect(costOf(one).trips).toBe(1)
    const list = await call(
      at.viewer,
      `GET /v1/tasks?projectId=${at.projectId}&expand=project,comments&count=true&sort=-dueAt&limit=2`,
    )
    expect(list.status).toBe(200)
    expect(list.body.items).toHaveLength(2)
    expect(costOf(list).trips).toBe(1)
  })

  test("a stranger's list is empty, a shared task enters it and leaves it again", async () => {
    const task = await newTask()
    expect((await call(at.stranger, "GET /v1/tasks")).body.items).toEqual([])
    const share = await must(at.editor, "POST /v1/shares", { taskId: task.id, userId: at.stranger.id, level: "view" })
    expect((await call(at.stranger, "GET /v1/tasks")).body.items).toMatchObject([{ id: task.id }])
    expect((await call(at.stranger, `PATCH /v1/tasks/${task.id}`, { body: { title: "Mine" } })).status).toBe(403)
    await must(at.editor, `DELETE /v1/shares/${share.id}`)
    expect((await call(at.stranger, "GET /v1/tasks")).body.items).toEqual([])
  })

  test("pages follow one another without gap or repetition", async () => {
    const other = await newWorkspace()
    const records = Array.from({ length: 45 }, (_, n) => ({
      op: "create",
      values: { projectId: other.projectId, title: `Task ${n}` },
    }))
    const made = await call(other.editor, "POST /v1/tasks/batch", { body: { records } })
    expect(made.status).toBe(200)
    expect(costOf(made).trips).toBe(1)
    const seen: string[] = []
    let path: string | null = "/v1/tasks?limit=20"
    while (path) {
      const page = await call(other.editor, `GET ${path}`)
      seen.push(...page.body.items.map((item: { id: string }) => item.id))
      path = /<([^>]+)>; rel="next"/.exec(page.headers.get("Link") ?? "")?.[1] ?? null
    }
    expect(seen).toHaveLength(45)
    expect(new Set(seen).size).toBe(45)
  })

  test("what may not be read can be neither filtered nor sorted by", async () => {
    for (const query of ["internalNote=x", "sort=internalNote", "fields=nope", "expand=nope", "nope=1"]) {
      expect((await call(at.editor, `GET /v1/tasks?${query}`)).status, query).toBe(400)
    }
  })
})

describe("changing a task", () => {
  test("the version guards: a stale If-Match is 412 and changes nothing", async () => {
    const task = await newTask()
    const first = await call(at.editor, `PATCH /v1/tasks/${task.id}`, {
      body: { title: "A" },
      headers: { "If-Match": 'W/"1"' },
    })
    expect([first.status, first.body.version]).toEqual([200, 2])
    const second = await call(at.editor, `PATCH /v1/tasks/${task.id}`, {
      body: { title: "B" },
      headers: { "If-Match": 'W/"1"' },
    })
    expect(second.status).toBe(412)
    expect((await call(at.editor, `GET /v1/tasks/${task.id}`)).body.title).toBe("A")
    expect(await eventsOf(task.id)).toHaveLength(2)
  })

  test("invisible is absent, visible is refused", async () => {
    const task = await newTask()
    expect((await call(at.viewer, `PATCH /v1/tasks/${task.id}`, { body: { title: "B" } })).status).toBe(403)
    expect((await call(at.stranger, `PATCH /v1/tasks/${task.id}`, { body: { title: "B" } })).status).toBe(404)
    expect((await call(at.viewer, `DELETE /v1/tasks/${task.id}`)).status).toBe(403)
    expect((await call(at.stranger, `DELETE /v1/tasks/${task.id}`)).status).toBe(404)
    expect(await eventsOf(task.id)).toHaveLength(1)
  })

  test("it cannot be moved into a project that the mover may not edit", async () => {
    const task = await newTask()
    const other = await newWorkspace()
    expect((await call(at.editor, `PATCH /v1/tasks/${task.id}`, { body: { projectId: other.projectId } })).status).toBe(
      403,
    )
    expect((await call(at.editor, `GET /v1/tasks/${task.id}`)).body.projectId).toBe(at.projectId)
  })

  test("deleting it tells of everything that went with it", async () => {
    const task = await newTask()
    const comment = await must(at.viewer, "POST /v1/comments", { taskId: task.id, body: "Bye" })
    const answer = await call(at.owner, `DELETE /v1/tasks/${task.id}`)
    expect(answer.status).toBe(204)
    expect((await eventsOf(comment.id)).map((event) => event.change)).toEqual(["created", "deleted"])
    expect((await call(at.owner, `GET /v1/comments/${comment.id}`)).status).toBe(404)
  })
})

describe("completing a task", () => {
  test("50 at once: one completes it, 49 are refused, one comment, one event", async () => {
    const task = await newTask()
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => call(at.editor, `POST /v1/tasks/${task.id}/completion`, { body: {} })),
    )
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1)
    expect(
      answers.filter((answer) => answer.status === 400 && answer.body.code === "FAILED_PRECONDITION"),
    ).toHaveLength(49)
    expect((await call(at.editor, `GET /v1/comments?taskId=${task.id}`)).body.items).toHaveLength(1)
    expect((await eventsOf(task.id)).map((event) => event.change)).toEqual(["created", "updated"])
  })

  test("it takes two trips: one to decide, one to write", async () => {
    const task = await newTask()
    const answer = await call(at.editor, `POST /v1/tasks/${task.id}/completion`, { body: { note: "At last" } })
    expect([answer.status, answer.body.status]).toEqual([200, "done"])
    expect(costOf(answer).trips).toBe(2)
  })

  test("a viewer may not, and nothing is written", async () => {
    const task = await newTask()
    expect((await call(at.viewer, `POST /v1/tasks/${task.id}/completion`, { body: {} })).status).toBe(403)
    expect(await eventsOf(task.id)).toHaveLength(1)
    expect((await call(at.viewer, `GET /v1/comments?taskId=${task.id}`)).body.items).toEqual([])
  })
})

describe("one key, one effect", () => {
  test("the same POST 20 times in parallel: one row, twenty equal answers", async () => {
    const body = { projectId: at.projectId, title: "Once" }
    const headers = { "Idempotency-Key": crypto.randomUUID() }
    const before = await rowCount("tasks")
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => call(at.editor, "POST /v1/tasks", { body, headers })),
    )
    expect(await rowCount("tasks")).toBe(before + 1)
    expect(new Set(answers.map((answer) => JSON.stringify(answer.body))).size).toBe(1)
    expect(answers.every((answer) => answer.status === 201)).toBe(true)
    expect(answers.filter((answer) => answer.headers.get("Idempotent-Replayed") === "true")).toHaveLength(19)
  })

  test("another input under the same key is refused; another person's key is another key", async () => {
    const headers = { "Idempotency-Key": crypto.randomUUID() }
    await call(at.editor, "POST /v1/tasks", { body: { projectId: at.projectId, title: "One" }, headers })
    const reused = await call(at.editor, "POST /v1/tasks", { body: { projectId: at.projectId, title: "Two" }, headers })
    expect(reused.body.code).toBe("FAILED_PRECONDITION")
    expect(
      (await call(at.owner, "POST /v1/tasks", { body: { projectId: at.projectId, title: "Two" }, headers })).status,
    ).toBe(201)
  })

  test("a decision replays too: completing twice with one key completes once and answers twice", async () => {
    const task = await newTask()
    const headers = { "Idempotency-Key": crypto.randomUUID() }
    const first = await call(at.editor, `POST /v1/tasks/${task.id}/completion`, { body: {}, headers })
    const second = await call(at.editor, `POST /v1/tasks/${task.id}/completion`, { body: {}, headers })
    expect([first.status, second.status]).toEqual([200, 200])
    expect(second.body).toEqual(first.body)
  })
})

describe("a batch", () => {
  test("all or none: one refused record leaves nothing, and is named", async () => {
    const mine = await newTask()
    const other = await newWorkspace()
    const foreign = await must(other.editor, "POST /v1/tasks", { projectId: other.projectId, title: "Theirs" })
    const before = await rowCount("tasks")
    const answer = await call(at.editor, "POST /v1/tasks/batch", {
      body: {
        records: [
          { op: "create", values: { projectId: at.projectId, title: "New" } },
          { op: "update", id: mine.id, patch: { title: "Changed" } },
          { op: "update", id: foreign.id, patch: { title: "Stolen" } },
        ],
      },
    })
    expect(answer.status).toBe(404)
    expect(answer.body.violations).toMatchObject([{ path: "/records/2" }])
    expect(await rowCount("tasks")).toBe(before)
    expect((await call(at.editor, `GET /v1/tasks/${mine.id}`)).body.title).toBe("Paint the door")
  })
})

describe("aggregates", () => {
  test("figures are over what one may see", async () => {
    const other = await newWorkspace()
    for (const priority of [1, 1, 3])
      await must(other.editor, "POST /v1/tasks", {
        projectId: other.projectId,
        title: "x",
        priority,
        estimateHours: priority / 2,
      })
    const answer = await call(other.viewer, "GET /v1/tasks/aggregate?count=true&sum=estimateHours&groupBy=priority")
    expect(answer.body.groups).toEqual([
      { group: { priority: 1 }, count: 2, sum: { estimateHours: 1 } },
      { group: { priority: 3 }, count: 1, sum: { estimateHours: 1.5 } },
    ])
    expect(costOf(answer).trips).toBe(1)
    expect((await call(await newActor("nobody here"), "GET /v1/tasks/aggregate?count=true")).body.groups).toEqual([
      { count: 0 },
    ])
  })
})
