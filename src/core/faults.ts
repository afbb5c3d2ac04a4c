/** Faults of an input, collected: a caller hears of all of them at once. Leaf: what a door loads late may import it. */
import { invalidAll, type Violation } from "./problem.ts"

/** Collects faults so that a caller hears of all of them at once. */
export interface Faults {
  add(path: string, code: string, message: string): void
  throwIfAny(): void
}

/** A new, empty collection of faults. */
export function faults(): Faults {
  const found: Violation[] = []
  return {
    add: (path, code, message) => void found.push({ path, code, message }),
    throwIfAny: () => {
      if (found.length > 0) throw invalidAll(found)
    },
  }
}

/** A name of the caller's, cut short: answers do not echo a megabyte. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}…` : name)
}
