/** Whether an action on one record is allowed, as a statement: a row comes back exactly when the policy's rule is TRUE. Refuses nothing. */
import { allows, type Predicate } from "../authorization/sql.ts"
import { quote } from "../authorization/statement.ts"
import type { Models } from "../core/model.ts"
import type { Action } from "../core/policy.ts"
import type { Principal } from "../core/principal.ts"
import { type Compiled, compiled, rootScope } from "./compiled.ts"
import { rowTest } from "./wire.ts"

/** The statement, with the rule as it was compiled. The id is the caller's value 0. */
export interface CompiledPermission extends Compiled {
  readonly predicate: Predicate
}

/** The statement, or null when the rule folds to never for this principal. */
export function compilePermission(
  resource: string,
  action: Action,
  principal: Principal,
  models: Models,
): CompiledPermission | null {
  const scope = rootScope(resource, principal, models)
  const id = scope.parameters.add({ from: "value", index: 0 })
  const predicate = allows(scope.model.policy[action], { ...scope, one: true })
  if (predicate === false) return null
  const test = predicate === true ? "" : ` and ${rowTest(predicate)}`
  const sql = `select 1 from ${quote(scope.model.table)} as t where t."id" = ${id}${test}`
  return { ...compiled(sql, scope.parameters.slots), predicate }
}
