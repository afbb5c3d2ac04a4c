/** Connect and gRPC-Web as others speak them: connect-web and connect-node over every transport, with descriptors from the descriptor set that is served. */
import { createFileRegistry, type DescService, fromBinary } from "@bufbuild/protobuf"
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt"
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect"
import * as node from "@connectrpc/connect-node"
import * as web from "@connectrpc/connect-web"
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest"
import { startBridge } from "../../scripts/grpc-bridge.ts"
import { type Newcomer, newcomer } from "./newcomer.ts"

const origin = inject("origin")
const { ada, nobody } = inject("tokens")
const projectId = inject("projectId")
const someId = "task_01kaj700000000000000000004"

// biome-ignore lint/suspicious/noExplicitAny: the types of these messages are known at run time only
type Client = any

let service: DescService
let accounts: DescService
let organizations: DescService
let someone: Newcomer
let bridge: Awaited<ReturnType<typeof startBridge>>
beforeAll(async () => {
  bridge = await startBridge({ target: origin, port: 0 })
  const bytes = new Uint8Array(await (await fetch(`${origin}/api.binpb`)).arrayBuffer())
  const linked = createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes))
  const named = (name: string): DescService => {
    const found = linked.getService(`workspace.v1.${name}`)
    if (!found) throw new Error(`No ${name} in the descriptor set`)
    return found
  }
  service = named("TasksService")
  accounts = named("AuthService")
  organizations = named("OrganizationsService")
  someone = await newcomer(origin)
})
afterAll(() => void bridge.server.close())

const common = { baseUrl: origin, fetch }
const transports: Record<string, () => Transport> = {
  "connect-web, Connect in JSON": () => web.createConnectTransport({ ...common, useBinaryFormat: false }),
  "connect-web, Connect in binary": () => web.createConnectTransport({ ...common, useBinaryFormat: true }),
  "connect-web, Connect with GET": () =>
    web.createConnectTransport({ ...common, useBinaryFormat: true, useHttpGet: true }),
  "connect-web, gRPC-Web in binary": () => web.createGrpcWebTransport({ ...common, useBinaryFormat: true }),
  "connect-web, gRPC-Web in JSON": () => web.createGrpcWebTransport({ ...common, useBinaryFormat: false }),
  "connect-node, Connect with gzip": () =>
    node.createConnectTransport({
      baseUrl: origin,
      httpVersion: "1.1",
      sendCompression: node.compressionGzip,
      compressMinBytes: 0,
    }),
  "connect-node, gRPC-Web with gzip": () =>
    node.createGrpcWebTransport({
      baseUrl: origin,
      httpVersion: "1.1",
      sendCompression: node.compressionGzip,
      compressMinBytes: 0,
    }),
  "connect-node, native gRPC over the bridge": () => node.createGrpcTransport({ baseUrl: bridge.url }),
}
const as = (token: string, more: object = {}) => ({ headers: { Authorization: `Bearer ${token}`, ...more } })

async function refused(call: Promise<unknown>): Promise<ConnectError> {
  return ConnectError.from(
    await call.then(
      () => new Error("It was admitted"),
      (thrown) => thrown,
    ),
  )
}

