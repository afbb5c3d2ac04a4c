/** What an isolate keeps in memory: bounded in number and in bytes; what was not used lately goes first. */

/** A bounded map. */
export interface BoundedMemory<T> {
  /** The value, which now counts as used. */
  get(key: string): T | undefined
  /** @param bytes about what the value takes; one that alone is more than fits is not kept */
  set(key: string, value: T, bytes: number): void
  delete(key: string): void
  readonly size: number
  readonly bytes: number
}

/** How much is kept. */
export interface MemoryBounds {
  readonly entries: number
  readonly bytes: number
}

/** An empty memory. */
export function boundedMemory<T>(bounds: MemoryBounds): BoundedMemory<T> {
  // A Map keeps the order in which keys came: the first one was used longest ago.
  const kept = new Map<string, { readonly value: T; readonly bytes: number }>()
  let bytes = 0
  const drop = (key: string): void => {
    bytes -= kept.get(key)?.bytes ?? 0
    kept.delete(key)
  }
  return {
    get(key) {
      const found = kept.get(key)
      if (found === undefined) return undefined
      kept.delete(key)
      kept.set(key, found)
      return found.value
    },
    set(key, value, size) {
      drop(key)
      const own = size + 2 * key.length
      if (own > bounds.bytes) return
      kept.set(key, { value, bytes: own })
      bytes += own
      for (const oldest of kept.keys()) {
        if (kept.size <= bounds.entries && bytes <= bounds.bytes) break
        drop(oldest)
      }
    },
    delete: drop,
    get size() {
      return kept.size
    },
    get bytes() {
      return bytes
    },
  }
}
