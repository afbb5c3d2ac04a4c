/**
 * `npm run bench:limiter`: Selvage's limiter beside the package hono-rate-limiter on KV, in the same Workers, on the same Miniflare, in the same run:
 * whether each admits as many as it should, and what each costs a request. Prints tables.
 *
 * The package's store for KV is its UnstorageStore; it is given KV directly, without the layer of unstorage. CPU is that of the whole runtime, its
 * simulations of KV and of objects included, above the same request without a limit. The simulation of KV has no latency of a network, and shows
 * every write at once: in production more calls read an old count than here.
 */
import { type Cluster, startCluster } from "../tests/exactness/cluster.ts"
import { quantile } from "./load.ts"
import { cpuMicroseconds } from "./server.ts"

const workers = 4
const ways = [
  ["Selvage, leased", "draw"],
  ["Selvage, one hop a call", "take"],
  ["hono-rate-limiter on KV", "rival"],
] as const
const requests = 2000
const rounds = 3
const connections = 16

const newKey = () => `test/${crypto.randomUUID()}`
const median = (values: readonly number[]) => quantile(values, 0.5)

function table(heads: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const line = (cells: readonly (string | number)[]) => console.log(`| ${cells.join(" | ")} |`)
  line(heads)
  console.log(`|${"---|".repeat(heads.length)}`)
  rows.forEach(line)
  console.log()
}

/** How many of ten times the limit are admitted, over all Workers at once. */
async function correctness(cluster: Cluster): Promise<void> {
  const rows = []
  for (const limit of [10, 100]) {
    for (const [name, how] of ways) {
      // Selvage's clock is held, so that nothing refills meanwhile; the package's window of a minute has only begun.
      const path = `/${how}?key=${newKey()}&perMinute=${limit}&burst=${limit}&now=${Date.now()}`
      const answers = await cluster.fire(10 * limit, path, 10 * limit)
      const admitted = answers.filter(({ status }) => status === 200).length
      rows.push([limit, 10 * limit, name, admitted])
    }
  }
  console.log("Ten times the limit at once, over four isolates.\n")
  table(["Limit a minute", "Calls", "Limiter", "Admitted"], rows)
}

interface Measured {
  readonly cpu: number
  readonly object: number
  readonly kv: number
}

/** What a request costs the runtime. The requests are spread over callers with these keys. */
async function measure(cluster: Cluster, how: string, names: readonly string[]): Promise<Measured> {
  let next = 0
  // The burst is far above what comes: nobody is refused.
  const path = () => `/${how}?key=${names[next++ % names.length]}&perMinute=60000&burst=100000`
  const before = { ...(await cluster.counts()), cpu: cpuMicroseconds(cluster.pid) }
  const lane = async (): Promise<void> => {
    while (next < requests) {
      const { status } = await cluster.call(0, path())
      if (status !== 200) throw new Error(`${how} answered ${status}`)
    }
  }
  await Promise.all(Array.from({ length: connections }, lane))
  const cpu = cpuMicroseconds(cluster.pid) - before.cpu
  const after = await cluster.counts()
  const kv = after.kvReads + after.kvWrites - before.kvReads - before.kvWrites
  return { cpu: cpu / next, object: (after.object - before.object) / next, kv: kv / next }
}

async function cost(cluster: Cluster, keys: number): Promise<void> {
  const all = [["no limiter", "none"], ...ways] as const
  const measured = new Map<string, Measured[]>(all.map(([name]) => [name, []]))
  const names = Array.from({ length: keys }, newKey)
  // Round by round, so that what else the machine does falls on all of them. The first round warms up.
  for (let round = 0; round <= rounds; round++)
    for (const [name, how] of all) {
      const one = await measure(
        cluster,
        how,
        names.map((key) => `${key}/${how}`),
      )
      if (round > 0) measured.get(name)?.push(one)
    }
  const of = (name: string, what: keyof Measured) => median((measured.get(name) ?? []).map((one) => one[what]))
  const floor = of("no limiter", "cpu")
  const rows = all.map(([name]) => [
    name,
    (of(name, "cpu") - floor).toFixed(0),
    of(name, "object").toFixed(3),
    of(name, "kv").toFixed(3),
  ])
  console.log(`${requests} requests, ${connections} at a time, of ${keys} caller(s); the median of ${rounds} rounds.\n`)
  table(["Limiter", "CPU µs a request, above none", "Calls of the object a request", "KV operations a request"], rows)
}

/** The limiter alone: a draw from memory, and a hop. */
async function alone(cluster: Cluster): Promise<void> {
  const spin = (times: number) => cluster.call(0, `/spin?key=${newKey()}&perMinute=60000&burst=1000000&times=${times}`)
  const time = async (work: () => Promise<unknown>) => {
    const begun = performance.now()
    await work()
    return performance.now() - begun
  }
  const times = 200_000
  const memory: number[] = []
  const hop: number[] = []
  const key = newKey()
  const take = () => cluster.call(0, `/take?key=${key}&perMinute=60000&burst=100000`)
  const several = async (work: () => Promise<unknown>) => {
    for (let n = 0; n < 50; n++) await work()
  }
  for (let round = 0; round <= rounds; round++) {
    const long = await time(() => spin(2 * times))
    const short = await time(() => spin(times))
    const with50 = await time(() => several(take))
    const without = await time(() => several(() => cluster.call(0, "/none")))
    if (round === 0) continue
    memory.push(((long - short) * 1000) / times)
    hop.push(((with50 - without) * 1000) / 50)
  }
  table(
    ["Selvage's limiter alone", "µs"],
    [
      ["a draw from memory, hops for leases included", median(memory).toFixed(2)],
      ["a hop to the object, one after another on this machine", median(hop).toFixed(0)],
    ],
  )
}

const cluster = await startCluster(workers)
try {
  await correctness(cluster)
  await cost(cluster, 1)
  await cost(cluster, 200)
  await alone(cluster)
} finally {
  await cluster.stop()
}
