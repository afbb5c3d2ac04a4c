/** What the standard operations do: words into plans for reads, wanted writes for the rest. */

import { type Faults, faults, quoted } from "./faults.ts"
import type { Json, JsonObject } from "./json.ts"
import { limits } from "./limits.ts"
import { fieldNames, type Model, type Models } from "./model.ts"
import type { AggregateFunction, AggregatePlan, GetPlan, ListPlan } from "./plan.ts"
import type { Reading, Row, Store } from "./ports.ts"
import { invalid, notFound } from "./problem.ts"
import type { Recorder } from "./recorder.ts"
import type { CompiledOperation } from "./registry.ts"
import { parseFilter, parseSort, selectExpand, selectFields, selectionCost } from "./selection.ts"

/** What a read works with. */
export interface Reads {
  readonly models: Models
  readonly store: Store
  readonly reading: Reading
}

/** What a write works with, beside that. */
export interface Writes extends Reads {
  readonly recorder: Recorder
  /** Version that the caller's transport named (If-Match). */
  readonly expectedVersion: number | null
}

interface ReadInput {
  readonly fields?: readonly string[]
  readonly expand?: JsonObject
}

interface ListInput extends ReadInput {
  readonly filter?: JsonObject
  readonly sort?: readonly string[]
  readonly limit?: number
  readonly cursor?: string
  readonly count?: boolean
  readonly q?: string
}

/** Runs a standard read: one plan, one statement. */
export function runRead(operation: CompiledOperation, input: unknown, work: Reads): Promise<unknown> {
  const model = operation.model as Model
  switch (operation.standard?.verb) {
    case "get":
      return getRecord(model, input as ReadInput & { id: string }, work)
    case "list":
      return work.store.list(listPlan(work.models, model, input as ListInput), work.reading)
    case "aggregate":
      return aggregate(model, input as AggregateInput, work)
    default:
      throw new Error(`${operation.name} is not a standard read`)
  }
}

/** Runs a standard write: it is recorded here, and written by the commit stage. */
export async function runWrite(operation: CompiledOperation, input: unknown, work: Writes): Promise<unknown> {
  const model = operation.model as Model
  switch (operation.standard?.verb) {
    case "create":
      return work.recorder.checkedChanges(null).create(model.resource, input as never)
    case "update": {
      const { id, patch, version } = input as { id: string; patch: JsonObject; version?: number }
      if (Object.keys(patch).length === 0) return getRecord(model, { id }, work)
      return withVersion(work, version).update(model.resource, id, patch as never)
    }
    case "delete": {
      const { id, version } = input as { id: string; version?: number }
      withVersion(work, version).delete(model.resource, id)
      return { id }
    }
    case "batch":
      return batch(model, input as { records: readonly BatchRecord[] }, work)
    default:
      throw new Error(`${operation.name} is not a standard write`)
  }
}

function withVersion(work: Writes, version: number | undefined) {
  return work.recorder.checkedChanges(version ?? work.expectedVersion)
}

async function getRecord(model: Model, input: ReadInput & { id: string }, work: Reads): Promise<Row> {
  const row = await work.store.get(getPlan(work.models, model, input), work.reading)
  if (row === null) throw notFound(model.name)
  return row
}

/** The plan of a get. Throws INVALID_ARGUMENT with every fault. */
export function getPlan(models: Models, model: Model, input: ReadInput & { id: string }): GetPlan {
  if (input.fields === undefined && input.expand === undefined)
    return { kind: "get", resource: model.name, id: input.id, fields: allFields(model), expand: {} }
  const found = faults()
  const plan: GetPlan = { kind: "get", resource: model.name, id: input.id, ...selection(models, model, input, found) }
  found.throwIfAny()
  return plan
}

/** The plan of a list. Throws INVALID_ARGUMENT with every fault, before any I/O. */
export function listPlan(models: Models, model: Model, input: ListInput): ListPlan {
  const found = faults()
  const limit = input.limit ?? limits.pageSizeDefault
  const plan: ListPlan = {
    kind: "list",
    resource: model.name,
    ...selection(models, model, input, found),
    filter: parseFilter(model, input.filter, found),
    sort: parseSort(model, input.sort, found),
    limit,
    cursor: input.cursor ?? null,
    count: input.count ?? false,
    q: searchable(model, input.q, found),
  }
  if (limit * selectionCost(models, model, plan.expand) > limits.planCostMax) {
    found.add(
      "/expand",
      "too_costly",
      `This page could touch more than ${limits.planCostMax} records; lower the limits`,
    )
  }
  found.throwIfAny()
  return plan
}

