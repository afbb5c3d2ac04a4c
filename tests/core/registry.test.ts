/** Declarations that could fail open are refused when the registry is built, by name, with the cure. */

import { blob, integer } from "drizzle-orm/sqlite-core"
import {
  any,
  anyone,
  app,
  can,
  index,
  instant,
  is,
  json,
  many,
  me,
  memberOf,
  nobody,
  on,
  one,
  operation,
  own,
  type Policy,
  parent,
  record,
  reference,
  resource,
  role,
  shared,
  signedIn,
  sqliteTable,
  stamp,
  text,
  uniqueIndex,
} from "selvage"
import { describe, expect, test } from "vitest"
import * as z from "zod"
import { type Application, buildRegistry } from "../../src/core/registry.ts"

const open: Policy = { read: anyone(), create: nobody(), update: nobody(), delete: nobody() }
const parents = sqliteTable("parents", { ...record("par"), name: text().notNull(), secretOwner: text() }, (t) => [
  index("p1").on(t.createdAt),
])
const children = sqliteTable(
  "children",
  { ...record("chi"), parentId: reference("par").references(() => parents.id), owner: reference("user"), note: text() },
  (t) => [index("c1").on(t.parentId, t.createdAt), index("c2").on(t.createdAt)],
)
const parentResource = resource("parents", { table: parents, tenant: "none", policy: open })

function build(resources: readonly unknown[], operations: Application["operations"] = []) {
  return () => buildRegistry(app({ title: "t", resources: resources as never, operations }), { eager: true })
}
function child(options: object) {
  return resource("children", { table: children, tenant: "none", policy: open, ...options } as never)
}

