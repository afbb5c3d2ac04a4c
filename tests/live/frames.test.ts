/** What bad frames get: a clear answer, a bound, and an end where there is no sense in going on. */
import { expect, test } from "vitest"
import { newActor } from "../support/actors.ts"
import { type Connection, connect, handshake, tryConnect, watch } from "../support/live.ts"
import { must, newWorkspace } from "../support/workspace.ts"

const fault = async (connection: Connection, n = 0) => {
  for (let turn = 0; turn < 300 && connection.faults.length <= n; turn++) await scheduler.wait(5)
  return connection.faults[n]
}

test.each<[string, string | ArrayBuffer, number]>([
  ["what is not JSON", "{nonsense", -32700],
  ["bytes", new Uint8Array([1, 2, 3]).buffer, -32600],
  ["an empty batch", "[]", -32600],
  ["a batch beyond the bound", JSON.stringify(Array.from({ length: 21 }, () => ({}))), -32600],
  ["no call", '{"hello":"world"}', -32600],
  ["params by place", '{"jsonrpc":"2.0","id":1,"method":"tasks.watch","params":[1]}', -32600],
  ["a null", "null", -32600],
  [
    "an endless nest",
    `{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":${"[".repeat(60)}${"]".repeat(60)}}}`,
    -32600,
  ],
])("%s is answered and does not end the connection", async (_, frame, code) => {
  const connection = await connect(await newActor("Somebody"))
  connection.send(frame)
  expect(await fault(connection)).toMatchObject({ code })
  await expect(connection.call("watch.stop", { subscription: "1" })).resolves.toEqual({})
  connection.close()
})

test("five frames that are no calls end the connection; so does one that is too large", async () => {
  const somebody = await newActor("Somebody")
  const connection = await connect(somebody)
  for (let n = 0; n < 5; n++) connection.send("{")
  expect(await connection.closed).toMatchObject({ code: 1008 })
  expect(connection.faults).toHaveLength(5)
  const large = await connect(somebody)
  large.send(
    JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tasks.watch", params: { filter: { a: "x".repeat(70_000) } } }),
  )
  expect(await large.closed).toMatchObject({ code: 1009 })
  expect(large.faults).toMatchObject([{ code: -32600 }])
})

test("ping is answered without a call", async () => {
  const answer = await handshake(await newActor("Somebody"))
  const socket = answer.webSocket as WebSocket
  socket.accept()
  const pong = new Promise((resolve) => socket.addEventListener("message", ({ data }) => resolve(data)))
  socket.send("ping")
  expect(await pong).toBe("pong")
  socket.close()
})

test("a method that there is not, a resource that cannot be watched: -32601", async () => {
  const connection = await connect(await newActor("Somebody"))
  for (const method of ["nothing.watch", "tasks.explode", "users.watch", "constructor"])
    await expect(connection.call(method), method).rejects.toMatchObject({ code: -32601 })
  connection.close()
})

test("what cannot be watched by is refused at its path", async () => {
  const { viewer, organizationId, projectId } = await newWorkspace()
  const connection = await connect(viewer)
  const refused = async (params: object) => {
    try {
      await connection.call("tasks.watch", params)
      return "taken"
    } catch (thrown) {
      const { code, data } = thrown as { code: number; data?: { violations?: { path: string; code: string }[] } }
      return [code, ...(data?.violations ?? []).map((one) => `${one.path} ${one.code}`)]
    }
  }
  expect(await refused({ filter: { organizationId, internalNote: "x" } })).toEqual([
    -32602,
    "/filter/internalNote not_filterable",
  ])
  expect(await refused({ filter: { organizationId, nothing: "x" } })).toEqual([-32602, "/filter/nothing unknown_field"])
  expect(await refused({ filter: { projectId } })).toEqual([-32602, "/filter/organizationId required"])
  expect(await refused({})).toEqual([-32602, "/filter/organizationId required"])
  expect(await refused({ filter: { or: [{ organizationId }, { status: "open" }] } })).toEqual([
    -32602,
    "/filter/organizationId required",
  ])
  expect(await refused({ filter: { organizationId }, q: "words" })).toEqual([-32602, "/q unknown_field"])
  expect(await refused({ filter: { organizationId }, fields: ["nothing"] })).toEqual([
    -32602,
    "/fields/0 unknown_field",
  ])
  expect(await refused({ filter: { organizationId }, after: -1 })).toEqual([-32602, "/after too_small"])
  expect(await refused({ filter: { organizationId }, after: "1" })).toEqual([-32602, "/after invalid_type"])
  connection.close()
})