const everyField = new WeakMap<Model, readonly string[]>()

function allFields(model: Model): readonly string[] {
  let fields = everyField.get(model)
  if (!fields) everyField.set(model, (fields = fieldNames(model)))
  return fields
}

function selection(models: Models, model: Model, input: ReadInput, found: Faults) {
  return {
    fields: input.fields === undefined ? allFields(model) : selectFields(model, input.fields, "/fields", found),
    expand: selectExpand(models, model, input.expand, { path: "/expand", depth: 0 }, found),
  }
}

function searchable(model: Model, q: string | undefined, found: Faults): string | null {
  if (q === undefined) return null
  if (model.search.length === 0) found.add("/q", "not_searchable", `${model.name} cannot be searched`)
  return q
}

interface AggregateInput {
  readonly filter?: JsonObject
  readonly q?: string
  readonly count?: boolean
  readonly sum?: readonly string[]
  readonly avg?: readonly string[]
  readonly min?: readonly string[]
  readonly max?: readonly string[]
  readonly groupBy?: readonly string[]
  readonly limit?: number
}

const numeric = new Set(["int32", "safeint", "int64", "double"])
const ordered = new Set([...numeric, "text", "instant", "date", "enum", "id"])

function aggregatePlan(model: Model, input: AggregateInput): AggregatePlan {
  const found = faults()
  const measures = (["sum", "avg", "min", "max"] as const).flatMap((fn) =>
    (input[fn] ?? []).map((field, n) => {
      const type = model.columns.get(field)?.kind.type
      if (type === undefined) found.add(`/${fn}/${n}`, "unknown_field", `${model.name} has no field ${quoted(field)}`)
      else if (!(fn === "sum" || fn === "avg" ? numeric : ordered).has(type))
        found.add(`/${fn}/${n}`, "not_measurable", `${field} has no ${fn}`)
      return { fn: fn as AggregateFunction, field: field as string | null }
    }),
  )
  const groupBy = input.groupBy ?? []
  groupBy.forEach((field, n) => {
    if (!model.columns.has(field))
      found.add(`/groupBy/${n}`, "unknown_field", `${model.name} has no field ${quoted(field)}`)
    else if (!model.filter.has(field))
      found.add(`/groupBy/${n}`, "not_groupable", `${model.name} cannot be grouped by ${field}`)
  })
  const counted = input.count === true || measures.length === 0
  const plan: AggregatePlan = {
    kind: "aggregate",
    resource: model.name,
    filter: parseFilter(model, input.filter, found),
    q: searchable(model, input.q, found),
    measures: counted ? [{ fn: "count", field: null }, ...measures] : measures,
    groupBy,
    limit: input.limit ?? limits.groupsMax,
  }
  found.throwIfAny()
  return plan
}

async function aggregate(model: Model, input: AggregateInput, work: Reads): Promise<{ groups: readonly Row[] }> {
  const plan = aggregatePlan(model, input)
  const rows = await work.store.aggregate(plan, work.reading)
  const groups = rows.map((row) => {
    const group: Record<string, Json> =
      plan.groupBy.length > 0 ? { group: Object.fromEntries(plan.groupBy.map((key) => [key, row[key] ?? null])) } : {}
    for (const { fn, field } of plan.measures) {
      if (field === null) group.count = row.count ?? 0
      else group[fn] = { ...(group[fn] as JsonObject | undefined), [field]: row[`${fn}_${field}`] ?? null }
    }
    return group
  })
  return { groups }
}

type BatchRecord =
  | { readonly op: "create"; readonly values: JsonObject }
  | { readonly op: "update"; readonly id: string; readonly patch: JsonObject; readonly version?: number }
  | { readonly op: "delete"; readonly id: string; readonly version?: number }

function batch(model: Model, input: { records: readonly BatchRecord[] }, work: Writes): { records: unknown[] } {
  const seen = new Set<string>()
  const records = input.records.map((record, n): unknown => {
    if (record.op === "create") return work.recorder.checkedChanges(null).create(model.resource, record.values as never)
    if (seen.has(record.id)) throw invalid(`/records/${n}/id`, "duplicate", "A record stands once in a batch")
    seen.add(record.id)
    const changes = work.recorder.checkedChanges(record.version ?? null)
    if (record.op === "delete") {
      changes.delete(model.resource, record.id)
      return null
    }
    if (Object.keys(record.patch).length === 0) throw invalid(`/records/${n}/patch`, "required", "Nothing to change")
    return changes.update(model.resource, record.id, record.patch as never)
  })
  return { records }
}
