/** What is no call at all, beyond what the suites of the doors send: each door refuses it in its own form, with the shared code, and goes on serving. */
import { parse } from "graphql"
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest"
import { WebSocket } from "ws"
import { rows, tokenOf } from "./clients.ts"
import { personOf } from "./people.ts"

const origin = inject("origin")
let token = ""
let before = 0

const eventCount = async () =>
  (await rows<{ count: number }>(`select count(*) as "count" from "events"`))[0]?.count ?? -1
beforeAll(async () => {
  token = await tokenOf(personOf("rest"))
  before = await eventCount()
})
afterAll(async () => {
  expect(await eventCount()).toBe(before)
})

interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

async function post(path: string, type: string, body: BodyInit, more: Record<string, string> = {}): Promise<Answered> {
  const headers = { "Content-Type": type, Authorization: `Bearer ${token}`, ...more }
  const answer = await fetch(origin + path, { method: "POST", headers, body, signal: AbortSignal.timeout(20_000) })
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}

const noLeak = /\.ts:|SQLITE|at Object|node_modules/

describe("GraphQL", () => {
  const ask = (query: unknown, variables?: unknown) =>
    post("/graphql", "application/json", JSON.stringify({ query, variables }), {
      Accept: "application/graphql-response+json",
    })
  const flood = Array.from({ length: 5000 }, (_, n) => `a${n}: __typename`).join(" ")
  const small = Array.from({ length: 25 }, (_, n) => `a${n}: echoOld { done }`).join(" ")
  const directives = "@include(if: true) ".repeat(3000)
  test.each([
    ["five thousand aliases", `{ ${flood} }`, undefined],
    ["twenty-five aliases of one field", `{ ${small} }`, undefined],
    ["thousands of directives on a field", `{ me { id ${directives} } }`, undefined],
    ["half a document", "{ tasks {", undefined],
    ["a field that there is not", "{ explode }", undefined],
    ["a subscription, which nobody serves", "subscription { tasks { id } }", undefined],
    ["a variable of another type", "query ($n: Int!) { tasks(first: $n) { nodes { id } } }", { n: "many" }],
    ["a variable that is missing", "query ($n: Int!) { tasks(first: $n) { nodes { id } } }", {}],
    ["an enum's value that there is not", "query ($w: Word) { echoValues(word: $w) { text } }", { w: "LOUD" }],
    [
      "two variants of a union at once",
      "query ($f: FormInput) { echoValues(form: $f) { text } }",
      {
        f: { circle: { radius: 1 }, square: { side: 1 } },
      },
    ],
    ["a whole number beyond 32 bits", "query ($n: Int) { echoValues(small: $n) { text } }", { n: 2_147_483_648 }],
    ["an operation that is a number", 7, undefined],
    ["a document of control characters", "\u0000\u0001\u0002", undefined],
  ])("%s", async (_, query, variables) => {
    const { status, text } = await ask(query, variables)
    const { errors, data } = JSON.parse(text)
    expect(data ?? null).toBeNull()
    expect(errors.length).toBeGreaterThan(0)
    for (const error of errors) expect(error.extensions.code).toBe("INVALID_ARGUMENT")
    expect(status).toBe(400)
    expect(text).not.toMatch(noLeak)
  })
  test("null in a variable that has a default, for what must not be null, is a fault of whoever sent it", async () => {
    const { text } = await ask('query ($id: ID = "task_x") { task(id: $id) { id } }', { id: null })
    const { data, errors } = JSON.parse(text)
    expect([data, errors[0].extensions.code]).toEqual([{ task: null }, "INVALID_ARGUMENT"])
  })
  test("the documents above that are documents are some that graphql-js parses", () => {
    expect(() => parse(`{ ${small} }`)).not.toThrow()
    expect(() => parse(`{ ${flood} }`)).not.toThrow()
  })
})

