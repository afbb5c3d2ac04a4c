/** ProtoJSON -> input, by Shape. What ProtoJSON says otherwise than the wire: 64-bit numbers, enums, unions, lists in lists, null. */
import type { Json, JsonObject } from "../../core/json.ts"
import type { Field, Shape } from "../../core/shape.ts"
import { maskField } from "./messages.ts"
import { enumValueName, messageName } from "./names.ts"

type Values = ReadonlyMap<string, string>
const values = new WeakMap<Shape, Values>()

/** Wire text by the name of the enum's value. */
function valuesOf(shape: Extract<Shape, { type: "enum" }>): Values {
  let known = values.get(shape)
  if (!known) {
    const type = messageName(shape.name)
    values.set(shape, (known = new Map(shape.values.map((value) => [enumValueName(type, value), value]))))
  }
  return known
}

/** A value as it came, as the operation takes it. What is none of its shape passes: validation names it. */
export function fromProto(shape: Shape, value: Json): Json {
  if (value === null) return null
  switch (shape.type) {
    case "safeint":
      return Number(value)
    case "enum":
      return valuesOf(shape).get(String(value)) ?? String(value)
    case "object":
      return fieldsFromProto(shape.fields, value as JsonObject)
    case "list":
      return listFromProto(shape, (value as JsonObject).items as readonly Json[] | undefined)
    case "map":
      return mapFromProto(shape.value, (value as JsonObject).entries as JsonObject | undefined)
    case "union": {
      const [chosen] = Object.entries(value as JsonObject)
      const variant = shape.variants.find(({ name }) => name === chosen?.[0])
      if (!variant) return {}
      return { ...(fromProto(variant.shape, chosen?.[1] ?? {}) as JsonObject), [shape.tag]: variant.name }
    }
    default:
      return value
  }
}

function listFromProto(shape: Extract<Shape, { type: "list" }>, items: readonly Json[] = []): Json {
  return items.map((item) => {
    const held = shape.itemNullable ? ((item as JsonObject).value ?? null) : item
    return held === null ? null : fromProto(shape.item, held)
  })
}

const mapFromProto = (shape: Shape, entries: JsonObject = {}): Json =>
  Object.fromEntries(Object.entries(entries).map(([key, held]) => [key, fromProto(shape, held)]))

function fieldsFromProto(fields: readonly Field[], given: JsonObject): Json {
  const out: Record<string, Json> = {}
  for (const { name, shape, required } of fields) {
    const held = given[name]
    if (shape.type === "list") {
      // A repeated field knows no absence: empty is absent, unless there must be a list.
      if (held !== undefined || required) out[name] = listFromProto(shape, held as readonly Json[] | undefined)
    } else if (shape.type === "map") {
      if (held !== undefined || required) out[name] = mapFromProto(shape.value, held as JsonObject | undefined)
    } else if (held !== undefined) out[name] = fromProto(shape, held)
  }
  const mask = given[maskField]
  if (typeof mask === "string")
    for (const path of mask.split(",")) if (path !== "" && !Object.hasOwn(out, path)) out[path] = null
  return out
}
