/** Several Workers of `worker.ts` on Miniflare, over the same objects and the same KV. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { Agent, get } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { convertV4MiniflareOptions, Miniflare } from "miniflare"
import { unstable_getMiniflareWorkerOptions } from "wrangler"
import { buildBundle } from "../../scripts/bundle.ts"
import { root } from "../../scripts/local.ts"

/** What a Worker asked of the stores. */
export interface Counts {
  readonly object: number
  readonly kvReads: number
  readonly kvWrites: number
  /** Draws that wait. */
  readonly waiting: number
}

/** An answer. */
export interface Answered {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/** The Workers. */
export interface Cluster {
  /** Addresses of their direct sockets. */
  readonly origins: readonly string[]
  /** Of the runtime that all of them run in. */
  readonly pid: number
  /** Calls one of them. Rejects when `signal` aborts. */
  call(worker: number, path: string, signal?: AbortSignal): Promise<Answered>
  /** Sends requests to all of them in turn, so many on the wire at once. */
  fire(requests: number, path: string, atOnce: number): Promise<readonly Answered[]>
  /** Of all of them together. */
  counts(): Promise<Counts>
  stop(): Promise<void>
}

const objects = "objects"

function runtimeProcess(): number {
  for (const task of readdirSync("/proc/self/task")) {
    for (const child of readFileSync(`/proc/self/task/${task}/children`, "utf8").split(" ").filter(Boolean)) {
      if (readFileSync(`/proc/${child}/cmdline`, "utf8").includes("workerd")) return Number(child)
    }
  }
  throw new Error("Miniflare has no workerd process")
}

function build(folder: string): { readonly bundle: string; readonly settings: Record<string, unknown> } {
  const config = join(folder, "worker.toml")
  const settings =
    readFileSync(join(root, "wrangler.toml"), "utf8").match(/^compatibility_\w+ = (\[[^\]]*\]|.*)$/gm) ?? []
  writeFileSync(
    config,
    [`name = "edge"`, `main = ${JSON.stringify(join(import.meta.dirname, "worker.ts"))}`, ...settings].join("\n"),
  )
  buildBundle(join(folder, "out"), "-c", config, "--minify")
  const { compatibilityDate, compatibilityFlags } = unstable_getMiniflareWorkerOptions(config).workerOptions
  return { bundle: join(folder, "out/worker.js"), settings: { compatibilityDate, compatibilityFlags } }
}

const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY })

function request(url: string, signal?: AbortSignal): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const sent = get(url, { agent, ...(signal ? { signal } : {}) }, (response) => {
      const chunks: Buffer[] = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("error", reject)
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString()
        const isJson = response.headers["content-type"]?.includes("json") ?? false
        resolve({ status: response.statusCode ?? 0, body: isJson ? JSON.parse(text) : { text } })
      })
    })
    sent.on("error", reject)
  })
}

/** Builds and starts them. */
export async function startCluster(workers: number): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), "selvage-exactness-"))
  const { bundle, settings } = build(folder)
  const one = (name: string) => ({
    ...settings,
    name,
    modules: [{ type: "ESModule", path: bundle }],
    modulesRoot: join(folder, "out"),
    bindings: { NAME: name },
    kvNamespaces: { CACHE: "cache" },
    durableObjects: { LIMITER: { className: "Limiter", scriptName: objects, useSQLite: true } },
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  })
  const names = Array.from({ length: workers }, (_, n) => `edge${n + 1}`)
  const common = { host: "127.0.0.1", port: 0, cf: false, logRequests: false, handleStructuredLogs: () => {} }
  const options = { ...common, workers: [objects, ...names].map(one) }
  const miniflare = new Miniflare(convertV4MiniflareOptions(options as never))
  await miniflare.ready
  const origins = await Promise.all(names.map(async (name) => (await miniflare.unsafeGetDirectURL(name)).origin))
  const call: Cluster["call"] = (worker, path, signal) => request(`${origins[worker]}${path}`, signal)
  return {
    origins,
    pid: runtimeProcess(),
    call,
    async fire(requests, path, atOnce) {
      const answers: Answered[] = []
      let next = 0
      const lane = async (): Promise<void> => {
        while (next < requests) answers.push(await call(next++ % workers, path))
      }
      await Promise.all(Array.from({ length: Math.min(atOnce, requests) }, lane))
      return answers
    },
    async counts() {
      const each = await Promise.all(names.map((_, n) => call(n, "/counts")))
      const sum = (what: keyof Counts) => each.reduce((total, { body }) => total + Number(body[what]), 0)
      return { object: sum("object"), kvReads: sum("kvReads"), kvWrites: sum("kvWrites"), waiting: sum("waiting") }
    },
    async stop() {
      await miniflare.dispose()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
