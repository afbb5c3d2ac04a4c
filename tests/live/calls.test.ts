/** Operations over a socket: every one by its name, under the limits, policies and keys of every other door. */
import { expect, test } from "vitest"
import { administrator } from "../support/administrators.ts"
import { call } from "../support/calls.ts"
import { connect, handshake } from "../support/live.ts"
import { person } from "../support/people.ts"
import { eventsOf, newWorkspace, rowCount } from "../support/workspace.ts"

// biome-ignore lint/suspicious/noExplicitAny: answers of every shape
type Frame = any

/** A socket whose frames are read as they are. */
async function raw(actor: { readonly token: string } | null) {
  const answer = await handshake(actor)
  const socket = answer.webSocket as WebSocket
  socket.accept()
  const waiting: Frame[] = []
  let wake: (() => void) | null = null
  socket.addEventListener("message", ({ data }) => {
    waiting.push(JSON.parse(String(data)))
    wake?.()
  })
  return {
    send: (frame: object) => socket.send(JSON.stringify(frame)),
    close: () => socket.close(),
    async next(): Promise<Frame> {
      while (waiting.length === 0)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      return waiting.shift()
    },
  }
}
const request = (id: number | null, method: string, params: object) => ({
  jsonrpc: "2.0",
  ...(id === null ? {} : { id }),
  method,
  params,
})

test("creates a task that REST shows, with its event; reads it back with the bookmark of the write", async () => {
  const { owner, projectId } = await newWorkspace()
  const socket = await raw(owner)
  socket.send(request(1, "tasks.create", { projectId, title: "Over a socket" }))
  const made = await socket.next()
  expect(made).toMatchObject({
    id: 1,
    result: { title: "Over a socket", status: "open" },
    meta: { requestId: expect.any(String) },
  })
  const { id } = made.result
  expect((await call(owner, `GET /v1/tasks/${id}`)).body).toEqual(made.result)
  expect(await eventsOf(id)).toHaveLength(1)
  socket.send(request(2, "tasks.get", { id, fields: ["title"], _meta: { bookmark: made.meta.bookmark } }))
  expect((await socket.next()).result).toEqual({ id, title: "Over a socket" })
  socket.close()
})

test("refusals are those of REST: the code, the place, and nothing was done", async () => {
  const { owner, stranger, projectId } = await newWorkspace()
  const before = await rowCount("tasks")
  const connection = await connect(stranger)
  const rest = await call(stranger, "POST /v1/tasks", { body: { projectId, title: "x" } })
  await expect(connection.call("tasks.create", { projectId, title: "x" })).rejects.toMatchObject({
    data: { code: rest.body.code },
  })
  const mine = await connect(owner)
  await expect(mine.call("tasks.create", { projectId: "nonsense", title: "x" })).rejects.toMatchObject({
    code: -32602,
    data: { code: "INVALID_ARGUMENT", violations: [{ path: "/projectId" }] },
  })
  await expect(mine.call("tasks.list", { _meta: { bookmark: "nonsense" } })).rejects.toMatchObject({
    data: { code: "INVALID_ARGUMENT" },
  })
  await expect(mine.call("tasks.list", { _meta: { colour: "red" } })).rejects.toMatchObject({
    data: { violations: [{ path: "/_meta/colour" }] },
  })
  expect(await rowCount("tasks")).toBe(before)
  connection.close()
  mine.close()
})

test("the same key is one task, over the socket and over REST", async () => {
  const { owner, projectId } = await newWorkspace()
  const key = crypto.randomUUID()
  const socket = await raw(owner)
  socket.send(request(1, "tasks.create", { projectId, title: "Once", _meta: { idempotencyKey: key } }))
  const made = await socket.next()
  const again = await call(owner, "POST /v1/tasks", {
    body: { projectId, title: "Once" },
    headers: { "Idempotency-Key": key },
  })
  expect([again.body.id, again.headers.get("Idempotent-Replayed")]).toEqual([made.result.id, "true"])
  socket.close()
})

test("a batch is answered with one frame, in order, garbage among it too; notifications have no answer", async () => {
  const { owner, projectId } = await newWorkspace()
  const socket = await raw(owner)
  socket.send([
    request(1, "tasks.create", { projectId, title: "a" }),
    request(null, "tasks.create", { projectId, title: "b" }),
    { hello: "world" },
    request(2, "tasks.list", { filter: { projectId }, fields: ["title"] }),
  ])
  const answers = await socket.next()
  expect(answers.map((one: Frame) => one.id)).toEqual([1, null, 2])
  expect(answers[1].error.code).toBe(-32600)
  expect(answers[2].result.items.map((one: Frame) => one.title)).toEqual(["b", "a"])
  socket.close()
})

test("a person's own operations work from their own object; when the session ends, so does the socket", async () => {
  const ada = await person("Ada")
  const socket = await connect(ada)
  const { items } = (await socket.call("sessions.list", {})) as Frame
  expect(items.map((one: Frame) => one.id)).toEqual([ada.sessionId])
  await call(ada, "POST /v1/auth/sign-out", { body: {} })
  expect(await socket.closed).toMatchObject({ code: 4401 })
})

test("a role that was taken away while the socket lives is gone; one that was given comes with the next socket", async () => {
  const admin = await administrator()
  const root = await administrator()
  const setRoles = async (id: string, roles: string[]) => {
    const answer = await call(admin, `PUT /v1/users/${id}/roles`, { body: { roles } })
    expect(answer.status).toBeLessThan(300)
  }
  const tried = (connection: Awaited<ReturnType<typeof connect>>) =>
    connection.call("dead_letters.list", { limit: 1 }).then(
      () => "admitted",
      (fault) => fault.data.code,
    )
  const socket = await connect(root)
  expect(await tried(socket)).toBe("admitted")
  await setRoles(root.id, [])
  await expect.poll(() => tried(socket)).toBe("PERMISSION_DENIED")
  socket.close()

  // Whoever is made an administrator has no second factor yet; their old session does not get around it.
  const ada = await person("Ada")
  const before = await connect(ada)
  await setRoles(ada.id, ["admin"])
  expect(await tried(before)).toBe("PERMISSION_DENIED")
  before.close()
})
