/**
 * Elements -> wire JSON, by Shape. An absent element is an absent property, `xsi:nil="true"` is null, a list is its element repeated. Refuses
 * elements that nobody reads, in the wrong namespace, or twice where one is meant.
 */

import { type Faults, faults, quoted } from "../../core/faults.ts"
import type { Json } from "../../core/json.ts"
import { parseJson } from "../../core/json-text.ts"
import { Problem, pointer } from "../../core/problem.ts"
import type { Field, Shape } from "../../core/shape.ts"
import { typesNamespace } from "./names.ts"
import type { Element } from "./xml.ts"

const nil = "{http://www.w3.org/2001/XMLSchema-instance}nil"
const integerText = /^[+-]?[0-9]+$/
const doubleText = /^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$/
const zoneText = /(Z|[+-][0-9]{2}:[0-9]{2})$/

const isNil = (element: Element) => ["true", "1"].includes(element.attributes.get(nil)?.trim() ?? "")

/** A simple value. Whitespace around anything but text is nothing (XML Schema 2 §4.3.6). */
function scalarOf(shape: Shape, element: Element, path: string, found: Faults): Json {
  if (element.children.length > 0) {
    found.add(path, "invalid_type", "A simple value: no elements stand in it")
    return null
  }
  const text = element.text
  const collapsed = text.trim()
  const refuse = (message: string) => {
    found.add(path, "invalid_type", message)
    return null
  }
  switch (shape.type) {
    case "bool":
      return /^(true|false|0|1)$/.test(collapsed) ? collapsed === "true" || collapsed === "1" : refuse("true or false")
    case "int32":
    case "safeint":
      return integerText.test(collapsed) ? Number(collapsed) : refuse("A whole number")
    case "int64":
      return integerText.test(collapsed) ? String(BigInt(collapsed)) : refuse("A whole number")
    case "double":
      return doubleText.test(collapsed) ? Number(collapsed) : refuse("A number")
    case "bytes":
      return text.replaceAll(/\s/g, "")
    case "instant":
      // xs:dateTime may lack a zone; it is UTC then, as the WSDL says.
      return zoneText.test(collapsed) ? collapsed : `${collapsed}Z`
    case "date":
    case "enum":
      return collapsed
    case "json":
      return jsonOf(text, path, found)
    default:
      return text
  }
}

function jsonOf(text: string, path: string, found: Faults): Json {
  try {
    return parseJson(text, path)
  } catch (thrown) {
    if (!(thrown instanceof Problem)) throw thrown
    for (const one of thrown.options.violations ?? []) found.add(one.path, one.code, one.message)
    return null
  }
}

/** Text among elements is nobody's: passed over, it would be a filter that filters nothing. */
function refuseText(element: Element, path: string, found: Faults): void {
  if (element.text.trim() !== "") found.add(path, "invalid_type", "Elements stand here, not text")
}

function mapOf(value: Shape, element: Element, path: string, found: Faults): Json {
  refuseText(element, path, found)
  const out: Record<string, Json> = Object.create(null)
  for (const [n, entry] of element.children.entries()) {
    const key = entry.children.find(({ local }) => local === "key")
    const held = entry.children.find(({ local }) => local === "value")
    if (entry.local !== "entry" || !key || !held || entry.children.length !== 2)
      found.add(`${path}/${n}`, "invalid_type", "A map is a list of entry, each with key and value")
    else if (Object.hasOwn(out, key.text)) found.add(path + pointer(key.text), "duplicate", "The same key stands twice")
    else out[key.text] = readValue(value, held, path + pointer(key.text), found)
  }
  return { ...out }
}

function unionOf(shape: Extract<Shape, { type: "union" }>, element: Element, path: string, found: Faults): Json {
  refuseText(element, path, found)
  const [chosen, ...others] = element.children
  const variant = shape.variants.find(({ name }) => name === chosen?.local)
  if (!chosen || !variant || others.length > 0) {
    found.add(path, "invalid_type", `One of ${shape.variants.map(({ name }) => name).join(", ")}`)
    return null
  }
  const value = readValue(variant.shape, chosen, path, found)
  return { ...(value as Record<string, Json>), [shape.tag]: variant.name }
}

/** The value of one element. */
export function readValue(shape: Shape, element: Element, path: string, found: Faults): Json {
  if (isNil(element)) return null
  switch (shape.type) {
    case "object":
      return objectOf(shape.fields, element, path, found)
    case "list":
      refuseText(element, path, found)
      return element.children.map((item, n) => readValue(shape.item, item, `${path}/${n}`, found))
    case "map":
      return mapOf(shape.value, element, path, found)
    case "union":
      return unionOf(shape, element, path, found)
    default:
      return scalarOf(shape, element, path, found)
  }
}

/** The properties that the elements inside one give. The tag of a variant follows from its element's name. */
export function objectOf(fields: readonly Field[], element: Element, path: string, found: Faults): Json {
  const out: Record<string, Json> = {}
  const byName = new Map(fields.map((field) => [field.name, field]))
  refuseText(element, path, found)
  for (const child of element.children) {
    const field = byName.get(child.local)
    const at = path + pointer(child.local.slice(0, 100))
    if (!field || child.namespace !== typesNamespace) {
      const where = field ? ` in the namespace ${typesNamespace}` : ""
      found.add(at, "unknown_field", `There is no element ${quoted(child.local)}${field ? ` but${where}` : " here"}`)
      continue
    }
    // The null of a list is told from a null in it by the schema: where an item may be null, the list is not.
    if (field.shape.type === "list" && (field.shape.itemNullable || !isNil(child))) {
      const items = (out[field.name] ??= []) as Json[]
      if (Array.isArray(items)) items.push(readValue(field.shape.item, child, `${at}/${items.length}`, found))
      else found.add(at, "duplicate", `${field.name} is null and has an element`)
    } else if (Object.hasOwn(out, field.name)) found.add(at, "duplicate", `${field.name} stands twice`)
    else out[field.name] = readValue(field.shape, child, at, found)
  }
  // A list without an element is an empty one where there must be one.
  for (const field of fields)
    if (field.required && field.shape.type === "list" && !Object.hasOwn(out, field.name)) out[field.name] = []
  return out
}

/**
 * The input of an operation from the element of its call.
 * @throws Problem INVALID_ARGUMENT with every fault
 */
export function decodeCall(shape: Shape, call: Element): Json {
  const found = faults()
  const input = shape.type === "object" ? objectOf(shape.fields, call, "", found) : readValue(shape, call, "", found)
  found.throwIfAny()
  return input
}
