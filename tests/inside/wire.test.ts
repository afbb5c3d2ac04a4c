/** What callers send that no client would, at each door inside the runtime of these tests: the refusal is the door's own, and nothing is a fault of ours. */
import { afterEach, beforeAll, describe, expect, test } from "vitest"
import { packageOf } from "../../src/core/type-name.ts"
import { application } from "../parity/application.ts"
import { type Actor, newActor } from "../support/actors.ts"
import { call } from "../support/calls.ts"
import { serving } from "../support/serving.ts"
import { newWorkspace } from "../support/workspace.ts"

const isolate = serving({}, application)
let ada: Actor
beforeAll(async () => {
  ada = await newActor("Ada")
})
afterEach(() => expect(isolate.observations.filter((one) => one.kind === "fault")).toEqual([]))

interface Sent {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

async function send(path: string, type: string, body: BodyInit, more: object = {}, method = "POST"): Promise<Sent> {
  const headers = new Headers({ "Content-Type": type, Accept: "*/*", Authorization: `Bearer ${ada.token}`, ...more })
  if (headers.get("Authorization") === "nobody") headers.delete("Authorization")
  const answer = await isolate.fetch(new Request(`http://selvage.test${path}`, { method, headers, body }))
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}

const json = "application/json"

async function graphql(body: object) {
  return JSON.parse((await send("/graphql", json, JSON.stringify(body))).text)
}

async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))
  return new Uint8Array(digest).toHex()
}

describe("GraphQL: persisted queries", () => {
  const asked = (sha256Hash: unknown, version: unknown = 1) => ({ persistedQuery: { version, sha256Hash } })

  test("are asked for, kept with their hash, and then answered by it", async () => {
    const query = `query { __typename } # ${crypto.randomUUID()}`
    const extensions = asked(await hashOf(query))
    expect((await graphql({ extensions })).errors[0].extensions.code).toBe("PERSISTED_QUERY_NOT_FOUND")
    expect(await graphql({ query, extensions })).toEqual({ data: { __typename: "Query" } })
    await isolate.settled()
    expect(await graphql({ extensions })).toEqual({ data: { __typename: "Query" } })
  })

  test.each<[string, object]>([
    ["a hash of another text", { query: "{ __typename }", extensions: asked("0".repeat(64)) }],
    ["a hash that is none", { query: "{ __typename }", extensions: asked("short") }],
    ["no hash", { query: "{ __typename }", extensions: asked(undefined) }],
    ["another version", { query: "{ __typename }", extensions: asked("0".repeat(64), 2) }],
    ["neither a query nor a hash", { extensions: { persistedQuery: null } }],
  ])("%s is refused", async (_, body) => {
    expect((await graphql(body)).errors[0].extensions.code).toBe("INVALID_ARGUMENT")
  })
})

describe("GraphQL: what stands in the document itself", () => {
  test.each<[string, string, unknown]>([
    [
      "numbers, lists and null in JSON",
      'anything: { a: [1, 2.5, true, null], b: { c: "d" } }',
      { anything: { a: [1, 2.5, true, null], b: { c: "d" } } },
    ],
    ["a whole number of 53 bits", "safe: 9007199254740991", { safe: 9007199254740991 }],
    ["text for an instant", 'at: "2026-01-02T03:04:05Z"', { at: "2026-01-02T03:04:05Z" }],
  ])("%s", async (_, given, expected) => {
    const names = Object.keys(expected as object).join(" ")
    const { data, errors } = await graphql({ query: `{ echoValues(${given}) { ${names} } }` })
    expect([errors, data?.echoValues]).toEqual([undefined, expected])
  })

  test.each([
    ["an enum in JSON", "anything: WORD"],
    ["a number for an instant", "at: 5"],
    ["text for a whole number", 'safe: "5"'],
    ["a whole number beyond 53 bits", "safe: 9007199254740993"],
  ])("%s is refused", async (_, given) => {
    const { errors } = await graphql({ query: `{ echoValues(${given}) { given } }` })
    expect(errors[0].extensions.code).toBe("INVALID_ARGUMENT")
  })

  test("fragments, inline and named, and what is skipped: only what is asked for comes, and each once", async () => {
    const query = `query ($no: Boolean!) {
      tasks(first: 1) { nodes { ...T ... on Task { title id } body @skip(if: true) status @include(if: $no) __typename
        comments(first: 1) { id } more: comments { id } } } }
      fragment T on Task { id ...U } fragment U on Task { title ...V } fragment V on Task { id }`
    const { owner, projectId } = await newWorkspace()
    await call(owner, "POST /v1/tasks", { body: { projectId, title: "Seen" } })
    const answer = await call(owner, "POST /graphql", { body: { query, variables: { no: false } } })
    const [task] = answer.body.data.tasks.nodes
    expect(task).toEqual({ id: task.id, title: "Seen", __typename: "Task", comments: [], more: [] })
  })
})

