/** One measurement: two servers under the same load, turn by turn, and the medians of what it cost. */
import type { Case } from "./cases.ts"
import { load, quantile } from "./load.ts"
import { cpuMicroseconds, type Server } from "./server.ts"

/** What a round of one server came to. */
export interface Round {
  readonly requestsPerSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** CPU of the Worker's process a request, microseconds. */
  readonly cpu: number
  /** CPU of the storage process a request, microseconds. */
  readonly storageCpu: number
}

/** Selvage against the floor. */
export interface Comparison {
  /** `case@connections`. */
  readonly key: string
  readonly title: string
  readonly connections: number
  readonly bare: Round
  readonly selvage: Round
  /** Ratios of the medians: CPU above 1 is more, requests a second below 1 is fewer. */
  readonly ratio: { readonly cpu: number; readonly requestsPerSecond: number; readonly p99: number }
  /** The lowest and the highest CPU ratio of a single round. */
  readonly range: readonly [number, number]
  /** Half the spread of the floor's CPU between rounds (quartiles), as a share: what a difference must exceed to be one. */
  readonly noise: number
}

/** The servers of one database size. */
export interface Field {
  readonly bare: Server
  readonly selvage: Server
  readonly storage: Server
}

/** How much is sent. */
export interface Effort {
  readonly rounds: number
  /** In each round, to each server. */
  readonly requests: number
  /** Before the first round, to each server. */
  readonly warmUp: number
}

/** The value in the middle. */
export const median = (values: readonly number[]) => quantile(values, 0.5)

/** The median of each figure over the rounds. */
export function medianRound(rounds: readonly Round[]): Round {
  const of = (key: keyof Round) => median(rounds.map((round) => round[key]))
  return {
    requestsPerSecond: of("requestsPerSecond"),
    p50: of("p50"),
    p99: of("p99"),
    cpu: of("cpu"),
    storageCpu: of("storageCpu"),
  }
}

/** One round of load on a server, and what it cost its process and that of its storage. */
export async function runOnce(
  server: Server,
  storage: Server,
  options: Omit<Parameters<typeof load>[0], "url">,
): Promise<Round> {
  const [before, storageBefore] = [cpuMicroseconds(server.pid), cpuMicroseconds(storage.pid)]
  const { requests, requestsPerSecond, p50, p99 } = await load({ ...options, url: server.url })
  return {
    requestsPerSecond,
    p50,
    p99,
    cpu: (cpuMicroseconds(server.pid) - before) / requests,
    storageCpu: (cpuMicroseconds(storage.pid) - storageBefore) / requests,
  }
}

/** Measures a case: a warm-up, then rounds in which the two take turns at going first. */
export async function measure(
  one: Case,
  connections: number,
  token: string,
  field: Field,
  effort: Effort,
): Promise<Comparison> {
  const options = { calls: one.calls(token), connections, requests: effort.requests }
  const rounds: { bare: Round[]; selvage: Round[] } = { bare: [], selvage: [] }
  for (const name of ["bare", "selvage"] as const)
    await runOnce(field[name], field.storage, { ...options, requests: effort.warmUp })
  for (let n = 0; n < effort.rounds; n++) {
    for (const name of n % 2 === 0 ? (["bare", "selvage"] as const) : (["selvage", "bare"] as const)) {
      rounds[name].push(await runOnce(field[name], field.storage, options))
    }
  }
  const [bare, selvage] = [medianRound(rounds.bare), medianRound(rounds.selvage)]
  const single = rounds.bare.map((round, n) => (rounds.selvage[n] as Round).cpu / round.cpu)
  const spread = (p: number) =>
    quantile(
      rounds.bare.map(({ cpu }) => cpu),
      p,
    )
  return {
    key: `${one.name}@${connections}`,
    title: one.title,
    connections,
    bare,
    selvage,
    ratio: {
      cpu: selvage.cpu / bare.cpu,
      requestsPerSecond: selvage.requestsPerSecond / bare.requestsPerSecond,
      p99: selvage.p99 / bare.p99,
    },
    range: [Math.min(...single), Math.max(...single)],
    noise: (spread(0.75) - spread(0.25)) / 2 / bare.cpu,
  }
}