describe("Connect and gRPC-Web", () => {
  const method = "/workspace.v1.EchoService/Values"
  const frame = (bytes: readonly number[]) => new Uint8Array([0, 0, 0, 0, bytes.length, ...bytes])
  test.each([
    [
      "a service that there is not",
      "/workspace.v1.GhostService/Values",
      "application/json",
      "{}",
      404,
      "unimplemented",
    ],
    ["a method that there is not", "/workspace.v1.EchoService/Explode", "application/proto", "", 404, "unimplemented"],
    ["a JSON list", method, "application/json", "[]", 400, "invalid_argument"],
    ["a field that there is not", method, "application/json", '{"nope":1}', 400, "invalid_argument"],
    ["text where a number stands", method, "application/json", '{"small":"many"}', 400, "invalid_argument"],
    ["a number beyond 32 bits", method, "application/json", '{"small":2147483648}', 400, "invalid_argument"],
    ["an enum's value that there is not", method, "application/json", '{"word":"WORD_LOUD"}', 400, "invalid_argument"],
    ["a field's tag without its value", method, "application/proto", new Uint8Array([0x0a]), 400, "invalid_argument"],
    [
      "text that is no UTF-8",
      method,
      "application/proto",
      new Uint8Array([0x0a, 0x02, 0xc3, 0x28]),
      400,
      "invalid_argument",
    ],
  ])("%s", async (_, path, type, body, status, code) => {
    const answer = await post(path, type, body)
    expect([answer.status, JSON.parse(answer.text).code]).toEqual([status, code])
    expect(answer.text).not.toMatch(noLeak)
  })
  test("a message of a newer schema: unknown fields in binary are passed over, nested ones too", async () => {
    // Field 1000 as varint, as fixed 64, as bytes and as a group-less message in a row; then nothing that is known.
    const newer = [0xc0, 0x3e, 0x05, 0xc9, 0x3e, 1, 2, 3, 4, 5, 6, 7, 8, 0xd2, 0x3e, 0x02, 0x61, 0x62]
    expect((await post(method, "application/proto", new Uint8Array(newer))).status).toBe(200)
    const web = await post(method, "application/grpc-web+proto", frame(newer))
    expect([web.status, web.text]).toEqual([200, expect.stringContaining("grpc-status: 0")])
  })
  test.each([
    ["a frame that says it is four gigabytes long", [0, 0xff, 0xff, 0xff, 0xff, 1]],
    ["a frame whose compression nobody named", [1, 0, 0, 0, 1, 1]],
    ["no frame at all", []],
  ])("gRPC-Web: %s ends with a code", async (_, bytes) => {
    const { headers, text } = await post(method, "application/grpc-web+proto", new Uint8Array(bytes))
    const status = headers.get("grpc-status") ?? /grpc-status: (\d+)/.exec(text)?.[1]
    // INVALID_ARGUMENT, UNIMPLEMENTED, or the protocol's own INTERNAL for a frame that is none.
    expect(status).toMatch(/^(3|12|13)$/)
    expect(text).not.toMatch(noLeak)
  })
})

describe("SOAP", () => {
  const envelope = (inner: string) =>
    `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${inner}</s:Body></s:Envelope>`
  const types = 'xmlns="urn:selvage:v1"'
  test.each([
    ["an operation that there is not", envelope(`<Explode ${types}/>`), "UNIMPLEMENTED"],
    [
      "text where a map's entries stand",
      envelope(`<TasksList ${types}><filter>{"title":"x"}</filter></TasksList>`),
      "INVALID_ARGUMENT",
    ],
    [
      "text where a union's variant stands",
      envelope(`<EchoValues ${types}><form>circle</form></EchoValues>`),
      "INVALID_ARGUMENT",
    ],
    [
      "two variants at once",
      envelope(
        `<EchoValues ${types}><form><circle><radius>1</radius></circle><square><side>1</side></square></form></EchoValues>`,
      ),
      "INVALID_ARGUMENT",
    ],
    [
      "one value twice",
      envelope(`<EchoValues ${types}><small>1</small><small>2</small></EchoValues>`),
      "INVALID_ARGUMENT",
    ],
    ["a number in words", envelope(`<EchoValues ${types}><small>one</small></EchoValues>`), "INVALID_ARGUMENT"],
    [
      "a map with one key twice",
      envelope(
        `<EchoValues ${types}><named><entry><key>a</key><value>1</value></entry><entry><key>a</key><value>2</value></entry></named></EchoValues>`,
      ),
      "INVALID_ARGUMENT",
    ],
    ["JSON", "{}", "INVALID_ARGUMENT"],
  ])("%s", async (_, body, code) => {
    const { status, text } = await post("/soap", "text/xml", body)
    expect([status, /<code>([A-Z_]+)<\/code>/.exec(text)?.[1]]).toEqual([500, code])
    expect(text).not.toMatch(noLeak)
  })
  test("another content type is refused as a fault, too", async () => {
    const { status, text } = await post("/soap", "application/json", "{}")
    expect([status >= 400, text]).toEqual([true, expect.stringContaining("INVALID_ARGUMENT")])
  })
})

