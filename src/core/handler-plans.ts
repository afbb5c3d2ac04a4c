/**
 * What a handler reads, as plans. A fault in one is the application's, so it is an Error and not a caller's problem: unknown fields and
 * relations, a key that is not unique, an offset beside a cursor.
 */
import type { ListOptions, Select, Which } from "./context.ts"
import { faults } from "./faults.ts"
import type { JsonObject } from "./json.ts"
import { limits } from "./limits.ts"
import { type Model, type Models, modelOf } from "./model.ts"
import type { AggregatePlan, GetPlan, ListPlan } from "./plan.ts"
import { Problem } from "./problem.ts"
import { selectExpand, selectFields } from "./selection.ts"

function selection(models: Models, model: Model, { fields, expand }: Select) {
  const found = faults()
  // A decision stands on the version, so it is always there.
  const names = fields === undefined ? undefined : [...fields, "version"]
  const chosen = {
    fields: selectFields(model, names, "/fields", found),
    expand: selectExpand(models, model, expand as JsonObject | undefined, { path: "/expand", depth: 0 }, found),
  }
  try {
    found.throwIfAny()
  } catch (fault) {
    const { violations = [] } = fault instanceof Problem ? fault.options : {}
    throw new Error(violations.map(({ path, message }) => `${path}: ${message}`).join("; "))
  }
  return chosen
}

/** A record by its id, or by a unique column. */
export function handlerGet(models: Models, name: string, which: Which, select: Select = {}): GetPlan {
  const model = modelOf(models, name)
  const chosen = selection(models, model, select)
  if (typeof which === "string") return { kind: "get", resource: name, id: which, ...chosen }
  const [[key, value] = [], ...others] = Object.entries(which)
  const isUnique = model.indexes.some(({ unique, columns }) => unique && columns.length === 1 && columns[0] === key)
  if (key === undefined || value === undefined || others.length > 0 || !isUnique)
    throw new Error(`${name} has no unique column ${key ?? ""}: a record is found by its id, or by one unique column`)
  return { kind: "get", resource: name, id: value, key, ...chosen }
}

/** A page. */
export function handlerList(models: Models, name: string, options: ListOptions): ListPlan {
  const { filter = null, sort, limit = limits.pageSizeDefault, cursor = null, offset, count = false } = options
  // SQLite takes a negative limit for none.
  if (!Number.isInteger(limit) || limit < 1 || limit > limits.pageSizeMax)
    throw new Error(`A list of ${name} has 1 to ${limits.pageSizeMax} records a page, not ${limit}`)
  if (offset !== undefined && !(Number.isInteger(offset) && offset >= 0))
    throw new Error(`A list of ${name} passes over a whole number of records, not ${offset}`)
  if (offset !== undefined && cursor !== null) throw new Error(`A list of ${name} has an offset or a cursor, not both`)
  return {
    kind: "list",
    resource: name,
    ...selection(models, modelOf(models, name), options),
    filter,
    sort: sort ?? [{ field: "createdAt", descending: true }],
    limit,
    cursor,
    ...(offset === undefined ? {} : { offset }),
    count,
    q: null,
  }
}

/** How many records there are of each value of a column. */
export function handlerGroups(name: string, column: string): AggregatePlan {
  return {
    kind: "aggregate",
    resource: name,
    filter: null,
    q: null,
    measures: [{ fn: "count", field: null }],
    groupBy: [column],
    mostFirst: true,
    limit: limits.groupsMax,
  }
}
