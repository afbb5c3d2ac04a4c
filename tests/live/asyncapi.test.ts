/** What comes over the wire is what asyncapi.json says: frames of /ws, messages of /graphql and events of a stream, held against its schemas. */
import { exports } from "cloudflare:workers"
import { type Schema, Validator } from "@cfworker/json-schema"
import { beforeAll, expect, test } from "vitest"
import { call, requestOf } from "../support/calls.ts"
import { graphqlHandshake, tasksWatch } from "../support/graphql-socket.ts"
import { handshake } from "../support/live.ts"
import { must, newWorkspace, type Workspace } from "../support/workspace.ts"

// biome-ignore lint/suspicious/noExplicitAny: a document, and frames of every shape
type Any = any

let document: Any
const ref = (path: string) =>
  path
    .split("/")
    .slice(1)
    .reduce((node, name) => node[name], document)

beforeAll(async () => {
  const answer = await call(null, "GET /asyncapi.json")
  expect([answer.status, answer.headers.get("Content-Type")]).toEqual([200, "application/json; charset=utf-8"])
  document = answer.body
})

/** The messages of a channel that we send, by their names in it. */
function sentOver(channel: string): Map<string, Validator> {
  const names = new Set<string>()
  for (const { action, channel: at, messages, reply } of Object.values(document.operations) as Any[]) {
    if (at.$ref !== `#/channels/${channel}`) continue
    for (const { $ref } of [...(action === "send" ? messages : []), ...(reply?.messages ?? [])])
      names.add($ref.split("/").at(-1))
  }
  return new Map(
    [...names].map((name) => {
      const { payload } = ref(document.channels[channel].messages[name].$ref)
      const schema = { ...payload, components: { schemas: document.components.schemas } } as Schema
      return [name, new Validator(schema, "7")]
    }),
  )
}

/** The names of the messages that a frame is one of. */
const kindsOf = (frame: Any, messages: Map<string, Validator>) =>
  [...messages].filter(([, validator]) => validator.validate(frame).valid).map(([name]) => name)

/** A socket that keeps its frames. */
function keeping(answer: Response) {
  const socket = answer.webSocket as WebSocket
  const frames: Any[] = []
  socket.addEventListener("message", ({ data }) => {
    frames.push(JSON.parse(data as string))
  })
  socket.accept()
  return {
    frames,
    send: (frame: object) => socket.send(JSON.stringify(frame)),
    async until(isMet: () => boolean) {
      for (let turn = 0; turn < 500 && !isMet(); turn++) await scheduler.wait(10)
      expect(isMet(), JSON.stringify(frames).slice(0, 3000)).toBe(true)
    },
    close: () => socket.close(1000, "done"),
  }
}

const newTask = ({ owner, projectId }: Workspace, title: string) => must(owner, "POST /v1/tasks", { projectId, title })

test("frames of /ws: each is one of the document's messages, and every kind that can be brought about has come", async () => {
  const place = await newWorkspace()
  const task = await newTask(place, "First")
  const topic = { resource: "tasks", id: task.id }
  const [one, other] = [keeping(await handshake(place.owner)), keeping(await handshake(place.viewer))]
  let id = 0
  const ask = async (socket: typeof one, method: string, params: object = {}) => {
    const own = ++id
    socket.send({ jsonrpc: "2.0", id: own, method, params })
    await socket.until(() => socket.frames.some((frame) => frame.id === own))
    return socket.frames.find((frame) => frame.id === own)
  }
  const watch = await ask(one, "tasks.watch", { filter: { organizationId: place.organizationId } })
  await ask(one, "tasks.get", { id: task.id })
  await ask(one, "tasks.get", { id: "task_00000000000000000000000000" })
  await ask(one, "tasks.watch", {})
  await ask(one, "nothing.there")
  await ask(one, "inbox.watch")
  await ask(one, "presence.join", { topic })
  await ask(other, "presence.join", { topic })
  await ask(one, "presence.list", { topic })
  await ask(other, "topic.broadcast", { topic, message: { cursor: 1 } })
  await ask(other, "presence.leave", { topic })
  await one.until(() =>
    ["presence.left", "watch.ready"].every((name) => one.frames.some(({ method }) => method === name)),
  )
  await call(place.owner, `DELETE /v1/tasks/${task.id}`)
  await one.until(() => one.frames.some(({ method }) => method === "watch.removed"))
  await ask(one, "watch.ack", { frame: 1 })
  await ask(one, "watch.stop", { subscription: watch.result.subscription })
  await ask(one, "inbox.stop")
  const messages = sentOver("live")
  const seen = new Set<string>()
  for (const frame of [...one.frames, ...other.frames]) {
    const kinds = kindsOf(frame, messages)
    expect(kinds, JSON.stringify(frame)).not.toEqual([])
    for (const kind of kinds) seen.add(kind)
  }
  for (const name of [
    "TasksWatchAnswer",
    "TaskChanged",
    "WatchReset",
    "WatchRemoved",
    "WatchReady",
    "LiveRefusal",
    "OperationAnswer",
    "InboxWatchAnswer",
    "PresenceJoined",
    "PresenceLeft",
    "PresenceListAnswer",
    "TopicMessage",
  ])
    expect([...seen]).toContain(name)
  one.close()
  other.close()
})

