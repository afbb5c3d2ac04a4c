/**
 * The second interpreter of policies: a condition about a row that is in memory, for live delivery and explanations. Kleene's logic: true,
 * false, or null for UNKNOWN; what is absent is UNKNOWN, and only true grants. It agrees with the SQL of `sql.ts`, case by case.
 */
import type { Model, Models } from "../core/model.ts"
import type { Comparison, Condition, Value } from "../core/policy.ts"
import type { Row } from "../core/ports.ts"
import { hasRole, type Principal, type Scalar } from "../core/principal.ts"
import type { Grants } from "../core/resource.ts"
import { rolesAtLeast } from "./roles.ts"
import { comparandOf, compareStored, storedValue } from "./value.ts"
import { attributeOf, columnOf, membersOf, parentOf, sharesOf } from "./vocabulary.ts"

/** True, false, or null for UNKNOWN. */
export type Outcome = boolean | null

/** What is known when a decision is made in memory. */
export interface Facts {
  readonly models: Models
  /** The model that `row` belongs to. */
  readonly model: Model
  readonly principal: Principal
  /** Instant of the call. */
  readonly now: Date
  /** The row in wire values. A property that is missing (a masked field) is UNKNOWN, `isNull` included. */
  readonly row: Readonly<Row>
  /** The principal's highest role in a record of `resource`, by its members or its shares; null when it has none. */
  grants(kind: "members" | "shares", resource: string, recordId: string): string | null
  /** A record of `resource`, whatever the principal may see; null when there is none. */
  parent(resource: string, id: string): Readonly<Row> | null
}

const holds: Record<Comparison, (order: number) => boolean> = {
  eq: (order) => order === 0,
  ne: (order) => order !== 0,
  lt: (order) => order < 0,
  lte: (order) => order <= 0,
  gt: (order) => order > 0,
  gte: (order) => order >= 0,
}

/** Whether the condition holds for the principal and the row; null when that is UNKNOWN. The system passes everything. */
export function evaluate(condition: Condition, facts: Facts): Outcome {
  return facts.principal.kind === "system" ? true : outcome(condition, facts)
}

function outcome(condition: Condition, facts: Facts): Outcome {
  switch (condition.kind) {
    case "all":
    case "any":
      return joined(
        condition.kind,
        condition.of.map((child) => outcome(child, facts)),
      )
    case "not":
      return negated(outcome(condition.of, facts))
    case "rule":
      return outcome(condition.of, facts)
    case "can": {
      const above = parentFacts(condition.column, facts)
      return above ? outcome(above.model.policy[condition.action], above) : above
    }
    default:
      return leafOutcome(condition, facts)
  }
}

/** Kleene's AND (`all`) and OR (`any`). */
export function joined(kind: "all" | "any", outcomes: readonly Outcome[]): Outcome {
  const decisive = kind === "any"
  if (outcomes.includes(decisive)) return decisive
  return outcomes.includes(null) ? null : !decisive
}

/** Kleene's NOT. */
export function negated(outcome: Outcome): Outcome {
  return outcome === null ? null : !outcome
}

/** The facts one record up, for `can`: null when the column is NULL or absent (UNKNOWN), false when there is no such record. */
export function parentFacts(column: string, facts: Facts): Facts | null | false {
  const id = wireText(facts.row[column])
  if (id === null) return null
  const model = parentOf(facts.models, facts.model, column)
  const row = facts.parent(model.name, id)
  return row ? { ...facts, model, row } : false
}

/** The outcome of a condition that holds no other. */
export function leafOutcome(
  condition: Exclude<Condition, { kind: "all" | "any" | "not" | "rule" | "can" }>,
  facts: Facts,
): Outcome {
  switch (condition.kind) {
    case "always":
      return condition.value
    case "signedIn":
      return facts.principal.kind === "user"
    case "role":
      return hasRole(facts.principal, condition.role)
    case "compare":
      return compared(condition.column, condition.op, factOf(condition.value, facts), facts)
    case "in":
      return joined(
        "any",
        condition.values.map((value) => compared(condition.column, "eq", value, facts)),
      )
    case "null": {
      const value = facts.row[condition.column]
      return value === undefined ? null : value === null
    }
    case "member":
      return granted(
        "members",
        condition.resource,
        membersOf(facts.models, condition.resource),
        condition.role,
        condition.column,
        facts,
      )
    case "shared":
      return granted("shares", facts.model.name, sharesOf(facts.model), condition.level, "id", facts)
  }
}

/** A scalar, an instant, or undefined when the principal has no such attribute. */
function factOf(value: Value, facts: Facts): Scalar | Date | undefined {
  switch (value.from) {
    case "literal":
      return value.value
    case "principal":
      return attributeOf(facts.principal, value.attribute)
    case "now":
      return facts.now
  }
}

function compared(column: string, op: Comparison, value: Scalar | Date | undefined, facts: Facts): Outcome {
  const as = comparandOf(columnOf(facts.model, column).kind)
  if (as === null) return null
  const left = storedValue(as, facts.row[column])
  const right = storedValue(as, value instanceof Date ? value.toISOString() : value)
  return left === null || right === null ? null : holds[op](compareStored(as, left, right))
}

function granted(
  kind: "members" | "shares",
  resource: string,
  grants: Grants,
  role: string | null,
  column: string,
  facts: Facts,
): Outcome {
  const id = wireText(facts.row[column])
  if (id === null || attributeOf(facts.principal, "id") === undefined) return null
  const held = facts.grants(kind, resource, id)
  return held !== null && rolesAtLeast(grants, role).includes(held)
}

function wireText(value: unknown): string | null {
  return typeof value === "string" ? value : null
}
