/** GraphQL over WebSocket: what a subscription tells and to whom, calls beside it, and how it goes on after a cut. */
import { expect, test } from "vitest"
import { newActor } from "../support/actors.ts"
import { call } from "../support/calls.ts"
import { graphqlOf, subscribeTasks, tasksWatch } from "../support/graphql-socket.ts"
import { must, newWorkspace, type Workspace } from "../support/workspace.ts"

const newTask = ({ owner, projectId }: Workspace, title: string) => must(owner, "POST /v1/tasks", { projectId, title })

test("a subscription tells the list, then every change, and nothing of it once it is complete", async () => {
  const place = await newWorkspace()
  const first = await newTask(place, "First")
  const socket = await graphqlOf(place.viewer)
  subscribeTasks(socket, "s", place.organizationId)
  await socket.until(() => socket.words("s").includes("ready"))
  expect(socket.words("s")).toEqual(["reset START", "changed First", "ready"])
  expect(socket.messages.at(-2)?.payload.data.tasksWatch).toEqual({
    __typename: "TaskChanged",
    sequence: expect.any(Number),
    record: { id: first.id, title: "First" },
  })
  await must(place.owner, `PATCH /v1/tasks/${first.id}`, { title: "Changed" })
  await call(place.owner, `DELETE /v1/tasks/${first.id}`)
  await socket.until(() => socket.words("s").length === 5)
  expect(socket.words("s").slice(3)).toEqual(["changed Changed", `removed ${first.id}`])
  socket.send({ id: "s", type: "complete" })
  subscribeTasks(socket, "t", place.organizationId)
  await socket.until(() => socket.words("t").includes("ready"))
  await newTask(place, "Later")
  await socket.until(() => socket.words("t").includes("changed Later"))
  expect(socket.words("s")).toHaveLength(5)
  socket.close()
})

test("two subscriptions of one socket are apart; an id that is complete may be used again", async () => {
  const [one, other] = [await newWorkspace(), await newWorkspace()]
  const socket = await graphqlOf(one.owner)
  subscribeTasks(socket, "a", one.organizationId)
  subscribeTasks(socket, "b", other.organizationId)
  await socket.until(() => socket.words("a").includes("ready") && socket.words("b").includes("ready"))
  await newTask(other, "Theirs")
  await newTask(one, "Mine")
  await socket.until(() => socket.words("a").includes("changed Mine"))
  // Somebody who belongs to another organization is told that there is nothing, and nothing of what happens there.
  expect(socket.words("b")).toEqual(["reset START", "ready"])
  expect(JSON.stringify(socket.messages)).not.toContain("Theirs")
  socket.send({ id: "a", type: "complete" })
  subscribeTasks(socket, "a", one.organizationId)
  await socket.until(() => socket.words("a").filter((word) => word === "ready").length === 2)
  socket.close()
})

test("`after` goes on where it was cut: what was missed, once, and no list", async () => {
  const place = await newWorkspace()
  await newTask(place, "Known")
  const cut = await graphqlOf(place.viewer)
  subscribeTasks(cut, "s", place.organizationId)
  await cut.until(() => cut.words("s").includes("ready"))
  const at = cut.messages.at(-1)?.payload.data.tasksWatch.sequence
  cut.close()
  await newTask(place, "Missed")
  const back = await graphqlOf(place.viewer)
  subscribeTasks(back, "s", place.organizationId, at)
  await back.until(() => back.words("s").includes("ready"))
  expect(back.words("s")).toEqual(["changed Missed", "ready"])
  back.close()
})

test("queries and mutations run over it: a read sees the write before it, and the same key is one record", async () => {
  const { owner, projectId } = await newWorkspace()
  const socket = await graphqlOf(owner)
  const create = "mutation ($input: TaskCreateInput!) { createTask(input: $input) { id title project { name } } }"
  const variables = { input: { projectId, title: "Over the socket" } }
  const extensions = { idempotencyKey: crypto.randomUUID() }
  const made = await socket.run("m", create, variables, extensions)
  expect(made.data.createTask).toMatchObject({ title: "Over the socket", project: { name: expect.any(String) } })
  const again = await socket.run("n", create, variables, extensions)
  expect(again.data.createTask.id).toBe(made.data.createTask.id)
  const read = await socket.run("q", "query ($id: ID!) { task(id: $id) { title } }", { id: made.data.createTask.id })
  expect(read).toEqual({ data: { task: { title: "Over the socket" } } })
  const wrong = await socket.run("w", create, { input: { projectId: "nonsense", title: "x" } })
  expect(wrong.errors).toMatchObject([
    { path: ["createTask"], extensions: { code: "INVALID_ARGUMENT", violations: [{ path: "/input/projectId" }] } },
  ])
  const two = await socket.run(
    "k",
    'mutation { a: tasksComplete(id: "x") { id } b: tasksComplete(id: "y") { id } }',
    {},
    extensions,
  )
  expect(two).toMatchObject([{ extensions: { code: "INVALID_ARGUMENT" } }])
  socket.close()
})

