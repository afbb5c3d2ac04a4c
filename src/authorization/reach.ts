/**
 * What a read policy reaches: every condition that decides who sees a record and which of its fields, in the record itself and, by `can`, in the
 * records above it. From it follows what has to be known to judge a record in memory, and whether that can be known at all.
 */
import type { Model, Models } from "../core/model.ts"
import { type Action, type Condition, walk } from "../core/policy.ts"
import { columnOf, membersOf, parentOf, sharesOf } from "./vocabulary.ts"

/** One condition, and the model whose record it is about. */
export interface Reached {
  readonly model: Model
  readonly condition: Condition
}

/** Every condition that decides about reading a record of the model, those of inherited policies included; each once. */
export function reached(models: Models, model: Model): readonly Reached[] {
  const found: Reached[] = []
  const seen = new Set<string>()
  const visit = (of: Model, root: Condition): void => {
    for (const condition of walk(root)) {
      found.push({ model: of, condition })
      if (condition.kind === "can") enter(parentOf(models, of, condition.column), condition.action)
    }
  }
  const enter = (of: Model, action: Action): void => {
    const key = `${of.name} ${action}`
    if (seen.has(key)) return
    seen.add(key)
    visit(of, of.policy[action])
  }
  enter(model, "read")
  for (const rule of Object.values(model.fields)) if (rule.read) visit(model, rule.read)
  return found
}

/** Grants that a principal may hold, by what declares them. */
export interface GrantLookup {
  readonly kind: "members" | "shares"
  /** The resource whose records are granted. */
  readonly of: string
  /** The resource whose rows are the grants. */
  readonly resource: string
}

/** What a judgement stands on, beside the record. */
export interface Dependencies {
  readonly lookups: readonly GrantLookup[]
  /** Resources whose rows are those grants. */
  readonly grants: ReadonlySet<string>
  /** Resources of the records above, and those of their columns that decide. */
  readonly parents: ReadonlyMap<string, ReadonlySet<string>>
}

const known = new WeakMap<Models, Map<string, Dependencies>>()

/** The columns of the record itself that a condition looks at. */
function columnsOf(condition: Condition): readonly string[] {
  switch (condition.kind) {
    case "compare":
    case "in":
    case "null":
    case "member":
    case "can":
      return [condition.column]
    default:
      return []
  }
}

function dependencies(models: Models, model: Model): Dependencies {
  const lookups = new Map<string, GrantLookup>()
  const parents = new Map<string, Set<string>>()
  for (const { model: of, condition } of reached(models, model)) {
    if (condition.kind === "member") {
      const { resource } = membersOf(models, condition.resource)
      lookups.set(`members ${condition.resource}`, { kind: "members", of: condition.resource, resource })
    }
    if (condition.kind === "shared")
      lookups.set(`shares ${of.name}`, { kind: "shares", of: of.name, resource: sharesOf(of).resource })
    if (condition.kind === "can") {
      const parent = parentOf(models, of, condition.column)
      if (!parents.has(parent.name)) parents.set(parent.name, new Set())
    }
  }
  for (const { model: of, condition } of reached(models, model))
    for (const column of columnsOf(condition)) parents.get(of.name)?.add(column)
  const list = [...lookups.values()]
  return { lookups: list, grants: new Set(list.map(({ resource }) => resource)), parents }
}

/** What judgements of a model's records depend on. Worked out once. */
export function dependenciesOf(models: Models, model: Model): Dependencies {
  let byName = known.get(models)
  if (!byName) known.set(models, (byName = new Map()))
  let found = byName.get(model.name)
  if (!found) byName.set(model.name, (found = dependencies(models, model)))
  return found
}

/**
 * Why records of the model cannot be judged from the log; null when they can. Time passes without an event, and personal and secret columns
 * stand in none, so a policy that reads them would let a watcher miss that a record came or went.
 */
export function unwatchable(models: Models, model: Model): string | null {
  for (const { model: of, condition } of reached(models, model)) {
    if (condition.kind === "compare" && condition.value.from === "now")
      return `the policy of ${of.name} reads the clock, and time passes without an event`
    for (const column of columnsOf(condition)) {
      const { personal, secret } = columnOf(of, column)
      if (personal || secret)
        return `the policy of ${of.name} reads ${column}, which is ${secret ? "secret" : "personal"} and stands in no event`
    }
  }
  return null
}
