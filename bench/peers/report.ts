/** What the comparison with peers came to: one table, and a sentence per kind of call that says whether the bar holds. */
import { availableParallelism } from "node:os"
import { median, medianRound, type Round } from "../measure.ts"
import { keepSection } from "../results.ts"
import type { Effort } from "./measure.ts"
import { type Kind, kinds } from "./target.ts"

/** Issue 6: the CPU of an authenticated read costs at most this share of the nearest peer's. */
const bar = 0.6

/** A target of one kind of call, over all runs. */
export interface Standing {
  readonly title: string
  readonly role: "by hand" | "ours" | "peer"
  /** Rounds of each run. */
  readonly runs: readonly (readonly Round[])[]
  /** Round trips to D1, a request. */
  readonly trips: number
}

export type Standings = Readonly<Record<Kind, readonly Standing[]>>

const titles: Readonly<Record<Kind, string>> = { get: "GET by id", list: "list of 20" }

const cpuOf = ({ runs }: Standing) => median(runs.flat().map(({ cpu }) => cpu))

function ours(standings: readonly Standing[]): Standing {
  return standings.find(({ role }) => role === "ours") as Standing
}

/** Ratios of CPU of single rounds: the lowest and the highest. */
function range(one: Standing, other: Standing): string {
  const rounds = other.runs.flat()
  const ratios = one.runs.flat().map(({ cpu }, n) => cpu / (rounds[n] as Round).cpu)
  return `[${Math.min(...ratios).toFixed(2)}, ${Math.max(...ratios).toFixed(2)}]`
}

function line(kind: Kind, one: Standing, standings: readonly Standing[]): string {
  const byHand = standings.find(({ role }) => role === "by hand") as Standing
  const { cpu, requestsPerSecond, p50, p99, storageCpu } = medianRound(one.runs.flat())
  const mine = ours(standings)
  const cells = [
    titles[kind],
    one.title,
    cpu.toFixed(0),
    one === byHand ? "1" : `${(cpu / cpuOf(byHand)).toFixed(2)} ${range(one, byHand)}`,
    one.role === "peer" ? `**${(cpuOf(mine) / cpu).toFixed(2)}** ${range(mine, one)}` : "-",
    requestsPerSecond.toFixed(0),
    p50.toFixed(1),
    p99.toFixed(1),
    one.trips.toFixed(2),
    storageCpu.toFixed(0),
  ]
  return `| ${cells.join(" | ")} |`
}

const head = [
  "| call | target | CPU µs | of by hand [rounds] | Selvage's of it [rounds] | req/s | p50 ms | p99 ms | D1 round trips | storage CPU µs |",
  "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
]

/** The table in Markdown. */
export function table(standings: Standings): string {
  return [...head, ...kinds.flatMap((kind) => standings[kind].map((one) => line(kind, one, standings[kind])))].join(
    "\n",
  )
}

/** Whether the bar holds against the peer that costs least, and the sentence that says so. */
export function verdict(
  kind: Kind,
  standings: readonly Standing[],
): { readonly holds: boolean; readonly text: string } {
  const peers = standings.filter(({ role }) => role === "peer")
  const nearest = peers.reduce((least, one) => (cpuOf(one) < cpuOf(least) ? one : least))
  const mine = ours(standings)
  const ratio = cpuOf(mine) / cpuOf(nearest)
  const runs = mine.runs.map(
    (rounds, n) => median(rounds.map(({ cpu }) => cpu)) / median((nearest.runs[n] as Round[]).map(({ cpu }) => cpu)),
  )
  const each = runs.length === 1 ? "" : ` (run by run ${runs.map((one) => one.toFixed(2)).join(", ")})`
  const holds = ratio <= bar
  const text = `${titles[kind]}: Selvage costs ${ratio.toFixed(2)}${each} of the CPU of ${nearest.title}, the nearest peer. The bar of ${bar} ${holds ? "holds" : "is missed"}.`
  return { holds, text }
}

/** Keeps the table and the sentences in the repository. */
export function save(standings: Standings, { runs, rounds, requests, warmUp, connections }: Effort): void {
  const sentences = kinds.map((kind) => verdict(kind, standings[kind]).text)
  const text = `Written by \`npm run bench:peers -- --save\` at ${new Date().toISOString()} on ${availableParallelism()} cores: ${runs} runs of ${rounds} rounds of ${requests}
requests at ${connections} connections, after a warm-up of ${warmUp}. Medians over all rounds; README.md in this folder says how each is set up.

${sentences.join("\n")}

${table(standings)}`
  keepSection("Selvage against its peers on workerd", text)
}
