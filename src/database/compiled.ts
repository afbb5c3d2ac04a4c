/** A compiled statement, and the scope from which one is built. Refuses a text that is longer than D1 takes. */
import type { PredicateScope } from "../authorization/sql.ts"
import { parameters, type Slot } from "../authorization/statement.ts"
import { type Models, modelOf } from "../core/model.ts"
import type { Principal } from "../core/principal.ts"
import { invalid } from "../core/problem.ts"

/** A statement whose text is kept. */
export interface Compiled {
  readonly sql: string
  readonly slots: readonly Slot[]
}

/** D1 takes 100 KB a statement. */
const textMax = 95_000

/** Drops slots at the end that no text names: folding may have added them, and D1 wants exactly as many values as the text names. */
export function compiled(sql: string, slots: readonly Slot[]): Compiled {
  if (sql.length > textMax)
    throw invalid("/expand", "too_complex", "The read is too much for one statement; expand or select less")
  let used = 0
  for (const match of sql.matchAll(/\?(\d+)/g)) used = Math.max(used, Number(match[1]))
  return { sql, slots: slots.slice(0, used) }
}

/** A scope for the rows of a resource under the alias `t`, with parameters of its own. */
export function rootScope(resource: string, principal: Principal, models: Models): PredicateScope {
  return { models, model: modelOf(models, resource), alias: "t", parameters: parameters(), principal }
}
