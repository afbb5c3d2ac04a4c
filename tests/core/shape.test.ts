/** zod -> JSON Schema -> Shape: the closed union that doors read, with names for what is shared and refusals for what is no JSON. */

import { describe, expect, test } from "vitest"
import * as z from "zod"
import { idSchema, schemasOf } from "../../src/core/schema.ts"
import { compileShape } from "../../src/core/shape.ts"
import { noteModel, registry } from "./fixture.ts"

const shape = (schema: z.ZodType) => compileShape(schema, "test").shape
const named = <S extends z.ZodType>(id: string, schema: S): S => schema.meta({ id })

describe("a shape", () => {
  test.each<[string, z.ZodType, object]>([
    ["text", z.string().max(5), { type: "string", maxLength: 5 }],
    ["an address", z.email(), { type: "string", format: "email" }],
    ["an instant", z.iso.datetime({ offset: true }), { type: "instant" }],
    ["a date", z.iso.date(), { type: "date" }],
    ["bytes", z.base64(), { type: "bytes" }],
    ["a 32-bit number", z.int32(), { type: "int32" }],
    ["a whole number", z.int(), { type: "safeint" }],
    ["a number", z.number(), { type: "double" }],
    ["a 64-bit number as text", z.string().meta({ format: "int64" }), { type: "int64" }],
    ["a boolean", z.boolean(), { type: "bool" }],
    ["words", named("ShapeWords", z.enum(["a", "b"])), { type: "enum", values: ["a", "b"] }],
    ["one word", z.literal("a"), { type: "enum", values: ["a"] }],
    ["one boolean", z.literal(true), { type: "bool" }],
    ["one whole number", z.literal(42), { type: "safeint" }],
    ["one number", z.literal(0.5), { type: "double" }],
    ["anything", z.unknown(), { type: "json" }],
    ["a map", z.record(z.string(), z.int32()), { type: "map", value: { type: "int32" } }],
    ["a list", z.array(z.boolean()), { type: "list", item: { type: "bool" }, itemNullable: false }],
    [
      "a list with holes",
      z.array(z.boolean().nullable()),
      { type: "list", item: { type: "bool" }, itemNullable: true },
    ],
    ["options without a tag", z.union([z.string(), z.int()]), { type: "json" }],
  ])("of %s", (_, schema, expected) => expect(shape(schema)).toMatchObject(expected))

  test("tells absent from null", () => {
    const fields = shape(
      z.strictObject({ a: z.string(), b: z.string().optional(), c: z.string().nullable(), d: z.int().default(3) }),
    )
    expect(fields).toMatchObject({
      type: "object",
      fields: [
        { name: "a", required: true, nullable: false },
        { name: "b", required: false, nullable: false },
        { name: "c", required: true, nullable: true },
        { name: "d", required: false, default: 3 },
      ],
    })
  })

  test("of tagged options names the tag and each variant", () => {
    const cat = named("ShapeCat", z.strictObject({ kind: z.literal("cat"), lives: z.int32() }))
    const dog = named("ShapeDog", z.strictObject({ kind: z.literal("dog") }))
    expect(shape(z.discriminatedUnion("kind", [cat, dog]))).toMatchObject({
      type: "union",
      tag: "kind",
      variants: [
        { name: "cat", shape: { type: "object", name: "ShapeCat" } },
        { name: "dog", shape: { name: "ShapeDog" } },
      ],
    })
  })

  test("of a type that holds itself ends", () => {
    const node: z.ZodType = named(
      "ShapeNode",
      z.strictObject({
        get next() {
          return node.optional()
        },
      }),
    )
    expect(shape(node)).toMatchObject({ type: "object", name: "ShapeNode", fields: [{ name: "next" }] })
  })
})