describe("GraphQL: requests", () => {
  test.each<[string, string, string, string, number]>([
    ["another charset", "POST", "application/json; charset=latin1", "{}", 415],
    ["a list", "POST", json, "[]", 400],
    ["what is not JSON", "POST", json, "{", 400],
    ["another method", "PUT", json, "{}", 405],
  ])("%s: refused", async (_, method, type, body, status) => {
    const answer = await send("/graphql", type, body, {}, method)
    expect(answer.status, answer.text).toBe(status)
  })
})

describe("MCP", () => {
  const message = (method: string, params: object) => JSON.stringify({ jsonrpc: "2.0", id: 1, method, params })
  const accept = { Accept: "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25" }
  const say = (method: string, params: object, more: object = {}) =>
    send("/mcp", json, message(method, params), { ...accept, ...more })

  test.each<[string, string, object]>([
    ["a tool that there is not", "tools/call", { name: "explode", arguments: {} }],
    ["a cursor that was not given", "tools/list", { cursor: "-1" }],
    ["a resource that there is not", "resources/read", { uri: "selvage://nowhere/1" }],
  ])("%s is an error of JSON-RPC", async (_, method, params) => {
    const { status, text } = await say(method, params)
    const { error } = JSON.parse(text.replace(/^event: message\ndata: /, ""))
    expect([status, error.code], text).toEqual([200, error.code === -32002 ? -32002 : -32602])
  })

  test("a page of another site may not speak, and nobody without a name is let in", async () => {
    expect((await say("tools/list", {}, { Origin: "https://evil.example" })).status).toBe(403)
    const nobody = await say("tools/list", {}, { Authorization: "nobody" })
    expect([nobody.status, nobody.headers.get("WWW-Authenticate")]).toEqual([
      401,
      expect.stringContaining("resource_metadata"),
    ])
  })
})

describe("SOAP", () => {
  test("a message has at most 20,000 elements, and that is told before it is read", async () => {
    const body = `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>${"<a/>".repeat(20_001)}</e:Body></e:Envelope>`
    const { status, text } = await send("/soap", "text/xml", body)
    expect([status, text]).toEqual([500, expect.stringContaining("at most 20000 elements")])
  })

  const space = "http://schemas.xmlsoap.org/soap/envelope/"
  test.each([
    ["a word for truth", "<flag>perhaps</flag>"],
    ["a fraction for a whole number", "<small>1.5</small>"],
    ["a word for a number of 64 bits", "<large>much</large>"],
    ["a word for a number", "<double>half</double>"],
    ["elements in a simple value", "<text><b>bold</b></text>"],
    ["two variants at once", "<form><circle><radius>1</radius></circle><square><side>1</side></square></form>"],
    [
      "a key that stands twice",
      "<named><entry><key>a</key><value>1</value></entry><entry><key>a</key><value>2</value></entry></named>",
    ],
    ["an entry without a key", "<named><entry><value>1</value></entry></named>"],
    ["JSON that is none", "<anything>{</anything>"],
  ])("%s is a fault with its place", async (_, inner) => {
    const body = `<e:Envelope xmlns:e="${space}"><e:Body><EchoValues xmlns="urn:selvage:v1">${inner}</EchoValues></e:Body></e:Envelope>`
    const { status, text } = await send("/soap", "text/xml", body)
    expect([status, /<code>([A-Z_]+)</.exec(text)?.[1]], text).toEqual([500, "INVALID_ARGUMENT"])
    expect(text).toMatch(/<violations><path>\/[a-z]+/)
  })
})