describe.each(Object.entries(transports))("%s", (_, transport) => {
  const client = (): Client => createClient(service, transport())

  test("creates, reads, changes, lists and deletes; null by the mask, absence leaves", async () => {
    const tasks = client()
    const dueAt = { seconds: 1_798_000_000n, nanos: 0 }
    const made = await tasks.createTask({ projectId, title: "From gRPC 😀", priority: 2, dueAt }, as(ada))
    expect(made).toMatchObject({ title: "From gRPC 😀", priority: 2, dueAt: { seconds: 1_798_000_000n }, version: 1n })
    const { id } = made
    expect((await tasks.getTask({ id }, as(ada))).title).toBe("From gRPC 😀")
    const left = await tasks.updateTask({ id, patch: { title: "Other" } }, as(ada))
    expect([left.title, left.dueAt?.seconds]).toEqual(["Other", 1_798_000_000n])
    const cleared = await tasks.updateTask({ id, patch: { updateMask: { paths: ["due_at"] } } }, as(ada))
    expect([cleared.title, cleared.dueAt]).toEqual(["Other", undefined])
    const page = await tasks.listTasks(
      { filter: { projectId: { kind: { case: "stringValue", value: projectId } } }, limit: 2n },
      as(ada),
    )
    expect(page.items).toHaveLength(2)
    expect((await tasks.complete({ id }, as(ada))).status).not.toBe(made.status)
    await tasks.deleteTask({ id }, as(ada))
    expect((await refused(tasks.getTask({ id }, as(ada)))).code).toBe(Code.NotFound)
  })
  test("a union, and a list whose items may be null", async () => {
    const record = (title: string) => ({ variant: { case: "create", value: { values: { projectId, title } } } })
    const { records } = await client().batchTasks({ records: [record("One of two"), record("Two of two")] }, as(ada))
    expect(records.map((one: Client) => one.value.title)).toEqual(["One of two", "Two of two"])
  })
  test("refusals have the shared code and the details that clients of gRPC know", async () => {
    const wrong = await refused(client().createTask({ projectId: "nonsense", title: "x" }, as(ada)))
    expect([wrong.code, JSON.stringify(wrong.details)]).toEqual([
      Code.InvalidArgument,
      expect.stringContaining("google.rpc.BadRequest"),
    ])
    expect((await refused(client().getTask({ id: someId }))).code).toBe(Code.Unauthenticated)
    expect((await refused(client().getTask({ id: someId }, as("nonsense")))).code).toBe(Code.Unauthenticated)
    const page = await client().listTasks(
      { filter: { projectId: { kind: { case: "stringValue", value: projectId } } } },
      as(nobody),
    )
    expect(page.items).toEqual([])
  })
  test("the same key is one task", async () => {
    const more = { "Idempotency-Key": crypto.randomUUID() }
    const create = () => client().createTask({ projectId, title: "Once" }, as(ada, more))
    expect((await create()).id).toBe((await create()).id)
  })
  test("a watch streams what there is and every change, until the caller goes", async () => {
    const tasks = client()
    const made = await tasks.createTask({ projectId, title: "Watched" }, as(ada))
    const leaving = new AbortController()
    const kinds: string[] = []
    const stream = tasks.watchTasks({ id: made.id }, { ...as(ada), signal: leaving.signal })
    try {
      for await (const told of stream) {
        kinds.push(`${told.kind} ${told.record?.title ?? ""}`.trim())
        if (told.kind === "ready") await tasks.updateTask({ id: made.id, patch: { title: "Changed" } }, as(ada))
        if (told.record?.title === "Changed") leaving.abort()
      }
    } catch (thrown) {
      expect(ConnectError.from(thrown).code).toBe(Code.Canceled)
    }
    expect(kinds).toEqual(["reset", "changed Watched", "ready", "changed Changed"])
  })
  test("sign-out ends a stream with unauthenticated", async () => {
    const auth: Client = createClient(accounts, transport())
    const { result } = await auth.signIn(someone)
    const mine = as(result.variant.value.accessToken)
    const { id } = await (createClient(organizations, transport()) as Client).create({ name: "Mine" }, mine)
    const kinds: string[] = []
    const read = async () => {
      const organizationId = { kind: { case: "stringValue", value: id } }
      for await (const told of client().watchTasks({ filter: { organizationId } }, mine)) {
        kinds.push(told.kind)
        if (told.kind === "ready") await auth.signOut({}, mine)
      }
    }
    expect((await refused(read())).code).toBe(Code.Unauthenticated)
    expect(kinds).toEqual(["reset", "ready"])
  })
  test("a deadline that the server keeps ends a stream with deadline_exceeded", async () => {
    // As headers: a client that is given the time would not wait for the server's word.
    const timed = as(ada, { "Connect-Timeout-Ms": "1000", "Grpc-Timeout": "1S" })
    const kinds: string[] = []
    const read = async () => {
      const found = { kind: { case: "stringValue", value: projectId } }
      const { items } = await client().listTasks({ filter: { projectId: found }, limit: 1n }, as(ada))
      for await (const told of client().watchTasks({ id: items[0].id }, timed)) kinds.push(told.kind)
    }
    expect((await refused(read())).code).toBe(Code.DeadlineExceeded)
    expect(kinds).toEqual(["reset", "changed", "ready"])
  })
})

