/**
 * Which sessions and keys were revoked within the life of an access token, as an isolate knows it: pulled from the hub every ten seconds behind
 * the response. Older than a minute, the call waits for a pull; when the hub does not answer then, it is UNAVAILABLE, never access.
 */
import { Problem } from "../core/problem.ts"

/** One entry of the hub. */
export interface RevocationEntry {
  /** A session's id or an API key's. */
  readonly id: string
  /** null: every token is void. A number: those with a lower epoch. */
  readonly belowEpoch: number | null
  /** Milliseconds since 1970; after it no token that this concerns is alive. */
  readonly until: number
}

/** What came after a version; everything when the version is 0 or not of this hub. The hub object is one. */
export interface RevocationSource {
  since(
    version: number,
  ): Promise<{ readonly version: number; readonly revoked: readonly RevocationEntry[] } | { readonly error: string }>
}

/** When to pull. Milliseconds. */
export interface RevocationRules {
  /** Older than this, a call starts a pull behind its response. */
  readonly softMs: number
  /** Older than this, a call waits. The longest that a revoked token lives. */
  readonly hardMs: number
  /** A pull that takes longer has failed. */
  readonly patienceMs: number
}

export const defaultRevocationRules: RevocationRules = { softMs: 10_000, hardMs: 60_000, patienceMs: 3000 }

/** The world of a revocation list. */
export interface RevocationPorts {
  readonly source: RevocationSource
  /** Resolves after so many milliseconds. */
  readonly sleep: (milliseconds: number) => Promise<void>
  /** Told when a pull behind a response failed. */
  readonly onFault?: (cause: unknown) => void
}

/** What an isolate knows of revocations. */
export interface RevocationList {
  /**
   * Whether a session or key is revoked. No promise while what is known is young enough.
   * @param epoch of the token
   * @param behind keeps a promise alive after the response (`ctx.waitUntil`)
   * @throws Problem UNAVAILABLE when what is known is too old and the hub does not answer
   */
  isRevoked(id: string, epoch: number, now: Date, behind: (work: Promise<void>) => void): boolean | Promise<boolean>
  /** Takes note at once of what this isolate itself has revoked. */
  add(entries: readonly RevocationEntry[]): void
  /** What is known may be out of date: the next call waits for a pull. For revocations of this isolate that it cannot name. */
  doubt(): void
  /** How many entries are held. */
  readonly size: number
}

/** Of two entries for one id the stricter holds, as in the hub. */
function stricter(a: RevocationEntry, b: RevocationEntry): RevocationEntry {
  return {
    id: a.id,
    belowEpoch: a.belowEpoch === null || b.belowEpoch === null ? null : Math.max(a.belowEpoch, b.belowEpoch),
    until: Math.max(a.until, b.until),
  }
}

/** The revocations of an isolate. */
export function revocationList(
  { source, sleep, onFault }: RevocationPorts,
  rules: RevocationRules = defaultRevocationRules,
): RevocationList {
  const entries = new Map<string, RevocationEntry>()
  let version = 0
  /** When the newest pull that succeeded was begun; what was revoked before is known. */
  let knownAt = Number.NEGATIVE_INFINITY
  let triedAt = Number.NEGATIVE_INFINITY
  /** How often was doubted: a pull that was begun before a doubt does not dispel it. */
  let doubts = 0

  const add = (revoked: readonly RevocationEntry[]): void => {
    for (const entry of revoked) {
      const known = entries.get(entry.id)
      entries.set(entry.id, known === undefined ? entry : stricter(known, entry))
    }
  }
  const pull = async (at: number): Promise<void> => {
    const begun = doubts
    const late = sleep(rules.patienceMs).then(() => ({ error: "too slow" }))
    const answer = await Promise.race([source.since(version), late])
    if ("error" in answer) throw new Error(`The hub did not answer: ${answer.error}`)
    add(answer.revoked)
    for (const [id, { until }] of entries) if (until <= at) entries.delete(id)
    // Pulls may overlap. An older version only makes the next answer longer; a hub that began anew counts from the start.
    version = answer.version
    if (begun === doubts) knownAt = at
  }
  /** Promises are not shared between calls: one that belongs to a call that went away would never settle. */
  const isKnown = (at: number, behind: (work: Promise<void>) => void): boolean => {
    const age = at - knownAt
    // Never known, too old, or a clock that went back: of unknown age.
    if (!(age >= 0 && age < rules.hardMs)) return false
    if (age < rules.softMs) return true
    const sinceTry = at - triedAt
    if (sinceTry >= 0 && sinceTry < rules.patienceMs) return true
    triedAt = at
    behind(pull(at).catch((cause) => onFault?.(cause)))
    return true
  }
  const learn = async (at: number): Promise<void> => {
    try {
      await pull(at)
    } catch (cause) {
      throw new Problem("UNAVAILABLE", "Whether you are still signed in cannot be checked right now", { cause })
    }
  }
  const stands = (id: string, epoch: number, at: number): boolean => {
    const entry = entries.get(id)
    if (entry === undefined || entry.until <= at) return false
    return entry.belowEpoch === null || epoch < entry.belowEpoch
  }
  return {
    isRevoked(id, epoch, now, behind) {
      const at = now.getTime()
      return isKnown(at, behind) ? stands(id, epoch, at) : learn(at).then(() => stands(id, epoch, at))
    },
    add,
    doubt() {
      doubts++
      knownAt = Number.NEGATIVE_INFINITY
    },
    get size() {
      return entries.size
    },
  }
}
