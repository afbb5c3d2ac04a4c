/** What goes out: status, headers and body of success, and answers that depend on what the caller has. */
import { describe, expect, test } from "vitest"
import { acceptsJson } from "../../src/api/rest/negotiation.ts"
import { traceIdOf } from "../../src/core/arrival.ts"
import { id, noteId, open, problemOf } from "./fixture.ts"

const security = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "strict-transport-security": "max-age=63072000; includeSubDomains",
  "x-content-type-options": "nosniff",
}

describe("a record that is read", () => {
  test("has its version as entity tag, and may be kept by its reader alone", async () => {
    const { call } = open()
    const answer = await call(`/v1/notes/${noteId}`)
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ id: noteId, version: 3, title: "Milk" })
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      ...security,
      "cache-control": "private, no-cache",
      "content-type": "application/json; charset=utf-8",
      etag: 'W/"3"',
      vary: "Accept, Authorization, Cookie",
      "x-request-id": "made",
      "x-selvage-bookmark": "bookmark-7",
    })
    expect(answer.headers.has("server-timing")).toBe(false)
    expect(answer.headers.has("x-selvage-cost")).toBe(false)
  })

  test.each(['W/"3"', '"3"', 'W/"1", W/"3"', "*"])("is not sent again to who has %s", async (tag) => {
    const { call } = open()
    const answer = await call(`/v1/notes/${noteId}`, { headers: { "If-None-Match": tag } })
    expect([answer.status, await answer.text()]).toEqual([304, ""])
    expect(answer.headers.get("etag")).toBe('W/"3"')
    expect(answer.headers.get("cache-control")).toBe("private, no-cache")
    expect(answer.headers.has("content-type")).toBe(false)
  })

  test.each(['W/"2"', "3", ""])("is sent to who has %j", async (tag) => {
    const { call } = open()
    expect((await call(`/v1/notes/${noteId}`, { headers: { "If-None-Match": tag } })).status).toBe(200)
  })

  test("has no tag with other records in it: they change without its version", async () => {
    const { call, world } = open()
    world.row = { id: noteId, version: 3, notebook: { id: id("notebook"), version: 9 } }
    const answer = await call(`/v1/notes/${noteId}?expand=notebook`, { headers: { "If-None-Match": 'W/"3"' } })
    expect(answer.status).toBe(200)
    expect(answer.headers.has("etag")).toBe(false)
  })

  test("has no tag without its version", async () => {
    const { call, world } = open()
    world.row = { id: noteId, title: "Milk" }
    expect((await call(`/v1/notes/${noteId}?fields=title`)).headers.has("etag")).toBe(false)
  })

  test("answers HEAD as GET, without the body", async () => {
    const { call } = open()
    const answer = await call(`/v1/notes/${noteId}`, { method: "HEAD" })
    expect([answer.status, await answer.text()]).toEqual([200, ""])
    expect(answer.headers.get("etag")).toBe('W/"3"')
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff")
  })
})

describe("a list", () => {
  test("links to its next page with the same parameters", async () => {
    const { call, world } = open()
    world.page = { items: [{ id: noteId }], nextCursor: "c/2+=" }
    const answer = await call("/v1/notes?status=open&stars[gt]=1&cursor=old&limit=1")
    expect(await answer.json()).toEqual({ items: [{ id: noteId }], nextCursor: "c/2+=" })
    const link = answer.headers.get("link") ?? ""
    expect(link).toBe('</v1/notes?status=open&stars%5Bgt%5D=1&limit=1&cursor=c%2F2%2B%3D>; rel="next"')
    expect(new URL(link.slice(1, link.indexOf(">")), "https://api.test").searchParams.get("cursor")).toBe("c/2+=")
  })

  test("ends without a link", async () => {
    const { call } = open()
    expect((await call("/v1/notes")).headers.has("link")).toBe(false)
  })
})

describe("a write", () => {
  test("that creates says where the record stands", async () => {
    const { send, world } = open()
    const answer = await send("POST", "/v1/notes", { notebookId: id("notebook"), title: "Milk" })
    const made = world.batches[0]?.writes[0]?.id
    expect(answer.status).toBe(201)
    expect(await answer.json()).toEqual({ id: made, version: 1 })
    expect(answer.headers.get("location")).toBe(`/v1/notes/${made}`)
    expect(answer.headers.get("etag")).toBe('W/"1"')
    expect(answer.headers.get("cache-control")).toBe("no-store")
  })

  test("that deletes has nothing to say", async () => {
    const { call } = open()
    const answer = await call(`/v1/notes/${noteId}`, { method: "DELETE" })
    expect([answer.status, await answer.text()]).toEqual([204, ""])
    expect(answer.headers.has("content-type")).toBe(false)
    expect(answer.headers.get("x-selvage-bookmark")).toBe("bookmark-7")
  })

  test("that was made before says so", async () => {
    const { send, world } = open()
    world.committed = { kind: "replayed", reads: [], answer: { id: noteId, version: 1 } }
    const body = { notebookId: id("notebook"), title: "Milk" }
    const answer = await send("POST", "/v1/notes", body, { "Idempotency-Key": "k1" })
    expect(answer.status).toBe(201)
    expect(answer.headers.get("idempotent-replayed")).toBe("true")
    expect(answer.headers.get("location")).toBe(`/v1/notes/${noteId}`)
    expect(world.batches[0]?.idempotency).not.toBeNull()
  })

  test("of a declared operation gives its output, without a tag", async () => {
    const { send } = open()
    const answer = await send("POST", `/v1/notes/${noteId}/publication`, { message: "out" })
    expect(await answer.json()).toMatchObject({ id: noteId, title: "out" })
    expect(answer.headers.has("etag")).toBe(false)
  })
})