describe("the JSON Schema beside it", () => {
  test("points named types to the components of a document, and keeps int32", () => {
    const inner = named("ShapeInner", z.strictObject({ n: z.int32() }))
    const compiled = compileShape(named("ShapeOuter", z.strictObject({ inner, again: inner.optional() })), "test")
    expect(compiled.schema).toEqual({ $ref: "#/components/schemas/ShapeOuter" })
    expect(compiled.named.ShapeOuter).toMatchObject({
      properties: { inner: { $ref: "#/components/schemas/ShapeInner" } },
    })
    expect(compiled.named.ShapeInner).toMatchObject({
      properties: { n: { type: "integer", format: "int32" } },
      additionalProperties: false,
    })
    expect(JSON.stringify(compiled)).not.toMatch(/\$defs|\$schema|"id":"Shape/)
  })

  test("keeps a property that is called id", () => {
    expect(compileShape(z.strictObject({ id: z.string() }), "test").schema).toMatchObject({
      properties: { id: { type: "string" } },
    })
  })

  test("is compiled once", () => {
    const schema = z.strictObject({ a: z.string() })
    expect(compileShape(schema, "one")).toBe(compileShape(schema, "two"))
  })
})

describe("what does not travel as JSON is refused, with the place", () => {
  test.each<[string, z.ZodType]>([
    ["a date", z.strictObject({ at: z.date() })],
    ["a bigint", z.bigint()],
    ["a transform", z.string().transform(Number)],
    ["a pipe into one", z.string().pipe(z.transform((text) => text.length))],
    ["a map of the language", z.map(z.string(), z.string())],
    ["a symbol", z.symbol()],
  ])("%s", (_, schema) =>
    expect(() => compileShape(schema, "things.do input")).toThrow(/things\.do input: the type does not travel as JSON/),
  )
})

test("an output may be preprocessed, and tells what comes out; an input may not", () => {
  const schema = z.preprocess((value) => value, z.object({ id: z.int() }))
  expect(compileShape(schema, "things.do output", "output").schema).toMatchObject({
    properties: { id: { type: "integer" } },
  })
  expect(() => compileShape(schema, "things.do input")).toThrow(/a transform cannot be told to a client/)
  const after = z.object({ id: z.int() }).transform(({ id }) => id)
  expect(() => compileShape(after, "things.do output", "output")).toThrow(/a transform cannot be told to a client/)
})

describe("the schemas of a resource", () => {
  test("give each kind of column its shape", () => {
    const record = compileShape(schemasOf(noteModel).record, "notes").shape
    const types =
      record.type === "object" ? Object.fromEntries(record.fields.map((field) => [field.name, field.shape.type])) : {}
    expect(types).toEqual({
      id: "string",
      version: "safeint",
      createdAt: "instant",
      updatedAt: "instant",
      teamId: "string",
      ownerId: "string",
      title: "string",
      status: "enum",
      rank: "int32",
      big: "int64",
      weight: "double",
      done: "bool",
      dueAt: "instant",
      bag: "json",
      team: "json",
    })
  })

  test("take at creation what a caller may give, and ask for what has no default", () => {
    const create = registry.operations.get("notes.create")?.inputType.shape
    const fields = create?.type === "object" ? create.fields : []
    expect(fields.filter((field) => field.required).map((field) => field.name)).toEqual(["teamId", "title"])
    expect(fields.map((field) => field.name)).not.toEqual(
      expect.arrayContaining(["id", "version", "createdAt", "token", "rowKey"]),
    )
  })

  test("know ids of one kind from those of another", () => {
    expect(idSchema("note").safeParse("note_01kaj700000000000000000000").success).toBe(true)
    for (const wrong of [
      "team_01kaj700000000000000000000",
      "note_81kaj700000000000000000000",
      "note_01KAJ700000000000000000000",
      "note_01kaj7",
      " note_01kaj700000000000000000000",
    ]) {
      expect(idSchema("note").safeParse(wrong).success, wrong).toBe(false)
    }
  })

  test.each<[string, string, boolean]>([
    ["a 64-bit number at its end", "9223372036854775807", true],
    ["one beyond", "9223372036854775808", false],
    ["the least", "-9223372036854775808", true],
    ["one with a leading zero", "01", false],
    ["minus zero", "-0", false],
    ["a fraction", "1.5", false],
  ])("%s", (_, text, fits) => expect(schemasOf(noteModel).column("big").safeParse(text).success).toBe(fits))

  test("bring instants to UTC with milliseconds, and refuse days that are none", () => {
    const at = schemasOf(noteModel).column("dueAt")
    expect(at.safeParse("2026-01-01T01:00:00+02:00").data).toBe("2025-12-31T23:00:00.000Z")
    for (const wrong of ["2026-02-30T00:00:00Z", "2026-01-01", "2026-01-01T00:00:00", "tomorrow"])
      expect(at.safeParse(wrong).success, wrong).toBe(false)
  })
})
