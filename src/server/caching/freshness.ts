/**
 * What changes have touched, as an isolate knows it: its own commits at once, those of others pulled from the touches object by version. An answer is
 * void when one of its tags was touched by an event that it does not know of: sequences of the log are compared, never clocks.
 */
import type { KeptTouch, Touch, TouchesObject } from "../../core/hub-object.ts"
import { flights, inTime } from "./flights.ts"

/** When to pull. Milliseconds. */
export interface FreshnessRules {
  /** What is known is older than this: a call has it pulled behind its answer. */
  readonly softMs: number
  /** Older than this: a call waits for the pull. The bound that docs/caches.md states. */
  readonly hardMs: number
  /** A pull that takes longer has failed. */
  readonly patienceMs: number
  /** After a pull that failed nobody waits for another for so long. */
  readonly retryMs: number
  /** Tags that are remembered one by one. */
  readonly tagsMax: number
}

export const defaultFreshnessRules: FreshnessRules = {
  softMs: 5000,
  hardMs: 10_000,
  patienceMs: 2000,
  retryMs: 5000,
  tagsMax: 5000,
}

/** The world of it. */
export interface FreshnessPorts {
  touches(): Pick<TouchesObject, "touchedSince">
  behind(work: Promise<unknown>): void
  onFault(cause: unknown): void
}

/** What an isolate knows. */
export interface Freshness {
  /**
   * Sees to it that what is known is young enough. No promise while it is.
   * @param at milliseconds since 1970
   * @returns false when it cannot be had: then only time bounds how old an answer may be
   */
  learn(at: number): boolean | Promise<boolean>
  /** The same without waiting: what is old is pulled behind. */
  glance(at: number): void
  /** Whether an answer that knows the log up to `position` is void. */
  isVoid(position: number, tags: readonly string[]): boolean
  /**
   * This isolate's own commit.
   * @param at milliseconds since 1970
   * @param keepMs how long an answer may live
   */
  touch(touches: readonly Touch[], at: number, keepMs: number): void
}

/** The knowledge of an isolate: none yet. */
export function freshness(ports: FreshnessPorts, rules: FreshnessRules = defaultFreshnessRules): Freshness {
  const touched = new Map<string, KeptTouch>()
  /** Whoever knows less of the log than this is void, whatever it depends on. */
  let floor = 0
  let version = 0
  /** When the newest pull that succeeded was begun. */
  let knownAt = Number.NEGATIVE_INFINITY
  let triedAt = Number.NEGATIVE_INFINITY
  let failedAt = Number.NEGATIVE_INFINITY
  const shared = flights<boolean>({ behind: ports.behind, patienceMs: rules.patienceMs })

  const take = (touches: readonly KeptTouch[], at: number): void => {
    for (const one of touches) {
      const known = touched.get(one.tag)
      if (known === undefined || known.sequence < one.sequence) touched.set(one.tag, one)
    }
    if (touched.size <= rules.tagsMax) return
    for (const [tag, { until }] of touched) if (until <= at) touched.delete(tag)
    if (touched.size <= rules.tagsMax) return
    for (const { sequence } of touched.values()) floor = Math.max(floor, sequence)
    touched.clear()
  }
  const pull = async (at: number): Promise<boolean> => {
    triedAt = at
    try {
      const answer = await inTime(rules.patienceMs, ports.touches().touchedSince(version))
      if (answer === null) throw new Error("The touches object did not answer in time")
      if ("error" in answer.value) throw new Error(`The touches object did not answer: ${answer.value.error}`)
      take(answer.value.touches, at)
      version = answer.value.version
      knownAt = Math.max(knownAt, at)
      return true
    } catch (cause) {
      failedAt = at
      ports.onFault(cause)
      return false
    }
  }
  /** Calls overlap, so one may be a little older than what is known; a clock that went back is not trusted. */
  const isWithin = (at: number, since: number, length: number): boolean =>
    at - since > -rules.softMs && at - since < length
  const glance = (at: number): void => {
    if (isWithin(at, knownAt, rules.softMs) || isWithin(at, triedAt, rules.patienceMs)) return
    ports.behind(pull(at))
  }
  return {
    glance,
    learn(at) {
      if (isWithin(at, knownAt, rules.hardMs)) {
        glance(at)
        return true
      }
      if (failedAt > knownAt && isWithin(at, failedAt, rules.retryMs)) return false
      return shared("pull", () => pull(at))
    },
    isVoid(position, tags) {
      if (position < floor) return true
      for (const tag of tags) if ((touched.get(tag)?.sequence ?? 0) > position) return true
      return false
    },
    touch(touches, at, keepMs) {
      const until = at + keepMs
      take(
        touches.map((one) => ({ ...one, until })),
        at,
      )
    },
  }
}
