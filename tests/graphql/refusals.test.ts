/** GraphQL over WebSocket: what ends a connection, with which code, and who is not let in. */
import { beforeAll, describe, expect, test } from "vitest"
import { mintToken, newActor } from "../support/actors.ts"
import { newBrowser } from "../support/browser.ts"
import { call } from "../support/calls.ts"
import { graphqlHandshake, graphqlOf, openGraphql, subscribeTasks } from "../support/graphql-socket.ts"
import { type Person, person, session } from "../support/people.ts"
import { must, newWorkspace } from "../support/workspace.ts"

const init = { type: "connection_init" }
const query = "{ __typename }"

describe("what is said in the wrong turn", () => {
  test("subscribe before the connection is acknowledged: 4401, and nothing was run", async () => {
    const { owner, projectId, organizationId } = await newWorkspace()
    const socket = await openGraphql({ Authorization: `Bearer ${owner.token}` })
    const mutation = `mutation { createTask(input: { projectId: "${projectId}", title: "Too early" }) { id } }`
    socket.send({ id: "1", type: "subscribe", payload: { query: mutation } })
    expect(await socket.closed).toEqual({ code: 4401, reason: "Unauthorized" })
    expect(socket.messages).toEqual([])
    const { body } = await call(owner, `GET /v1/tasks?organizationId=${organizationId}`)
    expect(body.items).toEqual([])
  })
  test("a second connection_init: 4429", async () => {
    const socket = await graphqlOf(null)
    socket.send(init)
    expect(await socket.closed).toMatchObject({ code: 4429 })
    const twice = await openGraphql()
    twice.send(init)
    twice.send(init)
    expect(await twice.closed).toMatchObject({ code: 4429 })
  })
  test("an id that is in use: 4409, and neither goes on", async () => {
    const { viewer, organizationId } = await newWorkspace()
    const socket = await graphqlOf(viewer)
    subscribeTasks(socket, "same", organizationId)
    subscribeTasks(socket, "same", organizationId)
    expect(await socket.closed).toEqual({ code: 4409, reason: "Subscriber for same already exists" })
  })
  test("nothing said for long: 4408", async () => {
    const socket = await openGraphql()
    expect(await socket.closed).toMatchObject({ code: 4408 })
  })
})

test.each<[string, string | ArrayBuffer]>([
  ["what is not JSON", "{nonsense"],
  ["bytes", new Uint8Array([1, 2, 3]).buffer],
  ["a list", "[]"],
  ["an unknown type", '{"type":"explode"}'],
  ["no type", '{"hello":"world"}'],
  ["a type of the old protocol", '{"type":"start","id":"1","payload":{"query":"{ __typename }"}}'],
  ["what only we may say", '{"type":"next","id":"1","payload":{}}'],
  ["no id", '{"type":"subscribe","payload":{"query":"{ __typename }"}}'],
  ["an id without a character", '{"type":"subscribe","id":"","payload":{"query":"{ __typename }"}}'],
  ["an id without an end", `{"type":"subscribe","id":"${"x".repeat(101)}","payload":{"query":"{ __typename }"}}`],
  ["no payload", '{"type":"subscribe","id":"1"}'],
  ["a query that is no text", '{"type":"subscribe","id":"1","payload":{"query":1}}'],
  ["variables that are no object", '{"type":"subscribe","id":"1","payload":{"query":"{ __typename }","variables":[]}}'],
  ["a payload that is no object", '{"type":"ping","payload":"x"}'],
  ["two members of one name", '{"type":"ping","type":"pong"}'],
  ["an endless nest", `{"type":"ping","payload":{"a":${"[".repeat(60)}${"]".repeat(60)}}}`],
])("%s ends the connection with 4400, before and behind its acknowledgement", async (_, frame) => {
  const fresh = await openGraphql()
  fresh.raw(frame)
  expect(await fresh.closed).toMatchObject({ code: 4400 })
  const socket = await graphqlOf(null)
  socket.raw(frame)
  expect(await socket.closed).toMatchObject({ code: 4400 })
})

