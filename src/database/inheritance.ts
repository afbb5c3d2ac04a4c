/** What a child has from its parent, where the parent is read already: rights that inherit, and the tenant. Refuses nothing. */
import { allows, fieldReadable, type PredicateScope } from "../authorization/sql.ts"
import type { Condition } from "../core/policy.ts"
import type { Relation } from "../core/resource.ts"
import { servingColumns } from "./index-choice.ts"
import { keysOf } from "./keyset.ts"
import { columnSql, rowTest } from "./wire.ts"

/** The condition, given that the record which `column` names may be read. */
function assumeReadable(condition: Condition, column: string): Condition {
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

/**
 * The tests by which the rows under `inner` are children of the row under `scope` and may be seen by the reader, or null when none may.
 * The parent was read under its own policy, so what inherits from it is decided already.
 */
export function childTests(relation: Relation, inner: PredicateScope, scope: PredicateScope): string[] | null {
  const { model } = inner
  const column = model.columns.get(relation.column)
  if (column === undefined) throw new Error(`${model.name} has no column ${relation.column}`)
  const inherits = [...model.relations.values()].some(
    (back) => back.kind === "one" && back.column === relation.column && back.resource === scope.model.name,
  )
  const parentId = `${scope.alias}."id"`
  const policy = inherits ? assumeReadable(model.policy.read, relation.column) : model.policy.read
  const visible = allows(policy, { ...inner, substitute: new Map([[relation.column, parentId]]) })
  // A child that keeps its parent's id from the reader must not be found or counted through the parent.
  const readable = fieldReadable(relation.column, inner)
  if (visible === false || readable === false) return null
  const tests = [`${columnSql(inner.alias, column)} = ${parentId}`, ...tenantTest(inner, relation, scope)]
  if (visible !== true) tests.push(rowTest(visible))
  if (readable !== true) tests.push(rowTest(readable))
  return tests
}

/** Where only the index that the tenant leads serves, and child and parent are known to be of one tenant, the tenant is named too. */
function tenantTest(inner: PredicateScope, relation: Relation, scope: PredicateScope): string[] {
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
