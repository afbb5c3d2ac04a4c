/** Which filters, sorts and expansions of a resource the index check tries, with a value for every kind of column. */
import type { ColumnFacts } from "../src/core/column.ts"
import { fieldNames, type Model, type Models, modelOf } from "../src/core/model.ts"
import type { Filter, Selection, SortKey } from "../src/core/plan.ts"
import type { Relation } from "../src/core/resource.ts"

/** The instant of every case. */
export const now = new Date("2026-11-21T00:00:00.000Z")

/** A value that a column takes. */
export function sampleOf(column: ColumnFacts): string | number | boolean {
  switch (column.kind.type) {
    case "id":
      return `${column.kind.prefix}_01kaj700000000000000000000`
    case "enum":
      return column.kind.values[0] as string
    case "int32":
    case "safeint":
    case "double":
      return 1
    case "int64":
      return "1"
    case "bool":
      return true
    case "instant":
      return now.toISOString()
    case "date":
      return "2026-11-21"
    default:
      return "x"
  }
}

/** A filter with the columns that it pins. */
interface Filtering {
  readonly name: string
  readonly filter: Filter | null
  readonly pins: readonly string[]
}

const eq = (column: ColumnFacts): Filter => ({ op: "eq", field: column.key, value: sampleOf(column) })

function single(column: ColumnFacts): Filtering[] {
  const field = column.key
  const value = sampleOf(column)
  return [
    { name: field, filter: eq(column), pins: [field] },
    { name: `${field}[in]`, filter: { op: "in", field, values: [value as never] }, pins: [] },
    { name: `${field}[lt]`, filter: { op: "lt", field, value }, pins: [] },
    ...(column.nullable
      ? [{ name: `${field}[isNull]`, filter: { op: "isNull", field, value: true } as Filter, pins: [] }]
      : []),
  ]
}

/** Columns by which a policy or the tenant narrows a list down: ids of other records. */
function narrowing(model: Model): readonly ColumnFacts[] {
  return [...model.filter]
    .map((key) => model.columns.get(key) as ColumnFacts)
    .filter((column) => column.kind.type === "id")
}

/** No filter, each operator of each column, and each of them together with each column that narrows the list down. */
export function filterings(model: Model): readonly Filtering[] {
  const columns = [...model.filter].map((key) => model.columns.get(key) as ColumnFacts)
  const pairs = narrowing(model).flatMap((pin) =>
    columns
      .filter((column) => column !== pin)
      .flatMap(single)
      .map(
        ({ name, filter, pins }): Filtering => ({
          name: `${pin.key} ${name}`,
          filter: { op: "and", of: [eq(pin), filter as Filter] },
          pins: [pin.key, ...pins],
        }),
      ),
  )
  return [{ name: "nothing", filter: null, pins: [] }, ...columns.flatMap(single), ...pairs]
}

/** Columns that lead an index by themselves, or with the tenant before them, in the filter that enters it. */
function entries(model: Model): Filtering[] {
  const leads = (key: string) => model.indexes.some(({ columns }) => columns[0] === key)
  const tenant = model.tenant === null ? undefined : model.columns.get(model.tenant)
  return [...model.columns.values()].flatMap((column): Filtering[] => {
    if (column.key === "id" || column.kind.type === "json") return []
    if (leads(column.key)) return [{ name: column.key, filter: eq(column), pins: [] }]
    if (!model.filter.has(column.key) || !tenant) return []
    return [{ name: `${tenant.key} ${column.key}`, filter: { op: "and", of: [eq(tenant), eq(column)] }, pins: [] }]
  })
}

function behind(
  models: Models,
  model: Model,
  depth: number,
): readonly { name: string; filter: Filter; leads: boolean }[] {
  if (depth === 0) return []
  return [...model.relations].flatMap(([relation, { resource }]) => {
    const target = modelOf(models, resource)
    const entered = entries(target).map((one) => ({ ...one, leads: true }))
    const of = (name: string, filter: Filter | null, leads: boolean) => ({
      name: `some ${relation}(${name})`,
      filter: { op: "some", relation, of: filter } as const,
      leads,
    })
    const inner = [...entered, ...behind(models, target, depth - 1)]
    return [of("", null, false), ...inner.map((one) => of(one.name, one.filter, one.leads))]
  })
}

/**
 * What handlers may ask of related records, two relations deep: whether there are any, and whether there is one behind an index of theirs, which
 * then must lead to the rows. Under one tenant, where there are tenants.
 */
export function relatedFilterings(models: Models, model: Model): readonly Filtering[] {
  const tenant = model.tenant === null || model.tenant === "id" ? undefined : model.columns.get(model.tenant)
  return behind(models, model, 2).map(({ name, filter, leads }): Filtering => {
    const pins = leads && filter.op === "some" ? [keyOf(model, filter.relation)] : []
    if (!tenant) return { name, filter, pins }
    return {
      name: `${tenant.key} ${name}`,
      filter: { op: "and", of: [eq(tenant), filter] },
      pins: [tenant.key, ...pins],
    }
  })
}

/** The column of a record by which a relation leads to it. */
function keyOf(model: Model, relation: string): string {
  const { kind, column } = model.relations.get(relation) as Relation
  return kind === "one" ? column : "id"
}

/** Unique columns by which a handler may find a record. */
export function naturalKeys(model: Model): readonly ColumnFacts[] {
  const keys = model.indexes
    .filter(({ unique, columns }) => unique && columns.length === 1)
    .map(({ columns }) => columns[0])
  return [...model.columns.values()].filter(({ key }) => key !== "id" && keys.includes(key))
}

/** Each declared sort, in both directions. */
export function sorts(model: Model): readonly SortKey[] {
  return [...model.sort].flatMap((field) => [
    { field, descending: true },
    { field, descending: false },
  ])
}

/** Each relation, and each relation of those. */
export function expansions(models: Models, model: Model, depth: number): [string, Selection["expand"]][] {
  if (depth === 0) return []
  return [...model.relations].flatMap(([name, relation]) => {
    const target = modelOf(models, relation.resource)
    const side = { resource: target.name, fields: fieldNames(target), limit: 20 }
    const deeper = expansions(models, target, depth - 1).map(([path, expand]): [string, Selection["expand"]] => [
      `${name}.${path}`,
      { [name]: { ...side, expand } },
    ])
    return [[name, { [name]: { ...side, expand: {} } }] as [string, Selection["expand"]], ...deeper]
  })
}
