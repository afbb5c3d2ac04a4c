/**
 * `npm run limits:figures`: what the limiter does with several isolates, on Miniflare: how many of ten times the limit at once are admitted, and how
 * many calls of the object a thousand admitted calls cost with leases and without. Prints tables for the README. Exits 1 when not exactly as many
 * were admitted as the limit has.
 */
import { type Cluster, startCluster } from "../tests/exactness/cluster.ts"
import { run, Stop } from "./local.ts"

const workers = 4
const limits = [1, 10, 100, 1000]
/** Calls a second that all isolates together are offered; seconds that they are. */
const loads = [
  [4, 20],
  [40, 10],
  [400, 10],
] as const

const newKey = () => `test/${crypto.randomUUID()}`

function table(heads: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const line = (cells: readonly (string | number)[]) => console.log(`| ${cells.join(" | ")} |`)
  line(heads)
  console.log(`|${"---|".repeat(heads.length)}`)
  rows.forEach(line)
  console.log()
}

async function exactness(cluster: Cluster): Promise<void> {
  const rows = []
  for (const limit of limits) {
    const path = `/draw?key=${newKey()}&perMinute=${limit}&burst=${limit}&now=${Date.now()}`
    const before = await cluster.counts()
    const answers = await cluster.fire(10 * limit, path, 2000)
    const after = await cluster.counts()
    const admitted = answers.filter(({ status }) => status === 200).length
    const servers = new Set(answers.map(({ body }) => body.worker)).size
    rows.push([limit, 10 * limit, admitted, servers, after.object - before.object])
    if (admitted !== limit) throw new Stop(`${admitted} of ${limit} were admitted`)
  }
  table(["Limit", "Calls at once", "Admitted", "Isolates that served", "Calls of the object"], rows)
}

/** Offers calls evenly, and gives what a thousand that were admitted cost of the object. */
async function offered(cluster: Cluster, how: "draw" | "take", perSecond: number, seconds: number): Promise<number> {
  const perMinute = 2 * 60 * perSecond
  const path = `/${how}?key=${newKey()}&perMinute=${perMinute}&burst=${perMinute}`
  const before = await cluster.counts()
  const calls: Promise<{ readonly status: number }>[] = []
  const begun = performance.now()
  while (calls.length < perSecond * seconds) {
    const due = Math.min(perSecond * seconds, (perSecond * (performance.now() - begun)) / 1000)
    while (calls.length < due) calls.push(cluster.call(calls.length % workers, path))
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const admitted = (await Promise.all(calls)).filter(({ status }) => status === 200).length
  if (admitted < calls.length) throw new Stop(`${calls.length - admitted} calls below the limit were refused`)
  // What lies idle goes back: that counts, too.
  await new Promise((resolve) => setTimeout(resolve, 2500))
  return ((await cluster.counts()).object - before.object) / (admitted / 1000)
}

async function hops(cluster: Cluster): Promise<void> {
  const rows = []
  for (const [perSecond, seconds] of loads) {
    const without = await offered(cluster, "take", perSecond, seconds)
    const leased = await offered(cluster, "draw", perSecond, seconds)
    rows.push([perSecond, 2 * 60 * perSecond, without.toFixed(0), leased.toFixed(0)])
  }
  table(
    ["Calls a second of one key", "Limit a minute", "Calls of the object per 1,000 admitted: one a call", "leased"],
    rows,
  )
}

await run(async () => {
  const cluster = await startCluster(workers)
  try {
    await exactness(cluster)
    await hops(cluster)
  } finally {
    await cluster.stop()
  }
})
