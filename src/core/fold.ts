/** What a policy says of a principal before any row is known: enough to turn away at the door who could never pass. */
import { type Model, type Models, modelOf } from "./model.ts"
import type { Action, Condition } from "./policy.ts"
import type { Principal } from "./principal.ts"

/** Whether some row could make a condition true, and whether some row could make it false. Neither: UNKNOWN for every row. */
interface Reach {
  readonly true: boolean
  readonly false: boolean
}

const known = (value: boolean): Reach => ({ true: value, false: !value })
const open: Reach = { true: true, false: true }
const unknown: Reach = { true: false, false: false }

/** Where a condition stands: `can` leads to another model's policy. null for an operation's own policy, which names no column. */
type Place = { readonly model: Model; readonly models: Models } | null

function reach(condition: Condition, principal: Principal, place: Place): Reach {
  switch (condition.kind) {
    case "always":
      return known(condition.value)
    case "signedIn":
      return known(principal.kind === "user")
    case "role":
      return known(principal.kind === "user" && principal.roles.includes(condition.role))
    case "not": {
      const inner = reach(condition.of, principal, place)
      return { true: inner.false, false: inner.true }
    }
    case "rule":
      return reach(condition.of, principal, place)
    case "all":
      return {
        true: condition.of.every((c) => reach(c, principal, place).true),
        false: condition.of.some((c) => reach(c, principal, place).false),
      }
    case "any":
      return {
        true: condition.of.some((c) => reach(c, principal, place).true),
        false: condition.of.every((c) => reach(c, principal, place).false),
      }
    case "compare":
      return condition.value.from === "principal" && !hasAttribute(principal, condition.value.attribute)
        ? unknown
        : open
    case "member":
    case "shared":
      return principal.kind === "user" ? open : unknown
    case "can":
      return inherited(condition.action, condition.column, principal, place)
    default:
      return open
  }
}

/** The parent's policy bounds what can be granted; an absent parent always refuses. The registry has refused circles. */
function inherited(action: Action, column: string, principal: Principal, place: Place): Reach {
  const relation = [...(place?.model.relations.values() ?? [])].find(
    (one) => one.kind === "one" && one.column === column,
  )
  if (!place || !relation) return open
  const model = modelOf(place.models, relation.resource)
  return { true: reach(model.policy[action], principal, { ...place, model }).true, false: true }
}

function hasAttribute(principal: Principal, attribute: string): boolean {
  return principal.kind === "user" && (attribute === "id" || principal.attributes?.[attribute] !== undefined)
}

/** False when no row of the model could ever let this principal pass. The system always passes. */
export function couldPass(condition: Condition, principal: Principal, place: Place): boolean {
  return principal.kind === "system" || reach(condition, principal, place).true
}

/** True when the condition needs no row to be decided: what an operation's own policy must be. */
export function needsNoRow(condition: Condition): boolean {
  if (condition.kind === "all" || condition.kind === "any") return condition.of.every(needsNoRow)
  if (condition.kind === "not" || condition.kind === "rule") return needsNoRow(condition.of)
  return condition.kind === "always" || condition.kind === "signedIn" || condition.kind === "role"
}
