/** Two versions of the REST interface beside each other over one resource: what each serves, what it says of its end, and what neither serves. */
import { anyone, app, operation, post } from "selvage"
import { describe, expect, test } from "vitest"
import * as z from "zod"
import { openApiDocument } from "../../src/api/rest/openapi.ts"
import { buildRegistry } from "../../src/core/registry.ts"
import { lineOf } from "../../src/observability/log.ts"
import { open } from "../rest/fixture.ts"
import { serving } from "../support/serving.ts"
import { eventsOf, newWorkspace } from "../support/workspace.ts"
import { twoVersions } from "./fixture.ts"

const isolate = serving({}, twoVersions)

async function newTask() {
  const { owner, projectId, stranger } = await newWorkspace()
  const { body } = await isolate.call(owner, "POST /v2/tasks", { body: { projectId, title: "Weave" } })
  return { owner, stranger, projectId, id: body.id as string }
}

describe("/v1 and /v2", () => {
  test("serve the same task, and each its own way to end it", async () => {
    const { owner, id } = await newTask()
    const old = await isolate.call(owner, `GET /v1/tasks/${id}`)
    expect([old.status, old.body.title]).toEqual([200, "Weave"])
    // What /v2 wants, /v1 does not know, and the other way around.
    expect((await isolate.call(owner, `POST /v2/tasks/${id}/completion`, { body: {} })).status).toBe(400)
    expect((await isolate.call(owner, `GET /v2/tasks/${id}`)).body.status).toBe("open")
    const finished = await isolate.call(owner, `POST /v2/tasks/${id}/completion`, { body: { note: "Well" } })
    expect([finished.status, finished.body]).toEqual([200, expect.objectContaining({ status: "done", body: "Well" })])
    expect((await isolate.call(owner, `POST /v1/tasks/${id}/completion`, { body: {} })).body.code).toBe(
      "FAILED_PRECONDITION",
    )
    expect((await eventsOf(id)).map(({ operation }) => operation)).toEqual(["tasks.create", "tasks.finish"])
  })

  test("each say where a new record stands in their own words", async () => {
    const { owner, projectId } = await newTask()
    for (const prefix of ["/v1", "/v2"]) {
      const made = await isolate.call(owner, `POST ${prefix}/tasks`, { body: { projectId, title: "Spin" } })
      expect(made.headers.get("location")).toBe(`${prefix}/tasks/${made.body.id}`)
    }
  })

  test("decide alike who may: a stranger finds nothing in either", async () => {
    const { stranger, id } = await newTask()
    for (const prefix of ["/v1", "/v2"])
      expect((await isolate.call(stranger, `GET ${prefix}/tasks/${id}`)).status).toBe(404)
    expect((await isolate.call(stranger, `POST /v2/tasks/${id}/completion`, { body: { note: "x" } })).status).toBe(404)
  })

  test.each([
    "GET /v3/tasks",
    "GET /v0/tasks",
    "GET /tasks",
    "GET /v2/v1/tasks",
    "GET /v1/v2/tasks",
    "GET /v2/rpc/tasks.complete",
  ])("neither serves %s", async (line) => {
    const { owner } = await newTask()
    expect((await isolate.call(owner, line)).status).toBe(404)
  })
})

