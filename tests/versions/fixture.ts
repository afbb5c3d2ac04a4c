/**
 * The workspace in a second version: `tasks.finish` wants a note where `tasks.complete` did not, so /v1 serves the one and /v2 the other, over the same
 * tasks. /v1 is on its way out.
 */
import { on, operation, post, version } from "selvage"
import * as z from "zod"
import { emptyLock, extended } from "../../src/api/grpc/lock.ts"
import { describe } from "../../src/api/grpc/messages.ts"
import application from "../../src/app/index.ts"
import { completeTask, tasks } from "../../src/app/tasks.ts"
import { registryOf } from "../../src/app.ts"
import type { Application } from "../../src/core/registry.ts"
import { idSchema } from "../../src/core/schema.ts"

export const completeDeprecated = {
  ...completeTask,
  deprecated: { since: "2024-01-01", sunset: "2024-06-30", replacement: "tasks.finish", reason: "A note is wanted." },
}

export const finishTask = operation("tasks.finish", {
  kind: "mutation",
  summary: "Finish a task and say how it went",
  since: "1.1",
  input: z.strictObject({ id: idSchema("task"), note: z.string().min(1).max(2000) }).meta({ id: "TaskFinish" }),
  output: tasks.schema,
  policy: on(tasks, "update"),
  rest: post("/tasks/{id}/completion"),
  handle: ({ input, changes }) => changes.update(tasks, input.id, { status: "done", body: input.note }),
})

const declared: Application = {
  ...application,
  operations: [
    ...application.operations.filter(({ name }) => name !== completeTask.name),
    completeDeprecated,
    finishTask,
  ],
  versions: [
    version("/v1", {
      deprecated: { since: "2026-11-01", sunset: "2099-06-30", replacement: "/v2" },
      without: ["tasks.finish"],
    }),
    version("/v2", { without: ["tasks.complete"] }),
  ],
}

const registry = registryOf(declared, { development: false })

/** It, with numbers for what is new in Protocol Buffers. */
export const twoVersions: Application = {
  ...declared,
  protoLock: extended(application.protoLock ?? emptyLock, describe(registry)),
}
