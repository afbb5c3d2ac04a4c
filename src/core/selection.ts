/** Turns the words of a read (fields, expand, filter, sort) into a plan, and refuses what is unknown, undeclared or too much. */
import type { ColumnFacts } from "./column.ts"
import { type Faults, quoted } from "./faults.ts"
import type { Json, JsonObject } from "./json.ts"
import { limits } from "./limits.ts"
import { fieldNames, type Model, type Models, modelOf } from "./model.ts"
import type { Filter, Selection, SortKey } from "./plan.ts"
import { pointer } from "./problem.ts"
import { schemasOf } from "./schema.ts"

const comparisons = new Set(["eq", "ne", "lt", "lte", "gt", "gte", "in", "contains", "startsWith", "isNull"])
const textOnly = new Set(["contains", "startsWith"])

/** The fields asked for, in declaration order and always with the id; all when none are named. */
export function selectFields(
  model: Model,
  names: readonly string[] | undefined,
  path: string,
  found: Faults,
): readonly string[] {
  if (names === undefined) return fieldNames(model)
  const wanted = new Set<string>(["id"])
  names.forEach((name, n) => {
    if (model.columns.has(name) || model.computed.has(name)) wanted.add(name)
    else found.add(`${path}/${n}`, "unknown_field", `${model.name} has no field ${quoted(name)}`)
  })
  return fieldNames(model).filter((key) => wanted.has(key))
}

/** Expansions as a tree of selections, bounded in depth and in the rows that they may touch. */
export function selectExpand(
  models: Models,
  model: Model,
  wanted: JsonObject | undefined,
  at: { readonly path: string; readonly depth: number },
  found: Faults,
): Selection["expand"] {
  if (wanted === undefined) return {}
  const out: Record<string, Selection["expand"][string]> = {}
  for (const [name, value] of Object.entries(wanted)) {
    const path = at.path + pointer(name)
    const relation = model.relations.get(name)
    if (!relation) {
      found.add(path, "unknown_relation", `${model.name} has no relation ${quoted(name)}`)
      continue
    }
    if (at.depth >= limits.expandDepthMax) {
      found.add(path, "too_deep", `Expansions go ${limits.expandDepthMax} deep`)
      continue
    }
    const options = value === true ? {} : value
    if (options === null || typeof options !== "object" || Array.isArray(options)) {
      found.add(path, "invalid_type", "Give true, or an object with fields, expand and limit")
      continue
    }
    out[name] = expandOne(
      models,
      modelOf(models, relation.resource),
      options as JsonObject,
      { path, depth: at.depth + 1 },
      found,
    )
  }
  return out
}

function expandOne(
  models: Models,
  target: Model,
  options: JsonObject,
  at: { path: string; depth: number },
  found: Faults,
) {
  for (const key of Object.keys(options)) {
    if (key !== "fields" && key !== "expand" && key !== "limit")
      found.add(at.path + pointer(key), "unknown_field", "Only fields, expand and limit go here")
  }
  const limit = options.limit ?? limits.expandPageSize
  if (typeof limit !== "number" || !Number.isInteger(limit) || limit < 1 || limit > limits.pageSizeMax) {
    found.add(`${at.path}/limit`, "out_of_range", `A whole number from 1 to ${limits.pageSizeMax}`)
  }
  return {
    resource: target.name,
    fields: selectFields(
      target,
      options.fields === undefined ? undefined : texts(options.fields, `${at.path}/fields`, found),
      `${at.path}/fields`,
      found,
    ),
    expand: selectExpand(
      models,
      target,
      options.expand as JsonObject | undefined,
      { path: `${at.path}/expand`, depth: at.depth },
      found,
    ),
    limit: typeof limit === "number" ? limit : limits.expandPageSize,
  }
}

function texts(value: Json, path: string, found: Faults): readonly string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value
  found.add(path, "invalid_type", "A list of names")
  return []
}

/** The rows that a selection may touch at worst, for one row of its root. */
export function selectionCost(models: Models, model: Model, expand: Selection["expand"]): number {
  let cost = 1
  for (const [name, side] of Object.entries(expand)) {
    const rows = model.relations.get(name)?.kind === "many" ? side.limit : 1
    cost += rows * selectionCost(models, modelOf(models, side.resource), side.expand)
  }
  return cost
}

/** Sort keys from `["-createdAt", "title"]`; newest first when none are named. */
export function parseSort(model: Model, names: readonly string[] | undefined, found: Faults): readonly SortKey[] {
  if (names === undefined || names.length === 0) return [{ field: "createdAt", descending: true }]
  if (names.length > limits.sortFieldsMax) found.add("/sort", "too_many", `At most ${limits.sortFieldsMax} sort fields`)
  return names.map((name, n) => {
    const descending = name.startsWith("-")
    const field = descending ? name.slice(1) : name
    if (!model.columns.has(field))
      found.add(`/sort/${n}`, "unknown_field", `${model.name} has no field ${quoted(field)}`)
    else if (!model.sort.has(field))
      found.add(`/sort/${n}`, "not_sortable", `${model.name} cannot be sorted by ${field}`)
    else if (names.findIndex((other) => other.replace(/^-/, "") === field) !== n)
      found.add(`/sort/${n}`, "duplicate", `${field} stands twice`)
    return { field, descending }
  })
}

