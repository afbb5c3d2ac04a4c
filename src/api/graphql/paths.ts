/**
 * Places of violations. The engine names them in an operation's input; whoever wrote the document knows its arguments, the members of its `@oneOf`
 * inputs and the fields that were selected.
 */
import type { Shape } from "../../core/shape.ts"
import type { Wanted } from "./selection.ts"

/** The engine's path -> the client's; both are RFC 6901 pointers. What has no other place in the document stays as it is. */
export type ClientPath = (path: string) => string

const segmentsOf = (path: string): string[] => path.split("/").slice(1)

/**
 * What is wrong with a selection, at the field: `/expand/comments/limit` -> `/nodes/comments/first`.
 * @param at the place of the record among the fields of the root field
 */
export function selectedPath(at: string, wanted: Wanted): ClientPath {
  return (path) => {
    const steps = segmentsOf(path)
    if (steps[0] !== "expand" && steps[0] !== "fields") return path
    let place = at
    let here: Wanted | undefined = wanted
    while (steps.length > 0) {
      const word = steps.shift()
      const name = word === "limit" ? "first" : steps.shift()
      if (name === undefined) break
      // Fields stand by their number among those that were wanted.
      place += `/${(word === "fields" && here?.fields[Number(name)]) || name}`
      if (word === "expand") here = here?.expand[name]
    }
    return place
  }
}

/** Arguments of another name than the input's: `/limit` -> `/first`. */
export function renamedPath(names: Readonly<Record<string, string>>): ClientPath {
  return (path) => {
    const [first = "", ...rest] = segmentsOf(path)
    const own = names[first]
    return own === undefined ? path : `/${[own, ...rest].join("/")}`
  }
}

/**
 * A place in the input of an operation: a union's variant stands under its member, `/records/0/values/title` -> `/records/0/create/values/title`.
 * @param given the arguments as they were given
 * @param at where the input stands among the arguments
 */
export function inputPath(input: Shape, given: unknown, at: string): ClientPath {
  return (path) => {
    const segments = segmentsOf(path)
    // What a call has beside its input, as its idempotency key, is no argument.
    if (input.type === "object" && segments.length > 0 && !input.fields.some(({ name }) => name === segments[0]))
      return path
    let place = at
    let shape: Shape | undefined = input
    let value: unknown = given
    for (const segment of segments) {
      if (shape?.type === "union" && typeof value === "object" && value !== null) {
        if (segment === shape.tag) break
        const [member = ""] = Object.keys(value)
        place += `/${member}`
        shape = shape.variants.find(({ name }) => name === member)?.shape
        value = (value as Record<string, unknown>)[member]
      }
      place += `/${segment}`
      shape = innerShape(shape, segment)
      value = (value as Record<string, unknown> | null | undefined)?.[segment]
    }
    return place
  }
}

function innerShape(shape: Shape | undefined, segment: string): Shape | undefined {
  if (shape?.type === "list") return shape.item
  return shape?.type === "object" ? shape.fields.find(({ name }) => name === segment)?.shape : undefined
}
