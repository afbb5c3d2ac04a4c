/** What comes in: path, query string and body become one input, and what is wrong is told by code and place. */
import { describe, expect, test } from "vitest"
import { limits } from "../../src/core/limits.ts"
import type { ListPlan } from "../../src/core/plan.ts"
import { noteId, open, problemOf } from "./fixture.ts"

describe("a body that is wrong", () => {
  const nested = `{"title":${"[".repeat(10_000)}${"]".repeat(10_000)}}`
  const cases: readonly (readonly [what: string, body: string, code: string, path: string])[] = [
    ["is not JSON", "{title: 1}", "malformed_json", ""],
    ["stops halfway", '{"title": "Mil', "malformed_json", ""],
    ["goes on after its end", '{"title": "Milk"} x', "malformed_json", ""],
    ["is two values", "{}{}", "malformed_json", ""],
    ["starts with a byte order mark", '\ufeff{"title":"Milk"}', "malformed_json", ""],
    ["is blank", "  ", "malformed_json", ""],
    ["is a list", "[]", "invalid_type", ""],
    ["is null", "null", "invalid_type", ""],
    ["has ten thousand brackets", nested, "too_deep", ""],
    ["has a name twice", '{"title":"a","title":"b"}', "duplicate_key", "/title"],
    ["has a name twice, once escaped", '{"title":"a","t\\u0069tle":"b"}', "duplicate_key", "/title"],
    ["has a name twice inside", '{"title":[0,{"a":[{"b":1,"b":2}]}]}', "duplicate_key", "/title/1/a/0/b"],
    ["has an unknown field", '{"colour":"red"}', "unknown_field", "/colour"],
    ["names the prototype", '{"__proto__":{"title":"x"}}', "unknown_field", "/__proto__"],
    ["has a number for a text", '{"title":1}', "invalid_type", "/title"],
    ["has a NUL", '{"title":"a\\u0000"}', "invalid_text", "/title"],
    ["has a lone surrogate", '{"title":"\\ud800"}', "invalid_text", "/title"],
  ]
  test.each(cases)("%s", async (_, body, code, path) => {
    const { send, world } = open()
    const answer = await send("PATCH", `/v1/notes/${noteId}`, body)
    expect(answer.status).toBe(400)
    const problem = await problemOf(answer)
    expect(problem.code).toBe("INVALID_ARGUMENT")
    expect(problem.violations?.[0]).toMatchObject({ code, path })
    expect(problem.detail).not.toMatch(/position|column|SyntaxError/)
    expect(world.batches).toEqual([])
  })

  test("is no UTF-8", async () => {
    const { call } = open()
    const body = new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d])
    const headers = { "Content-Type": "application/json" }
    const problem = await problemOf(await call("/v1/notes", { method: "POST", body, headers }))
    expect(problem.violations).toMatchObject([{ code: "malformed_json", path: "" }])
  })

  test("says every fault of a creation at once", async () => {
    const { send } = open()
    const problem = await problemOf(await send("POST", "/v1/notes", { stars: "many", status: "lost" }))
    expect(problem.violations?.map((one) => one.path).sort()).toEqual(["/notebookId", "/stars", "/status", "/title"])
  })

  test("is missing where one is needed, and needless where none is", async () => {
    const { call } = open()
    expect((await problemOf(await call(`/v1/notes/${noteId}`, { method: "PATCH" }))).violations?.[0]?.code).toBe(
      "malformed_json",
    )
    expect((await problemOf(await call("/v1/notes", { method: "POST" }))).violations?.[0]?.code).toBe("malformed_json")
    expect((await call(`/v1/notes/${noteId}/publication`, { method: "POST" })).status).toBe(200)
  })

  test("may not repeat what the address says", async () => {
    const { send } = open()
    const problem = await problemOf(await send("POST", `/v1/notes/${noteId}/publication`, { id: noteId }))
    expect(problem.violations).toMatchObject([{ path: "/id", code: "conflict" }])
  })

  test("is refused on a deletion", async () => {
    const { send, world } = open()
    const answer = await send("DELETE", `/v1/notes/${noteId}`, { version: 3 })
    expect((await problemOf(answer)).violations).toMatchObject([{ path: "", code: "unexpected_body" }])
    expect(world.batches).toEqual([])
  })
})

describe("a body that is too large", () => {
  const large = JSON.stringify({ title: "x".repeat(2 * limits.bodyBytes) })

  test("is refused by its told length", async () => {
    const { send } = open()
    const answer = await send("POST", "/v1/notes", large)
    expect(answer.status).toBe(413)
    expect((await problemOf(answer)).type).toBe("urn:selvage:problem:payload-too-large")
  })

  test("is counted as it streams, and not read to its end", async () => {
    const { call } = open()
    const chunk = new TextEncoder().encode("x".repeat(64 * 1024))
    let pulled = 0
    const body = new ReadableStream({
      pull(controller) {
        pulled += chunk.byteLength
        if (pulled > 64 * limits.bodyBytes) controller.close()
        else controller.enqueue(chunk)
      },
    })
    const headers = { "Content-Type": "application/json" }
    const answer = await call("/v1/notes", { method: "POST", body, headers, duplex: "half" } as RequestInit & {
      headers: Record<string, string>
    })
    expect(answer.status).toBe(413)
    expect(pulled).toBeLessThan(2 * limits.bodyBytes)
  })
})

