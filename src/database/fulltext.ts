/** Full-text search: a caller's words as an FTS5 expression that cannot mean anything but words. Refuses too many terms. */
import { quote } from "../authorization/statement.ts"
import { limits } from "../core/limits.ts"
import { invalid } from "../core/problem.ts"
import { searchTableName } from "./additions.ts"

/** What FTS5's tokenizer keeps; a term without any of it would match nothing and say so nowhere. */
const hasToken = /[\p{L}\p{N}\p{Co}]/u

/**
 * Every word must occur, the last one may be a beginning.
 * @param text what the user typed
 * @returns an FTS5 expression, or null when there is no word in the text (then nothing matches)
 * @throws Problem INVALID_ARGUMENT at "/q" for too many words
 */
export function matchExpression(text: string): string | null {
  const terms = text.split(/[\s\0]+/u).filter((term) => hasToken.test(term))
  if (terms.length === 0) return null
  if (terms.length > limits.searchTermsMax)
    throw invalid("/q", "too_many_terms", `At most ${limits.searchTermsMax} words`)
  const quoted = terms.map((term) => `"${term.replaceAll('"', '""')}"`)
  return `${quoted.join(" AND ")}*`
}

/** The columns in which this principal may search, as FTS5's column filter; goes before the parenthesised expression. */
export function columnFilter(columns: readonly string[]): string {
  return `{${columns.map(quote).join(" ")}} : `
}

/** What to read rows from, and the test of the bound expression (null without words). */
export interface RowSource {
  readonly from: string
  readonly match: string | null
}

/**
 * The rows of a table under the alias `t`.
 * @param parameter the bound expression; null without words. The words come first in the join: rows of another index would each be looked
 *   up in the list of matches (measured: 1,064 rows read against 75)
 */
export function rowSource(table: string, parameter: string | null): RowSource {
  const rows = `${quote(table)} as t`
  if (parameter === null) return { from: rows, match: null }
  const search = quote(searchTableName(table))
  return {
    from: `${search} cross join ${rows} on t."row_key" = ${search}.rowid`,
    match: `${search} match ${parameter}`,
  }
}
