/** What the makers of fields share, and what they all ask of a registry. */
import type { GraphQLFieldConfig, GraphQLResolveInfo } from "graphql"
import type { JsonObject } from "../../core/json.ts"
import type { Model } from "../../core/model.ts"
import type { Registry } from "../../core/registry.ts"
import type { Field, Shape } from "../../core/shape.ts"
import { typeName } from "../../core/type-name.ts"
import type { Filters } from "./filters.ts"
import { type Wanted, wantedOf } from "./selection.ts"
import type { Types } from "./types.ts"
import type { Visit } from "./visit.ts"

/** A field of a root. */
export type RootField = GraphQLFieldConfig<unknown, Visit>

/** What they share. */
export interface Building {
  readonly registry: Registry
  readonly types: Types
  readonly filters: Filters
}

/** The fields of an object; none of anything else. */
export const fieldsOf = (shape: Shape): readonly Field[] => (shape.type === "object" ? shape.fields : [])

/** The fields of a model's record, by whatever operation shows one. */
export function recordShape(registry: Registry, model: Model): Shape | null {
  const own = (verb: string) => registry.operations.get(`${model.name}.${verb}`)
  for (const verb of ["get", "create", "update"]) {
    const operation = own(verb)
    if (operation?.standard) return operation.outputType.shape
  }
  const items = fieldsOf(own("list")?.outputType.shape ?? { type: "json" }).find(({ name }) => name === "items")?.shape
  if (items?.type === "list") return items.item
  // Its records may stand in the answers of operations that somebody wrote.
  for (const { outputType } of registry.operations.values()) {
    const { shape } = outputType
    if (shape.type === "object" && shape.name === typeName(model)) return shape
  }
  return null
}

/** An input without what was not given. */
export const without = (object: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as JsonObject

/**
 * What is wanted of a model's record.
 * @param nodes fields whose selections are of the record
 */
export const wanted = (
  { registry, types }: Building,
  model: Model,
  nodes: GraphQLResolveInfo["fieldNodes"],
  info: GraphQLResolveInfo,
): Wanted => wantedOf(registry.models, model, nodes, info, (one) => types.recordOf(one))