describe("what is hostile", () => {
  const post = (path: string, type: string, body: string | Uint8Array) =>
    fetch(`${origin}${path}`, {
      method: "POST",
      // A body that is refused half read takes its connection with it: nobody after it is to get that one.
      headers: { "Content-Type": type, Authorization: `Bearer ${ada}`, Connection: "close" },
      body: body as BodyInit,
    })
  const list = "/workspace.v1.TasksService/ListTasks"
  test.each([
    ["bytes that are no message", list, "application/proto", new Uint8Array([0xff, 0xff, 0xff, 0xff]), 400],
    ["text that is no JSON", list, "application/json", "{", 400],
    ["a field that there is not", list, "application/json", '{"colour":"red"}', 400],
    ["another content type", list, "text/xml", "<a/>", 415],
    ["a method that there is not", "/workspace.v1.TasksService/Explode", "application/json", "{}", 404],
    ["a service that there is not", "/workspace.v1.Nothing/ListTasks", "application/json", "{}", 404],
    ["a body beyond the bound", list, "application/json", JSON.stringify({ q: "x".repeat(1_100_000) }), 400],
    ["native gRPC, which a Worker cannot speak", list, "application/grpc", new Uint8Array([0, 0, 0, 0, 0]), 415],
  ])("%s is refused", async (_, path, type, body, status) => {
    const answer = await post(path, type, body)
    expect(answer.status).toBe(status)
    expect(await answer.text()).not.toMatch(/\.ts:|SQLITE/)
  })
  test("a truncated frame of gRPC-Web ends with a code, not with silence", async () => {
    const answer = await post(list, "application/grpc-web+proto", new Uint8Array([0, 0, 0, 0, 9, 1]))
    const text = new TextDecoder().decode(await answer.arrayBuffer())
    expect(answer.headers.get("grpc-status") ?? /grpc-status: (\d+)/.exec(text)?.[1]).toMatch(/^(3|13)$/)
  })
  test("gzip that unpacks beyond the bound is refused", async () => {
    const zeros = new Blob([new Uint8Array(20_000_000)]).stream().pipeThrough(new CompressionStream("gzip"))
    const body = new Uint8Array(await new Response(zeros).arrayBuffer())
    const answer = await fetch(`${origin}${list}`, {
      method: "POST",
      headers: { "Content-Type": "application/proto", "Content-Encoding": "gzip", Authorization: `Bearer ${ada}` },
      body: body as BodyInit,
    })
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining("PAYLOAD_TOO_LARGE")])
  })
  test("a message of a newer schema: what is unknown in binary is passed over", async () => {
    // Field 1000, a length of one byte.
    const answer = await post(list, "application/proto", new Uint8Array([0xc2, 0x3e, 0x01, 0x78]))
    expect(answer.status).toBe(200)
  })
})

test.each([
  ["Connect", () => web.createConnectTransport(common)],
  ["gRPC-Web", () => web.createGrpcWebTransport(common)],
])("%s: a browser signs in by cookies from a page of this site, and from no other", async (_, transport) => {
  const auth: Client = createClient(accounts, transport())
  const signIn = async (Origin: string) => {
    let set: readonly string[] = []
    const onHeader = (headers: Headers) => {
      set = headers.getSetCookie().map((text) => text.slice(0, text.indexOf("=")))
    }
    // TRANSPORT_COOKIE.
    const { result } = await auth.signIn({ ...someone, transport: 2 }, { headers: { Origin }, onHeader })
    return { set, accessToken: result.variant.value.accessToken }
  }
  expect(await signIn(origin)).toEqual({ set: ["__Host-at", "__Host-rt", "__Host-device"], accessToken: undefined })
  expect((await refused(signIn("https://evil.example"))).code).toBe(Code.PermissionDenied)
})

test("who is refused is told in headers: how to be let in, which methods there are, the id of the request", async () => {
  const at = `${origin}/workspace.v1.TasksService/CreateTask`
  const nonsense = { "Content-Type": "application/json", Authorization: "Bearer nonsense" }
  const refusal = await fetch(at, { method: "POST", headers: nonsense, body: "{}" })
  expect([refusal.status, refusal.headers.get("WWW-Authenticate"), refusal.headers.has("X-Request-Id")]).toEqual([
    401,
    expect.stringMatching(/error="invalid_token", resource_metadata="/),
    true,
  ])
  const got = await fetch(`${at}?connect=v1&encoding=json&message={}`, { headers: { Authorization: `Bearer ${ada}` } })
  expect([got.status, got.headers.get("Allow"), got.headers.has("X-Request-Id")]).toEqual([405, "POST", true])
})

test("the .proto is served, too", async () => {
  const text = await (await fetch(`${origin}/api.proto`)).text()
  expect(text).toMatch(/^\/\/ Generated/)
  expect(text).toContain("package workspace.v1;")
})
