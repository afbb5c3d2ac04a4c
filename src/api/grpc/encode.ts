/** Output -> ProtoJSON, by Shape: the other way of decode.ts. */
import type { Json, JsonObject } from "../../core/json.ts"
import type { Field, Shape } from "../../core/shape.ts"
import { enumValueName, messageName } from "./names.ts"

/** A value that goes out, as ProtoJSON has it; undefined for null, which a message says by absence. */
export function toProto(shape: Shape, value: Json): Json | undefined {
  if (value === null || value === undefined) return shape.type === "json" ? null : undefined
  switch (shape.type) {
    case "safeint":
      return String(value)
    case "enum":
      return enumValueName(messageName(shape.name), String(value))
    case "object":
      return fieldsToProto(shape.fields, value as JsonObject)
    case "list":
      return { items: listToProto(shape, value as readonly Json[]) }
    case "map":
      return { entries: mapToProto(shape.value, value as JsonObject) }
    case "union": {
      const tag = String((value as JsonObject)[shape.tag])
      const variant = shape.variants.find(({ name }) => name === tag)
      return variant ? { [variant.name]: toProto(variant.shape, value) ?? {} } : {}
    }
    default:
      return value
  }
}

const listToProto = (shape: Extract<Shape, { type: "list" }>, items: readonly Json[]): Json =>
  items.map((item) => {
    const held = toProto(shape.item, item)
    return shape.itemNullable ? (held === undefined ? {} : { value: held }) : (held ?? null)
  })

const mapToProto = (shape: Shape, entries: JsonObject): Json =>
  Object.fromEntries(Object.entries(entries).map(([key, held]) => [key, toProto(shape, held) ?? null]))

function fieldsToProto(fields: readonly Field[], value: JsonObject): Json {
  const out: Record<string, Json> = {}
  for (const { name, shape } of fields) {
    const held = value[name]
    if (held === undefined || held === null) continue
    if (shape.type === "list") out[name] = listToProto(shape, held as readonly Json[])
    else if (shape.type === "map") out[name] = mapToProto(shape.value, held as JsonObject)
    else {
      const made = toProto(shape, held)
      if (made !== undefined) out[name] = made
    }
  }
  return out
}