test("a frame that is too large: 1009; too many messages: 1008", async () => {
  const large = await graphqlOf(null)
  large.send({ id: "1", type: "subscribe", payload: { query, variables: { a: "x".repeat(70_000) } } })
  expect(await large.closed).toMatchObject({ code: 1009 })
  const flood = await graphqlOf(null)
  for (let n = 0; n < 1000; n++) flood.send({ type: "ping" })
  expect(await flood.closed).toMatchObject({ code: 1008 })
})

test("a call that grows beyond a frame on its way is refused alone", async () => {
  const { owner, projectId } = await newWorkspace()
  const socket = await graphqlOf(owner)
  const twice = `mutation ($text: String!) { createTask(input: { projectId: "${projectId}", title: $text, body: $text }) { id } }`
  const { errors } = await socket.run("1", twice, { text: "x".repeat(40_000) })
  expect(errors).toMatchObject([{ extensions: { code: "INVALID_ARGUMENT" } }])
  expect(await socket.run("2", query)).toEqual({ data: { __typename: "Query" } })
  socket.close()
})

test("ping is answered with its payload, also before anything else; an unasked pong and an unknown complete are nothing", async () => {
  const socket = await openGraphql()
  socket.send({ type: "ping", payload: { at: 1 } })
  socket.send({ type: "pong" })
  socket.send({ id: "nothing", type: "complete" })
  socket.send(init)
  await socket.until((all) => all.some(({ type }) => type === "connection_ack"))
  expect(socket.messages).toEqual([{ type: "pong", payload: { at: 1 } }, { type: "connection_ack" }])
  socket.close()
})

test("who does not answer pings is not told without bound: 4008, with most of it untold", async () => {
  const { viewer, owner, projectId, organizationId } = await newWorkspace()
  const socket = await graphqlOf(viewer)
  socket.answersPings = false
  subscribeTasks(socket, "s", organizationId)
  await socket.until(() => socket.words("s").includes("ready"))
  for (let n = 0; n < 11; n++) {
    const records = Array.from({ length: 100 }, (_, m) => ({ op: "create", values: { projectId, title: `${n} ${m}` } }))
    await must(owner, "POST /v1/tasks/batch", { records })
  }
  expect(await socket.closed).toEqual({ code: 4008, reason: "slow consumer" })
  expect(socket.words("s").length).toBeLessThan(700)
  const at = socket.messages.at(-1)?.payload.data.tasksWatch.sequence
  const told = new Set(socket.words("s"))
  const back = await graphqlOf(viewer)
  subscribeTasks(back, "s", organizationId, at)
  await back.until(
    () => new Set([...told, ...back.words("s")].filter((word) => word.startsWith("changed"))).size === 1100,
  )
  expect(back.words("s").some((word) => word.startsWith("reset"))).toBe(false)
  back.close()
})

