/** Which index of a table serves a scan: some columns held equal, then the order of the list. Refuses nothing; says null. */
import type { IndexFacts, Model } from "../core/model.ts"
import type { Key } from "./keyset.ts"

/**
 * An index whose first columns are all held equal and whose next ones are the order, or null.
 * @param equal columns that must be among the first
 * @param also further columns that are held equal and may be among them
 */
export function servingIndex(
  model: Model,
  equal: readonly string[],
  keys: readonly Key[],
  also: readonly string[] = [],
): IndexFacts | null {
  const held = new Set([...equal, ...also])
  return (
    model.indexes.find((index) => {
      let n = 0
      while (n < index.columns.length && held.has(index.columns[n] as string)) n += 1
      if (equal.some((column) => !index.columns.slice(0, n).includes(column))) return false
      return keys.every((key, m) => index.columns[n + m] === key.column.key)
    }) ?? null
  )
}
