/** What a child has from its parent, where the parent is read already: rights that inherit, and the tenant. Refuses nothing. */
import type { PredicateScope } from "../authorization/sql.ts"
import type { Condition } from "../core/policy.ts"
import type { Relation } from "../core/resource.ts"
import { servingColumns } from "./index-choice.ts"
import { keysOf } from "./keyset.ts"
import { columnSql } from "./wire.ts"

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

/** Where only the index that the tenant leads serves, and child and parent are known to be of one tenant, the tenant is named too. */
export function tenantTest(inner: PredicateScope, relation: Relation, scope: PredicateScope): string[] {
  const { model } = inner
  const keys = keysOf(model, [{ field: "createdAt", descending: true }])
  if (model.tenant === null || scope.model.tenant === null || servingColumns(model, [relation.column], keys)) return []
  const stamp = model.fields[model.tenant]?.stamp
  const follows = stamp?.from === "parent" && stamp.column === relation.column && stamp.field === scope.model.tenant
  const mine = model.columns.get(model.tenant)
  const theirs = scope.model.columns.get(scope.model.tenant)
  if (!follows || !mine || !theirs) return []
  return [`${columnSql(inner.alias, mine)} = ${columnSql(scope.alias, theirs)}`]
}
