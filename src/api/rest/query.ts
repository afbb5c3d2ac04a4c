/**
 * Query string -> wire input. Parameters are named as the input's properties and become values by their Shape; what is left over on a
 * list or an aggregate is a filter. Refuses unknown parameters, and a second value where one is meant.
 */

import { type Faults, faults, quoted } from "../../core/faults.ts"
import type { Json } from "../../core/json.ts"
import { numberText, parseJson } from "../../core/json-text.ts"
import { limits } from "../../core/limits.ts"
import { invalid, Problem, pointer } from "../../core/problem.ts"
import type { Field, Shape } from "../../core/shape.ts"
import { filterOf } from "./filter-query.ts"
import type { Route } from "./routes.ts"
import { queryText, type Wire } from "./wire.ts"

const names = /^[A-Za-z][A-Za-z0-9_]*$/

/** A tree of relations from `project,comments.author`: `{ project: true, comments: { expand: { author: true } } }`. */
function expandTree(text: string, found: Faults): Json {
  type Tree = { [name: string]: true | { expand: Tree } }
  const root: Tree = Object.create(null)
  for (const path of text.split(",")) {
    const segments = path.split(".")
    const unknown = segments.find((segment) => !names.test(segment))
    if (unknown !== undefined) {
      found.add("/expand", "unknown_relation", `No relation is named ${quoted(unknown)}`)
      continue
    }
    if (segments.length > limits.expandDepthMax) {
      found.add("/expand", "too_deep", `Expansions go ${limits.expandDepthMax} deep`)
      continue
    }
    let level = root
    segments.forEach((segment, n) => {
      const present = level[segment]
      if (n === segments.length - 1) level[segment] = present ?? true
      else {
        const inner = typeof present === "object" ? present : { expand: Object.create(null) as Tree }
        level[segment] = inner
        level = inner.expand
      }
    })
  }
  return root
}

function jsonOf(text: string, path: string, found: Faults): Json {
  try {
    return parseJson(text, path)
  } catch (thrown) {
    if (!(thrown instanceof Problem)) throw thrown
    for (const violation of thrown.options.violations ?? [])
      found.add(violation.path, violation.code, violation.message)
    return null
  }
}

/** One value from text. A text that is none of the shape is a fault at `path`. */
export function parseValue(shape: Shape, text: string, path: string, found: Faults): Json {
  switch (shape.type) {
    case "int32":
    case "safeint":
    case "double":
      if (numberText.test(text)) return Number(text)
      found.add(path, "invalid_type", "A number")
      return null
    case "bool":
      if (text === "true" || text === "false") return text === "true"
      found.add(path, "invalid_type", "true or false")
      return null
    case "list":
      return text === "" ? [] : text.split(",").map((item, n) => parseValue(shape.item, item, `${path}/${n}`, found))
    case "object":
    case "map":
    case "union":
    case "json":
      return jsonOf(text, path, found)
    default:
      return text
  }
}

function parameterValue(route: Route, field: Field, texts: readonly string[], found: Faults): Json {
  const path = pointer(field.name)
  const isList = field.shape.type === "list" || (field.name === "expand" && route.operation.model !== null)
  if (texts.length > 1 && !isList) found.add(path, "duplicate", `${field.name} stands ${texts.length} times`)
  const text = texts.length > 1 ? texts.join(",") : (texts[0] as string)
  if (field.name === "expand" && route.operation.model) return expandTree(text, found)
  return parseValue(field.shape, text, path, found)
}

/** Name and text of every parameter. Most queries hold nothing encoded, and splitting them is cheaper than URLSearchParams. */
function parametersOf(query: string): Iterable<readonly [string, string]> {
  if (/[%+]/.test(query)) return new URLSearchParams(query)
  return query
    .split("&")
    .filter((part) => part !== "")
    .map((part) => {
      const at = part.indexOf("=")
      return at === -1 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)]
    })
}

/** Parameters by name, each with its texts in order. */
function grouped(query: string): ReadonlyMap<string, readonly string[]> {
  const texts = new Map<string, string[]>()
  for (const [name, text] of parametersOf(query)) {
    const known = texts.get(name)
    if (known) known.push(text)
    else texts.set(name, [text])
  }
  return texts
}

/**
 * The part of the input that stands in the query string.
 * @throws INVALID_ARGUMENT with every fault, each at `/name` of its parameter
 */
export function decodeQuery(wire: Wire, route: Route): Readonly<Record<string, Json>> {
  const query = queryText(wire.request)
  const input: Record<string, Json> = {}
  if (query === "") return input
  const found = faults()
  const rest = new Map<string, readonly string[]>()
  for (const [name, texts] of grouped(query)) {
    const field = route.queryFields.get(name)
    if (field) input[name] = parameterValue(route, field, texts, found)
    else rest.set(name, texts)
  }
  const { model } = route.operation
  if (rest.size > 0 && model && route.queryFields.has("filter")) {
    wire.hasFilterParameters = true
    input.filter = filterOf(model, rest, input.filter, found)
  } else {
    for (const name of rest.keys())
      found.add(pointer(name.slice(0, 100)), "unknown_parameter", `There is no parameter ${quoted(name)} here`)
  }
  found.throwIfAny()
  return input
}

/** A parameter of the path as a value of its shape. */
export function pathValue(field: Field | undefined, name: string, text: string): Json {
  if (!field) return text
  const found = faults()
  const value = parseValue(field.shape, text, pointer(name), found)
  found.throwIfAny()
  return value
}

/** @throws INVALID_ARGUMENT when a member of the body is one that the path or the query has given */
export function refuseConflicts(given: Readonly<Record<string, Json>>, body: Readonly<Record<string, Json>>): void {
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(body, name)) throw invalid(pointer(name), "conflict", `${name} stands in the address already`)
  }
}
