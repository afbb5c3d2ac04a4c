/** The short way to a route against the router that stands behind it: what it finds, Hono finds; what is plainly there, it finds. */
import { env } from "cloudflare:workers"
import fc from "fast-check"
import { type Context, Hono } from "hono"
import { describe, expect, it } from "vitest"
import * as z from "zod"
import { type Found, finderOf } from "../../src/api/rest/finder.ts"
import { methods } from "../../src/api/rest/mounting.ts"
import { type Place, placesOf } from "../../src/api/rest/routes.ts"
import application from "../../src/app/index.ts"
import { get, operation, post } from "../../src/core/operation.ts"
import { anyone } from "../../src/core/policy.ts"
import { app, buildRegistry } from "../../src/core/registry.ts"
import { registryOf } from "../../src/engine.ts"
import { registry as mounted } from "./mounted.ts"

const seed = Number((env as { SEED?: string }).SEED ?? 20261121)

const word = (name: string, rest: ReturnType<typeof get>, input: z.ZodRawShape = {}) =>
  operation(name, {
    kind: rest.method === "GET" ? "query" : "mutation",
    input: z.strictObject(input),
    output: z.object({}),
    policy: anyone(),
    rest,
    handle: () => ({}),
  })

/** Words beside parameters in every segment, so that a wrong turn leads somewhere. */
const crossing = buildRegistry(
  app({
    title: "Crossing",
    resources: [],
    operations: [
      word("a.list", get("/a")),
      word("a.get", get("/a/{one}"), { one: z.string() }),
      word("a.b", get("/a/b")),
      word("b.two", get("/a/b/{two}"), { two: z.string() }),
      word("c.list", get("/a/{one}/c"), { one: z.string() }),
      word("c.add", post("/a/{one}/c"), { one: z.string() }),
      word("c.three", get("/a/{one}/c/{three}"), { one: z.string(), three: z.string() }),
      word("d.add", post("/a/b/d")),
    ],
  }),
  { eager: true },
)

const registries = { workspace: registryOf(application, { development: false }), mounted, crossing }

/** Hono with the places mounted as the door mounts them. */
function honoOf(places: readonly Place[]): (request: Request) => Promise<Found | null> {
  const hono = new Hono()
  let found: Found | null = null
  for (const { path, routes } of places) {
    const spelled = path.replaceAll(/\{(\w+)\}/g, ":$1")
    for (const method of methods) {
      const route = routes.get(method)
      hono.on(method, spelled, (c: Context) => {
        found = route === undefined ? null : { route, parameters: c.req.param() }
        return c.body(null)
      })
    }
  }
  return async (request) => {
    found = null
    await hono.fetch(request)
    return found
  }
}

/** Paths of a registry's own words, with values and with what a careless or hostile client makes of them. */
function pathsOf(places: readonly Place[]): fc.Arbitrary<string> {
  const words = [...new Set(places.flatMap(({ path }) => path.split("/")))].filter((one) => !one.startsWith("{"))
  const value = fc.oneof(
    fc.constantFrom(...words),
    fc.stringMatching(/^[a-z0-9_~.:@!$&'()*+,;=-]{0,12}$/),
    fc.constantFrom(
      "%41",
      "a%2Fb",
      "%",
      "%zz",
      "%E4%BD%A0",
      "ü",
      "",
      ".",
      "..",
      "__proto__",
      "constructor",
      "{id}",
      ":id",
      "*",
    ),
  )
  const filled = fc
    .constantFrom(...places)
    .chain(({ path }) => fc.tuple(...path.split("/").map((part) => (part.startsWith("{") ? value : fc.constant(part)))))
  const bent = filled.chain((parts) =>
    fc.constantFrom(parts, [...parts, ""], [...parts, "more"], parts.slice(0, -1), ["", ...parts]),
  )
  return fc
    .tuple(bent, fc.constantFrom("", "?limit=1", "?a=/v1/b", "?"))
    .map(([parts, query]) => parts.join("/") + query)
}

const requestTo = (method: string, path: string) => new Request(`https://example.com${path}`, { method })

describe.each(Object.entries(registries))("the finder of %s", (_, registry) => {
  const places = placesOf(registry)
  const find = finderOf(places)
  const ask = honoOf(places)

  it(`finds nothing but what Hono finds (SEED=${seed})`, async () => {
    let agreed = 0
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...methods, "HEAD", "OPTIONS"), pathsOf(places), async (method, path) => {
        const found = find(requestTo(method, path))
        if (found === null) return
        const asked = await ask(requestTo(method, path))
        expect(found.route).toBe(asked?.route)
        expect(found.parameters).toEqual(asked?.parameters)
        agreed += 1
      }),
      { seed, numRuns: 1500 },
    )
    expect(agreed).toBeGreaterThan(50)
  })

  it("finds every route by a plain path", () => {
    for (const { path, routes } of places) {
      for (const route of routes.values()) {
        const names = route.parameters
        const found = find(requestTo(route.method, path.replaceAll(/\{(\w+)\}/g, "value-of-$1")))
        expect(found?.route).toBe(route)
        expect(found?.parameters).toEqual(Object.fromEntries(names.map((name) => [name, `value-of-${name}`])))
      }
    }
  })
})

describe("what is left to Hono", () => {
  const find = finderOf(placesOf(crossing))

  it.each([
    ["HEAD", "/v1/a"],
    ["DELETE", "/v1/a"],
    ["GET", "/v1/a/"],
    ["GET", "//v1/a"],
    ["GET", "/v1/a/%62"],
    ["GET", "/v1/a/b/d/e"],
    ["GET", "/V1/a"],
  ])("%s %s", (method, path) => {
    expect(find(requestTo(method, path))).toBeNull()
  })
})