test("what one may not see stays unseen: masked fields are null, and nobody is refused", async () => {
  const place = await newWorkspace()
  await must(place.owner, "POST /v1/tasks", { projectId: place.projectId, title: "Noted" })
  const socket = await graphqlOf(place.viewer)
  const query = tasksWatch.replace("{ id title }", "{ id title internalNote }")
  socket.send({ id: "s", type: "subscribe", payload: { query, variables: { organization: place.organizationId } } })
  await socket.until(() => socket.words("s").includes("ready"))
  expect(socket.messages.at(-2)?.payload.data.tasksWatch.record).toMatchObject({ title: "Noted", internalNote: null })
  const nobody = await graphqlOf(null)
  subscribeTasks(nobody, "s", place.organizationId)
  await nobody.until((all) => all.some(({ type }) => type === "error"))
  expect(nobody.messages.at(-1)).toMatchObject({
    id: "s",
    type: "error",
    payload: [{ path: ["tasksWatch"], extensions: { code: "UNAUTHENTICATED" } }],
  })
  socket.close()
  nobody.close()
})

test("what cannot be watched is refused at its path, and what is no subscription by its document", async () => {
  const { viewer, organizationId } = await newWorkspace()
  const socket = await graphqlOf(viewer)
  const refused = async (id: string, query: string) => {
    const errors = await socket.run(id, query)
    return errors.map((one: { extensions?: { violations?: { path: string }[] }; message: string }) =>
      one.extensions?.violations ? one.extensions.violations.map(({ path }) => path) : one.message,
    )
  }
  const all = `filter: { organizationId: { eq: "${organizationId}" } }`
  expect(await refused("a", "subscription { tasksWatch { __typename } }")).toEqual([["/filter/organizationId"]])
  expect(
    await refused("b", `subscription { tasksWatch(${all}) { ... on TaskChanged { record { project { name } } } } }`),
  ).toEqual([["/record/project"]])
  expect(
    await refused("c", `subscription { a: tasksWatch(${all}) { __typename } b: tasksWatch(${all}) { __typename } }`),
  ).toEqual([expect.stringContaining("only one")])
  expect(await refused("d", `subscription { tasksWatch(${all}, after: -1) { __typename } }`)).toEqual([["/after"]])
  expect(await refused("e", "{ explode }")).toEqual([expect.stringContaining("explode")])
  const deep = `{ tasks { nodes { project { tasks { project { tasks { project { tasks { id } } } } } } } } }`
  expect((await socket.run("f", deep)).errors).toMatchObject([{ extensions: { code: "INVALID_ARGUMENT" } }])
  expect(
    await refused("h", `{ ${Array.from({ length: 21 }, (_, n) => `a${n}: tasks { nodes { id } }`).join(" ")} }`),
  ).toEqual([expect.stringContaining("at most 20 root fields")])
  expect(await refused("i", `subscription { tasksWatch(${all}) { ${"__typename ".repeat(2100)} } }`)).toEqual([
    expect.stringContaining("token"),
  ])
  socket.close()
})

test("of sixty watches on one socket fifty are taken, and the rest are refused", async () => {
  const place = await newWorkspace()
  const socket = await graphqlOf(place.viewer)
  for (let n = 0; n < 60; n++) subscribeTasks(socket, `s${n}`, place.organizationId)
  await socket.until(
    (all) =>
      all.filter(({ type }) => type === "error").length +
        all.filter((one) => one.payload?.data?.tasksWatch?.__typename === "WatchReady").length ===
      60,
  )
  const errors = socket.messages.filter(({ type }) => type === "error")
  expect(errors).toHaveLength(10)
  expect(errors[0]).toMatchObject({ payload: [{ extensions: { code: "RESOURCE_EXHAUSTED" } }] })
  socket.close()
})

test("one that is complete gives its place back: sixty, one after another", async () => {
  const { viewer, organizationId } = await newWorkspace()
  const socket = await graphqlOf(viewer)
  for (let n = 0; n < 60; n++) {
    subscribeTasks(socket, `s${n}`, organizationId)
    await socket.until(() => socket.words(`s${n}`).includes("ready"))
    socket.send({ id: `s${n}`, type: "complete" })
  }
  expect(socket.messages.filter(({ type }) => type === "error")).toEqual([])
  socket.close()
})

test("somebody has twenty connections at a time, these among them", async () => {
  const somebody = await newActor("Somebody")
  const sockets = await Promise.all(Array.from({ length: 20 }, () => graphqlOf(somebody)))
  await expect(graphqlOf(somebody)).rejects.toThrow('"code":1013')
  for (const one of sockets) one.close()
})
