/** One record: the shape of a get becomes one SQL statement. Refuses a key that does not exist or may not be read in every row. */
import { allows } from "../authorization/sql.ts"
import { quote } from "../authorization/statement.ts"
import type { Models } from "../core/model.ts"
import type { GetPlan } from "../core/plan.ts"
import type { Principal } from "../core/principal.ts"
import type { RawRow } from "./client.ts"
import { type Compiled, compiled, rootScope } from "./compiled.ts"
import { expandPieces, expandShape } from "./expand.ts"
import { decidingColumn } from "./filter.ts"
import { assemble, columnPieces, type Projection } from "./projection.ts"
import { columnSql, rowTest } from "./wire.ts"

/** One record by id. The id is the caller's value 0. */
export interface CompiledGet extends Compiled {
  decode(row: RawRow): ReturnType<Projection["decode"]>
}

/** The part of a cache key that a get is: all that its statement depends on but the principal. */
export function getShape({ resource, key, fields, expand }: GetPlan): string {
  return `${resource}|${key ?? ""}|${fields.join(",")}|${expandShape(expand)}`
}

/** The statement of a get, or null when the principal may read no row of the resource. */
export function compileGet(plan: GetPlan, principal: Principal, models: Models): CompiledGet | null {
  const scope = rootScope(plan.resource, principal, models)
  const id = scope.parameters.add({ from: "value", index: 0 })
  const visible = allows(scope.model.policy.read, { ...scope, one: true })
  if (visible === false) return null
  const projection = assemble([...columnPieces(plan.fields, scope), ...expandPieces(plan.expand, scope)])
  const test = visible === true ? "" : ` and ${rowTest(visible)}`
  const by = plan.key === undefined ? 't."id"' : columnSql("t", decidingColumn(plan.key, scope, `/${plan.key}`))
  const sql = `select ${projection.select || "1"} from ${quote(scope.model.table)} as t where ${by} = ${id}${test}`
  return { ...compiled(sql, scope.parameters.slots), decode: projection.decode }
}
