/** What an answer must be: as the document says, without a fault inside, and without a word of another workspace. */
import { Validator } from "@cfworker/json-schema"
import type { Json, JsonObject } from "../../src/core/json.ts"
import type { Models } from "../../src/core/model.ts"
import { typeName } from "../../src/core/type-name.ts"
import type { Described, Schema } from "./document.ts"

/** What came back, and what was sent for it. */
export interface Exchange {
  readonly operation: Described
  /** False when the request used a method that is not the operation's: then only the form of problems is known. */
  readonly isDescribed: boolean
  readonly sent: string
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

const inside = /D1_ERROR|SQLITE_|sqlite|\bselect .* from\b|\binsert into\b|\bat [\w.<>]+ \(|node_modules|\.ts:\d/i

/** `#/components/schemas/X` -> `#/$defs/X`, and objects closed: a member that the document does not name is a leak. */
function closed(node: Json): Json {
  if (Array.isArray(node)) return node.map(closed)
  if (node === null || typeof node !== "object") return node
  const schema = Object.fromEntries(
    Object.entries(node).map(([key, value]) => [
      key,
      key === "$ref" ? String(value).replace("#/components/schemas/", "#/$defs/") : closed(value),
    ]),
  )
  if (schema.type !== "object" || schema.properties === undefined || "additionalProperties" in schema) return schema
  return { ...schema, additionalProperties: false }
}

/** The document leaves the form of expanded relations open; they are records like any other. */
function withRelations(schemas: JsonObject, models: Models): JsonObject {
  const out = { ...schemas }
  for (const model of models.values()) {
    const record = out[typeName(model)] as JsonObject | undefined
    // What no operation tells of has no schema.
    if (record === undefined) continue
    const properties = { ...(record.properties as JsonObject) }
    for (const [name, relation] of model.relations) {
      const target = { $ref: `#/components/schemas/${typeName({ name: relation.resource })}` }
      properties[name] =
        relation.kind === "one" ? { anyOf: [target, { type: "null" }] } : { type: "array", items: target }
    }
    out[typeName(model)] = { ...record, properties }
  }
  return out
}

/**
 * Checks answers.
 * @param foreign ids and words that no answer may hold; what the request itself said may come back in a problem
 * @returns what is wrong with an exchange, in words; empty when nothing is
 */
export function contractOf(document: JsonObject, models: Models, foreign: readonly string[]) {
  const $defs = closed(withRelations((document.components as JsonObject).schemas as JsonObject, models))
  const kept = new Map<string, Validator>()
  const validator = (key: string, schema: Schema): Validator => {
    let known = kept.get(key)
    if (!known) kept.set(key, (known = new Validator({ ...(closed(schema) as JsonObject), $defs } as never, "2020-12")))
    return known
  }
  return (exchange: Exchange): string[] => {
    const { operation, status, headers, text, sent } = exchange
    const faults: string[] = []
    if (status >= 500 && status !== 501) faults.push(`it failed inside: ${status}`)
    if (!headers.get("X-Request-Id")) faults.push("it has no X-Request-Id")
    if (status >= 400 && inside.test(text)) faults.push("it tells what is inside")
    for (const word of foreign)
      if (text.includes(word) && !(status >= 400 && sent.includes(word))) faults.push(`it holds ${word}`)
    if (!exchange.isDescribed) return faults
    const described = operation.answers.get(String(status))
    const answer = described ?? operation.answers.get("default")
    if (!answer || (!described && status < 400)) return [...faults, `the document knows no ${status}`]
    if (answer.schema === null) return text === "" ? faults : [...faults, "it has a body where the document has none"]
    if (headers.get("Content-Type")?.split(";")[0] !== answer.type)
      faults.push(`its type is ${headers.get("Content-Type")}, not ${answer.type}`)
    const key = `${described ? operation.id : ""} ${described ? status : "default"}`
    const body = JSON.parse(text) as JsonObject
    const result = validator(key, answer.schema).validate(body)
    if (!result.valid) faults.push(...result.errors.map((error) => `${error.instanceLocation}: ${error.error}`))
    if (status >= 400 && (body.status !== status || body.requestId !== headers.get("X-Request-Id")))
      faults.push("status or request id differ between head and body")
    return faults
  }
}
