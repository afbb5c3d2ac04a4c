/** One run of the comparison: all targets under the same load in turn, and what a request cost each. */
import type { Call } from "../cases.ts"
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

/**
 * A target's connections to its database have idled while others had their turn, and one that is just being closed loses its request: what is
 * sent here may fail, what is counted may not.
 */
async function wake(target: Target, connections: number): Promise<void> {
  const calls = callsOf(target, "get")
  const sent = Array.from({ length: connections }, async (_, n) => {
    const { path, headers } = calls[n % calls.length] as Call
    await (await fetch(target.worker.url + path, { headers })).arrayBuffer()
  })
  await Promise.allSettled(sent)
}

async function measureKind(kind: Kind, targets: readonly Target[], effort: Effort): Promise<Measured[]> {
  const { connections, rounds, requests, warmUp } = effort
  const load = async (target: Target, amount: number) => {
    const { worker, storage } = target
    await wake(target, connections)
    const before = await tripsOf(storage)
    const round = await runOnce(worker, storage, { calls: callsOf(target, kind), connections, requests: amount })
    return { round, trips: (await tripsOf(storage)) - before }
  }
  for (const target of targets) await load(target, warmUp)
  const seen = targets.map((target) => ({ target, rounds: [] as Round[], trips: 0 }))
  for (let n = 0; n < rounds; n++) {
    for (const one of order(seen, n)) {
      const { round, trips } = await load(one.target, requests)
      one.rounds.push(round)
      one.trips += trips / (rounds * requests)
    }
  }
  return seen
}

/** Measures targets that run. Proves before and after that they answer what they should; throws when one does not. */
export async function measureTargets(
  targets: readonly Target[],
  effort: Effort,
): Promise<Readonly<Record<Kind, readonly Measured[]>>> {
  for (const target of targets) await prove(target)
  const measured = { get: [] as Measured[], list: [] as Measured[] }
  for (const kind of kinds) measured[kind] = await measureKind(kind, targets, effort)
  for (const target of targets) {
    await wake(target, effort.connections)
    await prove(target)
  }
  return measured
}
