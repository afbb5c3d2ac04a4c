/**
 * Filters in a query string: `status=open&dueAt[lt]=2026-12-01T00:00:00Z&priority[in]=1,2`, all ANDed, and beside them one `filter` with
 * the JSON tree where and, or and not are needed. Text becomes a number or a boolean where the column's kind says so and stays text
 * elsewhere: whether it is a value of the column is for the plan to say. Refuses names that are no column and operators twice.
 */
import type { ColumnFacts } from "../../core/column.ts"
import { type Faults, quoted } from "../../core/faults.ts"
import type { Json, JsonObject } from "../../core/json.ts"
import { numberText } from "../../core/json-text.ts"
import type { Model } from "../../core/model.ts"
import { pointer } from "../../core/problem.ts"

const bracketed = /^([^[\]]{1,100})\[([^[\]]{1,20})\]$/
const numeric: ReadonlySet<string> = new Set(["int32", "safeint", "double"])

function scalarOf(kind: ColumnFacts["kind"], text: string): Json {
  if (numeric.has(kind.type)) return numberText.test(text) ? Number(text) : text
  return kind.type === "bool" ? booleanOf(text) : text
}

function booleanOf(text: string): Json {
  return text === "true" ? true : text === "false" ? false : text
}

function operandOf(column: ColumnFacts, operator: string, text: string): Json {
  if (operator === "isNull") return booleanOf(text)
  if (operator === "in") return text.split(",").map((item) => scalarOf(column.kind, item))
  return operator === "contains" || operator === "startsWith" ? text : scalarOf(column.kind, text)
}

/**
 * A filter tree from the parameters that are no others.
 * @param tree what `filter` gave, if it was given
 */
export function filterOf(
  model: Model,
  parameters: ReadonlyMap<string, readonly string[]>,
  tree: Json | undefined,
  found: Faults,
): JsonObject {
  const filter: Record<string, Record<string, Json>> = {}
  for (const [name, texts] of parameters) {
    const [, field = name, operator = "eq"] = bracketed.exec(name) ?? []
    const column = model.columns.get(field)
    const path = pointer(name.slice(0, 100))
    if (!column) {
      found.add(
        path,
        "unknown_parameter",
        `There is no parameter ${quoted(name)} here, and ${model.name} has no such field`,
      )
      continue
    }
    const operators = (filter[field] ??= {})
    if (texts.length > 1 || Object.hasOwn(operators, operator))
      found.add(path, "duplicate", `${quoted(name)} stands more than once`)
    operators[operator] = operandOf(column, operator, texts[0] as string)
  }
  return tree === undefined ? filter : { ...filter, and: [tree] }
}

/** Where a fault of the filter stands for whoever sent parameters: `/filter/dueAt/lt` is `/dueAt[lt]`. */
export function filterPath(path: string): string {
  const tree = /^\/filter\/and\/0(\/.*|)$/.exec(path)
  if (tree) return `/filter${tree[1]}`
  const [, field, operator, rest = ""] = /^\/filter\/([^/]+)(?:\/([^/]+)(\/.*)?)?$/.exec(path) ?? []
  if (field === undefined) return path
  return operator === undefined || operator === "eq" ? `/${field}` : `/${field}[${operator}]${rest}`
}
