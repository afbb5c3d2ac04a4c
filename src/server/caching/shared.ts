/** The levels beyond memory as an isolate uses them: asked in turn, written behind the answer, and gone on without when they fail. */
import type { Wanted } from "../../core/answers.ts"
import type { Observe } from "../../core/observation.ts"
import { type Entry, entryOf, standingOf, textOf } from "./entry.ts"
import type { Level } from "./levels.ts"
import type { Kept } from "./shelf.ts"

/** How often is written. Milliseconds. */
export interface SharedRules {
  /** KV is written once a key within this, */
  readonly kvEveryMs: number
  /** and so often a minute in all. */
  readonly kvWrites: number
}

/** The world of the levels. */
export interface SharedPorts {
  /** Nearest first. */
  readonly levels: readonly Level[]
  /** SHA-256 of text, hex. */
  hash(text: string): Promise<string>
  /** What tells this build from others: the answers of those may have another shape. */
  buildOf(operation: Wanted["operation"]): string
  behind(work: Promise<unknown>): void
  readonly observe: Observe
  now(): Date
}

/** The levels of an isolate. */
export interface Shared {
  /** What the levels have of an answer and may yet be given by its age, nearest first. */
  find(wanted: Wanted): AsyncIterable<{ readonly entry: Entry; readonly from: Level["name"] }>
  /** Puts a new answer where the next isolate of this location finds it. */
  put(wanted: Wanted, entry: Entry): void
  /** An answer was asked for again: that earns it a place in KV, where a write costs. */
  share(wanted: Wanted, kept: Kept): void
}

const faultsEveryMs = 10_000
const minuteMs = 60_000

const lifeOf = ({ freshMs, staleMs }: { readonly freshMs: number; readonly staleMs: number }) => freshMs + staleMs

/** Makes them. */
export function sharedLevels(ports: SharedPorts, rules: SharedRules): Shared {
  const { levels, behind } = ports
  const told = new Map<string, number>()
  const writes = { since: Number.NEGATIVE_INFINITY, count: 0 }
  const keyOf = ({ operation, input, rule }: Wanted): Promise<string> =>
    ports.hash(JSON.stringify([ports.buildOf(operation), operation.name, rule.freshMs, rule.staleMs, input]))
  /** A store that is down fails every call: one line in a while says so. */
  const tell = (level: Level, cause: unknown): void => {
    const now = ports.now()
    if (now.getTime() - (told.get(level.name) ?? Number.NEGATIVE_INFINITY) < faultsEveryMs) return
    told.set(level.name, now.getTime())
    ports.observe({ kind: "fault", at: now.toISOString(), where: `cache ${level.name}`, cause })
  }
  const write = async (level: Level, wanted: Wanted, entry: Entry): Promise<void> => {
    const text = textOf(entry)
    if (text === null) return
    try {
      await level.put(await keyOf(wanted), text, Math.ceil(lifeOf(entry) / 1000))
    } catch (cause) {
      tell(level, cause)
    }
  }
  const at = (name: Level["name"], entry: Entry): Level | undefined =>
    entry.content.kind === "absent"
      ? undefined
      : levels.find((level) => level.name === name && lifeOf(entry) >= level.lifeMinMs)
  return {
    async *find(wanted) {
      const asked = levels.filter(({ lifeMinMs }) => lifeOf(wanted.rule) >= lifeMinMs)
      const key = asked.length === 0 ? "" : await keyOf(wanted)
      for (const level of asked) {
        try {
          const text = await level.get(key)
          const entry = text === null ? null : entryOf(text)
          if (entry !== null && standingOf(entry, wanted.now.getTime()) !== "over") yield { entry, from: level.name }
        } catch (cause) {
          tell(level, cause)
        }
      }
    },
    put(wanted, entry) {
      const edge = at("edge", entry)
      if (edge) behind(write(edge, wanted, entry))
    },
    share(wanted, kept) {
      const now = wanted.now.getTime()
      if (now - kept.kvAt < rules.kvEveryMs) return
      const kv = at("kv", kept.entry)
      if (!kv) return
      if (now - writes.since >= minuteMs) Object.assign(writes, { since: now, count: 0 })
      if (writes.count >= rules.kvWrites) return
      writes.count++
      kept.kvAt = now
      behind(write(kv, wanted, kept.entry))
    },
  }
}