describe("MCP", () => {
  const headers = { Accept: "application/json, text/event-stream" }
  const call = (params: unknown) =>
    post("/mcp", "application/json", JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }), headers)
  test.each([
    ["a tool that there is not", { name: "explode", arguments: {} }],
    ["a tool's name that is a number", { name: 7, arguments: {} }],
    ["arguments that are a list", { name: "echo_values", arguments: [1] }],
    ["no parameters", null],
  ])("%s is a fault of the protocol", async (_, params) => {
    const { status, text } = await call(params)
    expect(status).toBeLessThan(500)
    expect(text).toMatch(/-3260[0-3]/)
    expect(text).not.toMatch(noLeak)
  })
  test.each([
    ["a batch of garbage", '[1, "a", null, {}]'],
    ["an empty batch", "[]"],
    ["a method that there is not", '{"jsonrpc":"2.0","id":1,"method":"explode"}'],
  ])("%s", async (_, body) => {
    const { status, text } = await post("/mcp", "application/json", body, headers)
    expect(status).toBeLessThan(500)
    expect(text).toContain("jsonrpc")
  })
})

describe("WebSocket", () => {
  async function frames(...sent: (string | Uint8Array)[]): Promise<{ answers: string[]; closed: number | null }> {
    const socket = new WebSocket(`${origin.replace("http", "ws")}/ws`, ["jsonrpc.v1", `bearer.${token}`])
    const answers: string[] = []
    await new Promise<void>((resolve, reject) => {
      socket.on("open", () => resolve())
      socket.on("error", reject)
    })
    const closed = new Promise<number>((resolve) => socket.on("close", (code) => resolve(code)))
    const last = new Promise<null>((resolve) => {
      socket.on("message", (data) => {
        answers.push(String(data))
        if (answers.length === sent.length) resolve(null)
      })
    })
    for (const one of sent) socket.send(one)
    const code = await Promise.race([closed, last])
    socket.terminate()
    return { answers, closed: code }
  }
  const codeOf = (answer: string | undefined) => JSON.parse(answer ?? "{}").error?.code
  test.each([
    ["no JSON", "{", -32700],
    ["bytes", new Uint8Array([1, 2, 3]), -32600],
    ["an empty batch", "[]", -32600],
    [
      "a batch of twenty-one",
      JSON.stringify(Array.from({ length: 21 }, (_, id) => ({ jsonrpc: "2.0", id, method: "echo.old" }))),
      -32600,
    ],
    ["a method that there is not", '{"jsonrpc":"2.0","id":1,"method":"explode"}', -32601],
    ["parameters by place", '{"jsonrpc":"2.0","id":1,"method":"echo.old","params":[1]}', -32600],
    ["an input that is none", '{"jsonrpc":"2.0","id":1,"method":"echo.values","params":{"small":"many"}}', -32602],
    [
      "facts that are none",
      '{"jsonrpc":"2.0","id":1,"method":"echo.old","params":{"_meta":{"idempotencyKey":7}}}',
      -32602,
    ],
  ])("%s", async (_, sent, code) => {
    const { answers } = await frames(sent)
    expect(codeOf(answers[0])).toBe(code)
  })
  test("a batch of garbage and one call: each is answered, and the call is done", async () => {
    const { answers } = await frames('[1, "a", {"jsonrpc":"2.0","id":9,"method":"echo.old","params":{}}]')
    const together = JSON.parse(answers[0] ?? "[]") as {
      id: number | null
      error?: { code: number }
      result?: object
    }[]
    expect(together.map((one) => one.error?.code ?? one.result)).toEqual([-32600, -32600, { done: true }])
  })
  test("a frame beyond the bound is refused, and the connection is over", async () => {
    const { closed } = await frames(
      JSON.stringify({ jsonrpc: "2.0", id: 1, method: "echo.values", params: { text: "x".repeat(70_000) } }),
      "{}",
    )
    expect(closed).toBe(1009)
  })
})
