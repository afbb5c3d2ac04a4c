/** Example values for documents, from JSON Schema: the same on every run, and valid wherever the schema says what is valid. */
import type { Json, JsonObject } from "../../core/json.ts"

/** 26 characters that any TypeID may end with. */
const idText = "01kb5t8q3cf4n9r7x2m6w0zyad"

type Named = Readonly<Record<string, JsonObject>>

const known: Readonly<Record<string, string>> = {
  name: "Northwind",
  title: "Write the release notes",
  body: "Everything that changed since the last one.",
  note: "Done and checked.",
  email: "ada@example.com",
  url: "https://example.com/",
}

function words(name: string): string {
  return (
    known[name] ??
    name
      .replace(/([A-Z])/g, " $1")
      .replace(/^./, (first) => first.toUpperCase())
      .trim()
  )
}

function textExample(schema: JsonObject, name: string): Json {
  const prefix = /^\^([a-z][a-z0-9_]*)_\[0-7\]/.exec(String(schema.pattern ?? ""))?.[1]
  if (prefix !== undefined) return `${prefix}_${idText}`
  if (schema.format === "date-time") return "2026-12-01T09:00:00.000Z"
  if (schema.format === "date") return "2026-12-01"
  if (schema.format === "int64") return "42"
  if (schema.format === "email") return "ada@example.com"
  if (schema.format === "uri") return "https://example.com/"
  if (schema.format === "uuid") return "0192f0c1-2b3c-7d4e-8f50-617283940a1b"
  if (schema.contentEncoding === "base64" || schema.format === "base64") return "aGVsbG8="
  if (schema.pattern === "^[A-Za-z0-9_-]+$") return "aGVsbG8"
  const text = words(name).padEnd(Number(schema.minLength ?? 0), ".")
  return typeof schema.maxLength === "number" ? text.slice(0, schema.maxLength) : text
}

function numberExample(schema: JsonObject): Json {
  const low = Number(schema.minimum ?? 0)
  const usual = schema.type === "integer" ? 2 : 1.5
  return low > usual ? low : Math.min(usual, Number(schema.maximum ?? usual))
}

function objectExample(schema: JsonObject, named: Named): Json {
  const properties = (schema.properties ?? {}) as Record<string, JsonObject>
  return Object.fromEntries(
    Object.entries(properties).map(([name, property]) => [name, exampleOf(property, named, name)]),
  )
}

/**
 * An example of a schema.
 * @param named the schemas that `$ref` names
 * @param name name of the property, for texts that read as what they stand for
 */
export function exampleOf(schema: JsonObject, named: Named, name = "value"): Json {
  if (typeof schema.$ref === "string")
    return exampleOf(named[schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1)] ?? {}, named, name)
  if (schema.default !== undefined) return schema.default
  if (schema.const !== undefined) return schema.const
  const choices = (schema.anyOf ?? schema.oneOf) as readonly JsonObject[] | undefined
  if (choices) return exampleOf(choices.find((choice) => choice.type !== "null") ?? {}, named, name)
  if (Array.isArray(schema.enum)) return schema.enum[0] as Json
  switch (Array.isArray(schema.type) ? schema.type.find((type) => type !== "null") : schema.type) {
    case "string":
      return textExample(schema, name)
    case "integer":
    case "number":
      return numberExample(schema)
    case "boolean":
      return true
    case "array":
      return [exampleOf((schema.items ?? {}) as JsonObject, named, name)]
    case "object":
      return objectExample(schema, named)
    default:
      return {}
  }
}
