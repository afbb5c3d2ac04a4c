/** Wire JSON -> elements, by Shape: the mirror of decode.ts. Fields come in the order of the schema, since XML Schema's sequences ask for it. */
import type { Json, JsonObject } from "../../core/json.ts"
import type { Field, Shape } from "../../core/shape.ts"
import { escapeXml } from "./xml.ts"

const nilElement = (name: string) => `<${name} xsi:nil="true"/>`

function scalarText(shape: Shape, value: Json): string {
  if (shape.type === "json") return escapeXml(JSON.stringify(value))
  // xs:double writes what JSON cannot say otherwise than JavaScript does; JSON has none of it.
  return escapeXml(String(value))
}

function inner(shape: Shape, value: Json): string {
  switch (shape.type) {
    case "object":
      return fieldsText(shape.fields, value as JsonObject)
    case "list":
      return (value as readonly Json[]).map((item) => elementText("item", shape.item, item)).join("")
    case "map":
      return Object.entries(value as JsonObject)
        .map(([key, held]) => `<entry><key>${escapeXml(key)}</key>${elementText("value", shape.value, held)}</entry>`)
        .join("")
    case "union": {
      const name = String((value as JsonObject)[shape.tag])
      const variant = shape.variants.find((one) => one.name === name)
      return variant ? elementText(variant.name, variant.shape, value) : ""
    }
    default:
      return scalarText(shape, value)
  }
}

/** One element with its value. */
export function elementText(name: string, shape: Shape, value: Json): string {
  if (value === null || value === undefined) return nilElement(name)
  return `<${name}>${inner(shape, value)}</${name}>`
}

/** The elements of an object's fields; what is absent has none. */
export function fieldsText(fields: readonly Field[], value: JsonObject): string {
  let text = ""
  for (const { name, shape } of fields) {
    const held = value[name]
    if (held === undefined) continue
    if (shape.type === "list" && Array.isArray(held))
      for (const item of held) text += elementText(name, shape.item, item as Json)
    else text += elementText(name, shape, held as Json)
  }
  return text
}
