/**
 * `npm run bench:startup`: the size of what is uploaded, the CPU until the Worker is ready (from `wrangler check startup`), and the CPU of
 * the first requests of a fresh isolate; then the same with doors left out, and the first call of each door. Exits 1 when a bar of the design (§9) is broken.
 */
import { type Call, cases, visibleTasks } from "./cases.ts"
import { principal, sizes } from "./contents.ts"
import { cost, settle } from "./cost.ts"
import { prepareDataset } from "./dataset.ts"
import { type FirstUse, firstUses, sizeOf, weights } from "./doors/weight.ts"
import { quantile } from "./load.ts"
import { addressOf, startServer } from "./server.ts"
import { buildWorker, grantAccess, temporaryFolder } from "./workspace.ts"

const bars = { gzipKiB: 400, startupMilliseconds: 60 } as const
const runs = 7
const warmRequests = 20

interface First {
  readonly get: number
  readonly list: number
  readonly document: number
  readonly warm: number
}

const folder = temporaryFolder()
const bundle = buildWorker(folder)
const { raw, gzip } = sizeOf(bundle)
const weighed = weights(folder, runs)
const startups = weighed[0]?.startups ?? []
const { variables, token } = await grantAccess(principal)
const storage = await startServer({ kind: "storage", folder: await prepareDataset(folder, sizes.small) })
const start = () =>
  startServer({ kind: "worker", modules: [bundle], storage: addressOf(storage), whole: true, variables })
const seen: First[] = []
let used: readonly FirstUse[] = []
const callOf = (name: string) => cases.find((one) => one.name === name)?.calls(token)[0] as Call
try {
  for (let n = 0; n < runs; n++) {
    const server = await start()
    try {
      await settle(server)
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
  used = await firstUses(start, visibleTasks(1, sizes.small)[0] as string, token, 5)
} finally {
  await storage.stop()
}

const median = (values: readonly number[]) => quantile(values, 0.5)
const span = (values: readonly number[]) =>
  `${median(values).toFixed(0)} ms [${Math.min(...values).toFixed(0)}, ${Math.max(...values).toFixed(0)}]`
const first = (key: keyof First) => `${median(seen.map((one) => one[key])).toFixed(1)} ms`
const startup = median(startups)
const rows = [
  ["bundle", `${raw.toFixed(0)} KiB`, "-"],
  ["bundle, gzip", `${gzip.toFixed(0)} KiB`, `< ${bars.gzipKiB} KiB`],
  ["startup CPU, median of wrangler check startup", span(startups), `< ${bars.startupMilliseconds} ms`],
  ["CPU of the first GET by id (with the token's verification)", first("get"), "-"],
  ["CPU of the first list after it", first("list"), "-"],
  ["CPU of the first /openapi.json", first("document"), "-"],
  ["CPU of a GET by id after that", first("warm"), "-"],
]
console.log(
  `| figure | measured | bar |\n|---|---:|---:|\n${rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}`,
)
const lines = weighed.map((one) => `| ${one.without} | ${one.gzip.toFixed(0)} KiB | ${span(one.startups)} |`)
console.log(`\n| door left out | bundle, gzip | startup CPU |\n|---|---:|---:|\n${lines.join("\n")}`)
const uses = used.map((one) => `| ${one.door} | ${one.first.toFixed(1)} ms | ${one.later.toFixed(1)} ms |`)
console.log(
  `\n| door, in an isolate that served REST | CPU of its first call | of a later one |\n|---|---:|---:|\n${uses.join("\n")}`,
)
if (gzip >= bars.gzipKiB || startup >= bars.startupMilliseconds) process.exitCode = 1