describe("who calls", () => {
  let ada: Person
  let organizationId: string
  let projectId: string
  beforeAll(async () => {
    ada = await person("Ada")
    organizationId = (await must(ada, "POST /v1/organizations", { name: "Acme" })).id
    projectId = (await must(ada, "POST /v1/projects", { organizationId, name: "Launch" })).id
  })

  test.each([["nonsense"], ["Basic YTpi"], [1], [{}]])(
    "a credential that does not hold, %j, is not let in: 4403",
    async (Authorization) => {
      const socket = await openGraphql()
      socket.send({ ...init, payload: { Authorization } })
      const { code, reason } = await socket.closed
      expect([code, reason.startsWith("UNAUTHENTICATED")]).toEqual([4403, true])
      expect(socket.messages).toEqual([])
    },
  )
  test("the parameters' token counts before the handshake's, and a bad one is not made good by it", async () => {
    const socket = await openGraphql({ Authorization: `Bearer ${ada.token}` })
    socket.send({ ...init, payload: { Authorization: "Bearer nonsense" } })
    expect(await socket.closed).toMatchObject({ code: 4403 })
    const good = await openGraphql({ Authorization: "Bearer nonsense" })
    good.send({ ...init, payload: { authorization: `Bearer ${ada.token}` } })
    await good.until((all) => all.some(({ type }) => type === "connection_ack"))
    good.close()
  })
  test("another sub-protocol, or none, opens nothing", async () => {
    for (const protocol of ["graphql-ws", "jsonrpc.v1", ""]) {
      const answer = await graphqlHandshake({ "Sec-WebSocket-Protocol": protocol })
      expect([protocol, answer.status]).toEqual([protocol, 400])
      await answer.text()
    }
  })

  const cookies = async () => {
    const browser = newBrowser()
    expect((await browser.signIn(ada)).status).toBe(200)
    return [...browser.jar].map(([name, value]) => `${name}=${value}`).join("; ")
  }
  test("a browser's cookies let in from a page of this site", async () => {
    const socket = await openGraphql({ Cookie: await cookies(), Origin: "https://selvage.test" })
    socket.send(init)
    await socket.until((all) => all.some(({ type }) => type === "connection_ack"))
    subscribeTasks(socket, "s", organizationId)
    await socket.until(() => socket.words("s").includes("ready"))
    socket.close()
  })
  test.each([["https://evil.example"], ["null"], [""]])("and from a page of %j they do not", async (origin) => {
    const socket = await openGraphql({ Cookie: await cookies(), ...(origin === "" ? {} : { Origin: origin }) })
    socket.send(init)
    const { code, reason } = await socket.closed
    expect([code, reason.startsWith("PERMISSION_DENIED")]).toEqual([4403, true])
  })

  test("the end of the session ends the connection with 4401, and no other's; what comes later is not told", async () => {
    const [phone, laptop] = [await session(ada), await session(ada)]
    const [lost, kept] = [await graphqlOf(phone), await graphqlOf(laptop)]
    for (const socket of [lost, kept]) {
      subscribeTasks(socket, "s", organizationId)
      await socket.until(() => socket.words("s").includes("ready"))
    }
    expect((await call(laptop, `DELETE /v1/sessions/${phone.sessionId}`)).status).toBeLessThan(300)
    expect(await lost.closed).toMatchObject({ code: 4401 })
    await must(ada, "POST /v1/tasks", { projectId, title: "After" })
    await kept.until(() => kept.words("s").includes("changed After"))
    expect(lost.words("s")).not.toContain("changed After")
    await expect(graphqlOf(phone)).rejects.toThrow('"code":4403')
    kept.close()
  })
  test("so does the end of a key, and of another issuer's token", async () => {
    const made = await must(ada, "POST /v1/api-keys", { name: "A program", scopes: ["tasks:read"] })
    const key = made as unknown as { id: string; key: string }
    const socket = await graphqlOf({ token: key.key })
    expect(await socket.run("q", "{ projects { nodes { id } } }")).toMatchObject({
      errors: [{ extensions: { code: "PERMISSION_DENIED" } }],
    })
    await must(ada, `DELETE /v1/api-keys/${key.id}`)
    expect(await socket.closed).toMatchObject({ code: 4401 })
    const short = await graphqlOf({ token: await mintToken(ada.id, { expiresIn: 2 }) })
    expect(await short.closed).toMatchObject({ code: 4401 })
  })
})

test("whoever is refused by one operation goes on with others", async () => {
  const socket = await graphqlOf(await newActor("Somebody"))
  expect(await socket.run("1", "{ explode }")).toMatchObject([{ message: expect.any(String) }])
  expect(await socket.run("2", "mutation { explode }")).toMatchObject([{}])
  expect(await socket.run("3", query)).toEqual({ data: { __typename: "Query" } })
  socket.close()
})
