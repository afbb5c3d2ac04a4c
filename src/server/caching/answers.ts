/**
 * The answers that are kept for everybody: memory, then the Cache API, then KV, then the database. Of an isolate one call makes an answer and the
 * others wait; what is stale by age is given once more while it is renewed; what is void by a change is given to nobody.
 */
import type { AnswerCache, Given, Load, Loaded, Wanted } from "../../core/answers.ts"
import { type Entry, standingOf } from "./entry.ts"
import { flights } from "./flights.ts"
import type { Freshness } from "./freshness.ts"
import { boundedMemory } from "./memory.ts"
import { type SharedPorts, type SharedRules, sharedLevels } from "./shared.ts"
import { type ShelfRules, shelf } from "./shelf.ts"

/** How much is kept, and how often it is written. Lengths of time are milliseconds. */
export interface AnswerRules extends ShelfRules, SharedRules {
  /** A longer answer is kept nowhere. */
  readonly entryBytes: number
  /** How long it is known that there is nothing. */
  readonly absentMs: number
  /** Who waits for another's answer longer makes one of their own. */
  readonly patienceMs: number
}

export const defaultAnswerRules: AnswerRules = {
  entries: 2000,
  bytes: 16 * 1024 * 1024,
  absences: 1000,
  entryBytes: 512 * 1024,
  absentMs: 10_000,
  kvEveryMs: 60_000,
  kvWrites: 60,
  patienceMs: 5000,
}

/** The world of the cache. */
export interface AnswerPorts extends SharedPorts {
  readonly freshness: Freshness
}

/** One call's errand. */
interface Errand {
  readonly key: string
  readonly wanted: Wanted
  readonly load: Load
  readonly at: number
}

/** A longer text is known by its hash: keys are bounded. */
const keyLengthMax = 1000
/** A renewal that is not over after so long has been lost. */
const renewalMs = 10_000
/** Who makes an answer while writes go on makes it again, so often. */
const attemptsMax = 3

function keyOf({ operation, input }: Wanted, hash: AnswerPorts["hash"]): string | Promise<string> {
  if (input.length <= keyLengthMax) return `${operation.name}\n${input}`
  return hash(input).then((short) => `${operation.name}\n#${short}`)
}

function given(state: Given["state"], { content, at, freshMs, staleMs, hash }: Entry, now: number): Given {
  const seconds = (length: number) => Math.max(0, Math.floor(length / 1000))
  const shared = {
    ageSeconds: seconds(now - at),
    freshSeconds: seconds(freshMs),
    staleSeconds: seconds(staleMs),
    tag: hash,
  }
  return { state, content, shared }
}

/** Makes answers, and keeps what may be kept. */
function maker({ freshness, hash }: AnswerPorts, rules: AnswerRules, keep: (errand: Errand, entry: Entry) => void) {
  const entryFrom = async ({ content, position, tags }: Loaded, { wanted, at }: Errand): Promise<Entry | null> => {
    if (position === null) return null
    const isAbsent = content.kind === "absent"
    const text = JSON.stringify(isAbsent ? content.message : content.output)
    if (text.length > rules.entryBytes) return null
    const { freshMs, staleMs } = wanted.rule
    const life = isAbsent ? { freshMs: Math.min(freshMs, rules.absentMs), staleMs: 0 } : { freshMs, staleMs }
    return { content, position, at, ...life, tags, hash: (await hash(text)).slice(0, 32), bytes: 2 * text.length + 500 }
  }
  const isVoid = ({ position, tags }: Loaded) => position !== null && freshness.isVoid(position, tags)
  return async (errand: Errand, options: { readonly bookmark: string | null; readonly behind: boolean }) => {
    let loaded = await errand.load({ ...options, fresh: false })
    // A replica that has not heard of a change that we know of is not asked twice. Whoever brings a bookmark has said how new is new enough.
    for (let attempt = 1; options.bookmark === null && attempt < attemptsMax && isVoid(loaded); attempt++)
      loaded = await errand.load({ ...options, fresh: true })
    const entry = isVoid(loaded) ? null : await entryFrom(loaded, errand)
    if (entry === null) return { state: "pass", content: loaded.content, shared: null } as const
    keep(errand, entry)
    return given("miss", entry, errand.at)
  }
}

/** Makes the cache of an isolate. */
export function answerCache(ports: AnswerPorts, rules: AnswerRules = defaultAnswerRules): AnswerCache {
  const { freshness, behind } = ports
  const memory = shelf(rules)
  const levels = sharedLevels(ports, rules)
  const flight = flights<Given>({ behind, patienceMs: rules.patienceMs })
  const renewals = boundedMemory<number>(rules)
  const make = maker(ports, rules, ({ key, wanted }, entry) => {
    memory.keep(key, entry)
    levels.put(wanted, entry)
  })
  const renew = (errand: Errand): void => {
    const { key, at } = errand
    if (at - (renewals.get(key) ?? Number.NEGATIVE_INFINITY) < renewalMs) return
    renewals.set(key, at, 0)
    behind(make(errand, { bookmark: null, behind: true }).finally(() => renewals.delete(key)))
  }
  /** How an entry stands, changes considered. Whether what is stale has changed must be known. */
  const judge = (entry: Entry, at: number, isKnown: boolean) => {
    if (freshness.isVoid(entry.position, entry.tags)) return "over"
    const standing = standingOf(entry, at)
    return standing === "stale" && !isKnown ? "over" : standing
  }
  const give = (errand: Errand, entry: Entry, standing: "fresh" | "stale"): Given => {
    if (standing === "fresh") return given("hit", entry, errand.at)
    renew(errand)
    return given("stale", entry, errand.at)
  }
  const find = async (errand: Errand, knows: boolean | Promise<boolean>): Promise<Given> => {
    // Of those who waited for a call that went away, the first has made the answer by now.
    const kept = memory.get(errand.key)
    const known = kept === undefined ? "over" : judge(kept.entry, errand.at, await knows)
    if (kept !== undefined && known !== "over") return give(errand, kept.entry, known)
    for await (const { entry, from } of levels.find(errand.wanted)) {
      const standing = judge(entry, errand.at, await knows)
      if (standing === "over") continue
      memory.keep(errand.key, entry, from === "kv" ? errand.at : undefined)
      return give(errand, entry, standing)
    }
    // What is made is held against what is known, too.
    await knows
    return make(errand, { bookmark: null, behind: false })
  }
  const fly = async (errand: Errand, knows: boolean | Promise<boolean>): Promise<Given> => {
    let isMine = false
    const answer = await flight(errand.key, () => {
      isMine = true
      return find(errand, knows)
    })
    if (isMine) return answer
    // What must not be kept is nobody else's either.
    if (answer.state === "pass") return make(errand, { bookmark: null, behind: false })
    return answer.state === "miss" ? { ...answer, state: "hit" } : answer
  }
  return {
    async answer(wanted, load) {
      const asked = keyOf(wanted, ports.hash)
      const key = typeof asked === "string" ? asked : await asked
      const errand: Errand = { key, wanted, load, at: wanted.now.getTime() }
      if (wanted.bookmark !== null) {
        const { content } = await make(errand, { bookmark: wanted.bookmark, behind: false })
        return { state: "pass", content, shared: null }
      }
      const knows = freshness.learn(errand.at)
      const kept = memory.get(key)
      if (kept === undefined) return fly(errand, knows)
      const isKnown = typeof knows === "boolean" ? knows : await knows
      const standing = judge(kept.entry, errand.at, isKnown)
      if (standing === "over") return fly(errand, isKnown)
      levels.share(wanted, kept)
      return give(errand, kept.entry, standing)
    },
  }
}
