/**
 * `npm run bench:peers`: authenticated reads of Selvage beside those of the peers that run on Workers and D1, under the same load in turn.
 * Exits 1 when Selvage costs more than 0.6 of the nearest peer. README.md in the folder above says how each is set up.
 */
import { parseArgs } from "node:util"
import { temporaryFolder } from "../workspace.ts"
import { bknd } from "./bknd.ts"
import { type Effort, type Measured, measureTargets } from "./measure.ts"
import { prepareOurs } from "./ours.ts"
import { preparePeer, type Ready } from "./peer.ts"
import { type Standing, type Standings, save, table, verdict } from "./report.ts"
import { type Kind, kinds, type Target } from "./target.ts"
import { teenybase } from "./teenybase.ts"

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    save: { type: "boolean", default: false },
    runs: { type: "string", default: "1" },
    rounds: { type: "string" },
    requests: { type: "string" },
    connections: { type: "string", default: "16" },
  },
})

const effort: Effort = {
  connections: Number(options.connections),
  runs: Number(options.runs),
  rounds: Number(options.rounds ?? (options.quick ? 5 : 9)),
  requests: Number(options.requests ?? (options.quick ? 300 : 1000)),
  warmUp: options.quick ? 600 : 2000,
}

type Entry = Ready & Pick<Standing, "role">
type Run = Readonly<Record<Kind, readonly Measured[]>>

async function prepare(folder: string): Promise<Entry[]> {
  const { bare, selvage } = await prepareOurs(folder)
  const peers: Entry[] = []
  for (const peer of [bknd, teenybase]) peers.push({ ...(await preparePeer(peer, folder)), role: "peer" })
  return [{ ...bare, role: "by hand" }, { ...selvage, role: "ours" }, ...peers]
}

/** Starts all, measures, stops all: another run is another set of isolates. */
async function once(entries: readonly Entry[]): Promise<Run> {
  const targets: Target[] = []
  try {
    for (const { start } of entries) targets.push(await start())
    return await measureTargets(targets, effort)
  } finally {
    for (const { worker, storage } of targets) {
      await worker.stop()
      await storage.stop()
    }
  }
}

function standingsOf(entries: readonly Entry[], runs: readonly Run[]): Standings {
  const of = (kind: Kind): Standing[] =>
    entries.map(({ title, role }, n) => {
      const measured = runs.map((run) => run[kind][n] as Measured)
      const trips = measured.reduce((sum, one) => sum + one.trips, 0) / runs.length
      return { title, role, trips, runs: measured.map(({ rounds }) => rounds) }
    })
  return { get: of("get"), list: of("list") }
}

const entries = await prepare(temporaryFolder())
const runs: Run[] = []
for (let n = 0; n < effort.runs; n++) {
  runs.push(await once(entries))
  const latest = standingsOf(entries, [runs[n] as Run])
  console.error(`run ${n + 1}: ${kinds.map((kind) => verdict(kind, latest[kind]).text).join(" ")}`)
}
const standings = standingsOf(entries, runs)
const verdicts = kinds.map((kind) => verdict(kind, standings[kind]))
console.log([table(standings), "", ...verdicts.map(({ text }) => text)].join("\n"))
if (options.save) save(standings, effort)
if (verdicts.some(({ holds }) => !holds)) process.exitCode = 1
