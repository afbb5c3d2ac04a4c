/**
 * Explanations: how a decision about one row came to be. The trace names conditions and outcomes, never a value of the row; the SQL, the
 * indexes and the rows read are added where the database is.
 */
import type { Condition, Value } from "../core/policy.ts"
import { type Facts, joined, leafOutcome, negated, type Outcome, parentFacts } from "./memory.ts"

/** One condition of the tree, with its outcome. */
export interface Trace {
  /** The condition in words: `status eq "open"`, `member of projects by projectId`. */
  readonly condition: string
  /** Name of the rule, for a named one. */
  readonly rule: string | null
  readonly outcome: "true" | "false" | "unknown"
  readonly of: readonly Trace[]
}

/** A decision and what it stands on. */
export interface Explanation {
  /** True only for the outcome TRUE. */
  readonly allowed: boolean
  readonly outcome: "true" | "false" | "unknown"
  /** The innermost named rule that decided, or null when none is named on the way. */
  readonly rule: string | null
  /** The condition that decided; an `all` or `any` when its parts decided together. */
  readonly condition: string
  readonly tree: Trace
}

/** The whole tree with each node's outcome, nothing skipped, and which rule decided. The system passes before any rule is asked. */
export function trace(condition: Condition, facts: Facts): Explanation {
  if (facts.principal.kind === "system") {
    const tree: Trace = { condition: "the system passes", rule: null, outcome: "true", of: [] }
    return { allowed: true, outcome: "true", rule: null, condition: tree.condition, tree }
  }
  const { tree } = visit(condition, facts)
  return { allowed: tree.outcome === "true", outcome: tree.outcome, ...decider(tree, null), tree }
}

interface Visited {
  readonly outcome: Outcome
  readonly tree: Trace
}

function visit(condition: Condition, facts: Facts): Visited {
  const node = (outcome: Outcome, of: readonly Visited[] = []): Visited => ({
    outcome,
    tree: {
      condition: describe(condition),
      rule: condition.kind === "rule" ? condition.name : null,
      outcome: outcome === null ? "unknown" : outcome ? "true" : "false",
      of: of.map((child) => child.tree),
    },
  })
  switch (condition.kind) {
    case "all":
    case "any": {
      const children = condition.of.map((child) => visit(child, facts))
      return node(
        joined(
          condition.kind,
          children.map((child) => child.outcome),
        ),
        children,
      )
    }
    case "not": {
      const child = visit(condition.of, facts)
      return node(negated(child.outcome), [child])
    }
    case "rule": {
      const child = visit(condition.of, facts)
      return node(child.outcome, [child])
    }
    case "can": {
      const above = parentFacts(condition.column, facts)
      if (!above) return node(above)
      const child = visit(above.model.policy[condition.action], above)
      return node(child.outcome, [child])
    }
    default:
      return node(leafOutcome(condition, facts))
  }
}

/** Down the tree, as long as one child alone explains the outcome: the first true of an `any`, the first false of an `all`. */
function decider(tree: Trace, rule: string | null): { rule: string | null; condition: string } {
  const named = tree.rule ?? rule
  const [only, second] = tree.of
  const alone =
    tree.condition === "all of" ? tree.outcome !== "true" : tree.condition === "any of" && tree.outcome !== "false"
  const next = second === undefined ? only : alone ? tree.of.find((child) => child.outcome === tree.outcome) : undefined
  return next ? decider(next, named) : { rule: named, condition: tree.condition }
}

function describe(condition: Condition): string {
  switch (condition.kind) {
    case "always":
      return condition.value ? "anyone" : "nobody"
    case "all":
    case "any":
      return `${condition.kind} of`
    case "not":
      return "not"
    case "compare":
      return `${condition.column} ${condition.op} ${describeValue(condition.value)}`
    case "in":
      return `${condition.column} in ${JSON.stringify(condition.values)}`
    case "null":
      return `${condition.column} is null`
    case "signedIn":
      return "signed in"
    case "role":
      return `role ${condition.role}`
    case "member":
      return `member of ${condition.resource} by ${condition.column}${condition.role === null ? "" : `, at least ${condition.role}`}`
    case "shared":
      return `shared, at least ${condition.level}`
    case "can":
      return `can ${condition.action} the record that ${condition.column} names`
    case "rule":
      return `rule ${condition.name}`
  }
}

function describeValue(value: Value): string {
  if (value.from === "literal") return JSON.stringify(value.value)
  return value.from === "now" ? "now" : `the principal's ${value.attribute}`
}
