/**
 * What the names in a policy stand for: columns, parents, grants, attributes of the principal. Names were checked when the registry was
 * built; one that is unknown here throws an Error rather than deciding anything.
 */
import type { ColumnFacts } from "../core/column.ts"
import { type Model, type Models, modelOf } from "../core/model.ts"
import type { Principal, Scalar } from "../core/principal.ts"
import type { Grants } from "../core/resource.ts"

/** The column that a property name stands for, secret ones included. */
export function columnOf(model: Model, key: string): ColumnFacts {
  const column = model.columns.get(key) ?? model.secrets.get(key)
  if (!column) throw new Error(`Resource ${model.name} has no column ${key}`)
  return column
}

/** The model of the record that a column names, by the `one` relation over it. */
export function parentOf(models: Models, model: Model, column: string): Model {
  for (const relation of model.relations.values()) {
    if (relation.kind === "one" && relation.column === column) return modelOf(models, relation.resource)
  }
  throw new Error(`Resource ${model.name} has no one() relation over ${column}`)
}

/** The memberships of a resource's records. */
export function membersOf(models: Models, resource: string): Grants {
  const members = modelOf(models, resource).members
  if (!members) throw new Error(`Resource ${resource} declares no members`)
  return members
}

/** The shares of a model's records. */
export function sharesOf(model: Model): Grants {
  if (!model.shares) throw new Error(`Resource ${model.name} declares no shares`)
  return model.shares
}

/** A fact of the principal: `id`, or one of a user's attributes. Undefined when there is none; a prototype's property is none. */
export function attributeOf(principal: Principal, name: string): Scalar | undefined {
  if (principal.kind !== "user") return undefined
  if (name === "id") return principal.id
  return principal.attributes && Object.hasOwn(principal.attributes, name) ? principal.attributes[name] : undefined
}
