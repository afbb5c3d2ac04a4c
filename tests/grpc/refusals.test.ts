/** What is refused before a method runs: with the words and headers that REST has for it, and nothing is done. */
import { beforeAll, describe, expect, test } from "vitest"
import { limits } from "../../src/core/limits.ts"
import { mintToken } from "../support/actors.ts"
import { call as rest } from "../support/calls.ts"
import { person } from "../support/people.ts"
import { serving } from "../support/serving.ts"
import { must, newWorkspace, rowCount, type Workspace } from "../support/workspace.ts"
import { type Answered, ask, call, connect, type Fetch, frame, grpcWeb, infoIn } from "./wire.ts"

let place: Workspace
beforeAll(async () => {
  place = await newWorkspace()
})

const create = "TasksService/CreateTask"
const challengeIn = ({ headers }: Pick<Answered, "headers">) => headers.get("WWW-Authenticate")

describe.each([connect, grpcWeb])("%s", (type) => {
  test("nobody, a token that is none and one that is over are challenged as at REST, with the id of the request", async () => {
    const before = await rowCount("tasks")
    const expired = await mintToken(place.owner.id, { expiresIn: -600 })
    for (const token of [null, "nonsense", expired]) {
      const said = { type, token, headers: { "X-Request-Id": "gate-1" } }
      const told = await call(create, { projectId: place.projectId, title: "Refused" }, said)
      const same = await rest(token === null ? null : { token }, "GET /v1/me")
      expect([told.code, challengeIn(told)]).toEqual(["unauthenticated", challengeIn(same)])
      expect(challengeIn(told)).toContain('resource_metadata="')
      expect(told.headers.get("X-Request-Id")).toBe("gate-1")
      if (type === connect) expect([told.status, infoIn(told).requestId]).toEqual([401, "gate-1"])
    }
    expect(await rowCount("tasks")).toBe(before)
  })

  test("a scope that does not reach is challenged with the one that would, as at REST", async () => {
    const ada = await person("Ada")
    const { key } = (await must(ada, "POST /v1/api-keys", { name: "A program", scopes: ["comments:read"] })) as never
    const told = await call("TasksService/ListTasks", {}, { type, token: key })
    const same = await rest({ token: key }, "GET /v1/tasks")
    expect([told.code, challengeIn(told)]).toEqual(["permission_denied", challengeIn(same)])
    expect(challengeIn(told)).toContain('error="insufficient_scope", scope="tasks:read"')
  })

  test("an address that calls too often is told when to come back, and its message is not read", async () => {
    const { fetch, observations } = serving({ SHIELD: { limit: async () => ({ success: false }) } })
    const before = await rowCount("tasks")
    const said = { type, token: place.owner.token, fetch }
    const told = await call(create, { projectId: place.projectId, title: "Refused" }, said)
    const { "retry-after": wait, "x-request-id": id } = Object.fromEntries(told.headers)
    expect([told.code, Number(wait) > 0, id !== undefined]).toEqual(["resource_exhausted", true, true])
    if (type === connect) expect([told.status, infoIn(told).requestId]).toEqual([429, id])
    expect([await rowCount("tasks"), observations.filter(({ kind }) => kind === "fault")]).toEqual([before, []])
  })
})

describe("an address that has no such method", () => {
  const sent = (method: string, path: string, headers: Record<string, string> = {}) =>
    rest(place.owner, `${method} /workspace.v1.${path}`, { headers })

  test("an unknown one is 404, with an id: the caller's own where that is harmless", async () => {
    const own = await rest(place.owner, "POST /workspace.v1.TasksService/Explode", {
      body: {},
      headers: { "X-Request-Id": "mine" },
    })
    expect([own.status, own.body.code, own.headers.get("X-Request-Id")]).toEqual([404, "unimplemented", "mine"])
    const made = await rest(null, "POST /workspace.v1.Nothing/ListTasks", { body: {} })
    expect([made.status, made.headers.get("X-Request-Id")]).toEqual([404, expect.stringMatching(/^[0-9a-f-]{36}$/)])
  })

  test("GET on a mutation is 405 and says what there is; so is a method that is neither", async () => {
    const before = await rowCount("tasks")
    const query = `?connect=v1&encoding=json&message=${encodeURIComponent(JSON.stringify({ projectId: place.projectId, title: "By GET" }))}`
    const got = await sent("GET", create + query)
    expect([got.status, got.headers.get("Allow"), got.headers.has("X-Request-Id")]).toEqual([405, "POST", true])
    const put = await sent("DELETE", "TasksService/ListTasks")
    expect([put.status, put.headers.get("Allow")]).toEqual([405, "GET, POST"])
    expect(await rowCount("tasks")).toBe(before)
  })

  test("another content type is 415, with an id", async () => {
    const other = await rest(place.owner, `POST /workspace.v1.${create}`, {
      body: "<a/>",
      headers: { "Content-Type": "text/xml" },
    })
    expect([other.status, other.headers.has("X-Request-Id")]).toEqual([415, true])
  })
})

