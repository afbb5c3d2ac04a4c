/** Which resources a policy looks at: whoever writes none of them cannot change its answer. */
import { type Model, type Models, modelOf } from "./model.ts"
import { type Action, type Condition, walk } from "./policy.ts"

/**
 * The names of the resources whose rows decide about `action` on a record, the record's own among them.
 * @param seen resources and actions on the way here, so that policies that inherit from each other end
 */
export function resourcesRead(
  models: Models,
  model: Model,
  action: Action,
  seen = new Set<string>(),
): ReadonlySet<string> {
  const step = `${model.name} ${action}`
  if (seen.has(step)) return new Set([model.name])
  seen.add(step)
  return conditionReads(models, model, model.policy[action], seen)
}

/** The same for a condition on a record of `model`. */
export function conditionReads(
  models: Models,
  model: Model,
  condition: Condition,
  seen = new Set<string>(),
): ReadonlySet<string> {
  const reach = new Set([model.name])
  for (const node of walk(condition)) {
    if (node.kind === "member") {
      const grants = modelOf(models, node.resource).members
      if (grants) reach.add(grants.resource)
    }
    if (node.kind === "shared" && model.shares) reach.add(model.shares.resource)
    if (node.kind !== "can") continue
    for (const relation of model.relations.values()) {
      if (relation.kind !== "one" || relation.column !== node.column) continue
      for (const name of resourcesRead(models, modelOf(models, relation.resource), node.action, seen)) reach.add(name)
    }
  }
  return reach
}
