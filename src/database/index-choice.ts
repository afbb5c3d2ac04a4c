/** Which index of a table serves a scan: some columns held equal, then the order of the list. Refuses nothing; says null. */
import type { Model } from "../core/model.ts"
import type { Key } from "./keyset.ts"

/**
 * The columns by which an index is entered, when its first columns are all held equal and its next ones are the order; of several indexes
 * the one entered by most, and rather by another column than the tenant, which holds the most rows. null when none serves.
 * @param equal columns that must be among the first
 * @param also further columns that are held equal and may be among them
 */
export function servingColumns(
  model: Model,
  equal: readonly string[],
  keys: readonly Key[],
  also: Iterable<string> = [],
): ReadonlySet<string> | null {
  const held = new Set([...equal, ...also])
  let best: readonly string[] | null = null
  for (const { columns } of model.indexes) {
    let n = 0
    while (n < columns.length && held.has(columns[n] as string)) n += 1
    const first = columns.slice(0, n)
    const serves =
      equal.every((column) => first.includes(column)) && keys.every((key, m) => columns[n + m] === key.column.key)
    if (serves && (best === null || narrowness(model, first) > narrowness(model, best))) best = first
  }
  return best && new Set(best)
}

function narrowness(model: Model, columns: readonly string[]): number {
  return 2 * columns.length - (model.tenant !== null && columns.includes(model.tenant) ? 1 : 0)
}

/** True when an index begins with a column that is held equal: then the filter finds the rows, and the policy tests them. */
export function leads(model: Model, pins: ReadonlyMap<string, string>): boolean {
  return model.indexes.some((index) => pins.has(index.columns[0] as string))
}
