/**
 * The built Worker on Miniflare in a process of its own, on a folder that outlives it: `startServer` begins one, `kill` ends its runtime as
 * `kill -9` does, in the middle of whatever it does. Run as the main module, it is that process.
 */
import { type ChildProcess, fork } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { convertV4MiniflareOptions, Miniflare } from "miniflare"
import { unstable_getMiniflareWorkerOptions } from "wrangler"
import { bundleModules } from "../../scripts/bundle.ts"
import { applyMigrations } from "../../scripts/database.ts"
import { root } from "../../scripts/local.ts"

/** Somebody who can sign in. */
export interface Person {
  readonly id: string
  readonly email: string
  readonly passwordSealed: string
}

/** What to run. */
export interface ServerOptions {
  /** Where databases and objects persist. */
  readonly folder: string
  /** The main module of the built Worker. */
  readonly bundle: string
  readonly variables: Readonly<Record<string, string>>
  /** Are put into the database when it has no users. */
  readonly people: readonly Person[]
}

/** A running Worker. */
export interface Server {
  readonly url: string
  /** Of the runtime's process. */
  readonly pid: number
  /** Ends the runtime at once, without a word to it, and then the process that looked after it. */
  kill(): Promise<void>
  /** Ends it in order. */
  stop(): Promise<void>
}

const workerName = "selvage"

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once("exit", () => resolve()))
}

/** Starts a Worker; rejects with the reason when it does not come up. */
export function startServer(options: ServerOptions): Promise<Server> {
  const child = fork(import.meta.filename, {
    execArgv: ["--disable-warning=ExperimentalWarning"],
    // Its log has a line a call.
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    env: {
      ...process.env,
      WRANGLER_SEND_METRICS: "false",
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      WRANGLER_LOG: "error",
    },
  })
  const exit = ended(child)
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`The server ended with ${code}`)))
    child.once("message", (message: { url: string; pid: number } | { failed: string }) => {
      if ("failed" in message) return reject(new Error(message.failed))
      resolve({
        url: message.url,
        pid: message.pid,
        async kill() {
          process.kill(message.pid, "SIGKILL")
          child.kill("SIGKILL")
          await exit
        },
        async stop() {
          child.disconnect()
          await exit
        },
      })
    })
    child.send(options)
  })
}

/** The runtime that Miniflare started: the one child of this process whose command line says so. */
function runtimeProcess(): number {
  for (const task of readdirSync("/proc/self/task")) {
    for (const child of readFileSync(`/proc/self/task/${task}/children`, "utf8").split(" ").filter(Boolean)) {
      if (readFileSync(`/proc/${child}/cmdline`, "utf8").includes("workerd")) return Number(child)
    }
  }
  throw new Error("Miniflare has no workerd process")
}

async function populate(database: D1Database, people: readonly Person[]): Promise<void> {
  await applyMigrations(database)
  if (await database.prepare("select 1 from users limit 1").first()) return
  const at = new Date().toISOString()
  const insert = database.prepare(
    `insert into "users" ("id", "version", "createdAt", "updatedAt", "email", "name", "roles", "status", "emailVerifiedAt", "passwordSealed")
      values (?1, 1, ?2, ?2, ?3, 'Client', '[]', 'active', ?2, ?4)`,
  )
  await database.batch(people.map(({ id, email, passwordSealed }) => insert.bind(id, at, email, passwordSealed)))
}

async function serve({ folder, bundle, variables, people }: ServerOptions): Promise<{ url: string; pid: number }> {
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(root, "wrangler.toml"))
  const { assets: _, bindings, ...declared } = workerOptions as Record<string, unknown>
  const worker = {
    ...declared,
    name: workerName,
    bindings: { ...(bindings as object), ...variables },
    modules: bundleModules(bundle),
    modulesRoot: dirname(bundle),
    // Not what is tried here, and it would count fifty clients of one machine.
    ratelimits: { SHIELD: { namespace_id: "1001", simple: { limit: 1_000_000, period: 60 } } },
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  }
  const common = { host: "127.0.0.1", port: 0, cf: false, logRequests: false, handleStructuredLogs: () => {} }
  const options = { ...common, resourcePersistencePath: folder, workers: [worker] }
  const miniflare = new Miniflare(convertV4MiniflareOptions(options as never))
  process.once("disconnect", async () => {
    await miniflare.dispose()
    process.exit(0)
  })
  await miniflare.ready
  await populate((await miniflare.getD1Database("DB")) as unknown as D1Database, people)
  const url = await miniflare.unsafeGetDirectURL(workerName)
  return { url: url.origin, pid: runtimeProcess() }
}

if (import.meta.main) {
  process.once("message", async (options: ServerOptions) => {
    try {
      process.send?.(await serve(options))
    } catch (error) {
      process.send?.({ failed: String(error) })
      process.disconnect()
    }
  })
}
