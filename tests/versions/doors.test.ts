/** What each door beside REST says of a call of something deprecated: the call is answered as ever. */
import { describe, expect, test } from "vitest"
import { frames } from "../../src/api/websocket/index.ts"
import { answerCall } from "../../src/user/live-calls.ts"
import type { Actor } from "../support/actors.ts"
import { serving } from "../support/serving.ts"
import { newWorkspace } from "../support/workspace.ts"
import { twoVersions } from "./fixture.ts"

const isolate = serving({}, twoVersions)
const end = { since: "2024-01-01", sunset: "2024-06-30", replacement: "tasks.finish" }
const deprecation = `@${Date.UTC(2024, 0, 1) / 1000}`
const sunset = "Sun, 30 Jun 2024 00:00:00 GMT"

async function newTask() {
  const { owner, projectId } = await newWorkspace()
  const { body } = await isolate.call(owner, "POST /v2/tasks", { body: { projectId, title: "Weave" } })
  return { owner, id: body.id as string }
}

async function post(actor: Actor, path: string, body: string, headers: Record<string, string>) {
  const answer = await isolate.fetch(
    new Request(`https://api.test${path}`, {
      method: "POST",
      headers: { Authorization: `Bearer ${actor.token}`, ...headers },
      body,
    }),
  )
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}

const json = { "Content-Type": "application/json" }

describe("Connect", () => {
  test("tells it in headers, and of nothing that stays", async () => {
    const { owner, id } = await newTask()
    const call = (method: string, body: object) =>
      post(owner, `/workspace.v1.TasksService/${method}`, JSON.stringify(body), json)
    const old = await call("Complete", { id })
    expect([old.status, JSON.parse(old.text).status]).toEqual([200, "TASK_STATUS_DONE"])
    expect([old.headers.get("deprecation"), old.headers.get("sunset")]).toEqual([deprecation, sunset])
    // A refusal tells it, too.
    const again = await call("Complete", { id })
    expect([again.status, again.headers.get("sunset")]).toEqual([400, sunset])
    const now = await call("Finish", { id, note: "Well" })
    expect([now.status, now.headers.get("deprecation"), now.headers.get("sunset")]).toEqual([200, null, null])
  })

  test("and the .proto marks the method", async () => {
    const answer = await isolate.fetch(new Request("https://api.test/api.proto"))
    const text = await answer.text()
    expect(text).toContain(
      "  // Deprecated since 2024-01-01, goes away on 2024-06-30: use tasks.finish. A note is wanted.\n  rpc Complete(.workspace.v1.TasksCompleteRequest) returns (.workspace.v1.Task) {\n    option deprecated = true;\n  }",
    )
    expect(text.match(/option deprecated = true/g)).toHaveLength(1)
  })
})

describe("SOAP", () => {
  test("tells it in the headers of HTTP, and the WSDL in the operation's documentation", async () => {
    const { owner, id } = await newTask()
    const envelope = `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><TasksComplete xmlns="urn:selvage:v1"><id>${id}</id></TasksComplete></e:Body></e:Envelope>`
    const old = await post(owner, "/soap", envelope, { "Content-Type": "text/xml" })
    expect([old.status, old.headers.get("deprecation"), old.headers.get("sunset")]).toEqual([200, deprecation, sunset])
    const wsdl = await (await isolate.fetch(new Request("https://api.test/soap?wsdl"))).text()
    expect(wsdl).toContain("Deprecated since 2024-01-01, goes away on 2024-06-30: use TasksFinish. A note is wanted.")
    expect(wsdl.match(/Deprecated since/g)).toHaveLength(1)
  })
})

