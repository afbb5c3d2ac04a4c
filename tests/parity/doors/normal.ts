/**
 * What some protocols cannot say: which optional property was null and which was absent, which optional list was empty. Doors that cannot are held
 * against the expectation without that difference; operations that tell it in their answer are compared all the same.
 */
import type { Json, JsonObject } from "../../../src/core/json.ts"
import type { Shape } from "../../../src/core/shape.ts"

/** A value without what not every protocol can say: optional properties that are null or empty lists or maps, wherever they stand. */
export function normal(shape: Shape, value: Json | undefined): Json {
  if (value === null || value === undefined) return null
  switch (shape.type) {
    case "object": {
      const out: Record<string, Json> = {}
      for (const field of shape.fields) {
        const held = (value as JsonObject)[field.name]
        const absent = held === null || held === undefined
        if (absent && field.required && field.shape.type === "list" && !field.nullable) out[field.name] = []
        else if (absent && field.required) out[field.name] = null
        else if (!absent) {
          const isEmpty = !field.required && (field.shape.type === "list" || field.shape.type === "map")
          if (!isEmpty || Object.keys(held as object).length > 0) out[field.name] = normal(field.shape, held as Json)
        }
      }
      return out
    }
    case "list":
      return (value as readonly Json[]).map((item) => normal(shape.item, item))
    case "map":
      return Object.fromEntries(
        Object.entries(value as JsonObject).map(([key, held]) => [key, normal(shape.value, held as Json)]),
      )
    case "union": {
      const variant = shape.variants.find(({ name }) => name === (value as JsonObject)[shape.tag])
      return variant ? normal(variant.shape, value) : value
    }
    default:
      return value
  }
}
