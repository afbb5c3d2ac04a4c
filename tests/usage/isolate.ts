/** An isolate of a test's own over the real objects of accounts: its clocks stand still, its sleepers sleep until they are woken. */
import { env } from "cloudflare:workers"
import { Problem } from "../../src/core/problem.ts"
import type { Account, Budget, Figures, MeterObject, Passed } from "../../src/core/usage.ts"
import { meterObjectName } from "../../src/server/keys.ts"
import { defaultMeterRules, type MeterRules } from "../../src/usage/entry.ts"
import { type Meters, meters } from "../../src/usage/meters.ts"

export const noon = new Date("2026-11-21T12:00:00.000Z")
/** A call that reads so many rows. */
export const read = (rowsRead: number): Figures => ({ calls: 1, rowsRead, rowsWritten: 0, estimate: 0 })
export const newAccount = (): Account => ({ kind: "organization", id: crypto.randomUUID() })
export const objectOf = (account: Account) => env.METER.getByName(meterObjectName(account)) as unknown as MeterObject

/** What a test moves, and what it sees. */
export interface Isolate extends Meters {
  /** Calls to objects, oldest first. */
  readonly asked: string[]
  readonly faults: unknown[]
  readonly passed: Passed[]
  /** What objects do before they answer; throws when they are not to be reached. */
  before: (method: string) => void | Promise<void>
  /** What they do when they have counted and before the answer comes. */
  after: (method: string) => void
  now: Date
  elapsed: number
  /** Ends when the work behind is done; sleepers sleep on. */
  settled(): Promise<void>
  /** Wakes whoever sleeps until something has come together. */
  wake(): void
}

/** Makes one. */
export function isolate(rules: Partial<MeterRules> = {}): Isolate {
  const behind: Promise<unknown>[] = []
  let sleepers: (() => void)[] = []
  const state = {
    asked: [] as string[],
    faults: [] as unknown[],
    passed: [] as Passed[],
    before: (_: string): void | Promise<void> => undefined,
    after: (_: string): void => undefined,
    now: noon,
    elapsed: 1_000_000,
    async settled() {
      for (let quiet = 0; quiet < 3; quiet++) await scheduler.wait(5)
      await Promise.race([Promise.all(behind), scheduler.wait(20)])
    },
    wake() {
      const woken = sleepers
      sleepers = []
      for (const one of woken) one()
    },
  }
  const over = async <T>(method: string, call: () => Promise<T>): Promise<T> => {
    state.asked.push(method)
    await state.before(method)
    const answer = await call()
    state.after(method)
    return answer
  }
  const made = meters(
    {
      meter: (account) => ({
        standing: (day) => over("standing", () => objectOf(account).standing(day)),
        report: (report) => over("report", () => objectOf(account).report(report)),
      }),
      reporter: crypto.randomUUID(),
      behind: (work) => void behind.push(work),
      now: () => state.now,
      elapsed: () => state.elapsed,
      sleep: () => new Promise((resolve) => sleepers.push(resolve)),
      onPassed: (_, passed) => void state.passed.push(...passed),
      onFault: (cause) => void state.faults.push(cause),
    },
    { ...defaultMeterRules, ...rules },
  )
  return Object.defineProperty(Object.assign(state, made), "size", { get: () => made.size }) as Isolate
}

/** How an attempt ends. */
export const codeOf = async (attempt: () => void | Promise<void>): Promise<string> => {
  try {
    await attempt()
    return "OK"
  } catch (thrown) {
    if (!(thrown instanceof Problem)) throw thrown
    return thrown.code
  }
}

/** One call: checked, then counted. */
export async function spend(one: Isolate, account: Account, budget: Budget, figures: Figures): Promise<string> {
  const code = await codeOf(() => one.check(account, budget, figures.rowsWritten > 0 ? "mutation" : "query", one.now))
  if (code === "OK") one.count(account, budget, figures)
  return code
}