/** A filter tree from wire objects: `{ status: "open", dueAt: { lt: "…" }, or: [ … ], not: { … } }`. Members of one object are ANDed. */
export function parseFilter(model: Model, wire: JsonObject | undefined, found: Faults): Filter | null {
  if (wire === undefined) return null
  const count = { terms: 0 }
  const filter = parseGroup(model, wire, { path: "/filter", depth: 0 }, found, count)
  if (count.terms > limits.filterTermsMax) found.add("/filter", "too_many", `At most ${limits.filterTermsMax} filters`)
  return filter
}

type Place = { readonly path: string; readonly depth: number }

function parseGroup(model: Model, wire: Json, at: Place, found: Faults, count: { terms: number }): Filter | null {
  if (wire === null || typeof wire !== "object" || Array.isArray(wire)) {
    found.add(at.path, "invalid_type", "A filter is an object")
    return null
  }
  if (at.depth > 8) {
    found.add(at.path, "too_deep", "Filters nest 8 deep")
    return null
  }
  const terms: Filter[] = []
  const keep = (filter: Filter | null) => filter !== null && terms.push(filter)
  for (const [key, value] of Object.entries(wire)) {
    const path = at.path + pointer(key)
    const inner = { path, depth: at.depth + 1 }
    if (key === "not") {
      const of = parseGroup(model, value, inner, found, count)
      keep(of && { op: "not", of })
    } else if (key === "and" || key === "or") {
      if (!Array.isArray(value)) {
        found.add(path, "invalid_type", "A list of filters")
        continue
      }
      if (count.terms + value.length > limits.filterTermsMax * 2) {
        found.add(path, "too_many", `At most ${limits.filterTermsMax} filters`)
        return null
      }
      const of = value.map((item, n) =>
        parseGroup(model, item as Json, { path: `${path}/${n}`, depth: inner.depth }, found, count),
      )
      keep({ op: key, of: of.filter((filter) => filter !== null) })
    } else parseField(model, key, value, path, found, count).forEach(keep)
  }
  return terms.length === 1 ? (terms[0] ?? null) : { op: "and", of: terms }
}

function parseField(
  model: Model,
  field: string,
  value: Json,
  path: string,
  found: Faults,
  count: { terms: number },
): (Filter | null)[] {
  const column = model.columns.get(field)
  if (!column) {
    found.add(path, "unknown_field", `${model.name} has no field ${quoted(field)}`)
    return []
  }
  if (!model.filter.has(field)) {
    found.add(path, "not_filterable", `${model.name} cannot be filtered by ${field}`)
    return []
  }
  const operators: JsonObject =
    value !== null && typeof value === "object" && !Array.isArray(value) ? (value as JsonObject) : { eq: value }
  return Object.entries(operators).map(([op, operand]) => {
    count.terms += 1
    return parseTerm(model, column, op, operand, op === "eq" && operators !== value ? path : path + pointer(op), found)
  })
}

function parseTerm(
  model: Model,
  column: ColumnFacts,
  op: string,
  operand: Json,
  path: string,
  found: Faults,
): Filter | null {
  const field = column.key
  if (!comparisons.has(op)) {
    found.add(path, "unknown_operator", `No such operator: ${quoted(op)}`)
    return null
  }
  if (op === "isNull" || (operand === null && (op === "eq" || op === "ne"))) {
    const value = operand === null ? op === "eq" : operand
    if (typeof value === "boolean") return { op: "isNull", field, value }
    found.add(path, "invalid_type", "isNull takes true or false")
    return null
  }
  const type = column.kind.type
  if (type === "json" || (textOnly.has(op) && type !== "text")) {
    found.add(path, "not_filterable", `${field} does not know ${op}`)
    return null
  }
  const schema = textOnly.has(op) ? null : schemasOf(model).column(field)
  const check = (value: Json, where: string): string | number | boolean | null => {
    const parsed =
      schema === null
        ? { success: typeof value === "string" && value.length <= 200, data: value }
        : schema.safeParse(value)
    if (parsed.success && parsed.data !== null && typeof parsed.data !== "object")
      return parsed.data as string | number | boolean
    found.add(where, "invalid_value", `Not a value of ${field}`)
    return null
  }
  if (op === "in") {
    if (!Array.isArray(operand) || operand.length > limits.filterListMax) {
      found.add(path, "invalid_type", `A list of at most ${limits.filterListMax} values`)
      return null
    }
    const values = operand.map((value, n) => check(value as Json, `${path}/${n}`))
    return { op, field, values: values.filter((value) => value !== null) }
  }
  const value = check(operand, path)
  return value === null
    ? null
    : { op: op as Exclude<Filter["op"], "and" | "or" | "not" | "some" | "in" | "isNull">, field, value }
}