describe("MCP", () => {
  const speak = async (actor: Actor, method: string, params: object) => {
    const accept = { ...json, Accept: "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25" }
    const { text } = await post(actor, "/mcp", JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }), accept)
    return JSON.parse(/^data: (\{.*)$/m.exec(text)?.[1] ?? text).result
  }

  test("tells a model in the description, a program in _meta, of the tool and of each call", async () => {
    const { owner, id } = await newTask()
    const { tools } = (await speak(owner, "tools/list", {})) as { tools: { name: string; description: string }[] }
    expect(tools.find(({ name }) => name === "tasks_complete")).toMatchObject({
      description: expect.stringContaining("Deprecated since 2024-01-01, goes away on 2024-06-30: use tasks_finish."),
      _meta: { "dev.selvage/deprecation": end },
    })
    expect(tools.filter(({ description }) => description.includes("Deprecated"))).toHaveLength(1)
    const done = await speak(owner, "tools/call", { name: "tasks_complete", arguments: { id } })
    expect(done).toMatchObject({ structuredContent: { status: "done" }, _meta: { "dev.selvage/deprecation": end } })
    const read = await speak(owner, "tools/call", { name: "tasks_get", arguments: { id } })
    expect(read._meta).not.toHaveProperty("dev.selvage/deprecation")
  })
})

describe("GraphQL", () => {
  test("has it in the schema, with the reason in the words of the schema", async () => {
    const { owner, id } = await newTask()
    const query =
      '{ __type(name: "Mutation") { fields(includeDeprecated: true) { name isDeprecated deprecationReason } } }'
    const asked = await post(owner, "/graphql", JSON.stringify({ query }), json)
    const { fields } = JSON.parse(asked.text).data.__type as { fields: { name: string; isDeprecated: boolean }[] }
    expect(fields.filter(({ isDeprecated }) => isDeprecated)).toEqual([
      {
        name: "tasksComplete",
        isDeprecated: true,
        deprecationReason: "Deprecated since 2024-01-01, goes away on 2024-06-30: use tasksFinish. A note is wanted.",
      },
    ])
    const mutation = `mutation { tasksComplete(id: "${id}") { status } }`
    const done = await post(owner, "/graphql", JSON.stringify({ query: mutation }), json)
    expect(JSON.parse(done.text)).toMatchObject({ data: { tasksComplete: { status: "DONE" } } })
  })
})

test("every door's call of it is told to the operator", async () => {
  const doors = isolate.observations.flatMap((one) =>
    one.kind === "call" && one.deprecated && one.operation === "tasks.complete" ? [one.door] : [],
  )
  expect([...new Set(doors)].toSorted()).toEqual(["graphql", "grpc", "mcp", "soap"])
})

describe("JSON-RPC", () => {
  /** What a socket is sent for one call; the pipeline is the isolate's, the socket is nobody's. */
  async function framesOf(method: string): Promise<readonly unknown[]> {
    const sent: unknown[] = []
    const socket = {
      readyState: WebSocket.OPEN,
      send: (text: string) => sent.push(JSON.parse(text)),
      serializeAttachment: () => undefined,
    }
    const facts = { requestId: "one", bookmark: null, replayed: false, limits: [] }
    const ports = {
      frames,
      registry: isolate.registry,
      call: async () => ({ problem: null, output: { status: "done" }, facts }),
    }
    const seat = { socket, kept: { id: "seat", sent: 0, acked: 0, bytes: 0, cursors: {} }, waiting: [] }
    const call = { kind: "call", id: 7, method, params: { id: "task_01kaj700000000000000000004" } } as const
    await answerCall({ seat, ports, principal: () => ({ kind: "anonymous" }) } as never, call)
    return sent
  }

  test("tells it in the meta of the answer, and of nothing that stays", async () => {
    expect(await framesOf("tasks.complete")).toEqual([
      { jsonrpc: "2.0", id: 7, result: { status: "done" }, meta: { requestId: "one", deprecation: end } },
    ])
    expect(await framesOf("tasks.finish")).toMatchObject([{ id: 7, meta: { requestId: "one" } }])
    expect(JSON.stringify(await framesOf("tasks.finish"))).not.toContain("deprecation")
  })
})