/** A request whose length nobody tells. */
const unmeasured = (isolate: { fetch: Fetch }): Fetch => {
  return async (request) => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const bytes = new Uint8Array(await request.arrayBuffer())
    const writer = writable.getWriter()
    const send = async () => {
      for (let at = 0; at < bytes.byteLength; at += 65_536) await writer.write(bytes.subarray(at, at + 65_536))
      await writer.close()
    }
    send().catch(() => undefined)
    const { method, headers, url } = request
    return isolate.fetch(new Request(url, { method, headers, body: readable }))
  }
}

async function zipped(bytes: Uint8Array): Promise<Uint8Array> {
  const packed = new Response(bytes as BodyInit).body?.pipeThrough(new CompressionStream("gzip") as never)
  return new Uint8Array(await new Response(packed as never).arrayBuffer())
}

describe("a message beyond the bound is invalid_argument, as at the other doors", () => {
  const text = (length: number) => {
    const empty = JSON.stringify({ projectId: place.projectId, title: "Large", body: "" }).length
    return JSON.stringify({ projectId: place.projectId, title: "Large", body: "x".repeat(length - empty) })
  }
  const bytesOf = (length: number) => new TextEncoder().encode(text(length))
  const over = limits.bodyBytes + 1

  test.each<[string, () => Promise<Answered>]>([
    [
      "by the length that is told",
      () => call(create, text(over), { token: place.owner.token, headers: { "Content-Length": String(over) } }),
    ],
    ["while it is read", () => call(create, text(over), { token: place.owner.token, fetch: unmeasured(serving()) })],
    [
      "packed: small as it comes, large as it is",
      async () =>
        call(create, await zipped(bytesOf(20_000_000)), {
          token: place.owner.token,
          headers: { "Content-Encoding": "gzip" },
        }),
    ],
    ["a frame of gRPC-Web", () => call(create, text(over), { type: grpcWeb, token: place.owner.token })],
    [
      "a frame that says it is four gigabytes long",
      () =>
        call(create, frame(new Uint8Array(1), 0xff_ff_ff_ff), {
          type: grpcWeb,
          token: place.owner.token,
          fetch: unmeasured(serving()),
        }),
    ],
    [
      "a packed frame",
      async () => {
        const packed = frame(await zipped(bytesOf(20_000_000)))
        packed[0] = 1
        const said = { type: grpcWeb, token: place.owner.token, headers: { "Grpc-Encoding": "gzip" } }
        return call(create, packed, said)
      },
    ],
  ])("%s", async (_, send) => {
    const before = await rowCount("tasks")
    const told = await send()
    expect([told.code, told.headers.has("X-Request-Id")]).toEqual(["invalid_argument", true])
    if (told.headers.get("content-type") === connect)
      expect([told.status, infoIn(told).reason]).toEqual([400, "PAYLOAD_TOO_LARGE"])
    expect(await rowCount("tasks")).toBe(before)
  })

  test.each([connect, grpcWeb])(
    "%s: one that is just within it is read, and refused for what it holds",
    async (type) => {
      const told = await call(create, text(limits.bodyBytes), { type, token: place.owner.token })
      expect(told.code).toBe("invalid_argument")
      expect(told.text).not.toMatch(/PAYLOAD_TOO_LARGE|at most 1048576 bytes/)
    },
  )

  test("nobody's is refused for the credential, before its length is looked at", async () => {
    const answer = await ask(create, "{}", { token: "nonsense", headers: { "Content-Length": String(over) } })
    expect(answer.status).toBe(401)
  })
})
