/** Policies that inherit from a parent, where the parent was read already. */
import type { Condition } from "../core/policy.ts"

/** The condition, given that the record which `column` names may be read. */
export function assumeReadable(condition: Condition, column: string): Condition {
  switch (condition.kind) {
    case "all":
    case "any":
      return { kind: condition.kind, of: condition.of.map((child) => assumeReadable(child, column)) }
    case "not":
      return { kind: "not", of: assumeReadable(condition.of, column) }
    case "rule":
      return { kind: "rule", name: condition.name, of: assumeReadable(condition.of, column) }
    case "can":
      return condition.action === "read" && condition.column === column ? { kind: "always", value: true } : condition
    default:
      return condition
  }
}
