/** Rows: values of every shape there and back, every code, limits, and what is on its way out. */
import { codes } from "../../src/core/code.ts"
import type { JsonObject } from "../../src/core/json.ts"
import { difficultText } from "./application.ts"
import type { Row } from "./table.ts"

/** The same comes back, and what was given is told by name. */
const again = (name: string, input: JsonObject): Row => ({
  name,
  operation: "echo.values",
  input,
  value: { ...input, given: Object.keys(input).sort() },
})

const everyByte = btoa(String.fromCharCode(...Array.from({ length: 256 }, (_, n) => n)))
const circle = { kind: "circle", radius: 1.5 }
const square = { kind: "square", side: 3, name: "Quadrat" }

const shapes: readonly Row[] = [
  again("nothing at all", {}),
  again("text with markup, combining marks, flags and white space at its ends", { text: difficultText }),
  again("text that is empty", { text: "" }),
  again("text that is white space", { text: "   " }),
  again("text that looks like a number, a boolean, a date and null", {
    texts: ["007", "true", "2026-12-01", "null", "1e3"],
  }),
  again("text of two thousand astral characters' worth", { text: "𝒳".repeat(1000) }),
  again("text with lines and tabs", { text: "one\ntwo\n\tthree" }),
  again("a whole number of 32 bits, the greatest", { small: 2_147_483_647 }),
  again("a whole number of 32 bits, the least", { small: -2_147_483_648 }),
  again("a whole number of 53 bits, the greatest", { safe: 9_007_199_254_740_991 }),
  again("a whole number of 53 bits, the least", { safe: -9_007_199_254_740_991 }),
  again("a whole number of 64 bits, the greatest", { large: "9223372036854775807" }),
  again("a whole number of 64 bits, the least", { large: "-9223372036854775808" }),
  again("a whole number one beyond 53 bits", { large: "9007199254740993" }),
  again("zero and false are not absent", {
    small: 0,
    safe: 0,
    large: "0",
    double: 0,
    flag: false,
    counted: { none: 0 },
  }),
  again("a double that is no decimal", { double: 0.1 + 0.2 }),
  again("a very large double", { double: 1.7976931348623157e308 }),
  again("a very small double", { double: 5e-324 }),
  again("a double that is whole", { double: 3 }),
  again("an instant, to the millisecond", { at: "2026-12-24T17:00:00.123Z" }),
  again("an instant long ago", { at: "1905-06-30T00:00:00.000Z" }),
  again("a day in February", { day: "2028-02-29" }),
  again("every byte", { data: everyByte }),
  again("no bytes", { data: "" }),
  ...["plain", "in-between", "2nd wind", "UPPER", "snake_case"].map((word) =>
    again(`an enum's value: ${word}`, { word }),
  ),
  again("a union's first variant", { form: circle }),
  again("a union's second variant", { form: square }),
  again("a list of both variants", { forms: [circle, square, circle] }),
  again("an object in an object", { inner: { text: "x", deeper: { at: "2026-12-24T17:00:00.000Z" } } }),
  again("a list with one item", { texts: ["one"] }),
  again("a list of numbers", { numbers: [3, -1, 0, 3] }),
  again("a list with empty text in it", { texts: ["", "a", ""] }),
  again("a list with nulls in it", { holes: ["a", null, "", null] }),
  again("lists in a list", { grid: [[1, 2], [], [3]] }),
  again("a map", { named: { one: "1", "key with spaces": "2", größe: "3", "<key>": "&" }, counted: { a: 1, b: 2 } }),
  again("any JSON: a tree", { anything: { a: [1, null, "x", { b: false }], "": {} } }),
  again("any JSON: a text", { anything: " only text " }),
  again("any JSON: a number", { anything: 1.25 }),
  again("any JSON: an empty list", { anything: [] }),
  again("constants that are no text", { sure: true, fixed: 42 }),
  again("null is not absent", { nullable: null, nullableNumber: null }),
  again("null beside a value", { nullable: "here", nullableNumber: null }),
  again("a value where null might be", { nullable: "null", nullableNumber: 0 }),
]

const refusals: readonly Row[] = codes.map((code) => ({
  name: `refused with ${code}`,
  operation: "echo.fail",
  input: { code },
  code,
  paths: ["/code"],
  ...(code === "UNAVAILABLE" ? { retryAfter: 7 } : {}),
}))

const faults: readonly Row[] = [
  {
    name: "a text that is too long is a fault at its place",
    operation: "echo.values",
    input: { text: "x".repeat(2001) },
    code: "INVALID_ARGUMENT",
    paths: ["/text"],
  },
  {
    name: "two faults in a nested value are told together",
    operation: "echo.values",
    input: {
      large: "12",
      inner: { text: "a", deeper: { at: "2026-12-24T17:00:00.000Z" } },
      text: "y".repeat(3000),
      day: "2026-02-30",
    },
    code: "INVALID_ARGUMENT",
    paths: ["/day", "/text"],
  },
]

const counted = { operation: "echo.limited", input: { n: 1 }, limits: ["echo.limited/principal", "default/principal"] }

const limits: readonly Row[] = [
  { ...counted, name: "the first of two calls a day", value: { done: true }, remaining: 1 },
  { ...counted, name: "the second of two calls a day", value: { done: true }, remaining: 0 },
  {
    ...counted,
    name: "the third is too much, and says when to come back",
    code: "RESOURCE_EXHAUSTED",
    remaining: 0,
    retryAfter: 43_200,
  },
  {
    name: "what is deprecated answers and says so",
    operation: "echo.old",
    input: {},
    value: { done: true },
    deprecated: true,
  },
]

/** Rows in their order. */
export const valueRows: readonly Row[] = [...shapes, ...refusals, ...faults, ...limits]
