/** The pages that ask no principal: the document, the page that shows it, health. */
import { describe, expect, test } from "vitest"
import { openApiDocument } from "../../src/api/rest/openapi.ts"
import type { JsonObject } from "../../src/core/json.ts"
import { open, registry } from "./fixture.ts"

type Operation = {
  readonly operationId: string
  readonly tags: readonly string[]
  readonly security: readonly object[]
  readonly parameters: readonly (
    | { readonly $ref: string }
    | { readonly name: string; readonly in: string; readonly schema?: JsonObject; readonly example?: unknown }
  )[]
  readonly requestBody?: {
    readonly required: boolean
    readonly content: Record<string, { readonly schema: JsonObject; readonly example?: unknown }>
  }
  readonly responses: Record<string, { readonly $ref?: string }>
}
type Document = {
  readonly openapi: string
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: Record<string, Record<string, JsonObject>>
  readonly tags: readonly { readonly name: string; readonly description: string }[]
}

const document = openApiDocument(registry) as unknown as Document
const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods))
const at = (method: string, path: string) => document.paths[path]?.[method] as Operation
const namesOf = (operation: Operation) =>
  operation.parameters.map((parameter) => {
    const component =
      "$ref" in parameter
        ? document.components.parameters?.[parameter.$ref.replace("#/components/parameters/", "")]
        : parameter
    return component?.name
  })