describe("If-Match", () => {
  const versionOf = async (method: string, tag: string) => {
    const { call, world } = open()
    const body = method === "PATCH" ? { body: '{"title":"x"}' } : {}
    const answer = await call(`/v1/notes/${noteId}`, {
      method,
      ...body,
      headers: { "If-Match": tag, ...(method === "PATCH" ? { "Content-Type": "application/json" } : {}) },
    })
    const write = world.batches[0]?.writes[0]
    return { answer, version: write && "version" in write ? write.version : undefined }
  }

  test.each([
    ['W/"3"', 3],
    ['"3"', 3],
    [' W/"12" ', 12],
    ["*", null],
  ] as const)("%s on a write", async (tag, version) => {
    expect((await versionOf("PATCH", tag)).version).toBe(version)
    expect((await versionOf("DELETE", tag)).version).toBe(version)
  })

  test.each(['W/"3", W/"4"', "3", '"x"', '"-1"', '"0"', '"99999999999999999"', ""])("%j is refused", async (tag) => {
    const { answer, version } = await versionOf("PATCH", tag)
    expect(answer.status).toBe(400)
    expect((await problemOf(answer)).violations).toMatchObject([{ path: "/if-match", code: "invalid_value" }])
    expect(version).toBeUndefined()
  })

  test.each([
    ["GET", `/v1/notes/${noteId}`],
    ["POST", `/v1/notes/${noteId}/publication`],
    ["GET", "/v1/notes"],
  ])("is not for %s %s", async (method, path) => {
    const { call } = open()
    const problem = await problemOf(await call(path, { method, headers: { "If-Match": 'W/"3"' } }))
    expect(problem.violations).toMatchObject([{ path: "/if-match", code: "not_supported" }])
  })
})

describe("facts of a call", () => {
  test("cost and times are told in development", async () => {
    const { call } = open({ development: true })
    const answer = await call(`/v1/notes/${noteId}`)
    expect(answer.headers.get("x-selvage-cost")).toBe("trips=1, rows-read=2, rows-written=0, estimate=322")
    expect(answer.headers.get("server-timing")).toMatch(/^limit-address;dur=0, authenticate;dur=0, .*encode;dur=0$/)
  })

  test("the caller's bookmark reaches the store", async () => {
    const { call, world } = open()
    await call(`/v1/notes/${noteId}`, { headers: { "X-Selvage-Bookmark": "bookmark-3" } })
    expect(world.sessions).toEqual([{ bookmark: "bookmark-3", fresh: false }])
  })

  test.each([
    ["mine-1.A_z", "mine-1.A_z"],
    ["", "made"],
    ["a b", "made"],
    ["x".repeat(101), "made"],
    ["<script>", "made"],
  ])("request id %j becomes %s", async (given, kept) => {
    const { call, world } = open()
    const answer = await call(`/v1/notes/${noteId}`, { headers: { "X-Request-Id": given } })
    expect(answer.headers.get("x-request-id")).toBe(kept)
    expect(world.observations[0]).toMatchObject({ kind: "call", door: "rest", operation: "notes.get", requestId: kept })
  })

  const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
  test.each([
    [`00-${trace}-00f067aa0ba902b7-01`, trace],
    [`cc-${trace}-00f067aa0ba902b7-01-what-the-future-brings`, trace],
    [`00-${trace}-00f067aa0ba902b7-01-more`, null],
    [`ff-${trace}-00f067aa0ba902b7-01`, null],
    [`00-${trace.toUpperCase()}-00f067aa0ba902b7-01`, null],
    [`00-${"0".repeat(32)}-00f067aa0ba902b7-01`, null],
    [`00-${trace}-${"0".repeat(16)}-01`, null],
    ["rubbish", null],
    [null, null],
  ])("traceparent %s", (header, traceId) => expect(traceIdOf(header)).toBe(traceId))
})

describe("Accept", () => {
  test.each([
    [null, true],
    ["*/*", true],
    ["application/json", true],
    ["text/html, application/xhtml+xml, */*;q=0.8", true],
    ["Application/*; q=0.1", true],
    ["text/html", false],
    ["application/json;q=0", false],
    ["*/*, application/json;q=0", false],
    ["application/json;q=0.5, */*;q=0", true],
    ["application/problem+json", false],
  ])("%s", (header, accepted) => expect(acceptsJson(header)).toBe(accepted))
})
