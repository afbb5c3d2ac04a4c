/**
 * `npm run bench`: the built Worker beside handlers written by hand, both on Miniflare's direct socket and on one database, under the same
 * load in turn. README.md in this folder says what is counted and what the options are.
 */
import { dirname, join } from "node:path"
import { parseArgs } from "node:util"
import { type Case, cases } from "./cases.ts"
import { principal } from "./contents.ts"
import { prepareDataset } from "./dataset.ts"
import { type Comparison, type Effort, measure } from "./measure.ts"
import { capture, startTraced } from "./plan.ts"
import { profile } from "./profile.ts"
import { save, table, worsened } from "./report.ts"
import { addressOf, type Server, startServer } from "./server.ts"
import { type Access, buildBare, buildPublic, buildWorker, grantAccess, temporaryFolder } from "./workspace.ts"

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    compare: { type: "boolean", default: false },
    save: { type: "boolean", default: false },
    self: { type: "boolean", default: false },
    only: { type: "string" },
    rounds: { type: "string" },
    requests: { type: "string" },
    connections: { type: "string", default: "1,32" },
    profile: { type: "string" },
  },
})

/** What stays the same for the whole run. */
interface Session {
  /** The Worker of a kind of case, built when it is first asked for. */
  readonly bundleOf: (worker: Case["worker"]) => string
  readonly folder: string
  readonly bare: string
  readonly access: Access
  readonly effort: Effort
  readonly connections: readonly number[]
}

function chosenCases(): Case[] {
  const names = options.only?.split(",")
  const chosen = cases.filter(({ name }) => !names || names.includes(name))
  if (chosen.length === 0) throw new Error(`--only takes ${cases.map(({ name }) => name).join(", ")}`)
  return chosen
}

async function measureGroup(session: Session, chosen: readonly Case[]): Promise<Comparison[]> {
  const { tasks, worker } = chosen[0] as Case
  const { access, effort } = session
  const bundle = session.bundleOf(worker)
  // What the cache would have answered has to be traced where there is none.
  const tracing = session.bundleOf(worker === "cached" ? "uncached" : worker)
  const { variables, token } = access
  const running: { stop(): Promise<void> }[] = []
  const start = async <S extends { stop(): Promise<void> }>(starting: Promise<S>): Promise<S> => {
    const server = await starting
    running.unshift(server)
    return server
  }
  try {
    const storage = await start(
      startServer({ kind: "storage", folder: await prepareDataset(join(session.folder, `data-${worker}`), tasks) }),
    )
    const address = addressOf(storage)
    const traced = { folder: dirname(tracing), bundle: tracing, storage: address, variables }
    const watched = await start(startTraced(traced))
    const plan = await capture(watched, chosen, token)
    const byHand = () =>
      start(
        startServer({
          kind: "worker",
          modules: [session.bare],
          storage: address,
          whole: false,
          variables: { ...variables, PLAN: plan, COLLECTION: "/v1/tasks" },
        }),
      )
    const bare = await byHand()
    const selvage: Server = options.self
      ? await byHand()
      : await start(startServer({ kind: "worker", modules: [bundle], storage: address, whole: true, variables }))
    const comparisons: Comparison[] = []
    for (const one of chosen) {
      for (const connections of session.connections) {
        const comparison = await measure(one, connections, token, { bare, selvage, storage }, effort)
        comparisons.push(comparison)
        console.error(
          `${comparison.key}: CPU ${comparison.ratio.cpu.toFixed(2)}, requests a second ${comparison.ratio.requestsPerSecond.toFixed(2)}`,
        )
      }
    }
    return comparisons
  } finally {
    for (const server of running) await server.stop()
  }
}

async function main(): Promise<void> {
  const folder = temporaryFolder()
  const access = await grantAccess(principal)
  if (options.profile !== undefined) {
    const one = cases.find(({ name }) => name === options.profile)
    if (!one) throw new Error(`--profile takes ${cases.map(({ name }) => name).join(", ")}`)
    console.log(await profile(one, access, folder, Number(options.requests ?? 4000)))
    return
  }
  const effort = {
    rounds: Number(options.rounds ?? (options.quick ? 5 : 9)),
    requests: Number(options.requests ?? (options.quick ? 300 : 1000)),
    warmUp: options.quick ? 600 : 2000,
  }
  const connections = options.connections.split(",").map(Number)
  const bundles = new Map<Case["worker"], string>()
  const bundleOf = (worker: Case["worker"]) => {
    const built = worker === "workspace" ? buildWorker : (at: string) => buildPublic(at, worker === "cached")
    if (!bundles.has(worker)) bundles.set(worker, built(folder))
    return bundles.get(worker) as string
  }
  const session = { folder, bundleOf, bare: buildBare(folder), access, effort, connections }
  const comparisons: Comparison[] = []
  const chosen = chosenCases()
  for (const group of Map.groupBy(chosen, ({ tasks, worker }) => `${tasks} ${worker}`).values())
    comparisons.push(...(await measureGroup(session, group)))
  console.log(table(comparisons))
  if (options.save && !options.self)
    save(
      comparisons,
      `${effort.rounds} rounds of ${effort.requests} requests after a warm-up of ${effort.warmUp}, load by autocannon`,
    )
  if (!options.compare) return
  const sentences = worsened(comparisons)
  console.log(["", ...(sentences.length === 0 ? ["Nothing worsened by more than a tenth."] : sentences)].join("\n"))
  if (sentences.length > 0) process.exitCode = 1
}

await main()