describe("the document", () => {
  test("lists every operation once, where it answers", () => {
    expect(document.openapi).toBe("3.1.0")
    expect(operations.map((operation) => operation.operationId).sort()).toEqual([...registry.operations.keys()].sort())
  })

  test("is the same every time", () => {
    expect(JSON.stringify(openApiDocument(registry))).toBe(JSON.stringify(document))
  })

  test("refers only to what it has, and has only what it refers to", () => {
    const text = JSON.stringify(document)
    const referred = new Set([...text.matchAll(/"#\/components\/([^"]+)"/g)].map((match) => match[1]))
    const present = Object.entries(document.components)
      .filter(([kind]) => kind !== "securitySchemes")
      .flatMap(([kind, byName]) => Object.keys(byName).map((name) => `${kind}/${name}`))
    expect([...referred].sort()).toEqual(present.sort())
  })

  test("names each filter with its operators, and no other", () => {
    const names = namesOf(at("get", "/v1/notes"))
    expect(names).toEqual(
      expect.arrayContaining([
        "status",
        "status[ne]",
        "status[in]",
        "stars[lt]",
        "stars[isNull]",
        "title[startsWith]",
        "count[ne]",
      ]),
    )
    expect(names).not.toContain("stars[contains]")
    expect(names).not.toContain("createdAt")
    expect(names.filter((name) => name === "count")).toHaveLength(1)
  })

  test("keeps int32, dates and 64 bits", () => {
    const note = document.components.schemas?.Note?.properties as Record<string, JsonObject>
    expect(JSON.stringify(note.stars)).toContain('"format":"int32"')
    expect(JSON.stringify(note.size)).toContain('"format":"int64"')
    expect(JSON.stringify(note.dueAt)).toContain('"format":"date-time"')
  })

  test("asks for a token except where anyone may call", () => {
    expect(at("get", "/v1/notes").security).toEqual([{ bearer: [] }])
    expect(at("get", "/v1/weather").security).toEqual([{}, { bearer: [] }])
    expect(at("get", "/v1/notebooks").security).toEqual([{}, { bearer: [] }])
  })

  test("says which headers guard a write", () => {
    expect(namesOf(at("patch", "/v1/notes/{id}"))).toEqual(["id", "Idempotency-Key", "If-Match", "X-Selvage-Bookmark"])
    expect(namesOf(at("get", "/v1/notes/{id}"))).toContain("If-None-Match")
  })

  test("says how each call can end", () => {
    expect(Object.keys(at("patch", "/v1/notes/{id}").responses)).toEqual(
      expect.arrayContaining(["200", "400", "401", "403", "404", "409", "412", "413", "415", "422", "429", "default"]),
    )
    expect(Object.keys(at("get", "/v1/notes/{id}").responses)).toContain("304")
    expect(at("post", "/v1/notes/{id}/publication").responses["400"]?.$ref).toContain("FailedPrecondition")
  })

  test("leaves to the body what the address does not say", () => {
    const body = at("post", "/v1/notes/{id}/publication").requestBody
    expect(body?.required).toBe(false)
    expect(body?.content["application/json"]?.schema.properties).toEqual({ message: { type: "string", maxLength: 20 } })
    expect(Object.keys(at("patch", "/v1/notes/{id}").requestBody?.content ?? {})).toEqual([
      "application/merge-patch+json",
      "application/json",
    ])
  })

  test("has examples that its own operations take", async () => {
    const { send } = open()
    const example = at("post", "/v1/notes").requestBody?.content["application/json"]?.example
    expect((await send("POST", "/v1/notes", example)).status).toBe(201)
    for (const { requestBody } of operations)
      for (const media of Object.values(requestBody?.content ?? {})) expect(media.example).toBeDefined()
  })

  test("describes its tags", () => {
    expect(document.tags.map((tag) => tag.name)).toEqual(["notebooks", "notes", "weather"])
    expect(document.tags[1]?.description).toBe("Something worth keeping.")
  })

  test("is served with a tag, to anybody", async () => {
    const { anonymously } = open()
    const answer = await anonymously("/openapi.json")
    expect(await answer.json()).toEqual(document)
    const tag = answer.headers.get("etag") ?? ""
    expect(tag).toMatch(/^"[0-9a-f]{32}"$/)
    const again = await anonymously("/openapi.json", { headers: { "If-None-Match": tag } })
    expect([again.status, await again.text()]).toEqual([304, ""])
    const head = await anonymously("/openapi.json", { method: "HEAD" })
    expect([head.status, head.headers.get("etag"), await head.text()]).toEqual([200, tag, ""])
  })

  test("may be kept by whoever is on the way, and in development by nobody", async () => {
    const kept = async (development: boolean) =>
      (await open({ development }).anonymously("/openapi.json")).headers.get("cache-control")
    expect(await kept(false)).toBe("public, max-age=300, stale-while-revalidate=3600")
    expect(await kept(true)).toBe("no-cache")
  })
})

describe("the key set", () => {
  test("has a tag of its content, the same in every isolate, and another when keys turn", async () => {
    const [one, other] = [open(), open()]
    const ask = (of: typeof one, headers = {}) => of.anonymously("/.well-known/jwks.json", { headers })
    const first = await ask(one)
    expect(await first.json()).toEqual({ keys: [] })
    expect(first.headers.get("cache-control")).toBe("public, max-age=300")
    const tag = first.headers.get("etag") ?? ""
    expect((await ask(other)).headers.get("etag")).toBe(tag)
    expect((await ask(one, { "If-None-Match": tag })).status).toBe(304)
    one.keys.push({ kty: "OKP" })
    const turned = await ask(one, { "If-None-Match": tag })
    expect([turned.status, await turned.json()]).toEqual([200, { keys: [{ kty: "OKP" }] }])
    expect(turned.headers.get("etag")).not.toBe(tag)
  })
})

describe("the documentation page", () => {
  test("runs only files of its own origin", async () => {
    const { anonymously } = open()
    const answer = await anonymously("/docs")
    const page = await answer.text()
    expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8")
    const policy = answer.headers.get("content-security-policy") ?? ""
    expect(policy).toContain("script-src 'self'")
    expect(policy).not.toMatch(/unsafe-eval|script-src[^;]*unsafe-inline|https?:|\*/)
    expect(page.match(/<script[^>]*>/g)).toEqual(['<script src="/_docs/scalar.js">', '<script src="/docs/start.js">'])
    expect(page).not.toMatch(/https?:\/\//)
    const start = await anonymously("/docs/start.js")
    expect(start.headers.get("content-type")).toBe("text/javascript; charset=utf-8")
    expect(await start.text()).toContain('"withDefaultFonts":false')
  })

  test("is where development starts; production gives links", async () => {
    const answer = await open({ development: true }).anonymously("/", { redirect: "manual" })
    expect([answer.status, answer.headers.get("location")]).toEqual([302, "/docs"])
    expect(await (await open().anonymously("/")).json()).toMatchObject({
      title: "Notes",
      links: { openapi: "/openapi.json" },
    })
  })
})

describe("health", () => {
  test("lives without asking anybody", async () => {
    const { anonymously, world } = open()
    const answer = await anonymously("/health/live", { headers: { Authorization: "Bearer eve" } })
    expect([answer.status, await answer.json()]).toEqual([200, { status: "ok" }])
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff")
    expect(answer.headers.get("cache-control")).toBe("no-store")
    expect(world.observations).toEqual([])
  })

  test("is ready when every part is", async () => {
    const { anonymously, health } = open()
    expect((await anonymously("/health/ready")).status).toBe(200)
    health.parts.push({ part: "cache", ok: false, milliseconds: 5 })
    const answer = await anonymously("/health/ready")
    expect(answer.status).toBe(503)
    expect(await answer.json()).toEqual({ status: "unavailable", parts: health.parts })
  })

  test("is not asked of every part by an address in a hurry", async () => {
    const { anonymously, world } = open()
    const hasty = { headers: { "CF-Connecting-IP": "192.0.2.1" } }
    const answer = await anonymously("/health/ready", hasty)
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([429, "60"])
    expect((await anonymously("/v1/nothing", hasty)).status).toBe(429)
    expect((await anonymously("/health/live", hasty)).status).toBe(200)
    expect(world.observations).toMatchObject([{ code: "RESOURCE_EXHAUSTED" }, { code: "RESOURCE_EXHAUSTED" }])
  })
})