test("of a thousand watches on one socket the first fifty are taken, and the rest are refused", async () => {
  const { viewer, owner, projectId, organizationId } = await newWorkspace()
  const connection = await connect(viewer)
  let taken = 0
  let refused = 0
  for (let n = 0; n < 100; n++)
    await connection.call("tasks.watch", { filter: { organizationId } }).then(
      () => taken++,
      ({ code }: { code: number }) => code === -32008 && refused++,
    )
  expect([taken, refused]).toEqual([50, 50])
  const task = await must(owner, "POST /v1/tasks", { projectId, title: "Told fifty times" })
  const isTold = () => connection.notices.filter(({ params }) => params.record?.id === task.id).length
  for (let turn = 0; turn < 300 && isTold() < 50; turn++) await scheduler.wait(10)
  expect(isTold()).toBe(50)
  // A flood is no watch any more: the socket is closed.
  for (let n = 0; n < 1000; n++)
    connection.send(`{"jsonrpc":"2.0","id":${5000 + n},"method":"tasks.watch","params":{}}`)
  expect(await connection.closed).toMatchObject({ code: 1008 })
})

test("who does not acknowledge is closed as a slow consumer, and comes back with its place", async () => {
  const { viewer, owner, projectId, organizationId } = await newWorkspace()
  const connection = await connect(viewer)
  connection.acknowledges = false
  const slow = await watch(connection, "tasks.watch", { filter: { organizationId } })
  await slow.until(({ words }) => words.includes("ready"))
  for (let n = 0; n < 11; n++) {
    const records = Array.from({ length: 100 }, (_, m) => ({ op: "create", values: { projectId, title: `${n} ${m}` } }))
    await must(owner, "POST /v1/tasks/batch", { records })
  }
  expect(await connection.closed).toEqual({ code: 4008, reason: "slow consumer" })
  expect(slow.records.size).toBeGreaterThan(900)
  expect(slow.records.size).toBeLessThan(1100)
  const back = await watch(await connect(viewer), "tasks.watch", { filter: { organizationId } }, slow)
  await back.until(({ records }) => records.size === 1100)
  expect(back.faults).toEqual([])
  expect(back.words.some((word) => word.startsWith("reset"))).toBe(false)
})

test("a person has twenty sockets at a time, and a new one when one has gone", async () => {
  const somebody = await newActor("Somebody")
  const sockets = await Promise.all(Array.from({ length: 20 }, () => connect(somebody)))
  expect(await tryConnect(somebody)).toMatchObject({ status: 429, body: { code: "RESOURCE_EXHAUSTED" } })
  sockets[0]?.close()
  await sockets[0]?.closed
  const another = await connect(somebody)
  for (const one of [...sockets.slice(1), another]) one.close()
})

test("nobody may watch what nobody may read; a plain request is told to upgrade", async () => {
  const connection = await connect(null)
  const { organizationId } = await newWorkspace()
  await expect(connection.call("tasks.watch", { filter: { organizationId } })).rejects.toMatchObject({ code: -32016 })
  connection.close()
  const plain = await handshake(null, { Upgrade: "" })
  expect(plain.status).toBe(426)
  expect(plain.headers.get("Upgrade")).toBe("websocket")
  await plain.text()
})
