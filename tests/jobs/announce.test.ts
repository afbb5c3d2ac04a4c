/** The job that docs/jobs.md shows, as it stands there: it calls somebody's interface, is tried again under the same id, and writes once. */
import { idSchema, job, on, operation, Problem, post } from "selvage"
import { expect, test } from "vitest"
import * as z from "zod"
import { comments } from "../../src/app/comments.ts"
import application from "../../src/app/index.ts"
import { tasks } from "../../src/app/tasks.ts"
import type { Application } from "../../src/core/registry.ts"
import { apart } from "../support/apart.ts"
import { call } from "../support/calls.ts"
import { serving } from "../support/serving.ts"
import { must, newWorkspace } from "../support/workspace.ts"

const announce = job("tasks.announce", {
  summary: "Tells the chat room of the project",
  input: z.strictObject({ taskId: idSchema("task"), projectId: idSchema("project") }),
  // One after another within a project; left out: in no order.
  key: ({ projectId }) => projectId,
  // These are the defaults.
  retry: { attempts: 8, firstSeconds: 5, maxSeconds: 3600 },
  // Of one attempt; default 60, at most 600.
  timeoutSeconds: 30,
  async handle({ id, input, read, changes, outbound }) {
    const task = await read.get(tasks, input.taskId)
    const answer = await outbound.fetch("https://chat.example/messages", {
      method: "POST",
      // The same in every attempt: whoever must not do it twice knows it by this.
      headers: { "Idempotency-Key": id },
      body: JSON.stringify({ text: `Done: ${task.title}` }),
    })
    if (!answer.ok) throw new Problem("UNAVAILABLE", `The chat answered ${answer.status}`)
    const author = { authorId: task.createdBy, organizationId: task.organizationId }
    changes.create(comments, { taskId: task.id, body: "Announced", ...author })
  },
})

const finishTask = operation("tasks.finish", {
  kind: "mutation",
  input: z.strictObject({ id: idSchema("task") }),
  output: tasks.schema,
  policy: on(tasks, "update"),
  rest: post("/tasks/{id}/finish"),
  async handle({ input, read, changes }) {
    const { id: taskId, projectId } = await read.get(tasks, input.id)
    changes.enqueue(announce, { taskId, projectId })
    return changes.update(tasks, taskId, { status: "done" })
  },
})

const served = {
  ...application,
  jobs: [...application.jobs, announce],
  operations: [...application.operations, finishTask],
} as unknown as Application

test("announces a task once it is done, and again under the same id when the chat did not take it", async () => {
  const [own, { owner, viewer, projectId }] = await Promise.all([apart(), newWorkspace()])
  let at = Date.now()
  const now = () => new Date(at)
  const calls: { key: string | null; body: unknown }[] = []
  const outbound = async (_: string, { headers, body }: RequestInit = {}) => {
    calls.push({ key: new Headers(headers).get("Idempotency-Key"), body })
    return new Response(null, { status: calls.length === 1 ? 503 : 204 })
  }
  const isolate = serving({}, served, { apart: own, now, outbound, chance: () => 1 })
  const { id } = await must(owner, "POST /v1/tasks", { projectId, title: "Weave" })

  expect((await isolate.call(viewer, `POST /v1/tasks/${id}/finish`)).status).toBe(403)
  expect(await own.rows()).toEqual([])

  expect((await isolate.call(owner, `POST /v1/tasks/${id}/finish`)).status).toBe(200)
  expect(calls).toEqual([])
  await own.drain(isolate, now)
  expect((await call(owner, `GET /v1/comments?taskId=${id}`)).body.items).toEqual([])
  at += 6000
  await own.drain(isolate, now)
  expect(calls).toHaveLength(2)
  expect(new Set(calls.map(({ key, body }) => `${key} ${body}`)).size).toBe(1)
  expect((await call(owner, `GET /v1/comments?taskId=${id}`)).body.items).toMatchObject([{ body: "Announced" }])
  expect(await own.rows()).toEqual([])
})
