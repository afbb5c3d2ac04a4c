/**
 * A list's filter about a row in memory, for live delivery. Three-valued as SQL is: what is NULL or absent is UNKNOWN, and only true matches.
 * It agrees with the SQL of database/filter.ts, term by term.
 */
import { type Model, type Models, modelOf } from "../core/model.ts"
import type { Filter } from "../core/plan.ts"
import type { Row } from "../core/ports.ts"
import type { Principal } from "../core/principal.ts"
import { invalid, pointer } from "../core/problem.ts"
import { foldedReadable } from "./mask.ts"
import { joined, negated, type Outcome } from "./memory.ts"
import { comparandOf, compareStored, storedValue } from "./value.ts"
import { columnOf } from "./vocabulary.ts"

type Term = Exclude<Filter, { op: "and" | "or" | "not" | "some" }>

/** Whether the filter holds for the row; null when that is UNKNOWN. */
export function filterOutcome(filter: Filter, model: Model, row: Readonly<Row>): Outcome {
  switch (filter.op) {
    case "and":
    case "or":
      return joined(
        filter.op === "and" ? "all" : "any",
        filter.of.map((child) => filterOutcome(child, model, row)),
      )
    case "not":
      return negated(filterOutcome(filter.of, model, row))
    case "some":
      throw new Error("A filter over a relation cannot be judged in memory")
    default:
      return termOutcome(filter, model, row)
  }
}

function termOutcome(term: Term, model: Model, row: Readonly<Row>): Outcome {
  const value = row[term.field]
  if (term.op === "isNull") return value === undefined ? null : (value === null) === term.value
  const as = comparandOf(columnOf(model, term.field).kind)
  const left = as && storedValue(as, value)
  // SQLite's `in ()` is false even for NULL.
  if (term.op === "in" && term.values.length === 0) return false
  if (as === null || left === null) return null
  if (term.op === "in") return term.values.some((one) => isEqual(as, left, one))
  const right = storedValue(as, term.value)
  if (right === null) return null
  if (term.op === "contains") return String(left).includes(String(right))
  if (term.op === "startsWith") return String(left).startsWith(String(right))
  const order = compareStored(as, left, right)
  switch (term.op) {
    case "eq":
      return order === 0
    case "ne":
      return order !== 0
    case "lt":
      return order < 0
    case "lte":
      return order <= 0
    case "gt":
      return order > 0
    case "gte":
      return order >= 0
  }
}

function isEqual(as: Parameters<typeof storedValue>[0], left: string | number, value: unknown): boolean {
  const right = storedValue(as, value)
  return right !== null && compareStored(as, left, right) === 0
}

/** The fields that a filter looks at. */
function fieldsOf(filter: Filter): readonly string[] {
  switch (filter.op) {
    case "and":
    case "or":
      return filter.of.flatMap(fieldsOf)
    case "not":
      return fieldsOf(filter.of)
    case "some":
      throw new Error("A filter over a relation cannot be judged in memory")
    default:
      return [filter.field]
  }
}

/**
 * Refuses a filter that cannot be judged from the log for this principal.
 * @throws Problem INVALID_ARGUMENT at the field: unknown_field when it may not be read in every row (as in a list), not_watchable when it is
 *   personal and so stands in no event
 */
export function checkWatchFilter(models: Models, resource: string, principal: Principal, filter: Filter | null): void {
  if (filter === null) return
  const model = modelOf(models, resource)
  const readable = foldedReadable(model, principal, models)
  for (const field of fieldsOf(filter)) {
    const path = `/filter${pointer(field)}`
    if (readable.get(field) !== "always") throw invalid(path, "unknown_field", `${resource} has no such field`)
    if (columnOf(model, field).personal)
      throw invalid(path, "not_watchable", `${field} is personal: the log does not hold it, so it cannot be watched by`)
  }
}
