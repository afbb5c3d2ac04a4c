/** What a mount must be before it is served: a place of its own, schemes that are tokens, operations that are nobody else's. */
import { anyone, app, get, mount, operation, patch, post } from "selvage"
import { describe, expect, test } from "vitest"
import * as z from "zod"
import { placesOf } from "../../src/api/rest/routes.ts"
import { mountAt } from "../../src/core/mount.ts"
import type { RestBinding } from "../../src/core/operation.ts"
import { buildRegistry } from "../../src/core/registry.ts"

const said = (name: string, rest: RestBinding) =>
  operation(name, {
    kind: "mutation",
    input: z.strictObject({ id: z.string().optional(), name: z.string().optional() }),
    output: z.object({}).meta({ id: "Said" }),
    policy: anyone(),
    rest,
    handle: () => ({}),
  })
const one = said("a.one", post("/things"))
const two = said("a.two", post("/things"))
const registry = (mounts: ReturnType<typeof mount>[], operations: (typeof one)[] = []) =>
  buildRegistry(app({ title: "t", resources: [], operations, mounts }), { eager: true })

describe("a mount is refused", () => {
  test.each(["", "/", "api", "/api/", "/API", "/a b", "/{id}", "//api", "/api//v2", "/-api", "/a.json", "/api?x"])(
    "at %j, which is no place",
    (prefix) => expect(() => mount(prefix, { operations: [] })).toThrow(/a prefix is/),
  )
  test.each(["/v1", "/v1/more", "/docs", "/health", "/health/live", "/dev", "/dev/mailbox", "/account", "/account/x"])(
    "at %s, which is the engine's own",
    (prefix) => expect(() => mount(prefix, { operations: [] })).toThrow(/not one of the engine's own/),
  )
  test.each(["", "To ken", "Token:", "1Token", "Tøken", "Token,Bearer"])(
    "with the scheme %j, which is no token",
    (scheme) => {
      expect(() => mount("/api", { operations: [], schemes: ["Good", scheme] })).toThrow(/is no authentication scheme/)
    },
  )
  test.each([
    ["/api", "/api"],
    ["/api", "/api/v2"],
    ["/api/v2", "/api"],
  ])("when %s and %s overlap", (first, second) => {
    expect(() => registry([mount(first, { operations: [] }), mount(second, { operations: [] })])).toThrow(
      /overlaps with/,
    )
  })
  test("when an operation stands in two of them, or beside them", () => {
    expect(() => registry([mount("/a", { operations: [one] }), mount("/b", { operations: [one] })])).toThrow(
      /Two operations are named a\.one/,
    )
    expect(() => registry([mount("/a", { operations: [one] })], [one])).toThrow(/Two operations are named a\.one/)
  })
  test("when its operation is one that would be refused elsewhere", () => {
    expect(() => registry([mount("/a", { operations: [said("nope", post("/x"))] })])).toThrow(/noun\.verb/)
  })
})

describe("a mount stands", () => {
  test.each(["/api", "/api/v2", "/v10", "/docs-old", "/a1/b-2/c", "/accounts", "/healthy"])("at %s", (prefix) => {
    expect(mount(prefix, { operations: [], schemes: ["Token", "X-Key"] })).toEqual({
      prefix,
      operations: [],
      schemes: ["Token", "X-Key"],
      problem: null,
    })
  })
  test("beside others whose names begin alike, and says which paths are its own", () => {
    const { mounts } = registry([mount("/api", { operations: [one] }), mount("/api2", { operations: [two] })])
    const at = (path: string) => mountAt(mounts, path)?.prefix ?? null
    expect(["/api", "/api/", "/api/x/y", "/api2/x", "/api3", "/apix", "/", "/v1/api"].map(at)).toEqual([
      "/api",
      "/api",
      "/api",
      "/api2",
      null,
      null,
      null,
      null,
    ])
  })
  test("and its operations know it", () => {
    const { operations } = registry([mount("/api", { operations: [one] })], [two])
    expect([operations.get("a.one")?.mount?.prefix, operations.get("a.two")?.mount]).toEqual(["/api", null])
  })
})

describe("two operations at one place are refused", () => {
  const places = (...operations: (typeof one)[]) => placesOf(registry([mount("/api", { operations })]))
  test("by method and path", () => {
    expect(() => places(one, two)).toThrow(/a\.one and a\.two both stand at POST \/api\/things/)
  })
  test("also when only their parameters have other names, whatever the methods: the first would answer for both", () => {
    expect(() => places(said("a.one", get("/x/{id}")), said("a.two", patch("/x/{name}")))).toThrow(/are one place/)
    expect(places(said("a.one", get("/x/{id}")), said("a.two", patch("/x/{id}")))).toHaveLength(1)
  })
  test("but not when they stand in different mounts, or beside one", () => {
    const mounts = [mount("/a", { operations: [one] }), mount("/b", { operations: [two] })]
    const paths = placesOf(registry(mounts, [said("a.three", post("/things"))])).map(({ path }) => path)
    expect(paths.filter((path) => path.endsWith("/things")).sort()).toEqual(["/a/things", "/b/things", "/v1/things"])
  })
})