test("what it does not say is not let through: another member, another kind, another type", () => {
  const messages = sentOver("live")
  const ready = { jsonrpc: "2.0", method: "watch.ready", params: { subscription: "1", sequence: 1, frame: 1 } }
  expect(kindsOf(ready, messages)).toEqual(["WatchReady"])
  expect(kindsOf({ ...ready, params: { ...ready.params, secret: 1 } }, messages)).toEqual([])
  expect(kindsOf({ ...ready, params: { ...ready.params, sequence: "1" } }, messages)).toEqual([])
  expect(kindsOf({ ...ready, method: "watch.explode" }, messages)).toEqual([])
})

test("every method that it names is one: none is answered as unknown", async () => {
  const { owner } = await newWorkspace()
  const socket = keeping(await handshake(owner))
  const names = (Object.values(document.components.messages) as Any[]).flatMap(({ name, payload }) =>
    payload.properties?.id && payload.properties.method?.const ? [name] : [],
  )
  expect(names.length).toBeGreaterThan(14)
  for (const [n, method] of names.entries()) socket.send({ jsonrpc: "2.0", id: n, method, params: {} })
  await socket.until(() => names.every((_: string, n: number) => socket.frames.some(({ id }) => id === n)))
  expect(socket.frames.filter(({ error }) => error?.code === -32601)).toEqual([])
  socket.close()
})

test("messages of /graphql", async () => {
  const place = await newWorkspace()
  await newTask(place, "First")
  const socket = keeping(await graphqlHandshake({ Authorization: `Bearer ${place.viewer.token}` }))
  socket.send({ type: "connection_init" })
  await socket.until(() => socket.frames.length === 1)
  const variables = { organization: place.organizationId }
  socket.send({ id: "s", type: "subscribe", payload: { query: tasksWatch, variables } })
  socket.send({ id: "q", type: "subscribe", payload: { query: "{ __typename }" } })
  socket.send({ id: "e", type: "subscribe", payload: { query: "{ explode }" } })
  socket.send({ type: "ping", payload: { at: 1 } })
  await socket.until(() => socket.frames.filter(({ id }) => id === "s").length === 3 && socket.frames.length >= 8)
  const messages = sentOver("graphql")
  const seen = socket.frames.map((frame) => kindsOf(frame, messages))
  expect(seen.filter((kinds) => kinds.length !== 1)).toEqual([])
  expect(new Set(seen.flat())).toEqual(
    new Set(["GraphqlAck", "GraphqlNext", "GraphqlFailed", "GraphqlComplete", "GraphqlPong"]),
  )
  socket.close()
})

test("events of a stream", async () => {
  const place = await newWorkspace()
  const task = await newTask(place, "First")
  const [name] = Object.entries(document.channels as Record<string, Any>).find(
    ([, { address }]) => address === "/v1/tasks/watch",
  ) as [string, Any]
  const line = `GET /v1/tasks/watch?organizationId=${place.organizationId}`
  const answer = await exports.default.fetch(requestOf(place.viewer, line, {}))
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader()
  let text = ""
  while (!text.includes("event: ready")) text += new TextDecoder().decode((await reader.read()).value)
  await call(place.owner, `DELETE /v1/tasks/${task.id}`)
  while (!text.includes("event: removed")) text += new TextDecoder().decode((await reader.read()).value)
  await reader.cancel()
  const messages = sentOver(name)
  const events = text.split("\n\n").filter((block) => block.startsWith("event:"))
  const kinds = events.map((block) => {
    const event = /^event: (.*)$/m.exec(block)?.[1]
    const data = JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? "")
    return kindsOf(data, messages).filter((kind) => ref(document.channels[name].messages[kind].$ref).name === event)
  })
  expect(kinds).toEqual([["EventReset"], ["EventTaskChanged"], ["EventReady"], ["EventRemoved"]])
})
