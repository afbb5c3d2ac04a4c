/**
 * What an isolate knows of one account: what it has counted for it, and how the account stood when its object last answered. Pure: whether that
 * refuses a call, and whether it still suffices to say so.
 */
import { Problem } from "../core/problem.ts"
import {
  type Account,
  type Bounded,
  type Budget,
  bounded,
  dayOf,
  type Figures,
  noFigures,
  plus,
  renewalOf,
  type Standing,
  secondsLeft,
  stricter,
} from "../core/usage.ts"

/** When to report and to ask. Milliseconds of a monotonic clock. */
export interface MeterRules {
  /** What comes in this time goes together. */
  readonly intervalMs: number
  /** Older than this, what is known is refreshed behind the answer. */
  readonly softMs: number
  /** Older than this, the call waits for it. */
  readonly hardMs: number
  /** A block is this part of what was left of a budget, and a row at least: 20 is a twentieth. */
  readonly parts: number
  /** Accounts that an isolate remembers. */
  readonly accountsMax: number
}

export const defaultMeterRules: MeterRules = {
  intervalMs: 1000,
  softMs: 5000,
  hardMs: 60_000,
  parts: 20,
  accountsMax: 10_000,
}

/** What a call does, as budgets see it. */
export type Kind = "query" | "mutation" | "subscription"

/** An account in memory. */
export interface Entry {
  readonly account: Account
  /** What the declaration gives it; null: nothing bounds it. */
  budget: Budget | null
  /** Counted and in no report. */
  pending: Figures
  /** In a report that was not acknowledged. */
  sending: { readonly number: number; readonly figures: Figures } | null
  standing: Standing | null
  /** When the standing was learned, and when it was last asked for. */
  learnedAt: number
  askedAt: number
  /** Since when a loop reports for it; null: none does. */
  drainingSince: number | null
}

const never = Number.NEGATIVE_INFINITY

/** An account of which nothing is known. */
export function newEntry(account: Account): Entry {
  const unknown = { standing: null, learnedAt: never, askedAt: never }
  return { account, budget: null, pending: noFigures, sending: null, drainingSince: null, ...unknown }
}

/** The next call waits for the object. */
export function outdate(entry: Entry): void {
  entry.learnedAt = never
  entry.askedAt = never
}

/** True when there is nothing to report. */
export function isNothing({ calls, rowsRead, rowsWritten, estimate }: Figures): boolean {
  return calls + rowsRead + rowsWritten + estimate === 0
}

/** What the object does not know of, as far as this isolate can tell. */
export function unreported({ pending, sending }: Entry): Figures {
  return sending === null ? pending : plus(pending, sending.figures)
}

/** Takes note of an answer. Spent never goes back within a day: an answer that took long may be older than what is known. */
export function learn(entry: Entry, { day, spent, own }: Standing, at: number): void {
  const known = entry.standing
  entry.learnedAt = at
  if (known === null || day > known.day) entry.standing = { day, spent, own }
  else if (day < known.day) entry.standing = { ...known, own }
  else {
    const most = (name: keyof Figures) => Math.max(known.spent[name], spent[name])
    const figures = { calls: most("calls"), rowsRead: most("rowsRead"), rowsWritten: most("rowsWritten") }
    entry.standing = { day, spent: { ...figures, estimate: most("estimate") }, own }
  }
}

function limitOf({ budget, standing }: Entry): Budget {
  return stricter(budget ?? {}, standing?.own ?? {})
}

/** True when these figures are a noticeable part of what was left of a budget. */
export function isBlock(entry: Entry, figures: Figures, { parts }: MeterRules): boolean {
  const { standing } = entry
  if (standing === null) return false
  const limit = limitOf(entry)
  return bounded.some((what) => {
    const most = limit[what]
    if (most === undefined) return false
    return figures[what] >= Math.max(1, Math.floor((most - standing.spent[what]) / parts))
  })
}

const words: Readonly<Record<Bounded, string>> = { rowsRead: "rows read", rowsWritten: "rows written" }
const owners: Readonly<Record<Account["kind"], string>> = {
  organization: "organization",
  key: "API key",
  user: "user",
  grant: "grant",
}

/** What refuses a call as far as is known; null: nothing does. A budget of rows written that is spent stops mutations alone. */
export function refusalOf(entry: Entry, kind: Kind, now: Date): Problem | null {
  const { standing, account } = entry
  if (standing === null || dayOf(now) > standing.day) return null
  const { day, spent } = standing
  const limit = limitOf(entry)
  const own = unreported(entry)
  for (const what of bounded) {
    const most = limit[what]
    if (most === undefined || (what === "rowsWritten" && kind !== "mutation")) continue
    if (spent[what] + own[what] < most) continue
    const whose = `${owners[account.kind]} ${account.id}`
    const sentence = `The budget of ${whose} is spent: ${most} ${words[what]} a day; it renews at ${renewalOf(day).toISOString()}`
    const type = "budget-exhausted"
    return new Problem("RESOURCE_EXHAUSTED", sentence, { type, retryAfterSeconds: secondsLeft(day, now) })
  }
  return null
}

/**
 * Whether what is known may be gone by. `soft`: ask behind the answer; `hard`: wait for an answer, and go on without one; `must`: without an answer
 * nothing may.
 * @param at of the monotonic clock
 */
export function doubtOf(entry: Entry, rules: MeterRules, now: Date, at: number): "none" | "soft" | "hard" | "must" {
  const { standing } = entry
  if (standing === null || dayOf(now) > standing.day || isBlock(entry, unreported(entry), rules)) return "must"
  // Who was asked and did not answer is not asked again with every call.
  const age = at - entry.learnedAt
  if (age < rules.softMs || at - entry.askedAt < rules.softMs) return "none"
  return age < rules.hardMs ? "soft" : "hard"
}
