/** One run of the comparison: all targets under the same load in turn, and what a request cost each. */
import { type Round, runOnce } from "../measure.ts"
import { tripsOf } from "../server.ts"
import { callsOf, type Kind, kinds, prove, type Target } from "./target.ts"

/** How much is sent. */
export interface Effort {
  readonly connections: number
  /** Starts of all servers. */
  readonly runs: number
  readonly rounds: number
  /** In each round, to each target. */
  readonly requests: number
  /** Before the first round, to each target. */
  readonly warmUp: number
}

/** A target's rounds of one kind of call, in one run. */
export interface Measured {
  readonly rounds: readonly Round[]
  /** Round trips to D1, a request. */
  readonly trips: number
}

/** Whose turn it is: each round another begins, and every other round goes backwards. */
function order<T>(targets: readonly T[], round: number): T[] {
  const turned = targets.map((_, n) => targets[(n + (round >> 1)) % targets.length] as T)
  return round % 2 === 0 ? turned : turned.reverse()
}

async function measureKind(kind: Kind, targets: readonly Target[], effort: Effort): Promise<Measured[]> {
  const { connections, requests, warmUp } = effort
  const load = (target: Target, amount: number) =>
    runOnce(target.worker, target.storage, { calls: callsOf(target, kind), connections, requests: amount })
  for (const target of targets) await load(target, warmUp)
  const seen = targets.map((target) => ({ target, rounds: [] as Round[], trips: 0 }))
  for (let round = 0; round < effort.rounds; round++) {
    for (const one of order(seen, round)) {
      const before = await tripsOf(one.target.storage)
      one.rounds.push(await load(one.target, requests))
      one.trips += (await tripsOf(one.target.storage)) - before
    }
  }
  return seen.map(({ rounds, trips }) => ({ rounds, trips: trips / (effort.rounds * requests) }))
}

/** Measures targets that run. Proves before and after that they answer what they should; throws when one does not. */
export async function measureTargets(
  targets: readonly Target[],
  effort: Effort,
): Promise<Readonly<Record<Kind, readonly Measured[]>>> {
  for (const target of targets) await prove(target)
  const measured = { get: [] as Measured[], list: [] as Measured[] }
  for (const kind of kinds) measured[kind] = await measureKind(kind, targets, effort)
  for (const target of targets) await prove(target)
  return measured
}
