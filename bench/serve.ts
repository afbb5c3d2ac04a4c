/**
 * One server in a process of its own, started by `server.ts` over IPC: either the storage (a D1 database behind HTTP) or a Worker, both on
 * Miniflare's direct socket. Ends when its parent goes away.
 */
import { readdirSync, readFileSync } from "node:fs"
import { dirname } from "node:path"
import { convertV4MiniflareOptions, Miniflare } from "miniflare"
import { unstable_getMiniflareWorkerOptions } from "wrangler"
import { bundleModules } from "../scripts/bundle.ts"
import { openShield, remoteDatabase } from "./bindings.ts"
import { databaseName, type ServerOptions, tripsPath, workerName } from "./server.ts"
import { configPath } from "./workspace.ts"

type MiniflareInput = Parameters<typeof convertV4MiniflareOptions>[0]

// The client of D1 keeps its inner fetcher under this name; the relay hands it what came over HTTP, and counts.
const relay = `let trips = 0
export default {
  fetch(request, env) {
    if (request.url.endsWith("${tripsPath}")) return new Response(trips)
    trips++
    return env.DB.fetcher.fetch(request)
  },
}`

const common = { host: "127.0.0.1", port: 0, cf: false, logRequests: false, handleStructuredLogs: () => {} }
const direct = { unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] }

function storageOptions(folder: string): MiniflareInput {
  const worker = {
    name: workerName,
    modules: true,
    script: relay,
    compatibilityDate: "2026-11-01",
    d1Databases: { DB: databaseName },
  }
  return { ...common, resourcePersistencePath: folder, workers: [{ ...worker, ...direct }] } as MiniflareInput
}

function workerOptions(options: Extract<ServerOptions, { kind: "worker" }>): MiniflareInput {
  const { workerOptions: declared } = unstable_getMiniflareWorkerOptions(options.config ?? configPath)
  const { d1Databases: _, ratelimits: __, assets: ___, bindings, ...kept } = declared as Record<string, unknown>
  const worker = {
    ...(options.whole
      ? { ...kept, bindings: { ...(bindings as object), ...options.variables } }
      : { bindings: options.variables }),
    compatibilityDate: declared.compatibilityDate,
    compatibilityFlags: declared.compatibilityFlags,
    name: workerName,
    modulesRoot: dirname(options.modules[0] as string),
    modules: bundleModules(...(options.modules as [string, ...string[]])),
    unsafeBindings: [remoteDatabase("DB", options.storage), ...(options.whole ? [openShield("SHIELD")] : [])],
    ...direct,
  }
  return { ...common, ...(options.inspect ? { inspectorPort: 0 } : {}), workers: [worker] } as unknown as MiniflareInput
}

/** The workerd that Miniflare started: the one child whose command line says so. */
function workerdProcess(): number {
  for (const task of readdirSync("/proc/self/task")) {
    for (const child of readFileSync(`/proc/self/task/${task}/children`, "utf8").split(" ").filter(Boolean)) {
      if (readFileSync(`/proc/${child}/cmdline`, "utf8").includes("workerd")) return Number(child)
    }
  }
  throw new Error("Miniflare has no workerd process")
}

process.once("message", async (options: ServerOptions) => {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions(options.kind === "storage" ? storageOptions(options.folder) : workerOptions(options)),
  )
  process.once("disconnect", async () => {
    await miniflare.dispose()
    process.exit(0)
  })
  try {
    await miniflare.ready
    const url = await miniflare.unsafeGetDirectURL(workerName)
    const inspector = options.kind === "worker" && options.inspect ? String(await miniflare.getInspectorURL()) : null
    process.send?.({ url: url.origin, pid: workerdProcess(), inspector })
  } catch (error) {
    process.send?.({ failed: String(error) })
    process.disconnect()
  }
})
