/** What is said of lives is checked before anything is served: a day that is none, an end before its beginning, a replacement that is not there. */
import {
  anyone,
  app,
  countOf,
  type Deprecation,
  enumeration,
  index,
  type Lifecycle,
  lifecycle,
  many,
  mount,
  nobody,
  one,
  operation,
  type Policy,
  post,
  record,
  reference,
  resource,
  sqliteTable,
  text,
  type Version,
  version,
} from "selvage"
import { describe, expect, test } from "vitest"
import * as z from "zod"
import { buildRegistry } from "../../src/core/registry.ts"

const policy: Policy = { read: anyone(), create: nobody(), update: nobody(), delete: nobody() }
const table = sqliteTable(
  "ver_notes",
  { ...record("note"), parentId: reference("note"), title: text(), status: enumeration(["open", "done"]) },
  (t) => [index("ver_1").on(t.parentId, t.createdAt), index("ver_2").on(t.createdAt)],
)
const notes = (more: object = {}) => resource("notes", { table, tenant: "none", policy, ...more } as never)
const said = (name: string, life: Lifecycle = {}, input: z.ZodObject = z.strictObject({})) =>
  operation(name, {
    ...life,
    kind: "mutation",
    input,
    output: z.object({}),
    policy: anyone(),
    rest: post(`/${name}`),
    handle: () => ({}),
  })

interface Parts {
  readonly notes?: object
  readonly operations?: readonly ReturnType<typeof said>[]
  readonly versions?: readonly Version[]
  readonly prefix?: string
}
const build =
  ({ notes: more = {}, operations = [said("a.one"), said("a.two")], versions, prefix = "/api" }: Parts) =>
  () =>
    buildRegistry(
      app({
        title: "t",
        resources: [notes(more)],
        operations,
        mounts: [mount(prefix, { operations: [said("m.one")] })],
        ...(versions ? { versions } : {}),
      }),
      { eager: true },
    )

const since = "2026-11-01"

describe("what is wrong is refused, by name", () => {
  test.each<[string, Deprecation, RegExp]>([
    ["a day that is a version", { since: "1.3" }, /Operation a\.one: deprecated\.since is "1\.3"; give a day/],
    ["a day that is in no calendar", { since: "2026-02-30" }, /deprecated\.since is "2026-02-30"/],
    ["a sunset that is no day", { since, sunset: "soon" }, /deprecated\.sunset is "soon"/],
    [
      "a sunset before the deprecation",
      { since, sunset: "2026-10-31" },
      /sunset 2026-10-31 lies before its deprecation on 2026-11-01/,
    ],
    [
      "a replacement that is not there",
      { since, replacement: "a.three" },
      /Operation a\.one: its replacement a\.three does not exist/,
    ],
    ["itself as its replacement", { since, replacement: "a.one" }, /its own replacement/],
  ])("in an operation: %s", (_, deprecated, message) => {
    expect(build({ operations: [said("a.one", { deprecated }), said("a.two")] })).toThrow(message)
  })

  test.each<[string, object, RegExp]>([
    ["a version that is none", { since: "next" }, /Resource notes: since is "next"; give a version/],
    [
      "a resource that replaces it and is not there",
      { deprecated: { since, replacement: "tickets" } },
      /Resource notes: its replacement tickets/,
    ],
    [
      "a field's day",
      { fields: { title: { deprecated: { since: "1.2" } } } },
      /Resource notes, field title: deprecated\.since/,
    ],
    [
      "a field's replacement",
      { fields: { title: { deprecated: { since, replacement: "name" } } } },
      /field title: its replacement name does not exist/,
    ],
    [
      "a value that is none",
      { fields: { status: { values: { lost: { deprecated: { since } } } } } },
      /field status, value lost: the field has no such value/,
    ],
    [
      "a value's replacement",
      { fields: { status: { values: { done: { deprecated: { since, replacement: "lost" } } } } } },
      /value done: its replacement lost/,
    ],
    ["a value of a field without any", { fields: { title: { values: { a: {} } } } }, /field title, value a/],
    [
      "a relation's replacement",
      { relations: { parent: { ...one("notes", "parentId"), deprecated: { since, replacement: "mother" } } } },
      /field parent: its replacement mother/,
    ],
    [
      "a computed field's day",
      {
        relations: { children: many("notes", "parentId", { onDelete: "refuse" }) },
        computed: { childCount: { ...countOf("children"), deprecated: { since: "x" } } },
      },
      /field childCount: deprecated\.since/,
    ],
  ])("in a resource: %s", (_, more, message) => {
    expect(build({ notes: more })).toThrow(message)
  })

  test.each<[string, readonly Version[], RegExp]>([
    ["none at all", [], /leave versions out/],
    ["two at one place", [version("/v1"), version("/v1")], /Two versions stand at \/v1/],
    [
      "without what is no operation",
      [version("/v1", { without: ["a.three"] })],
      /Version \/v1: without names a\.three/,
    ],
    [
      "without what stands in a mount",
      [version("/v1", { without: ["m.one"] })],
      /m\.one, which stands in the mount \/api/,
    ],
    [
      "none that serves an operation",
      [version("/v1", { without: ["a.one"] }), version("/v2", { without: ["a.one"] })],
      /Operation a\.one: no version serves it/,
    ],
    [
      "a replacement that is no version",
      [version("/v1", { deprecated: { since, replacement: "/v2" } })],
      /Version \/v1: its replacement \/v2/,
    ],
    [
      "a sunset before the deprecation",
      [version("/v1", { deprecated: { since, sunset: "2020-01-01" } })],
      /Version \/v1: its sunset/,
    ],
  ])("in versions: %s", (_, versions, message) => {
    expect(build({ versions })).toThrow(message)
  })

  test("a mount where a version stands, and a version that is none", () => {
    expect(build({ versions: [version("/v1"), version("/v2")], prefix: "/v2/things" })).toThrow(
      /the version \/v2 stands there/,
    )
    expect(build({ prefix: "/v2" })).not.toThrow()
    for (const prefix of ["v2", "/2", "/v0", "/v2/", "/v2.1", "/V2"])
      expect(() => version(prefix)).toThrow(/a prefix is \/v/)
  })

  test("in the schema of an operation: a day, and a property that replaces another and is not there", () => {
    expect(() => lifecycle({ deprecated: { since: "now" } })).toThrow(/deprecated\.since is "now"/)
    const input = (replacement: string) =>
      z.strictObject({
        due: z.string().optional(),
        dueAt: z
          .string()
          .optional()
          .meta(lifecycle({ deprecated: { since, replacement } })),
      })
    expect(build({ operations: [said("a.one", {}, input("end"))] })).toThrow(
      /a\.one input\.dueAt: its replacement end does not exist/,
    )
    expect(build({ operations: [said("a.one", {}, input("due"))] })).not.toThrow()
  })
})

test("what is right is served, and the life of a resource is that of its operations", () => {
  const { operations } = build({ notes: { since: "1.2", deprecated: { since, sunset: since } } })()
  expect(operations.get("notes.list")).toMatchObject({ since: "1.2", deprecated: { since, sunset: since } })
  expect(operations.get("a.one")?.deprecated).toBeUndefined()
})
