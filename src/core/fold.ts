/** What a policy says of a principal before any row is known: enough to turn away at the door who could never pass. */
import type { Condition } from "./policy.ts"
import type { Principal } from "./principal.ts"

/** Whether some row could make a condition true, and whether some row could make it false. Neither: UNKNOWN for every row. */
interface Reach {
  readonly true: boolean
  readonly false: boolean
}

const known = (value: boolean): Reach => ({ true: value, false: !value })
const open: Reach = { true: true, false: true }
const unknown: Reach = { true: false, false: false }

function reach(condition: Condition, principal: Principal): Reach {
  switch (condition.kind) {
    case "always":
      return known(condition.value)
    case "signedIn":
      return known(principal.kind === "user")
    case "role":
      return known(principal.kind === "user" && principal.roles.includes(condition.role))
    case "not": {
      const inner = reach(condition.of, principal)
      return { true: inner.false, false: inner.true }
    }
    case "rule":
      return reach(condition.of, principal)
    case "all":
      return {
        true: condition.of.every((c) => reach(c, principal).true),
        false: condition.of.some((c) => reach(c, principal).false),
      }
    case "any":
      return {
        true: condition.of.some((c) => reach(c, principal).true),
        false: condition.of.every((c) => reach(c, principal).false),
      }
    case "compare":
      return condition.value.from === "principal" && !hasAttribute(principal, condition.value.attribute)
        ? unknown
        : open
    case "member":
    case "shared":
      return principal.kind === "user" ? open : unknown
    default:
      return open
  }
}

function hasAttribute(principal: Principal, attribute: string): boolean {
  return principal.kind === "user" && (attribute === "id" || principal.attributes?.[attribute] !== undefined)
}

/** False when no row could ever let this principal pass. The system always passes. */
export function couldPass(condition: Condition, principal: Principal): boolean {
  return principal.kind === "system" || reach(condition, principal).true
}

/** True when the condition needs no row to be decided: what an operation's own policy must be. */
export function needsNoRow(condition: Condition): boolean {
  if (condition.kind === "all" || condition.kind === "any") return condition.of.every(needsNoRow)
  if (condition.kind === "not" || condition.kind === "rule") return needsNoRow(condition.of)
  return condition.kind === "always" || condition.kind === "signedIn" || condition.kind === "role"
}
