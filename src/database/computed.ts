/**
 * Computed fields: a sub-select by the relation's index, of related records that the reader may see. Nothing is stored, so nothing can be out
 * of date. Refuses nothing: the registry has checked the declaration.
 */
import { allows, fieldReadable, type PredicateScope } from "../authorization/sql.ts"
import { quote } from "../authorization/statement.ts"
import { modelOf } from "../core/model.ts"
import type { Computed } from "../core/resource.ts"
import { assumeReadable, tenantTest } from "./inheritance.ts"
import { columnSql, rowTest } from "./wire.ts"

/** The SQL of a computed field of the row under `scope.alias`: a whole number, or 1 and 0. */
export function computedSql(computed: Computed, scope: PredicateScope): string {
  const relation = scope.model.relations.get(computed.relation)
  if (relation === undefined) throw new Error(`${scope.model.name} has no relation ${computed.relation}`)
  const { models, parameters, principal } = scope
  const model = modelOf(models, relation.resource)
  const inner: PredicateScope = { models, parameters, principal, model, alias: `${scope.alias}_c` }
  const column = model.columns.get(relation.column)
  if (column === undefined) throw new Error(`${model.name} has no column ${relation.column}`)
  const inherits = [...model.relations.values()].some(
    (back) => back.kind === "one" && back.column === relation.column && back.resource === scope.model.name,
  )
  const visible = allows(inherits ? assumeReadable(model.policy.read, relation.column) : model.policy.read, inner)
  const wanted = computed.where === null ? true : allows(computed.where, inner)
  // A child that keeps its parent's id from the reader must not be counted through the parent.
  const readable = fieldReadable(relation.column, inner)
  if (visible === false || wanted === false || readable === false) return "0"
  const tests = [`${columnSql(inner.alias, column)} = ${scope.alias}."id"`, ...tenantTest(inner, relation, scope)]
  if (wanted !== true) tests.push(wanted)
  if (visible !== true) tests.push(rowTest(visible))
  if (readable !== true) tests.push(rowTest(readable))
  const rows = `from ${quote(model.table)} as ${inner.alias} where ${tests.join(" and ")}`
  return computed.kind === "count" ? `(select count(*) ${rows})` : `(exists (select 1 ${rows}))`
}