describe("Connect", () => {
  const service = `/${packageOf(isolate.registry.title)}.EchoService`
  test("the schema is told, as text and as a descriptor set", async () => {
    const text = await isolate.fetch(new Request("http://selvage.test/api.proto"))
    expect(await text.text()).toContain('syntax = "proto3"')
    const bytes = await isolate.fetch(new Request("http://selvage.test/api.binpb"))
    expect((await bytes.arrayBuffer()).byteLength).toBeGreaterThan(1000)
  })

  test("a method that there is not is UNIMPLEMENTED", async () => {
    const { status, text } = await send(`${service}/Explode`, json, "{}")
    expect([status, JSON.parse(text).code]).toEqual([404, "unimplemented"])
  })

  test("bytes that are no message are the caller's fault", async () => {
    const { status, text } = await send(`${service}/Values`, "application/proto", new Uint8Array([0xff, 0xff, 0xff]))
    expect([status, JSON.parse(text).code], text).toEqual([400, "invalid_argument"])
  })
})

describe("the documents that clients are made from", () => {
  const read = (path: string, more: object = {}, method = "GET") =>
    isolate.fetch(new Request(`http://selvage.test${path}`, { method, headers: { ...more } }))

  test.each([
    ["/schema.graphql", "type Query {"],
    ["/tools.json", '"echo_values"'],
    ["/openapi.json", '"openapi"'],
    ["/asyncapi.json", '"asyncapi"'],
    ["/api.proto", "syntax"],
    ["/soap?wsdl", "definitions"],
  ])("%s is served to anybody", async (path, word) => {
    const answer = await read(path)
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining(word)])
  })

  test.each(["/schema.graphql", "/tools.json"])("%s is asked for once, and written by nobody", async (path) => {
    const tag = (await read(path)).headers.get("ETag") ?? ""
    expect((await read(path, { "If-None-Match": tag })).status).toBe(304)
    expect(await (await read(path, {}, "HEAD")).text()).toBe("")
    expect((await read(path, {}, "POST")).status).toBe(405)
  })

  test("the schema of GraphQL is not told where introspection is off", async () => {
    const silent = serving({ GRAPHQL_INTROSPECTION: "off" })
    expect((await silent.call(null, "GET /schema.graphql")).status).toBe(404)
    expect((await silent.call(null, "GET /tools.json")).status).toBe(200)
  })
})

test("a door that cannot be opened says what is wrong with it, to the operator alone in production, and the others serve", async () => {
  const behind = { ...application, protoLock: { messages: {}, enums: {} } }
  const ask = async (change: object) => {
    const broken = serving(change, behind)
    const { status, body } = await broken.call(ada, "POST /workspace.v1.EchoService/Values", { body: {} })
    expect([status, body.code]).toEqual([503, "UNAVAILABLE"])
    expect(broken.observations).toContainEqual(expect.objectContaining({ kind: "fault", where: "door grpc" }))
    expect((await broken.call(ada, "GET /v1/tasks?limit=1")).status).toBe(200)
    return body.detail
  }
  expect(await ask({})).toContain("proto.lock.json is behind the declarations")
  expect(await ask({ GRAPHQL_INTROSPECTION: "off" })).toBe("The door grpc cannot be opened; the log says why")
})
