/** How a stream of Connect ends: with the reason that it has, and without one only where its caller has gone. */
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import { call as rest } from "../support/calls.ts"
import { person, session } from "../support/people.ts"
import { serving } from "../support/serving.ts"
import { must, newWorkspace } from "../support/workspace.ts"
import { ask, call, framesIn, grpcWeb, streamed, streamOf } from "./wire.ts"

const watch = "TasksService/WatchTasks"
const all = (organizationId: string) => ({ filter: { organizationId } })

test("sign-out ends a stream with unauthenticated; what comes later is not told, and coming back is refused", async () => {
  const ada = await person("Ada")
  const { id: organizationId } = await must(ada, "POST /v1/organizations", { name: "Acme" })
  const { id: projectId } = await must(ada, "POST /v1/projects", { organizationId, name: "Launch" })
  const phone = await session(ada)
  const stream = streamOf(await ask(watch, all(organizationId), { type: streamed, token: phone.token }))
  await stream.until(() => stream.told.some(({ kind }) => kind === "ready"))
  const told = stream.told.length
  expect((await rest(phone, "POST /v1/auth/sign-out", { body: {} })).status).toBe(200)
  const { error } = await stream.ending()
  expect(error).toMatchObject({ code: "unauthenticated", message: "The session is over" })
  await must(ada, "POST /v1/tasks", { projectId, title: "After" })
  expect(stream.told.slice(told)).toEqual([])
  const back = streamOf(await ask(watch, all(organizationId), { type: streamed, token: phone.token }))
  expect((await back.ending()).error?.code).toBe("unauthenticated")
  expect(back.told).toEqual([])
})

test("a deadline ends a stream with deadline_exceeded, behind all that was told until then", async () => {
  const { owner, organizationId } = await newWorkspace()
  const headers = { "Connect-Timeout-Ms": "700" }
  const stream = streamOf(await ask(watch, all(organizationId), { type: streamed, token: owner.token, headers }))
  const { error } = await stream.ending()
  expect(stream.told.map(({ kind }) => kind)).toEqual(["reset", "ready"])
  expect(error).toMatchObject({ code: "deadline_exceeded" })
})

test("the same in gRPC-Web: the status is in the trailers", async () => {
  const { owner, organizationId } = await newWorkspace()
  const said = { type: grpcWeb, token: owner.token, headers: { "Grpc-Timeout": "700m" } }
  const answer = await ask(watch, all(organizationId), said)
  const frames = framesIn(new Uint8Array(await answer.arrayBuffer()))
  expect(frames.at(-1)?.text).toMatch(/grpc-status: ?4\b/)
  expect(frames.slice(0, -1).map(({ text }) => JSON.parse(text).kind)).toEqual(["reset", "ready"])
})

/** An isolate whose live object is played: it takes the watch, tells its beginning, and then does what `then` says. */
function played(then: (socket: WebSocket) => void) {
  const closed: number[] = []
  const fetch = async () => {
    const { 0: client, 1: server } = new WebSocketPair()
    server.accept()
    server.addEventListener("close", ({ code }) => void closed.push(code))
    server.addEventListener("message", ({ data }) => {
      const { id, method } = JSON.parse(String(data))
      if (method !== "tasks.watch") return
      const send = (frame: object) => server.send(JSON.stringify({ jsonrpc: "2.0", ...frame }))
      send({ id, result: { subscription: "s" } })
      const params = { subscription: "s", frame: 1, sequence: 1, reason: "start" }
      send({ method: "watch.reset", params })
      then(server)
    })
    return new Response(null, { status: 101, webSocket: client })
  }
  const getByName = (name: string) => {
    const stub = env.USER.getByName(name)
    return new Proxy(stub, { get: (_, key) => (key === "fetch" ? fetch : Reflect.get(stub, key, stub)) })
  }
  const isolate = serving({ USER: { getByName } })
  return { fetch: isolate.fetch, closed, isolate }
}

describe("what the live connection does is told", () => {
  test.each<[string, (socket: WebSocket) => void, string]>([
    ["it is lost", (socket) => socket.close(1012, "restart"), "unavailable"],
    ["its caller was too slow", (socket) => socket.close(4008, "slow consumer"), "unavailable"],
    ["its session is over", (socket) => socket.close(4401, "over"), "unauthenticated"],
    [
      "the watch cannot go on",
      (socket) => {
        const params = { subscription: "s", code: "RESOURCE_EXHAUSTED", message: "The budget is spent" }
        socket.send(JSON.stringify({ jsonrpc: "2.0", method: "watch.end", params }))
      },
      "resource_exhausted",
    ],
  ])("%s", async (_, then, code) => {
    const { owner, organizationId } = await newWorkspace()
    const { fetch } = played(then)
    const stream = streamOf(await ask(watch, all(organizationId), { type: streamed, token: owner.token, fetch }))
    expect((await stream.ending()).error?.code).toBe(code)
    expect(stream.told.map(({ kind }) => kind)).toEqual(["reset"])
  })

  test("a caller who goes closes it, and nothing is held open for nobody", async () => {
    const { owner, organizationId } = await newWorkspace()
    const { fetch, closed, isolate } = played(() => undefined)
    const leaving = new AbortController()
    const said = { type: streamed, token: owner.token, fetch, signal: leaving.signal }
    const stream = streamOf(await ask(watch, all(organizationId), said))
    await stream.until(() => stream.told.length === 1)
    leaving.abort()
    await stream.cancel().catch(() => undefined)
    await expect.poll(() => closed).toEqual([1000])
    expect(isolate.observations.filter(({ kind }) => kind === "fault")).toEqual([])
  })
})

test("a watch that is refused says why at once, and opens no stream", async () => {
  const { owner } = await newWorkspace()
  const stream = streamOf(await ask(watch, {}, { type: streamed, token: owner.token }))
  expect((await stream.ending()).error?.code).toBe("invalid_argument")
  expect(stream.told).toEqual([])
  expect((await call("TasksService/ListTasks", {}, { token: owner.token })).code).toBeNull()
})