describe("an answer of what is deprecated", () => {
  test("says since when, until when and where to go; an answer of /v2 says nothing of it", async () => {
    const { owner, id } = await newTask()
    const old = await isolate.call(owner, `GET /v1/tasks/${id}`)
    expect(old.headers.get("deprecation")).toBe(`@${Date.UTC(2026, 10, 1) / 1000}`)
    expect(old.headers.get("sunset")).toBe("Tue, 30 Jun 2099 00:00:00 GMT")
    expect(old.headers.get("link")).toBe(
      `</docs>; rel="deprecation"; type="text/html", </v2/tasks/${id}>; rel="successor-version"`,
    )
    const now = await isolate.call(owner, `GET /v2/tasks/${id}`)
    for (const name of ["deprecation", "sunset", "link"]) expect(now.headers.get(name), name).toBeNull()
  })

  test("names its own end where that comes first, on refusals, too, and goes on working behind it", async () => {
    const { owner, stranger, id } = await newTask()
    const refused = await isolate.call(stranger, `POST /v1/tasks/${id}/completion`, { body: {} })
    expect([refused.status, refused.headers.get("sunset")]).toEqual([404, "Sun, 30 Jun 2024 00:00:00 GMT"])
    const done = await isolate.call(owner, `POST /v1/tasks/${id}/completion`, { body: {} })
    expect([done.status, done.body.status]).toEqual([200, "done"])
    expect(done.headers.get("sunset")).toBe("Sun, 30 Jun 2024 00:00:00 GMT")
    expect(done.headers.get("link")).toContain(`</v2/tasks/${id}/completion>; rel="successor-version"`)
  })

  test("leads nowhere when the address of what replaces it asks for more than the call has said", async () => {
    const said = (name: string, path: string, replacement?: string) =>
      operation(name, {
        kind: "mutation",
        input: z.strictObject({ id: z.string().optional() }),
        output: z.object({}).meta({ id: "Said" }),
        policy: anyone(),
        rest: post(path),
        ...(replacement === undefined ? {} : { deprecated: { since: "2026-11-01", replacement } }),
        handle: () => ({}),
      })
    const operations = [said("a.old", "/old", "a.new"), said("b.old", "/old/{id}", "a.new"), said("a.new", "/new/{id}")]
    const { send } = open({ registry: buildRegistry(app({ title: "t", resources: [], operations })) })
    const linkOf = async (path: string) => (await send("POST", path, {})).headers.get("link")
    expect(await linkOf("/v1/old")).toBe('</docs>; rel="deprecation"; type="text/html"')
    expect(await linkOf("/v1/old/7%2F8")).toContain('</v1/new/7%2F8>; rel="successor-version"')
  })

  test("keeps the link to the next page", async () => {
    const { owner, projectId } = await newTask()
    await isolate.call(owner, "POST /v2/tasks", { body: { projectId, title: "Another" } })
    const { headers } = await isolate.call(owner, `GET /v1/tasks?projectId=${projectId}&limit=1`)
    expect(headers.get("link")).toMatch(/^<\/v1\/tasks\?.*cursor=.*>; rel="next", <\/docs>; rel="deprecation"/)
    expect(headers.get("link")).toContain('</v2/tasks>; rel="successor-version"')
  })
})

describe("the operator", () => {
  const calls = () => isolate.observations.flatMap((one) => (one.kind === "call" ? [one] : []))

  test("is told who still calls it: door, operation, kind of caller, and that its day has come", async () => {
    const { owner, id } = await newTask()
    const from = isolate.observations.length
    await isolate.call(owner, `POST /v1/tasks/${id}/completion`, { body: {} })
    await isolate.call(null, `GET /v1/tasks/${id}`)
    await isolate.call(owner, `GET /v2/tasks/${id}`)
    const told = isolate.observations.slice(from).filter((one) => one.kind === "call")
    expect(
      told
        .map((one) => lineOf(one))
        .map(({ operation, door, caller, deprecated, pastSunset, sunset }) => ({
          operation,
          door,
          caller,
          deprecated,
          pastSunset,
          sunset,
        })),
    ).toEqual([
      {
        operation: "tasks.complete",
        door: "rest",
        caller: "user",
        deprecated: true,
        pastSunset: true,
        sunset: "2024-06-30",
      },
      {
        operation: "tasks.get",
        door: "rest",
        caller: "anonymous",
        deprecated: true,
        pastSunset: false,
        sunset: "2099-06-30",
      },
      { operation: "tasks.get", door: "rest" },
    ])
  })

  test("tells nothing of it in lines of what stays", () => {
    for (const one of calls().filter(({ deprecated }) => deprecated === undefined))
      expect(Object.keys(lineOf(one))).not.toContain("caller")
  })
})

describe("openapi.json", () => {
  const { paths } = openApiDocument(isolate.registry) as unknown as {
    paths: Record<string, Record<string, Record<string, unknown>>>
  }

  test("has both versions, each operation under an id of its own", () => {
    expect(paths["/v1/tasks/{id}"]?.get).toMatchObject({
      operationId: "tasks.get",
      deprecated: true,
      "x-sunset": "2099-06-30",
    })
    expect(paths["/v2/tasks/{id}"]?.get).toMatchObject({ operationId: "v2.tasks.get" })
    expect(paths["/v2/tasks/{id}"]?.get).not.toHaveProperty("deprecated")
    const ids = Object.values(paths).flatMap((place) => Object.values(place).map(({ operationId }) => operationId))
    expect(new Set(ids).size).toBe(ids.length)
  })

  test("says which operation stands where, since when, and what is to be called instead", () => {
    expect(paths["/v1/tasks/{id}/completion"]?.post).toMatchObject({
      operationId: "tasks.complete",
      deprecated: true,
      "x-sunset": "2024-06-30",
      "x-replacement": "/v2/tasks/{id}/completion",
      description: expect.stringContaining("A note is wanted."),
      responses: { 200: { headers: { Deprecation: expect.anything(), Sunset: expect.anything() } } },
    })
    expect(paths["/v2/tasks/{id}/completion"]?.post).toMatchObject({ operationId: "tasks.finish", "x-since": "1.1" })
  })
})
