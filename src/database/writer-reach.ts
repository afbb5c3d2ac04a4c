/** Which resources a policy looks at: whoever writes none of them cannot change its answer. */
import { type Model, type Models, modelOf } from "../core/model.ts"
import { type Action, walk } from "../core/policy.ts"

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
  const reach = new Set([model.name])
  const step = `${model.name} ${action}`
  if (seen.has(step)) return reach
  seen.add(step)
  for (const node of walk(model.policy[action])) {
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
