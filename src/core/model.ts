/** A resource compiled: what the planner, the writer, the interpreters and the doors read. Made by the registry, checked, immutable. */
import { getTableName } from "drizzle-orm"
import { getTableConfig, type SQLiteTable } from "drizzle-orm/sqlite-core"
import { type CacheRule, cacheRule } from "./caching.ts"
import { type ColumnFacts, columnFacts } from "./column.ts"
import type { FieldLifecycle } from "./lifecycle.ts"
import type { Policy } from "./policy.ts"
import {
  type Computed,
  type FieldRule,
  type Grants,
  type Relation,
  type Resource,
  type StandardVerb,
  standardVerbs,
} from "./resource.ts"

/** An index of the table, by property names; the implicit ones of PRIMARY KEY and UNIQUE are among them. */
export interface IndexFacts {
  readonly name: string
  readonly columns: readonly string[]
  readonly unique: boolean
}

/** A compiled resource. */
export interface Model {
  readonly name: string
  /** Name of the table in SQL, unquoted. */
  readonly table: string
  readonly idPrefix: string
  /** Every column but internal and secret ones, in declaration order. */
  readonly columns: ReadonlyMap<string, ColumnFacts>
  /** Property names of secret columns: written by handlers only, never read. */
  readonly secrets: ReadonlyMap<string, ColumnFacts>
  /** Property name of the tenant's column; null for `tenant: "none"`. */
  readonly tenant: string | null
  readonly policy: Policy
  readonly fields: Readonly<Record<string, FieldRule>>
  readonly relations: ReadonlyMap<string, Relation>
  readonly computed: ReadonlyMap<string, Computed>
  readonly members: Grants | null
  readonly shares: Grants | null
  readonly filter: ReadonlySet<string>
  readonly sort: ReadonlySet<string>
  readonly search: readonly string[]
  readonly indexes: readonly IndexFacts[]
  readonly verbs: ReadonlySet<StandardVerb>
  /** How long its answers are kept for everybody; null: not at all. */
  readonly cache: CacheRule | null
  readonly resource: Resource
}

/** Everything that a record may show, columns first. */
export function fieldNames(model: Model): readonly string[] {
  return [...model.columns.keys(), ...model.computed.keys()]
}

/** What is declared of the life of a column, a computed field or a relation. */
export function lifecycleOf({ fields, computed, relations }: Model, key: string): FieldLifecycle | undefined {
  return fields[key] ?? computed.get(key) ?? relations.get(key)
}

/** All models by resource name. */
export type Models = ReadonlyMap<string, Model>

function indexesOf(table: SQLiteTable, keys: ReadonlyMap<string, string>): IndexFacts[] {
  const config = getTableConfig(table)
  const keyOf = (column: unknown): string => keys.get((column as { name?: string }).name ?? "") ?? "?"
  const declared = config.indexes.map((index) => ({
    name: index.config.name,
    columns: index.config.columns.map(keyOf),
    unique: index.config.unique,
  }))
  const single = config.columns
    .filter((column) => column.isUnique || column.primary)
    .map((column) => ({ name: `${config.name}_${column.name}`, columns: [keyOf(column)], unique: true }))
  const composite = [...config.primaryKeys, ...config.uniqueConstraints].map((constraint, n) => ({
    name: `${config.name}_key_${n}`,
    columns: constraint.columns.map(keyOf),
    unique: true,
  }))
  return [...declared, ...single, ...composite]
}

/** Compiles one resource. Throws an Error that names the resource and the cure when a column cannot travel. */
export function compileModel(resource: Resource): Model {
  const config = getTableConfig(resource.table)
  const entries = Object.entries(resource.table).filter(([, value]) => config.columns.includes(value as never))
  const facts = entries.map(([key, column]) => columnFacts(key, column as never))
  const idColumn = facts.find((column) => column.key === "id")
  if (idColumn?.kind.type !== "id" || !facts.some((column) => column.internal)) {
    throw new Error(`Resource ${resource.name}: its table lacks the columns of record("prefix"); spread them first`)
  }
  return {
    name: resource.name,
    table: getTableName(resource.table),
    idPrefix: idColumn.kind.prefix,
    columns: new Map(facts.filter((c) => !c.internal && !c.secret).map((c) => [c.key, c])),
    secrets: new Map(facts.filter((c) => c.secret).map((c) => [c.key, c])),
    tenant: resource.tenant === "none" ? null : resource.tenant,
    policy: resource.policy,
    fields: (resource.fields ?? {}) as Readonly<Record<string, FieldRule>>,
    relations: new Map(Object.entries(resource.relations ?? {})),
    computed: new Map(Object.entries(resource.computed ?? {})),
    members: resource.members ?? null,
    shares: resource.shares ?? null,
    filter: new Set(resource.filter ?? []),
    sort: new Set(["createdAt", ...(resource.sort ?? [])]),
    search: resource.search ?? [],
    indexes: indexesOf(resource.table, new Map(facts.map((c) => [c.name, c.key]))),
    verbs: new Set(resource.operations ?? standardVerbs),
    cache: resource.cache ? cacheRule(`Resource ${resource.name}`, resource.cache) : null,
    resource,
  }
}

/** The model, or a thrown Error: names that reach this were checked when the registry was built. */
export function modelOf(models: Models, name: string): Model {
  const model = models.get(name)
  if (!model) throw new Error(`No resource is named ${name}`)
  return model
}
