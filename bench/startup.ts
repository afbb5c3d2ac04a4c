/**
 * `npm run bench:startup`: the size of what is uploaded, the CPU until the Worker is ready (from `wrangler check startup`), and the CPU of
 * the first requests of a fresh isolate. Exits 1 when a bar of the design (§9) is broken.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { bundleModules } from "../scripts/bundle.ts"
import { type Call, cases } from "./cases.ts"
import { principal, sizes } from "./contents.ts"
import { prepareDataset } from "./dataset.ts"
import { quantile } from "./load.ts"
import { addressOf, cpuMicroseconds, type Server, startServer } from "./server.ts"
import { buildWorker, grantAccess, temporaryFolder, wrangler } from "./workspace.ts"

const bars = { gzipKiB: 400, startupMilliseconds: 60 } as const
const runs = 7
const warmRequests = 20

interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string } }[]
  readonly samples: readonly number[]
  /** Microseconds. */
  readonly timeDeltas: readonly number[]
}

/** Milliseconds in which the isolate was not idle while it started. */
function startupMilliseconds(folder: string): number {
  const path = join(folder, "startup.cpuprofile")
  // The command takes no options for the build but through --args.
  wrangler("check", "startup", "--args=--minify", "--outfile", path)
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(path, "utf8")) as CpuProfile
  const names = new Map(nodes.map(({ id, callFrame }) => [id, callFrame.functionName]))
  const isActive = (name: string | undefined) => name !== "(idle)" && name !== "(root)"
  return samples.reduce((sum, id, n) => sum + (isActive(names.get(id)) ? (timeDeltas[n] ?? 0) : 0), 0) / 1000
}

async function settle(pid: number): Promise<void> {
  for (let before = -1, now = cpuMicroseconds(pid); now - before > 100; before = now, now = cpuMicroseconds(pid)) {
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** CPU that a call costs the Worker's process, milliseconds, with what it does after the answer. */
async function cost(server: Server, { method, path, headers }: Call): Promise<number> {
  const before = cpuMicroseconds(server.pid)
  const response = await fetch(server.url + path, { method, headers })
  await response.arrayBuffer()
  if (!response.ok) throw new Error(`${path} answered ${response.status}`)
  const spent = (cpuMicroseconds(server.pid) - before) / 1000
  await settle(server.pid)
  return spent
}

interface First {
  readonly get: number
  readonly list: number
  readonly document: number
  readonly warm: number
}

const folder = temporaryFolder()
const bundle = buildWorker(folder)
const sources = bundleModules(bundle).map(({ path }) => readFileSync(path))
const size = sources.reduce((sum, source) => sum + source.length, 0) / 1024
const gzip = sources.reduce((sum, source) => sum + gzipSync(source, { level: 9 }).length, 0) / 1024
const startups = Array.from({ length: runs }, () => startupMilliseconds(folder))
const { variables, token } = await grantAccess(principal)
const storage = await startServer({ kind: "storage", folder: await prepareDataset(folder, sizes.small) })
const seen: First[] = []
const callOf = (name: string) => cases.find((one) => one.name === name)?.calls(token)[0] as Call
try {
  for (let n = 0; n < runs; n++) {
    const server = await startServer({
      kind: "worker",
      modules: [bundle],
      storage: addressOf(storage),
      whole: true,
      variables,
    })
    try {
      await settle(server.pid)
      const get = await cost(server, callOf("get"))
      const list = await cost(server, callOf("list-10k"))
      const document = await cost(server, { ...callOf("get"), path: "/openapi.json" })
      const warm: number[] = []
      for (let m = 0; m < warmRequests; m++) warm.push(await cost(server, callOf("get")))
      seen.push({ get, list, document, warm: quantile(warm, 0.5) })
    } finally {
      await server.stop()
    }
  }
} finally {
  await storage.stop()
}

const median = (values: readonly number[]) => quantile(values, 0.5)
const first = (key: keyof First) => `${median(seen.map((one) => one[key])).toFixed(1)} ms`
const startup = median(startups)
const rows = [
  ["bundle", `${size.toFixed(0)} KiB`, "-"],
  ["bundle, gzip", `${gzip.toFixed(0)} KiB`, `< ${bars.gzipKiB} KiB`],
  [
    "startup CPU, median of wrangler check startup",
    `${startup.toFixed(0)} ms [${Math.min(...startups).toFixed(0)}, ${Math.max(...startups).toFixed(0)}]`,
    `< ${bars.startupMilliseconds} ms`,
  ],
  ["CPU of the first GET by id (with the token's verification)", first("get"), "-"],
  ["CPU of the first list after it", first("list"), "-"],
  ["CPU of the first /openapi.json", first("document"), "-"],
  ["CPU of a GET by id after that", first("warm"), "-"],
]
console.log(
  `| figure | measured | bar |\n|---|---:|---:|\n${rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}`,
)
if (gzip >= bars.gzipKiB || startup >= bars.startupMilliseconds) process.exitCode = 1