describe("a resource is refused", () => {
  test("without a policy for every action", () => {
    expect(build([child({ policy: { read: anyone() } })])).toThrow(/children.*no policy for create/)
  })
  test("without a tenant", () => {
    expect(build([child({ tenant: undefined })])).toThrow(/names no tenant/)
  })
  test("with a tenant that is no column", () => {
    expect(build([child({ tenant: "nope" })])).toThrow(/tenant nope is not a column/)
  })
  test.each([
    ["an unknown column", is("nope", 1), /no readable column nope/],
    ["members of a resource without members", memberOf("parents", "parentId"), /declares no members/],
    ["an unknown resource", memberOf("nope", "parentId"), /declares no members/],
    ["shares that are not declared", shared("view"), /declares no shares/],
    ["inheritance over no relation", can("read", "parentId"), /no one\(\) relation/],
    ["a column without an index", is("owner", me), /no index leads with owner/],
    ["a hole", any(undefined as never), /a term is missing/],
  ])("when its policy names %s", (_, read, message) => {
    expect(build([parentResource, child({ policy: { ...open, read } })])).toThrow(message)
  })
  test("when policies inherit in a circle", () => {
    const node = sqliteTable("nodes", { ...record("node"), up: reference("node") }, (t) => [
      index("n1").on(t.up, t.createdAt),
    ])
    const nodes = resource("nodes", {
      table: node,
      tenant: "none",
      policy: { ...open, read: can("read", "up") },
      relations: { parent: one("nodes", "up") },
    })
    expect(build([nodes])).toThrow(/circle/)
  })
  test("when SQL would delete without an event", () => {
    const table = sqliteTable(
      "cascading",
      { ...record("cas"), parentId: reference("par").references(() => parents.id, { onDelete: "cascade" }) },
      (t) => [index("x").on(t.createdAt)],
    )
    expect(build([resource("cascading", { table, tenant: "none", policy: open })])).toThrow(/SQL cascade/)
  })
  test("when a unique index would tell of another tenant's row", () => {
    const table = sqliteTable("slugs", { ...record("slug"), orgId: text().notNull(), slug: text().notNull() }, (t) => [
      uniqueIndex("u").on(t.slug),
      index("i").on(t.createdAt),
    ])
    expect(build([resource("slugs", { table, tenant: "orgId", policy: open })])).toThrow(/lacks the tenant orgId/)
  })
  test.each([
    ["a Date", integer({ mode: "timestamp_ms" }), /instant\(\)/],
    ["bytes that are not text", blob(), /bytes\(\)|json\(\)/],
  ])("when a column holds %s", (_, column, message) => {
    const table = sqliteTable("odd", { ...record("odd"), value: column as never }, (t) => [index("i").on(t.createdAt)])
    expect(() => build([resource("odd", { table, tenant: "none", policy: open })])()).toThrow(message)
  })
  test("without the columns of a record", () => {
    const table = sqliteTable("bare", { id: text().primaryKey() })
    expect(build([resource("bare", { table, tenant: "none", policy: open })])).toThrow(/record\("prefix"\)/)
  })
  test("when a list would scan: a filter or a sort that no index serves", () => {
    expect(build([child({ filter: ["note"] })])).toThrow(/filter names note/)
    expect(build([child({ sort: ["note"] })])).toThrow(/sort names note/)
  })
  test("when a relation leads nowhere, or would clear what may not be null", () => {
    expect(build([child({ relations: { x: one("nope", "parentId") } })])).toThrow(/no resource is named nope/)
    expect(build([child({ relations: { x: one("parents", "nope") } }), parentResource])).toThrow(/no column nope/)
    const strict = sqliteTable("stricts", { ...record("str"), parentId: reference("par").notNull() }, (t) => [
      index("s1").on(t.parentId, t.createdAt),
    ])
    const clearing = resource("parents", {
      table: parents,
      tenant: "none",
      policy: open,
      relations: { x: many("stricts", "parentId", { onDelete: "clear" }) },
    })
    expect(build([clearing, resource("stricts", { table: strict, tenant: "none", policy: open })])).toThrow(
      /cannot be cleared/,
    )
  })
  test("when a stamp copies from no parent", () => {
    expect(build([child({ fields: { note: stamp(parent("parentId", "name")) } })])).toThrow(/no one\(\) relation/)
    for (const [name, column] of [
      ["parents", "name"],
      ["nobodies", "id"],
    ] as const)
      expect(build([parentResource, child({ fields: { note: stamp(own(name, column)) } })])).toThrow(
        /own\(.*no resource .* has that unique column/,
      )
    expect(build([parentResource, child({ fields: { note: stamp(own("parents", "id")) } })])).not.toThrow()
  })
  test("when two resources share a table or a name", () => {
    expect(build([parentResource, resource("others", { table: parents, tenant: "none", policy: open })])).toThrow(
      /belongs to parents already/,
    )
    expect(build([parentResource, resource("parents", { table: children, tenant: "none", policy: open })])).toThrow(
      /Two resources are named parents/,
    )
  })
})

describe("an operation is refused", () => {
  const io = {
    kind: "query" as const,
    input: z.strictObject({ id: z.string() }),
    output: z.object({}).meta({ id: "Empty" }),
    handle: () => ({}),
  }
  test.each([
    ["without a policy", operation("a.b", { ...io, policy: undefined as never }), /no policy/],
    ["when its policy names a column but no record", operation("a.b", { ...io, policy: is("owner", me) }), /use on\(/],
    [
      "when the record's id is not in its input",
      operation("a.b", { ...io, policy: on(parentResource as never, "read", "other") }),
      /input has no other/,
    ],
    ["with a name that is no noun.verb", operation("nope", { ...io, policy: anyone() }), /noun\.verb/],
    [
      "when its path names what the input lacks",
      operation("a.b", { ...io, policy: signedIn(), rest: { method: "GET", path: "/a/{key}" } }),
      /\{key\}/,
    ],
    [
      "when its freshness is no time",
      operation("a.b", { ...io, policy: signedIn(), credential: "session", fresh: "soon" as never }),
      /fresh: "soon" is not a time/,
    ],
    [
      "when a key could call what takes a fresh proof",
      operation("a.b", { ...io, policy: signedIn(), fresh: "10m" }),
      /credential: "session"/,
    ],
    ["without a handler", operation("a.b", { ...io, handle: undefined as never, policy: role("admin") }), /no handle/],
  ])("%s", (_, declared, message) => {
    expect(build([parentResource], [declared])).toThrow(message)
  })
  test("when two have one name", () => {
    expect(
      build([], [operation("a.b", { ...io, policy: anyone() }), operation("a.b", { ...io, policy: anyone() })]),
    ).toThrow(/Two operations/)
  })
})

describe("types that do not travel as JSON are refused", () => {
  const declare = (schema: z.ZodType) =>
    build(
      [],
      [
        operation("a.b", {
          kind: "query",
          input: z.strictObject({}),
          output: schema,
          policy: anyone(),
          handle: () => ({}) as never,
        }),
      ],
    )
  test.each([
    ["a Date", z.object({ at: z.date() })],
    ["a bigint", z.object({ n: z.bigint() })],
    ["a transform", z.object({ n: z.string().transform(Number) })],
  ])("%s", (_, schema) => expect(declare(schema)).toThrow(/does not travel as JSON/))
  test("a shared schema without a name", () => {
    const node: z.ZodType = z.object({
      get next() {
        return node.optional()
      },
    })
    expect(declare(z.object({ first: node }))).toThrow(/no name/)
  })
  test("two schemas under one name", () => {
    const named = (field: string) => z.object({ [field]: z.string() }).meta({ id: `Same${"Name"}` })
    expect(declare(z.object({ a: named("x"), b: named("y") }))).toThrow(/Same/)
  })
})

test("a registry that holds gives every operation a shape", () => {
  const table = sqliteTable(
    "wide",
    { ...record("wid"), when: instant(), bag: json(z.object({ a: z.int32() })) },
    (t) => [index("w").on(t.createdAt)],
  )
  const registry = build([resource("wide", { table, tenant: "none", policy: open })])()
  const shape = registry.operations.get("wide.create")?.inputType.shape
  expect(shape).toMatchObject({
    type: "object",
    name: "WideCreate",
    fields: [
      { name: "when", shape: { type: "instant" }, nullable: true, required: false },
      { name: "bag", shape: { type: "object" } },
    ],
  })
})
