/** Starts and stops the bench's servers, and reads what CPU they spent. Every server is a child process on a free port of 127.0.0.1. */
import { fork } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

/** Name of the database in every state folder of the bench. */
export const databaseName = "bench"

/** Name of every Worker that the bench runs. */
export const workerName = "target"

/** Where a storage server tells its count of round trips; what D1's client calls has other paths. */
export const tripsPath = "/bench/trips"

/** What to run. */
export type ServerOptions =
  | {
      readonly kind: "storage"
      /** State folder with the database. */
      readonly folder: string
    }
  | {
      readonly kind: "worker"
      /** Modules, the main one first. */
      readonly modules: readonly string[]
      /** host:port of a storage server. */
      readonly storage: string
      /** Path of its wrangler.toml; ours when left out. */
      readonly config?: string
      /** Gets every binding of wrangler.toml; otherwise the database and the variables alone. */
      readonly whole: boolean
      readonly variables: Readonly<Record<string, unknown>>
      readonly inspect?: boolean
    }

/** A running server. */
export interface Server {
  readonly url: string
  /** Of workerd. */
  readonly pid: number
  /** WebSocket address of the inspector, when it was asked for. */
  readonly inspector: string | null
  stop(): Promise<void>
}

/** Starts a server; rejects with workerd's reason when it does not come up. */
export function startServer(options: ServerOptions): Promise<Server> {
  const child = fork(join(import.meta.dirname, "serve.ts"), {
    env: {
      ...process.env,
      WRANGLER_SEND_METRICS: "false",
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      WRANGLER_LOG: "error",
    },
  })
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`The ${options.kind} server ended with ${code}`)))
    child.once("message", (message: { url: string; pid: number; inspector: string | null } | { failed: string }) => {
      if ("failed" in message) return reject(new Error(message.failed))
      const stop = async () => {
        if (child.connected) child.disconnect()
        await exited
      }
      resolve({ ...message, stop })
    })
    child.send(options)
  })
}

/** Round trips to D1 that a storage server has seen since it started. */
export async function tripsOf(storage: Server): Promise<number> {
  return Number(await (await fetch(storage.url + tripsPath)).text())
}

/** Host and port of a server, as D1's client wants it. */
export function addressOf(server: Server): string {
  return new URL(server.url).host
}

/**
 * CPU that all threads of a process spent so far, in microseconds: user and system, event loop, garbage collector and compiler. From
 * `schedstat` (nanoseconds); where the kernel keeps none, from `stat` (ticks of 10 ms).
 */
export function cpuMicroseconds(pid: number): number {
  let sum = 0
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const folder = `/proc/${pid}/task/${task}`
    try {
      sum += Number(readFileSync(`${folder}/schedstat`, "utf8").split(" ")[0]) / 1000
    } catch {
      const fields = readFileSync(`${folder}/stat`, "utf8").split(") ")[1]?.split(" ") ?? []
      sum += (Number(fields[11]) + Number(fields[12])) * 10_000
    }
  }
  return sum
}
