/** A part of the interface whose shape somebody else dictates: its place, its scheme, its envelopes, its problems; and nothing of it elsewhere. */
import { Validator } from "@cfworker/json-schema"
import { describe, expect, test } from "vitest"
import type { JsonObject } from "../../src/core/json.ts"
import { noteId } from "./fixture.ts"
import { document, opened, told } from "./mounted.ts"

const thing = { slug: "a", size: 2 }

describe("a mount's place", () => {
  test("is its prefix, and not below the version of the interface", async () => {
    const { ask } = opened()
    expect(await ask("GET /api/things/a")).toMatchObject({ status: 200, body: { thing: { slug: "a", by: "user" } } })
    for (const path of ["/v1/things/a", "/things/a", "/v1/api/things/a", "/api/v1/things/a"])
      expect((await ask(`GET ${path}`, undefined, "Bearer ada")).status).toBe(404)
  })

  test("leaves the rest where it was", async () => {
    const { ask } = opened()
    expect((await ask(`GET /v1/notes/${noteId}`, undefined, "Bearer ada")).body).toMatchObject({ title: "Milk" })
    expect((await ask("GET /v1/weather?days=2", undefined, null)).status).toBe(200)
    expect((await ask("GET /api/weather?days=2", undefined, null)).status).toBe(404)
    expect((await ask(`GET /api/notes/${noteId}`)).status).toBe(404)
  })

  test("has OPTIONS, HEAD and methods that are not there, as every other", async () => {
    const { ask } = opened()
    expect((await ask("OPTIONS /api/things/a", undefined, null)).headers.get("allow")).toBe(
      "PUT, GET, HEAD, DELETE, OPTIONS",
    )
    expect(await ask("HEAD /api/things/a")).toMatchObject({ status: 200, body: null })
    expect((await ask("PATCH /api/things/a")).headers.get("allow")).toBe("PUT, GET, HEAD, DELETE, OPTIONS")
  })
})

describe("a mount's scheme", () => {
  const asking = async (authorization: string | null, path = "/api/things/a") => {
    const { status, body } = await opened().ask(`GET ${path}`, undefined, authorization)
    return status === 200 ? (body.thing?.by ?? "told") : status
  }

  test.each(["Token ada", "token ada", "TOKEN  ada ", "Bearer ada", "bearer ada"])(
    "takes %j",
    async (authorization) => {
      expect(await asking(authorization)).toBe("user")
    },
  )
  test("asks nobody for it who may read without", async () => {
    expect(await asking(null)).toBe("anonymous")
  })
  test.each([
    "Token eve",
    "Token",
    "Token ",
    "Token a b",
    "Tokens ada",
    "Basic YWRhOmFkYQ==",
    "Key-Id ada",
    "ada",
    "Token,ada",
    "Token ada, Bearer ada",
  ])("refuses %j", async (authorization) => {
    expect(await asking(authorization)).toBe(401)
  })
  test.each(["/v1/weather?days=1", `/v1/notes/${noteId}`, "/v1/notebooks"])("is none at %s", async (path) => {
    expect(await asking("Token ada", path)).toBe(401)
    expect(await asking("Key-Id ada", path)).toBe(401)
    expect(await asking("Bearer ada", path)).toBe("told")
  })
  test("is not another mount's", async () => {
    const { ask } = opened()
    const patch = (authorization: string) => ask("PATCH /legacy/v0/things", { thing: { size: 1 } }, authorization)
    expect((await patch("Key-Id ada")).status).toBe(200)
    expect((await patch("Bearer ada")).status).toBe(200)
    expect((await patch("Token ada")).status).toBe(401)
  })
  test("is known where nothing stands, too: what is wrong is the address, not the credential", async () => {
    const { ask } = opened()
    expect((await ask("GET /api/nothing")).status).toBe(404)
    expect((await ask("PATCH /api/things/a")).status).toBe(405)
    expect((await ask("GET /legacy/v0/nothing", undefined, "Key-Id ada")).status).toBe(404)
    expect((await ask("GET /nothing")).status).toBe(401)
    expect((await ask("GET /apis/nothing")).status).toBe(401)
  })
})

