/**
 * Random JSON values: such as a schema asks for, and such as it does not. Ids stand as placeholders (`{{own:task:3}}`), which the world
 * puts real ids into when the request is sent, so that one seed makes the same requests in every run.
 */
import * as fc from "fast-check"
import type { Json, JsonObject } from "../../src/core/json.ts"
import { deref, type Schema } from "./document.ts"

/** An id of a kind: mostly of the caller's workspace, sometimes of another one, sometimes of nothing. */
export function idText(prefix: string): fc.Arbitrary<string> {
  const own = fc.nat(50).map((n) => `{{own:${prefix}:${n}}}`)
  const nowhere = fc.constant(`${prefix}_01kaj7zzzzzzzzzzzzzzzzzzzz`)
  // Nobody is given the users of the other workspace: to name one would make it a member of this.
  if (prefix === "user") return fc.oneof({ weight: 9, arbitrary: own }, { weight: 1, arbitrary: nowhere })
  const foreign = fc.nat(50).map((n) => `{{foreign:${prefix}:${n}}}`)
  return fc.oneof({ weight: 14, arbitrary: own }, { weight: 2, arbitrary: foreign }, { weight: 1, arbitrary: nowhere })
}

const plainText = fc.oneof(
  fc.constantFrom("Draft the outline", "Ünïcödé", "日本語", "😀", "o'clock", 'a "quoted" word', "50% & more", "a,b;c"),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 }).map((text) => text.replaceAll("{{", "")),
)

/** Text that has broken other programs. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    "",
    " ",
    "\u0000",
    "a\u0000b",
    "\ud800",
    "x\udfffy",
    "'; drop table tasks; --",
    '" or 1=1 --',
    "%00",
    "%s%n",
    "\u202egnp.exe",
    "\ufeff",
    "__proto__",
    "constructor",
    "toString",
    "null",
    "NaN",
    "-0",
    "1e999",
    "0x10",
    "NEAR(",
    "*",
    "title:x",
    "<script>alert(1)</script>",
    "\r\nSet-Cookie: a=b",
    "user_",
    "task_ZZZZZZZZZZZZZZZZZZZZZZZZZZ",
    "2026-02-30T00:00:00Z",
    "9999999999999999999999",
  ),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.nat(6).map((n) => "é".repeat(10 ** n / 10)),
)

function nested(depth: number): Json {
  let value: Json = 1
  for (let n = 0; n < depth; n++) value = n % 2 === 0 ? [value] : { a: value }
  return value
}

/** Any JSON, the stranger the better. */
export const hostileJson: fc.Arbitrary<Json> = fc.oneof(
  { weight: 3, arbitrary: hostileText },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Json>(
      null,
      true,
      false,
      0,
      -1,
      1.5,
      -0,
      4294967296,
      2 ** 53 + 2,
      1e308,
      -1e308,
      5e-324,
      [],
      {},
      [null],
      { "": "" },
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom(5, 31, 33, 200).map(nested) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json> },
  // As a literal it would set the prototype instead of a member.
  { weight: 1, arbitrary: fc.constant(Object.fromEntries([["__proto__", { admin: true }]]) as Json) },
)

function bounded(schema: Schema, key: string, otherwise: number): number {
  return typeof schema[key] === "number" ? (schema[key] as number) : otherwise
}

function textOf(schema: Schema): fc.Arbitrary<Json> {
  const prefix = /^\^([a-z]+)_\[0-7\]/.exec(String(schema.pattern ?? ""))?.[1]
  if (prefix !== undefined) return idText(prefix)
  switch (schema.format) {
    case "date-time":
      return fc
        .date({ min: new Date("2000-01-01"), max: new Date("2100-01-01"), noInvalidDate: true })
        .map((date) => date.toISOString())
    case "date":
      return fc.constantFrom("2026-01-31", "1999-12-01")
    case "int64":
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String)
    case "byte":
    case "base64":
      return fc.constantFrom("", "AAAA", "AQ==")
  }
  const most = bounded(schema, "maxLength", 40)
  const least = bounded(schema, "minLength", 0)
  return plainText.map((text) => {
    const points = [...text]
    while (points.join("").length > most) points.pop()
    return points.join("").padEnd(least, "x")
  })
}

