/** What is refused: the status and type of every kind of problem, the headers that help, and nothing that should not be seen. */
import { describe, expect, test } from "vitest"
import { codes } from "../../src/core/code.ts"
import type { Problem } from "../../src/core/problem.ts"
import { failing, noteId, open, problemOf } from "./fixture.ts"

const path = `/v1/notes/${noteId}`

describe("a problem", () => {
  test("says what, where, and by which name the operator finds it", async () => {
    const { call, world } = open()
    world.row = null
    const answer = await call(`${path}?fields=title`, { headers: { "X-Request-Id": "r-1" } })
    expect(answer.headers.get("content-type")).toBe("application/problem+json; charset=utf-8")
    expect(answer.headers.get("cache-control")).toBe("no-store")
    expect(await problemOf(answer)).toEqual({
      type: "urn:selvage:problem:not-found",
      title: "Not found",
      status: 404,
      detail: "No such record in notes, or it is not visible to you",
      instance: path,
      code: "NOT_FOUND",
      requestId: "r-1",
    })
  })

  const statuses = {
    CANCELLED: 499,
    UNKNOWN: 500,
    INVALID_ARGUMENT: 400,
    DEADLINE_EXCEEDED: 504,
    NOT_FOUND: 404,
    ALREADY_EXISTS: 409,
    PERMISSION_DENIED: 403,
    RESOURCE_EXHAUSTED: 429,
    FAILED_PRECONDITION: 400,
    ABORTED: 409,
    OUT_OF_RANGE: 400,
    UNIMPLEMENTED: 501,
    INTERNAL: 500,
    UNAVAILABLE: 503,
    DATA_LOSS: 500,
    UNAUTHENTICATED: 401,
  }
  // These a store does not throw by intent: the pipeline turns them into INTERNAL.
  const undeclared = new Set(["OUT_OF_RANGE", "UNKNOWN", "DATA_LOSS"])
  test.each(codes.filter((code) => !undeclared.has(code)))("%s", async (code) => {
    const { call, world } = open()
    world.failure = failing(code)
    const answer = await call(path)
    expect(answer.status).toBe(statuses[code])
    expect(await problemOf(answer)).toMatchObject({
      code,
      status: statuses[code],
      type: `urn:selvage:problem:${code.toLowerCase().replaceAll("_", "-")}`,
    })
  })

  test.each([
    ["version-mismatch", "FAILED_PRECONDITION", 412],
    ["idempotency-key-reused", "FAILED_PRECONDITION", 422],
  ] as const)("of type %s", async (type, code, status) => {
    const { send, world } = open()
    world.failure = failing(code, { type })
    const answer = await send("PATCH", path, { title: "x" })
    expect(answer.status).toBe(status)
    expect(await problemOf(answer)).toMatchObject({ type: `urn:selvage:problem:${type}`, code, status })
  })

  test("nobody meant shows nothing of its cause, and the operator gets it", async () => {
    const { call, world } = open()
    world.failure = new Error("D1_ERROR: no such table: secrets") as Problem
    const answer = await call(path)
    expect(answer.status).toBe(500)
    expect(await answer.text()).not.toMatch(/D1|secrets|at /)
    expect(world.observations[0]).toMatchObject({ code: "INTERNAL", cause: world.failure })
  })

  test("that passes says when", async () => {
    const { call, world } = open()
    world.failure = failing("RESOURCE_EXHAUSTED", { retryAfterSeconds: 2.2 })
    const answer = await call(path)
    expect(answer.headers.get("retry-after")).toBe("3")
    expect((await problemOf(answer)).retryAfter).toBe(2.2)
  })

  test("of a patch points into the body that was sent", async () => {
    const { send, world } = open()
    world.failure = failing("ALREADY_EXISTS", {
      violations: [{ path: "/patch/title", code: "taken", message: "Taken" }],
    })
    expect((await problemOf(await send("PATCH", path, { title: "x" }))).violations).toMatchObject([
      { path: "/title", code: "taken" },
    ])
  })
})

describe("who calls", () => {
  /** Where a program finds out how to be let in. */
  const metadata = 'resource_metadata="https://selvage.test/.well-known/oauth-protected-resource"'

  test("is asked for", async () => {
    const { anonymously } = open()
    const answer = await anonymously(path)
    expect(answer.status).toBe(401)
    expect(answer.headers.get("www-authenticate")).toBe(`Bearer realm="selvage", ${metadata}`)
  })

  test.each(["Bearer eve", "bearer eve", "Basic YWRhOmFkYQ==", "Bearer", "Bearer a b", "ada"])(
    "with %s is told that the token does not hold",
    async (authorization) => {
      const { call, world } = open()
      const answer = await call(path, { headers: { Authorization: authorization } })
      expect(answer.status).toBe(401)
      expect(answer.headers.get("www-authenticate")).toBe(`Bearer realm="selvage", error="invalid_token", ${metadata}`)
      expect(world.plans).toEqual([])
    },
  )

  test("is known before the body is read", async () => {
    const { anonymously } = open()
    const body = new ReadableStream(
      { pull: () => Promise.reject(new Error("the body was read")) },
      { highWaterMark: 0 },
    )
    const headers = { "Content-Type": "application/json", Authorization: "Bearer eve" }
    const answer = await anonymously("/v1/notes", { method: "POST", body, headers, duplex: "half" } as RequestInit)
    expect(answer.status).toBe(401)
  })
})

