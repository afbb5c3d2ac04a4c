/** The time that a caller gives a call: when it is over the answer comes at once, and what is on its way is written whole or not at all. */
import { operation, signedIn } from "selvage"
import { beforeAll, describe, expect, test } from "vitest"
import * as z from "zod"
import { emptyLock, extended } from "../../src/api/grpc/lock.ts"
import { describe as described } from "../../src/api/grpc/messages.ts"
import workspace from "../../src/app/index.ts"
import type { Application } from "../../src/core/registry.ts"
import { registryOf } from "../../src/engine.ts"
import { serving, watchedDatabase } from "../support/serving.ts"

import { eventsOf, newWorkspace, rowCount, type Workspace } from "../support/workspace.ts"
import { call, connect, grpcWeb, infoIn } from "./wire.ts"

let place: Workspace
beforeAll(async () => {
  place = await newWorkspace()
})

/** What the handler below has heard. */
let heard: string[] = []
const patience = operation("patience.wait", {
  kind: "mutation",
  summary: "Waits until nobody waits any more",
  input: z.strictObject({}).meta({ id: "Waiting" }),
  output: z.strictObject({ done: z.boolean() }).meta({ id: "Waited" }),
  policy: signedIn(),
  async handle({ signal }) {
    heard.push("began")
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }))
    heard.push("heard")
    return { done: true }
  },
})
const declared: Application = { ...workspace, operations: [...workspace.operations, patience] }
const description = described(registryOf(declared, { development: false }))
const application = { ...declared, protoLock: extended(emptyLock, description) }

const timeouts = [
  ["Connect", connect, { "Connect-Timeout-Ms": "200" }],
  ["gRPC-Web", grpcWeb, { "Grpc-Timeout": "200m" }],
] as const

describe.each(timeouts)("%s", (_, type, headers) => {
  test("a handler that waits hears its signal, and the caller has the answer when the time is over", async () => {
    heard = []
    const isolate = serving({}, application)
    const { token } = place.owner
    const started = performance.now()
    const late = await call("PatienceService/Wait", {}, { type, headers, token, fetch: isolate.fetch })
    expect([late.status, late.code]).toEqual([type === connect ? 504 : 200, "deadline_exceeded"])
    expect(performance.now() - started).toBeLessThan(5000)
    await isolate.settled()
    expect(heard).toEqual(["began", "heard"])
    if (type === connect) expect(infoIn(late)).toMatchObject({ reason: "DEADLINE_EXCEEDED" })
    expect(isolate.observations.filter(({ kind }) => kind === "fault")).toEqual([])
  })

  test("a write on its way when the time is over is written whole, with its event; the same key answers with it", async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>()
    const database = watchedDatabase((sql) => (sql.some((one) => /insert into "tasks"/i.test(one)) ? held : undefined))
    const isolate = serving(database)
    const more = { "Idempotency-Key": crypto.randomUUID() }
    const title = `Late ${crypto.randomUUID()}`
    const { projectId, owner } = place
    const create = (own: object) =>
      call(
        "TasksService/CreateTask",
        { projectId, title },
        { type, token: owner.token, fetch: isolate.fetch, headers: { ...more, ...own } },
      )
    const before = await rowCount("tasks")
    const late = await create(headers)
    expect([late.code, await rowCount("tasks")]).toEqual(["deadline_exceeded", before])
    release()
    await isolate.settled()
    expect(await rowCount("tasks")).toBe(before + 1)
    const again = await create({})
    expect([again.code, again.message.title, again.headers.get("Idempotent-Replayed")]).toEqual([null, title, "true"])
    expect([await rowCount("tasks"), (await eventsOf(again.message.id)).length]).toEqual([before + 1, 1])
  })

  test("a write that fails when the time is over has written nothing", async () => {
    const { promise: held, reject } = Promise.withResolvers<void>()
    const database = watchedDatabase((sql) => (sql.some((one) => /insert into "tasks"/i.test(one)) ? held : undefined))
    const isolate = serving(database)
    const { projectId, owner } = place
    const before = [await rowCount("tasks"), await rowCount("events")]
    const said = { type, token: owner.token, fetch: isolate.fetch, headers }
    const late = await call("TasksService/CreateTask", { projectId, title: "Never" }, said)
    reject(new Error("D1 is gone"))
    await isolate.settled()
    expect(late.code).toBe("deadline_exceeded")
    expect([await rowCount("tasks"), await rowCount("events")]).toEqual(before)
  })

  test("a call whose time is over before it begins is not begun; one in time is answered", async () => {
    const before = await rowCount("tasks")
    const over = Object.fromEntries(Object.keys(headers).map((name) => [name, name === "Grpc-Timeout" ? "0m" : "0"]))
    const ample = Object.fromEntries(
      Object.keys(headers).map((name) => [name, name === "Grpc-Timeout" ? "30S" : "30000"]),
    )
    const { projectId, owner } = place
    const create = (given: Record<string, string>) =>
      call("TasksService/CreateTask", { projectId, title: "In time" }, { type, token: owner.token, headers: given })
    expect([(await create(over)).code, await rowCount("tasks")]).toEqual(["deadline_exceeded", before])
    expect([(await create(ample)).code, await rowCount("tasks")]).toEqual([null, before + 1])
  })
})
