/**
 * Computed fields: a sub-select by the relation's index, of related records that the reader may see. Nothing is stored, so nothing can be out
 * of date. Refuses nothing: the registry has checked the declaration.
 */
import { allows, type PredicateScope } from "../authorization/sql.ts"
import { quote } from "../authorization/statement.ts"
import { modelOf } from "../core/model.ts"
import type { Computed } from "../core/resource.ts"
import { childTests } from "./inheritance.ts"

/** The SQL of a computed field of the row under `scope.alias`: a whole number, or 1 and 0. */
export function computedSql(computed: Computed, scope: PredicateScope): string {
  const relation = scope.model.relations.get(computed.relation)
  if (relation === undefined) throw new Error(`${scope.model.name} has no relation ${computed.relation}`)
  const { models, parameters, principal } = scope
  const model = modelOf(models, relation.resource)
  const inner: PredicateScope = { models, parameters, principal, model, alias: `${scope.alias}_c` }
  const tests = childTests(relation, inner, scope)
  const wanted = computed.where === null ? true : allows(computed.where, inner)
  if (tests === null || wanted === false) return "0"
  if (wanted !== true) tests.push(wanted)
  const rows = `from ${quote(model.table)} as ${inner.alias} where ${tests.join(" and ")}`
  return computed.kind === "count" ? `(select count(*) ${rows})` : `(exists (select 1 ${rows}))`
}
