/** Load on one server, bounded in time, over loopback: by wrk where it is installed, else by autocannon. */
import { execFileSync, spawn } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import autocannon from "autocannon"
import type { Call } from "./cases.ts"

/** What came back. */
export interface Load {
  readonly requests: number
  readonly requestsPerSecond: number
  /** Milliseconds. */
  readonly p99: number
}

/** How hard and how long. */
export interface LoadOptions {
  readonly url: string
  readonly calls: readonly Call[]
  readonly connections: number
  readonly seconds: number
  /** Folder for wrk's script. */
  readonly folder: string
}

let installed: boolean | undefined

/** True when wrk is there. */
export function hasWrk(): boolean {
  if (installed === undefined) {
    try {
      execFileSync("which", ["wrk"], { stdio: "pipe" })
      installed = true
    } catch {
      installed = false
    }
  }
  return installed
}

function refuseOthers(url: string): void {
  if (new URL(url).hostname !== "127.0.0.1") throw new Error(`Load goes to 127.0.0.1 only, not to ${url}`)
}

async function byAutocannon({ url, calls, connections, seconds }: LoadOptions): Promise<Load> {
  const requests = calls.map(({ method, path, headers, body }) => ({ method, path, headers, ...(body === undefined ? {} : { body }) }))
  const result = await autocannon({ url, connections, duration: seconds, requests, timeout: 10 })
  if (result.non2xx > 0 || result.errors > 0) throw new Error(`${url}: ${result.non2xx} refusals and ${result.errors} errors`)
  const total = result["2xx"]
  return { requests: total, requestsPerSecond: total / result.duration, p99: result.latency.p99 }
}

const luaText = (text: string) => `[==[${text}]==]`

function script(calls: readonly Call[]): string {
  const requests = calls.map(({ method, path, headers, body }) => {
    const pairs = Object.entries(headers).map(([name, value]) => `[${luaText(name)}]=${luaText(value)}`)
    return `wrk.format(${luaText(method)}, ${luaText(path)}, {${pairs.join(",")}}, ${body === undefined ? "nil" : luaText(body)})`
  })
  return `local all, n = {}, 0
init = function() all = { ${requests.join(",\n")} } end
request = function() n = n % #all + 1 return all[n] end
done = function(s, l) io.write(string.format("RESULT %d %d %d %d", s.requests, s.duration, l:percentile(99),
  s.errors.connect + s.errors.read + s.errors.write + s.errors.status + s.errors.timeout)) end`
}

async function byWrk({ url, calls, connections, seconds, folder }: LoadOptions): Promise<Load> {
  const path = join(folder, "load.lua")
  writeFileSync(path, script(calls))
  const child = spawn("wrk", ["-t1", `-c${connections}`, `-d${Math.max(1, Math.round(seconds))}s`, "-s", path, url], { stdio: ["ignore", "pipe", "inherit"] })
  let text = ""
  for await (const chunk of child.stdout) text += chunk
  const found = /RESULT (\d+) (\d+) (\d+) (\d+)/.exec(text)
  if (!found) throw new Error(`wrk said: ${text}`)
  const [requests, microseconds, p99, failed] = found.slice(1).map(Number) as [number, number, number, number]
  if (failed > 0) throw new Error(`${url}: ${failed} requests failed`)
  return { requests, requestsPerSecond: (requests / microseconds) * 1e6, p99: p99 / 1000 }
}

/** Sends the calls in turn over every connection. Throws when one does not come back with 2xx. */
export async function load(options: LoadOptions): Promise<Load> {
  refuseOthers(options.url)
  return hasWrk() ? byWrk(options) : byAutocannon(options)
}