/**
 * Values that a schema takes (nearly always: formats that are not told here are guessed).
 * @param depth how deep the value stands, so that trees end
 */
export function fitting(document: JsonObject, given: Json | undefined, depth = 0): fc.Arbitrary<Json> {
  const schema = deref(document, given)
  if (Array.isArray(schema.enum)) return fc.constantFrom(...(schema.enum as Json[]))
  if (schema.const !== undefined) return fc.constant(schema.const)
  const options = (schema.oneOf ?? schema.anyOf) as readonly Json[] | undefined
  if (options) return fc.oneof(...options.map((option) => fitting(document, option, depth)))
  if (Array.isArray(schema.type)) {
    return fc.oneof(...(schema.type as string[]).map((type) => fitting(document, { ...schema, type }, depth)))
  }
  switch (schema.type) {
    case "object":
      return objectOf(document, schema, depth)
    case "array": {
      const least = bounded(schema, "minItems", 0)
      const most = Math.max(least, Math.min(bounded(schema, "maxItems", 3), 3))
      return fc.array(fitting(document, schema.items, depth + 1), { minLength: least, maxLength: most })
    }
    case "string":
      return textOf(schema)
    case "integer":
      return fc.integer({ min: bounded(schema, "minimum", -(2 ** 31)), max: bounded(schema, "maximum", 2 ** 31 - 1) })
    case "number":
      return fc.double({ min: -1e9, max: 1e9, noNaN: true })
    case "boolean":
      return fc.boolean()
    case "null":
      return fc.constant(null)
    default:
      return depth > 3 ? fc.constant(true) : (fc.jsonValue({ maxDepth: 1 }) as fc.Arbitrary<Json>)
  }
}

function objectOf(document: JsonObject, schema: Schema, depth: number): fc.Arbitrary<Json> {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, Json>)
  if (properties.length === 0) {
    const value = typeof schema.additionalProperties === "object" ? schema.additionalProperties : {}
    return fc.dictionary(fc.constantFrom("status", "priority", "nope"), fitting(document, value, depth + 2), {
      maxKeys: 2,
    }) as fc.Arbitrary<Json>
  }
  const required = new Set((schema.required ?? []) as readonly string[])
  const parts = Object.fromEntries(properties.map(([key, property]) => [key, fitting(document, property, depth + 1)]))
  return fc.record(parts, {
    requiredKeys: properties.map(([key]) => key).filter((key) => required.has(key)),
  }) as fc.Arbitrary<Json>
}

/** One place of a value made wrong: replaced, removed, put into a list, or given a member that nobody declared. */
export function spoiled(value: fc.Arbitrary<Json>): fc.Arbitrary<Json> {
  const how = fc.constantFrom("replace", "replace", "remove", "add", "wrap")
  return fc.tuple(value, fc.nat(1000), how, hostileJson, hostileText).map(([whole, pick, kind, hostile, name]) => {
    const target = pick % sizeOf(whole)
    let at = -1
    const visit = (node: Json): Json | undefined => {
      at += 1
      if (at === target) {
        if (kind === "remove" && at > 0) return undefined
        if (kind === "wrap") return [node]
        if (kind === "add" && isObject(node)) return Object.fromEntries([...Object.entries(node), [name, hostile]])
        return hostile
      }
      if (Array.isArray(node)) return node.map(visit).filter((item) => item !== undefined)
      if (!isObject(node)) return node
      return Object.fromEntries(
        Object.entries(node).flatMap(([key, inner]) => {
          const kept = visit(inner)
          return kept === undefined ? [] : [[key, kept]]
        }),
      )
    }
    return visit(whole) ?? null
  })
}

function isObject(value: Json): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value)
}

function sizeOf(value: Json): number {
  if (value === null || typeof value !== "object") return 1
  return Object.values(value).reduce((sum: number, inner) => sum + sizeOf(inner as Json), 1)
}
