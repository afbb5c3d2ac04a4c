/** Compiled statements by the shape of their plan, for the life of the isolate. Bounded: what was not used lately is forgotten. */
import { principalShape } from "../authorization/statement.ts"
import type { Principal } from "../core/principal.ts"

/** A bounded map. */
export interface StatementCache {
  get(key: string): unknown
  set(key: string, value: unknown): void
  /** How many entries are held. */
  size(): number
}

/**
 * Two generations: when the young one is full it becomes the old one, and what is used again moves back. So strange shapes that come once
 * push out each other and not the busy ones, and a hit costs one look-up and no bookkeeping.
 * @param generation entries a generation; at most twice as many are held
 */
export function statementCache(generation = 500): StatementCache {
  let young = new Map<string, unknown>()
  let old = new Map<string, unknown>()
  const set = (key: string, value: unknown): void => {
    if (young.size >= generation) {
      old = young
      young = new Map()
    }
    young.set(key, value)
  }
  return {
    set,
    size: () => young.size + old.size,
    get: (key) => {
      const value = young.get(key)
      if (value !== undefined) return value
      const aged = old.get(key)
      if (aged !== undefined) set(key, aged)
      return aged
    },
  }
}

const shapes = new WeakMap<Principal, string>()

/** `principalShape`, kept with the principal: tokens are cached in the isolate, so the same object comes again. */
export function shapeOf(principal: Principal): string {
  const known = shapes.get(principal)
  if (known !== undefined) return known
  const shape = principalShape(principal)
  shapes.set(principal, shape)
  return shape
}