describe("an address", () => {
  test.each(["/", "/v1", "/v1/nothing", "/v1/notes/", `${path}/nothing`, "/v2/notes", "/favicon.ico"].slice(1))(
    "%s has nothing",
    async (unknown) => {
      const { call, world } = open()
      const answer = await call(unknown)
      expect(answer.status).toBe(404)
      expect(await problemOf(answer)).toMatchObject({
        type: "urn:selvage:problem:unknown-route",
        code: "NOT_FOUND",
        instance: unknown,
      })
      expect(world.observations).toMatchObject([{ kind: "call", code: "NOT_FOUND", operation: null }])
      expect(answer.headers.get("strict-transport-security")).toBeTruthy()
    },
  )

  test.each([
    ["PUT", path, "GET, HEAD, PATCH, DELETE, OPTIONS"],
    ["DELETE", "/v1/notes", "GET, HEAD, POST, OPTIONS"],
    ["GET", "/v1/notes/batch", "POST, OPTIONS"],
    ["POST", "/v1/notes/aggregate", "GET, HEAD, OPTIONS"],
    ["HEAD", "/v1/notes/batch", "POST, OPTIONS"],
    ["POST", "/openapi.json", "GET, HEAD, OPTIONS"],
    ["POST", "/health/live", "GET, HEAD, OPTIONS"],
  ])("does not answer %s %s", async (method, address, allow) => {
    const { call } = open()
    const answer = await call(address, { method })
    expect(answer.status).toBe(405)
    expect(answer.headers.get("allow")?.split(", ").sort()).toEqual(allow.split(", ").sort())
    if (method !== "HEAD") expect((await problemOf(answer)).type).toBe("urn:selvage:problem:method-not-allowed")
  })

  test("does not know strange methods", async () => {
    const { call } = open()
    expect((await call(path, { method: "PROPFIND" })).status).toBe(501)
  })

  test("that is static wins over one with a parameter", async () => {
    const { call, world } = open()
    expect((await call("/v1/notes/aggregate")).status).toBe(200)
    expect(world.plans[0]?.kind).toBe("aggregate")
  })

  test("gives JSON or nothing", async () => {
    const { call, world } = open()
    const answer = await call(path, { headers: { Accept: "text/html" } })
    expect(answer.status).toBe(406)
    expect(answer.headers.get("content-type")).toBe("application/problem+json; charset=utf-8")
    expect(world.plans).toEqual([])
  })
})

describe("another origin", () => {
  const corsOrigins = ["https://app.test"]
  const preflight = {
    Origin: "https://app.test",
    "Access-Control-Request-Method": "PATCH",
    "Access-Control-Request-Headers": "authorization",
  }

  test("that is listed may call, and read what it needs", async () => {
    const { call } = open({ corsOrigins })
    const answer = await call(path, { headers: { Origin: "https://app.test" } })
    expect(answer.headers.get("access-control-allow-origin")).toBe("https://app.test")
    expect(answer.headers.get("access-control-expose-headers")).toContain("ETag")
    expect(answer.headers.get("access-control-allow-credentials")).toBe("true")
    expect(answer.headers.get("vary")).toContain("Origin")
  })

  test("that is listed may read problems too", async () => {
    const { anonymously } = open({ corsOrigins })
    const answer = await anonymously("/v1/nothing", { headers: { Origin: "https://app.test" } })
    expect(answer.headers.get("access-control-allow-origin")).toBe("https://app.test")
  })

  test.each(["https://evil.test", "https://app.test.evil.test", "http://app.test", "null", "https://app.test:8443"])(
    "%s may not",
    async (origin) => {
      const { call, anonymously } = open({ corsOrigins })
      const answer = await call(path, { headers: { Origin: origin } })
      expect(answer.headers.has("access-control-allow-origin")).toBe(false)
      expect(answer.headers.has("access-control-allow-credentials")).toBe(false)
      expect(answer.headers.get("vary")).toContain("Origin")
      const asked = await anonymously(path, { method: "OPTIONS", headers: { ...preflight, Origin: origin } })
      expect([...asked.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([])
    },
  )

  test("asks first, without a token", async () => {
    const { anonymously, world } = open({ corsOrigins })
    const answer = await anonymously(path, { method: "OPTIONS", headers: preflight })
    expect(answer.status).toBe(204)
    expect(answer.headers.get("access-control-allow-origin")).toBe("https://app.test")
    expect(answer.headers.get("access-control-allow-methods")?.split(", ")).toContain("PATCH")
    expect(answer.headers.get("access-control-allow-headers")).toContain("Authorization")
    expect(world.plans).toEqual([])
  })

  test("is nobody where none is listed", async () => {
    const { call } = open()
    const answer = await call(path, { headers: { Origin: "https://app.test" } })
    expect(answer.headers.has("access-control-allow-origin")).toBe(false)
  })

  test("OPTIONS tells what an address does", async () => {
    const { anonymously } = open()
    const answer = await anonymously("/v1/notes", { method: "OPTIONS" })
    expect(answer.headers.get("allow")?.split(", ").sort()).toEqual(["GET", "HEAD", "OPTIONS", "POST"])
    expect((await anonymously("/v1/nothing", { method: "OPTIONS" })).status).toBe(404)
  })
})
