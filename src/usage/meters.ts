/**
 * The meters of an isolate. Reports go behind the answers, one a second and account at most, sooner when they are a noticeable part of what is left
 * of a budget; so most calls ask nobody, and the isolates together spend no more than a block and a call each beyond a budget. An isolate that dies takes
 * what it had not reported with it.
 */
import { Problem } from "../core/problem.ts"
import {
  type Account,
  type Budget,
  dayOf,
  type Figures,
  type MeterObject,
  noFigures,
  type Passed,
  plus,
  type Standing,
} from "../core/usage.ts"
import {
  defaultMeterRules,
  doubtOf,
  type Entry,
  isBlock,
  isNothing,
  type Kind,
  learn,
  type MeterRules,
  newEntry,
  outdate,
  refusalOf,
  unreported,
} from "./entry.ts"

/** The platform drops what goes on behind an answer for more than 30 s, without a word. */
const givenUpMs = 35_000
const attemptsMax = 5

/** The world of the meters. */
export interface MeterPorts {
  /** The object of an account; a stub for each call. */
  meter(account: Account): Pick<MeterObject, "standing" | "report">
  /** Names this isolate. */
  readonly reporter: string
  behind(work: Promise<unknown>): void
  now(): Date
  /** Milliseconds of a monotonic clock. */
  elapsed(): number
  sleep(milliseconds: number): Promise<void>
  /** Marks that a report of this isolate was the first to pass. */
  onPassed(account: Account, passed: readonly Passed[], day: string): void
  onFault(cause: unknown): void
}

/** The meters of an isolate. */
export interface Meters {
  /**
   * Whether an account may still do something. No promise while what is known is young enough.
   * @throws Problem RESOURCE_EXHAUSTED when it may not; UNAVAILABLE when the object does not answer and what is known no longer suffices
   */
  check(account: Account, budget: Budget, kind: Kind, now: Date): void | Promise<void>
  /** The refusal that what is known already holds; null when there is none. Asks nobody. */
  refusal(account: Account, budget: Budget, kind: Kind, now: Date): Problem | null
  /** Counts. Never throws, never waits. */
  count(account: Account, budget: Budget | null, figures: Figures): void
  /**
   * Reports at once what is left to report, and says how the account stands.
   * @throws Problem UNAVAILABLE when the object does not answer
   */
  settle(account: Account, budget: Budget | null): Promise<Standing>
  /** What is known of it is out of date: the next call waits for its object. */
  doubt(account: Account): void
  /** Accounts that are remembered. */
  readonly size: number
}

interface Isolate {
  readonly ports: MeterPorts
  readonly rules: MeterRules
  readonly entries: Map<string, Entry>
  /** Of the last report. The isolate's, not the account's: one that was forgotten and comes back repeats none. */
  number: number
}

const nameOf = ({ kind, id }: Account): string => `${kind}/${id}`

function unavailable(cause: unknown): Problem {
  const sentence = "What is left of the budget cannot be found out right now"
  return new Problem("UNAVAILABLE", sentence, { retryAfterSeconds: 1, cause })
}

/** Forgets the account that was used longest ago, of those with nothing to report if there is one. */
function makeRoom({ entries, ports }: Isolate): void {
  let oldest: Entry | null = null
  for (const entry of entries.values()) {
    const isIdle = isNothing(unreported(entry))
    if (isIdle || oldest === null) oldest = entry
    if (isIdle) break
  }
  if (oldest === null) return
  const name = nameOf(oldest.account)
  entries.delete(name)
  if (!isNothing(unreported(oldest)))
    ports.onFault(new Error(`What was counted for ${name} is lost: too many accounts wait for their objects`))
}

function entryOf(isolate: Isolate, account: Account, budget: Budget | null): Entry {
  const { entries, rules } = isolate
  const name = nameOf(account)
  let entry = entries.get(name)
  if (entry !== undefined) entries.delete(name)
  else if (entries.size >= rules.accountsMax) makeRoom(isolate)
  entry ??= newEntry(account)
  // The one that was used last stands last.
  entries.set(name, entry)
  entry.budget = budget
  return entry
}

