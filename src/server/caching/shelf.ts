/** The kept answers in an isolate's memory: what there is, and apart from it what there is not. */
import { type Entry, standingOf } from "./entry.ts"
import { boundedMemory } from "./memory.ts"

/** An entry in memory. */
export interface Kept {
  readonly entry: Entry
  /** When it was put into KV or taken from there, milliseconds since 1970. */
  kvAt: number
}

/** How much is kept. */
export interface ShelfRules {
  /** Answers: in number and in bytes. */
  readonly entries: number
  readonly bytes: number
  /** Keys of which it is known that there is nothing. */
  readonly absences: number
}

/** The memory of an isolate. */
export interface Shelf {
  get(key: string): Kept | undefined
  /** Keeps an entry, unless one is there that knows more of the log. */
  keep(key: string, entry: Entry, kvAt?: number): void
  readonly size: number
  readonly bytes: number
}

const never = Number.NEGATIVE_INFINITY

/** An empty one. */
export function shelf(rules: ShelfRules): Shelf {
  const present = boundedMemory<Kept>(rules)
  // Apart, so that questions for what there is not push out nothing that there is.
  const absent = boundedMemory<Kept>({ entries: rules.absences, bytes: rules.bytes })
  const get = (key: string): Kept | undefined => present.get(key) ?? absent.get(key)
  return {
    get,
    keep(key, entry, kvAt = never) {
      const known = get(key)
      const isNewer = known !== undefined && isBehind(entry, known.entry)
      if (isNewer && standingOf(known.entry, entry.at) !== "over") return
      const kept = { entry, kvAt: Math.max(kvAt, known?.kvAt ?? never) }
      const [own, other] = entry.content.kind === "absent" ? [absent, present] : [present, absent]
      other.delete(key)
      own.set(key, kept, entry.bytes)
    },
    get size() {
      return present.size + absent.size
    },
    get bytes() {
      return present.bytes + absent.bytes
    },
  }
}

function isBehind(one: Entry, other: Entry): boolean {
  return one.position < other.position || (one.position === other.position && one.at < other.at)
}