describe("an envelope", () => {
  const post = (body: unknown) => opened().ask("POST /api/things", body)
  const faults = async (body: unknown, line = "POST /api/things") => {
    const answer = await opened().ask(line, body)
    return [
      answer.status,
      ...(answer.body.where ?? answer.body.violations.map((one: JsonObject) => `${one.path} ${one.code}`)),
    ]
  }

  test("is taken off on the way in, and put around on the way out", async () => {
    expect(await post({ thing })).toMatchObject({ status: 201, body: { thing: { ...thing, by: "user" } } })
    const changed = await opened().ask("PUT /api/things/b", { thing: { size: 5 } })
    expect(changed).toMatchObject({ status: 200, body: { thing: { slug: "b", size: 5, by: "user" } } })
    expect(Object.keys((await post({ thing })).body.thing)).toEqual(["slug", "size", "by"])
    expect(await opened().ask("DELETE /api/things/b")).toMatchObject({ status: 204, body: null })
  })

  test("that is missing is said to be, also where nothing in it is", async () => {
    expect(await faults({})).toEqual([422, "/thing required"])
    expect(await faults(thing)).toEqual([422, "/thing required"])
    expect(await faults({ Thing: thing })).toEqual([422, "/thing required"])
    expect(await faults({}, "PUT /api/things/b")).toEqual([422, "/thing required"])
    expect(await faults(undefined)).toEqual([422, " malformed_json"])
    expect(await faults(undefined, "PUT /api/things/b")).toEqual([422, " malformed_json"])
    expect((await opened().ask("PUT /api/things/b", { thing: {} })).status).toBe(200)
  })

  test("is no list, text or null, and holds an object", async () => {
    for (const body of [[thing], "thing", 1, null, true])
      expect(await faults(JSON.stringify(body))).toEqual([422, " invalid_type"])
    for (const inner of [[thing], "a", 1, null]) expect(await faults({ thing: inner })).toEqual([422, " invalid_type"])
  })

  test("has nothing beside it", async () => {
    expect(await faults({ thing, other: 1 })).toEqual([422, "/other unknown_field"])
    expect(await faults({ thing, "a/b": 1 })).toEqual([422, "/a~1b unknown_field"])
    expect(await faults(`{"thing":{"slug":"a"},"__proto__":{"slug":"b"}}`)).toEqual([422, "/__proto__ unknown_field"])
    expect(await faults({ thing: { slug: "a", other: 1 } })).toEqual([422, "/other unknown_field"])
  })

  test("cannot give what the address gives", async () => {
    expect(await faults({ thing: { slug: "c" } }, "PUT /api/things/b")).toEqual([422, "/slug conflict"])
  })

  test("stands before every path of a fault where problems are of the usual form", async () => {
    const over = async (body: unknown) => {
      const answer = await opened().ask("PATCH /legacy/v0/things", body, "Key-Id ada")
      return answer.body.violations.map(({ path, code }: JsonObject) => `${path} ${code}`)
    }
    expect(await over({ thing: { size: 0 } })).toEqual(["/thing/size too_small"])
    expect(await over({ thing: { size: 1, other: 2 } })).toEqual(["/thing/other unknown_field"])
    expect(await over({ thing: 1 })).toEqual(["/thing invalid_type"])
    expect(await over({ thing: { size: 1 }, other: 2 })).toEqual(["/other unknown_field"])
    expect(await over({ size: 1 })).toEqual(["/thing required"])
    expect(await over([])).toEqual([" invalid_type"])
  })
})

describe("a mount's problems", () => {
  test("are its own, and are told what the usual form would say", async () => {
    const { ask } = opened()
    const answer = await ask("POST /api/things", { thing: { slug: "a", size: 0 } })
    expect(answer).toMatchObject({ status: 422, body: { wrong: "INVALID_ARGUMENT", where: ["/size too_small"] } })
    expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8")
    expect(answer.headers.get("cache-control")).toBe("no-store")
    expect(answer.headers.get("strict-transport-security")).toBeTruthy()
    expect(told.at(-1)).toEqual({
      code: "INVALID_ARGUMENT",
      type: null,
      status: 400,
      message: expect.any(String),
      violations: [{ path: "/size", code: "too_small", message: expect.any(String) }],
      requestId: answer.headers.get("x-request-id"),
      retryAfterSeconds: null,
    })
  })

  test.each([
    ["GET /api/nothing", 404, "NOT_FOUND", "unknown-route"],
    ["GET /api", 404, "NOT_FOUND", "unknown-route"],
    ["GET /api/things/a/b", 404, "NOT_FOUND", "unknown-route"],
    ["PATCH /api/things/a", 405, "UNIMPLEMENTED", "method-not-allowed"],
    ["GET /api/things", 405, "UNIMPLEMENTED", "method-not-allowed"],
    ["GET /api/things/a?nope=1", 422, "INVALID_ARGUMENT", null],
    ["GET /api/things/broken", 500, "INTERNAL", null],
  ])("%s is %s %s", async (line, status, code, type) => {
    const { status: given, body } = await opened().ask(line)
    expect([given, body.wrong, told.at(-1)?.type]).toEqual([status, code, type])
    expect(JSON.stringify(body)).not.toContain("inside")
  })

  test("keep the headers that help", async () => {
    const { ask } = opened()
    const busy = await ask("GET /api/things/busy")
    expect([busy.status, busy.headers.get("retry-after"), told.at(-1)?.retryAfterSeconds]).toEqual([429, "3", 2.2])
    const nobody = await ask("DELETE /api/things/a", undefined, null)
    expect([nobody.status, nobody.body.wrong, nobody.headers.get("www-authenticate")]).toEqual([
      401,
      "UNAUTHENTICATED",
      expect.stringMatching(/^Bearer realm="selvage", resource_metadata=/),
    ])
    expect((await ask("PATCH /api/things/a")).headers.get("allow")).toContain("PUT")
    const media = await opened().ask("POST /api/things", "<a/>")
    expect(media.status).toBe(422)
  })

  test.each([
    "GET /nothing",
    "GET /apis",
    "GET /v1/api",
    `GET /v1/notes/${noteId}x`,
    "GET /legacy/v0/nothing",
    "PUT /legacy/v0/things",
  ])("are of the usual form at %s", async (line) => {
    const before = told.length
    const { headers, body } = await opened().ask(line, undefined, "Bearer ada")
    expect(headers.get("content-type")).toBe("application/problem+json; charset=utf-8")
    expect(body.type).toMatch(/^urn:selvage:problem:/)
    expect(told.length).toBe(before)
  })

  test("are told to the operator as all are", async () => {
    const { ask, world } = opened()
    await ask("GET /api/things/broken")
    expect(world.observations).toMatchObject([{ kind: "call", operation: "things.get", code: "INTERNAL" }])
  })
})

