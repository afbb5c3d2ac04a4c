/**
 * `npm run bench:live`: what telling costs. Fan-out of one change to 10, 100 and 1,000 watchers, events a second through the feed, and what a write
 * costs with and without watchers, of its own and of another organization, side by side in one run. Loopback only; CPU is that of the runtime's
 * process, Miniflare's simulators of D1 and queues included.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { buildBundle, hastyMain } from "../scripts/bundle.ts"
import { type Server, startServer } from "../tests/chaos/server.ts"
import { Watcher } from "../tests/chaos/watcher.ts"
import { type Actor, type Calls, callsTo, freshKeys, makeActors } from "../tests/chaos/workspace.ts"

const { values: options } = parseArgs({
  options: {
    watchers: { type: "string", default: "10,100,1000" },
    rounds: { type: "string", default: "20" },
    writes: { type: "string", default: "100" },
    events: { type: "string", default: "5000" },
  },
})

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** CPU that the runtime has used, milliseconds (proc(5): utime and stime in ticks of 10 ms). */
function cpuOf({ pid }: Server): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

const ms = (value: number) => value.toFixed(1)

/** An organization whose administrators watch it. */
interface Place {
  readonly organization: string
  readonly project: string
  readonly task: string
}

async function must(calls: Calls, actor: Actor, line: string, body: object) {
  const answer = await calls.call(actor, line, body)
  if (answer.status >= 400) throw new Error(`${line}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}

async function place(calls: Calls, owner: Actor, name: string, people: readonly Actor[]): Promise<Place> {
  const { id: organization } = await must(calls, owner, "POST /v1/organizations", { name })
  for (let at = 0; at < people.length; at += 100) {
    const some = people.slice(at, at + 100)
    const records = some.map(({ id: userId }) => ({
      op: "create",
      values: { organizationId: organization, userId, role: "admin" },
    }))
    await must(calls, owner, "POST /v1/members/batch", { records })
  }
  const { id: project } = await must(calls, owner, "POST /v1/projects", { organizationId: organization, name })
  const { id: task } = await must(calls, owner, "POST /v1/tasks", { projectId: project, title: "Watched" })
  return { organization, project, task }
}

/** Watchers that have their list. */
async function watch(people: readonly Actor[], organization: string, origin: () => Promise<string>) {
  const watchers = people.map(({ id: user, token }) => new Watcher({ user, organization, token }, origin))
  const running = watchers.map((watcher) => watcher.run())
  const until = performance.now() + 120_000
  while (watchers.some(({ cursor }) => cursor === null)) {
    if (performance.now() > until) throw new Error(`Not every watcher is ready: ${watchers[0]?.complaints}`)
    await pause(50)
  }
  return {
    watchers,
    async stop() {
      for (const watcher of watchers) watcher.stop()
      await Promise.all(running)
      // The objects tell their topics that nobody watches.
      await pause(500)
    },
  }
}

async function fanOut(server: Server, calls: Calls, owner: Actor, people: readonly Actor[], at: Place, rounds: number) {
  const { watchers, stop } = await watch(people, at.organization, async () => server.url)
  const latencies: number[] = []
  const missing = () => watchers.some(({ sequences }) => sequences.length < target)
  let target = 0
  const before = cpuOf(server)
  for (let round = 0; round < rounds; round++) {
    target = (watchers[0]?.sequences.length ?? 0) + 1
    const begun = performance.now()
    for (const watcher of watchers) watcher.onTold = () => void latencies.push(performance.now() - begun)
    await must(calls, owner, `PATCH /v1/tasks/${at.task}`, { title: `Round ${round}` })
    while (missing()) {
      if (performance.now() - begun > 60_000) throw new Error("A delivery did not arrive within a minute")
      await pause(2)
    }
  }
  const cpu = (cpuOf(server) - before) / latencies.length
  await stop()
  return { watchers: people.length, p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99), cpu }
}

async function throughput(server: Server, calls: Calls, owner: Actor, person: Actor, at: Place, events: number) {
  const { watchers, stop } = await watch([person], at.organization, async () => server.url)
  const [watcher] = watchers as [Watcher]
  const had = watcher.sequences.length
  const begun = performance.now()
  let written = begun
  for (let made = 0; made < events; made += 100) {
    const records = Array.from({ length: 100 }, (_, n) => ({
      op: "create",
      values: { projectId: at.project, title: `Event ${made + n}` },
    }))
    await must(calls, owner, "POST /v1/tasks/batch", { records })
  }
  written = performance.now()
  while (watcher.sequences.length - had < events) {
    if (performance.now() - written > 120_000)
      throw new Error(`Only ${watcher.sequences.length - had} of ${events} arrived`)
    await pause(5)
  }
  const told = performance.now()
  await stop()
  return { events, perSecond: (events * 1000) / (told - begun), behind: told - written }
}

async function writes(server: Server, calls: Calls, owner: Actor, at: Place, count: number) {
  const latencies: number[] = []
  const before = cpuOf(server)
  for (let n = 0; n < count; n++) {
    const begun = performance.now()
    await must(calls, owner, `PATCH /v1/tasks/${at.task}`, { title: `Write ${n}` })
    latencies.push(performance.now() - begun)
  }
  // What goes on behind the answers belongs to the write.
  await pause(300)
  return { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99), cpu: (cpuOf(server) - before) / count }
}

async function main(): Promise<void> {
  const sizes = options.watchers.split(",").map(Number)
  const most = Math.max(...sizes)
  const folder = mkdtempSync(join(tmpdir(), "selvage-bench-live-"))
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }))
  const keys = await freshKeys()
  const { people, actors } = await makeActors(most + 1, keys)
  const bundle = buildBundle(join(folder, "bundle"), hastyMain, "--minify")
  const server = await startServer({ folder: join(folder, "state"), bundle, variables: keys.variables, people })
  const [owner, ...others] = actors as [Actor, ...Actor[]]
  const calls = callsTo(async () => server.url)
  const [here, elsewhere] = [await place(calls, owner, "Here", others), await place(calls, owner, "Elsewhere", others)]
  console.log("| watchers of one change | p50 ms | p99 ms | CPU ms a delivery |\n|---:|---:|---:|---:|")
  for (const size of sizes) {
    const { p50, p99, cpu } = await fanOut(server, calls, owner, others.slice(0, size), here, Number(options.rounds))
    console.log(`| ${size} | ${ms(p50)} | ${ms(p99)} | ${cpu.toFixed(3)} |`)
  }
  // A place of its own: its records are more than a watch holds.
  const busy = await place(calls, owner, "Busy", others.slice(0, 1))
  const { events, perSecond, behind } = await throughput(
    server,
    calls,
    owner,
    others[0] as Actor,
    busy,
    Number(options.events),
  )
  console.log(
    `\n${events} events in batches of 100: ${perSecond.toFixed(0)} a second from writer to watcher, the last ${ms(behind)} ms behind its write\n`,
  )
  console.log("| one write | p50 ms | p99 ms | CPU ms |\n|---|---:|---:|---:|")
  const count = Number(options.writes)
  await writes(server, calls, owner, here, count)
  const line = (name: string, { p50, p99, cpu }: Awaited<ReturnType<typeof writes>>) =>
    console.log(`| ${name} | ${ms(p50)} | ${ms(p99)} | ${cpu.toFixed(2)} |`)
  line("nobody watches", await writes(server, calls, owner, here, count))
  const hundred = others.slice(0, Math.min(100, most))
  const away = await watch(hundred, elsewhere.organization, async () => server.url)
  line(`${hundred.length} watch another organization`, await writes(server, calls, owner, here, count))
  await away.stop()
  const near = await watch(hundred, here.organization, async () => server.url)
  line(`${hundred.length} watch this organization`, await writes(server, calls, owner, here, count))
  await near.stop()
  line("nobody watches any more", await writes(server, calls, owner, here, count))
  await server.stop()
}

await main()