describe("the type of a body", () => {
  const cases: readonly (readonly [method: string, type: string, status: number])[] = [
    ["POST", "application/json", 400],
    ["POST", "Application/JSON; charset=UTF-8", 400],
    ["POST", "application/merge-patch+json", 415],
    ["POST", "text/plain", 415],
    ["POST", "application/jsonp", 415],
    ["POST", "application/json; charset=latin1", 415],
    ["PATCH", "application/merge-patch+json", 400],
    ["PATCH", "application/json", 400],
    ["PATCH", "application/json-patch+json", 415],
  ]
  test.each(cases)("%s %s -> %i", async (method, type, status) => {
    const { send } = open()
    const path = method === "PATCH" ? `/v1/notes/${noteId}` : "/v1/notes"
    const answer = await send(method, path, '{"unknown":1}', { "Content-Type": type })
    expect(answer.status).toBe(status)
    if (status !== 415) return
    const accepted = answer.headers.get(method === "PATCH" ? "Accept-Patch" : "Accept-Post")
    expect(accepted).toBe(method === "PATCH" ? "application/merge-patch+json, application/json" : "application/json")
  })

  test("a coding is refused", async () => {
    const { send } = open()
    expect((await send("POST", "/v1/notes", "{}", { "Content-Encoding": "gzip" })).status).toBe(415)
  })
})