describe("the document", () => {
  const at = (method: string, path: string) =>
    document.paths[path]?.[method] as NonNullable<(typeof document.paths)[string][string]>
  const schemaIn = (node: unknown) => {
    const { content } = node as { content: Record<string, { schema: JsonObject; example?: unknown }> }
    return content["application/json"] as { schema: JsonObject; example?: unknown }
  }
  const takes = (schema: JsonObject, value: unknown) =>
    new Validator({ ...schema, components: document.components } as never, "2020-12").validate(value).valid

  test("has each operation where it answers", () => {
    const paths = Object.keys(document.paths).filter((path) => !path.startsWith("/v1/"))
    expect(paths.sort()).toEqual(["/api/things", "/api/things/{slug}", "/legacy/v0/things"])
    expect(Object.keys(document.paths).filter((path) => path.includes("things"))).toHaveLength(3)
  })

  test("has the schemes, for their mount alone", () => {
    expect(document.components.securitySchemes).toMatchObject({
      bearer: { type: "http", scheme: "bearer" },
      Token: { type: "apiKey", in: "header", name: "Authorization" },
      "Key-Id": { type: "apiKey", in: "header", name: "Authorization" },
    })
    expect(at("post", "/api/things").security).toEqual([{ bearer: [] }, { Token: [] }])
    expect(at("get", "/api/things/{slug}").security).toEqual([{}, { bearer: [] }, { Token: [] }])
    expect(at("patch", "/legacy/v0/things").security).toEqual([{ bearer: [] }, { "Key-Id": [] }])
    for (const [path, methods] of Object.entries(document.paths))
      if (path.startsWith("/v1/"))
        for (const { security } of Object.values(methods)) expect(JSON.stringify(security)).not.toMatch(/Token|Key-Id/)
  })

  test("has the envelopes: what they hold is required, and nothing stands beside it", async () => {
    const request = at("put", "/api/things/{slug}").requestBody as { required: boolean }
    expect(request.required).toBe(true)
    const { schema, example } = schemaIn(request)
    expect([takes(schema, { thing: { size: 1 } }), takes(schema, { thing: {} })]).toEqual([true, true])
    for (const wrong of [{}, { size: 1 }, { thing: {}, other: 1 }, { thing: { slug: "a" } }, { thing: 1 }])
      expect(takes(schema, wrong), JSON.stringify(wrong)).toBe(false)
    expect((await opened().ask("PUT /api/things/b", example)).status).toBe(200)
    const answer = schemaIn(at("put", "/api/things/{slug}").responses["200"]).schema
    expect(takes(answer, (await opened().ask("PUT /api/things/b", { thing: { size: 5 } })).body)).toBe(true)
    expect(takes(answer, { slug: "b", by: "user" })).toBe(false)
  })

  test("has the failures with the status and the body that the mount gives them", async () => {
    const { responses } = at("post", "/api/things")
    const { responses: usual } = at("patch", "/legacy/v0/things")
    expect(Object.keys(responses).map(Number)).toEqual([
      201, 204, 401, 403, 404, 406, 409, 413, 415, 422, 429, 500, 503,
    ])
    expect(Object.keys(usual)).toContain("400")
    expect(usual.default).toBeDefined()
    expect(responses["204"]).not.toHaveProperty("content")
    const { schema } = schemaIn(responses["422"])
    expect(takes(schema, (await opened().ask("POST /api/things", {})).body)).toBe(true)
    expect(takes(schema, { type: "urn:selvage:problem:x" })).toBe(false)
    // Several failures may share a status: all of them are told.
    expect(responses["422"]?.description).toMatch(/INVALID_ARGUMENT.*; or .*FAILED_PRECONDITION/)
  })

  test("refers only to what it has", () => {
    const text = JSON.stringify(document)
    for (const [, kind, name] of text.matchAll(/"#\/components\/(\w+)\/([^"]+)"/g))
      expect(document.components[kind as string], `${kind}/${name}`).toHaveProperty([name as string])
  })
})
