/** The table of results: printed, kept in the repository for people (RESULTS.md) and for comparison (ratios.json). */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import type { Comparison } from "./measure.ts"
import { keepSection } from "./results.ts"

const ratiosPath = join(import.meta.dirname, "ratios.json")

/** A worse ratio than the kept one by more than this share is reported. */
const tolerance = 0.1

/** Bars of design.md §9 and of the issue, for the CPU ratio, by case. Those without one are not judged. */
const bars: Readonly<Record<string, number>> = { get: 1.35, "list-10k": 1.35, "list-1m": 1.35, create: 1.6 }

interface Kept {
  readonly measuredAt: string
  /** CPU ratio by `case@connections`. */
  readonly cpu: Readonly<Record<string, number>>
  readonly requestsPerSecond: Readonly<Record<string, number>>
}

const caseOf = (key: string) => key.slice(0, key.indexOf("@"))

function line({ key, title, connections, bare, selvage, ratio, range, noise }: Comparison): string {
  const bar = bars[caseOf(key)]
  const cells = [
    title,
    `${connections}`,
    bare.cpu.toFixed(0),
    selvage.cpu.toFixed(0),
    `**${ratio.cpu.toFixed(2)}** [${range.map((one) => one.toFixed(2)).join(", ")}]`,
    bar === undefined ? "-" : `${bar}${ratio.cpu > bar ? " missed" : ""}`,
    `${(noise * 100).toFixed(1)} %`,
    bare.requestsPerSecond.toFixed(0),
    selvage.requestsPerSecond.toFixed(0),
    ratio.requestsPerSecond.toFixed(2),
    bare.p99.toFixed(0),
    selvage.p99.toFixed(0),
    `${bare.storageCpu.toFixed(0)} / ${selvage.storageCpu.toFixed(0)}`,
  ]
  return `| ${cells.join(" | ")} |`
}

const head = [
  "| call | connections | CPU µs, by hand | CPU µs, Selvage | CPU ratio [rounds] | bar | noise | req/s, by hand | req/s, Selvage | ratio | p99 ms, by hand | p99 ms, Selvage | storage CPU µs |",
  "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
]

/** The table in Markdown. */
export function table(comparisons: readonly Comparison[]): string {
  return [...head, ...comparisons.map(line)].join("\n")
}

/** Keeps the results in the repository. */
export function save(comparisons: readonly Comparison[], effort: string): void {
  const round = (value: number) => Math.round(value * 1000) / 1000
  const of = (key: "cpu" | "requestsPerSecond") =>
    Object.fromEntries(comparisons.map((one) => [one.key, round(one.ratio[key])]))
  const measuredAt = new Date().toISOString()
  const kept: Kept = { measuredAt, cpu: of("cpu"), requestsPerSecond: of("requestsPerSecond") }
  writeFileSync(ratiosPath, `${JSON.stringify(kept, null, 2)}\n`)
  const text = `Written by \`npm run bench -- --save\` at ${measuredAt} on ${availableParallelism()} cores: ${effort}. README.md in this folder says what is
counted. Absolute figures drift from machine to machine; the ratios are what to read.

${table(comparisons)}
`
  keepSection("Selvage against handlers written by hand", text)
}

/** Sentences on the ratios that worsened by more than a tenth against the kept ones. */
export function worsened(comparisons: readonly Comparison[]): string[] {
  if (!existsSync(ratiosPath))
    throw new Error("There is no bench/ratios.json to compare with: run `npm run bench -- --save` once")
  const kept = JSON.parse(readFileSync(ratiosPath, "utf8")) as Kept
  return comparisons.flatMap(({ key, ratio }) => {
    const sentences: string[] = []
    const [cpu, speed] = [kept.cpu[key], kept.requestsPerSecond[key]]
    if (cpu === undefined || speed === undefined) return [`${key}: not in the kept table`]
    const percent = (share: number) => `${(share * 100).toFixed(0)} %`
    if (ratio.cpu > cpu * (1 + tolerance))
      sentences.push(
        `${key}: CPU ratio ${ratio.cpu.toFixed(2)}, was ${cpu.toFixed(2)} (+${percent(ratio.cpu / cpu - 1)})`,
      )
    if (ratio.requestsPerSecond < speed / (1 + tolerance)) {
      sentences.push(
        `${key}: requests a second ratio ${ratio.requestsPerSecond.toFixed(2)}, was ${speed.toFixed(2)} (-${percent(1 - ratio.requestsPerSecond / speed)})`,
      )
    }
    return sentences
  })
}