describe("a query string", () => {
  const planOf = async (query: string) => {
    const { call, world } = open()
    const answer = await call(`/v1/notes?${query}`)
    expect(await answer.json()).toEqual({ items: [], nextCursor: null })
    return world.plans[0] as ListPlan
  }

  test("becomes a plan", async () => {
    const plan = await planOf("fields=title,stars&sort=-stars,createdAt&limit=5&count=true&q=milk&cursor=abc")
    expect(plan.fields).toEqual(["id", "title", "stars"])
    expect(plan.sort).toEqual([
      { field: "stars", descending: true },
      { field: "createdAt", descending: false },
    ])
    expect(plan).toMatchObject({ limit: 5, count: true, q: "milk", cursor: "abc" })
  })

  test("expands relations and relations of relations", async () => {
    const plan = await planOf("expand=notebook.notes")
    expect(plan.expand.notebook).toMatchObject({ resource: "notebooks", expand: { notes: { resource: "notes" } } })
    expect((await planOf("expand=notebook&expand=notebook.notes")).expand.notebook?.expand.notes).toBeDefined()
    expect((await planOf("expand=notebook.notes,notebook")).expand.notebook?.expand.notes).toBeDefined()
  })

  const filters: readonly (readonly [query: string, filter: unknown])[] = [
    ["status=open", { op: "eq", field: "status", value: "open" }],
    ["status[ne]=open", { op: "ne", field: "status", value: "open" }],
    ["stars[gte]=3", { op: "gte", field: "stars", value: 3 }],
    ["stars[in]=1,2", { op: "in", field: "stars", values: [1, 2] }],
    ["weight[lt]=-1.5e3", { op: "lt", field: "weight", value: -1500 }],
    ["size=9007199254740993", { op: "eq", field: "size", value: "9007199254740993" }],
    ["pinned=true", { op: "eq", field: "pinned", value: true }],
    ["title=12", { op: "eq", field: "title", value: "12" }],
    ["title[contains]=%25", { op: "contains", field: "title", value: "%" }],
    ["dueAt[lt]=2026-12-01T01:00:00%2B01:00", { op: "lt", field: "dueAt", value: "2026-12-01T00:00:00.000Z" }],
    ["day[isNull]=false", { op: "isNull", field: "day", value: false }],
    ["count[eq]=4", { op: "eq", field: "count", value: 4 }],
    [
      'filter={"or":[{"stars":1},{"pinned":true}]}',
      {
        op: "or",
        of: [
          { op: "eq", field: "stars", value: 1 },
          { op: "eq", field: "pinned", value: true },
        ],
      },
    ],
  ]
  test.each(filters)("%s", async (query, filter) => {
    expect((await planOf(query)).filter).toEqual(filter)
  })

  test("joins parameters and tree", async () => {
    const plan = await planOf('status=open&stars[gt]=1&stars[lt]=5&filter={"not":{"pinned":true}}')
    expect(plan.filter).toEqual({
      op: "and",
      of: [
        { op: "eq", field: "status", value: "open" },
        { op: "gt", field: "stars", value: 1 },
        { op: "lt", field: "stars", value: 5 },
        { op: "and", of: [{ op: "not", of: { op: "eq", field: "pinned", value: true } }] },
      ],
    })
  })

  const faults: readonly (readonly [query: string, path: string, code: string])[] = [
    ["nope=1", "/nope", "unknown_parameter"],
    ["nope[lt]=1", "/nope[lt]", "unknown_parameter"],
    ["constructor=1", "/constructor", "unknown_parameter"],
    ["__proto__[eq]=1", "/__proto__[eq]", "unknown_parameter"],
    ["limit=1&limit=2", "/limit", "duplicate"],
    ["status=open&status=done", "/status", "duplicate"],
    ["status=open&status[eq]=done", "/status[eq]", "duplicate"],
    ["limit=ten", "/limit", "invalid_type"],
    ["limit=0x10", "/limit", "invalid_type"],
    ["limit=", "/limit", "invalid_type"],
    ["limit=101", "/limit", "too_big"],
    ["count=yes", "/count", "invalid_type"],
    ["status=lost", "/status", "invalid_value"],
    ["stars[lt]=x", "/stars[lt]", "invalid_value"],
    ["stars[in]=1,x", "/stars[in]/1", "invalid_value"],
    ["stars[near]=1", "/stars[near]", "unknown_operator"],
    ["stars[contains]=1", "/stars[contains]", "not_filterable"],
    ["createdAt[lt]=2026-12-01T00:00:00Z", "/createdAt", "not_filterable"],
    ["title=%00", "/title", "invalid_text"],
    ["fields=title,nope", "/fields/1", "unknown_field"],
    ["sort=title", "/sort/0", "not_sortable"],
    ["expand=nope", "/expand", "unknown_relation"],
    ["expand=__proto__", "/expand", "unknown_relation"],
    ["expand=notebook.notes.notebook.notes", "/expand", "too_deep"],
    ["filter={", "/filter", "malformed_json"],
    ["filter=[]", "/filter", "invalid_type"],
    ['filter={"stars":1,"stars":2}', "/filter/stars", "duplicate_key"],
    [`filter=${"[".repeat(5000)}`, "/filter", "too_deep"],
    ['filter={"or":[{"nope":1}]}', "/filter/or/0/nope", "unknown_field"],
    ['stars=1&filter={"or":[{"nope":1}]}', "/filter/or/0/nope", "unknown_field"],
  ]
  test.each(faults)("%s is a fault at %s", async (query, path, code) => {
    const { call, world } = open()
    const answer = await call(`/v1/notes?${query}`)
    expect(answer.status).toBe(400)
    expect((await problemOf(answer)).violations).toContainEqual(expect.objectContaining({ path, code }))
    expect(world.plans).toEqual([])
  })

  test("of 101 filters is refused", async () => {
    const { call } = open()
    const filter = JSON.stringify({ and: Array.from({ length: 101 }, () => ({ stars: 1 })) })
    const problem = await problemOf(await call(`/v1/notes?filter=${encodeURIComponent(filter)}`))
    expect(problem.violations?.[0]?.code).toBe("too_many")
  })

  test("asks for figures", async () => {
    const { call, world } = open()
    const answer = await call("/v1/notes/aggregate?count=true&sum=stars,weight&avg=stars&groupBy=status&pinned=true")
    expect(answer.status).toBe(200)
    expect(world.plans[0]).toMatchObject({
      kind: "aggregate",
      filter: { op: "eq", field: "pinned", value: true },
      groupBy: ["status"],
      measures: [
        { fn: "count" },
        { fn: "sum", field: "stars" },
        { fn: "sum", field: "weight" },
        { fn: "avg", field: "stars" },
      ],
    })
  })

  test("gives an operation of one's own values of its shapes", async () => {
    const { anonymously } = open()
    const answer = await anonymously("/v1/weather?days=3&hourly=false&places=Bern,Oslo")
    expect(await answer.json()).toEqual({ input: { days: 3, hourly: false, places: ["Bern", "Oslo"] } })
    const problem = await problemOf(await anonymously("/v1/weather?days=3.5&wind=1"))
    expect(problem.violations).toMatchObject([{ path: "/wind", code: "unknown_parameter" }])
    expect((await problemOf(await anonymously("/v1/weather?days=3.5"))).violations).toMatchObject([{ path: "/days" }])
  })

  test("has no place where the body gives the input", async () => {
    const { send } = open()
    expect((await problemOf(await send("POST", "/v1/notes?title=x", {}))).violations).toMatchObject([
      { path: "/title", code: "unknown_parameter" },
    ])
    expect((await problemOf(await send("PATCH", `/v1/notes/${noteId}?version=3`, {}))).violations).toMatchObject([
      { path: "/version" },
    ])
  })
})

describe("the address", () => {
  test.each(["note_short", "task_01kb5t8q3cf4n9r7x2m6w0zyad", "%00", "note_01KB5T8Q3CF4N9R7X2M6W0ZYAD", "%E0%A4%A"])(
    "of %s is no id",
    async (text) => {
      const { call, world } = open()
      const answer = await call(`/v1/notes/${text}`)
      expect(answer.status).toBe(400)
      expect((await problemOf(answer)).violations).toMatchObject([{ path: "/id" }])
      expect(world.plans).toEqual([])
    },
  )

  test("of an operation without one is its name", async () => {
    const { send } = open()
    expect(await (await send("POST", "/v1/rpc/notes.import", { titles: ["a", "b"] })).json()).toEqual({ imported: 2 })
  })
})