/** One report; what was not acknowledged goes again, under its number. */
async function report(isolate: Isolate, entry: Entry): Promise<void> {
  const { ports } = isolate
  if (entry.sending === null) {
    if (isNothing(entry.pending)) return
    entry.sending = { number: ++isolate.number, figures: entry.pending }
    entry.pending = noFigures
  }
  const { sending, account, budget } = entry
  const said = { reporter: ports.reporter, ...sending, day: dayOf(ports.now()), budget }
  const { passed, ...standing } = await ports.meter(account).report(said)
  learn(entry, standing, ports.elapsed())
  // One that went twice is acknowledged twice.
  if (entry.sending !== sending) return
  entry.sending = null
  if (passed.length > 0) ports.onPassed(account, passed, standing.day)
}

/** Reports, and again after a while if something has come meanwhile. */
async function drain(isolate: Isolate, entry: Entry, since: number): Promise<void> {
  const { ports, rules } = isolate
  for (let failures = 0; entry.drainingSince === since && failures < attemptsMax; ) {
    try {
      await report(isolate, entry)
      failures = 0
    } catch (cause) {
      failures += 1
      ports.onFault(cause)
    }
    await ports.sleep(rules.intervalMs)
    if (isNothing(unreported(entry))) break
  }
  if (entry.drainingSince === since) entry.drainingSince = null
}

async function refresh(isolate: Isolate, entry: Entry): Promise<void> {
  const { ports } = isolate
  entry.askedAt = ports.elapsed()
  if (!isNothing(unreported(entry))) return report(isolate, entry)
  learn(entry, await ports.meter(entry.account).standing(dayOf(ports.now())), ports.elapsed())
}

function hold(entry: Entry, kind: Kind, now: Date): void {
  const problem = refusalOf(entry, kind, now)
  if (problem !== null) throw problem
}

async function checkAfresh(isolate: Isolate, entry: Entry, kind: Kind, now: Date, isMust: boolean): Promise<void> {
  try {
    await refresh(isolate, entry)
  } catch (cause) {
    if (isMust) throw unavailable(cause)
    isolate.ports.onFault(cause)
  }
  hold(entry, kind, now)
}

/** The meters of an isolate. */
export function meters(ports: MeterPorts, rules: MeterRules = defaultMeterRules): Meters {
  const isolate: Isolate = { ports, rules, entries: new Map(), number: 0 }
  return {
    check(account, budget, kind, now) {
      const entry = entryOf(isolate, account, budget)
      const at = ports.elapsed()
      const doubt = doubtOf(entry, rules, now, at)
      // Who has just been told that it is spent is refused without an answer.
      if (doubt === "must" && at - entry.askedAt < rules.softMs) hold(entry, kind, now)
      if (doubt === "must" || doubt === "hard") return checkAfresh(isolate, entry, kind, now, doubt === "must")
      if (doubt === "soft") ports.behind(refresh(isolate, entry).catch(ports.onFault))
      hold(entry, kind, now)
    },
    refusal(account, budget, kind, now) {
      const entry = isolate.entries.get(nameOf(account))
      if (entry === undefined) return null
      entry.budget = budget
      return refusalOf(entry, kind, now)
    },
    count(account, budget, figures) {
      const entry = entryOf(isolate, account, budget)
      entry.pending = plus(entry.pending, figures)
      const at = ports.elapsed()
      const { drainingSince } = entry
      if (drainingSince === null || at - drainingSince > givenUpMs) {
        entry.drainingSince = at
        ports.behind(drain(isolate, entry, at))
      } else if (entry.sending === null && isBlock(entry, entry.pending, rules))
        ports.behind(report(isolate, entry).catch(ports.onFault))
    },
    async settle(account, budget) {
      const entry = entryOf(isolate, account, budget)
      try {
        // A report under way goes a second time, under its number; then what came behind it.
        await refresh(isolate, entry)
        if (!isNothing(unreported(entry))) await refresh(isolate, entry)
      } catch (cause) {
        throw unavailable(cause)
      }
      return entry.standing as Standing
    },
    doubt: (account) => {
      const entry = isolate.entries.get(nameOf(account))
      if (entry) outdate(entry)
    },
    get size() {
      return isolate.entries.size
    },
  }
}
