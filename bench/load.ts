/** Load on one server by autocannon: a number of requests, bounded in time, over loopback only. */
import autocannon from "autocannon"
import type { Call } from "./cases.ts"

/** The p-th quantile of a list, between its neighbours. */
export function quantile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) * p
  const low = sorted[Math.floor(at)] ?? Number.NaN
  return low + ((sorted[Math.ceil(at)] ?? Number.NaN) - low) * (at - Math.floor(at))
}

/** What came back. */
export interface Load {
  readonly requests: number
  readonly requestsPerSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
}

/** What to send, how hard and how much. */
export interface LoadOptions {
  readonly url: string
  /** Sent in turn over every connection. */
  readonly calls: readonly Call[]
  readonly connections: number
  readonly requests: number
}

const secondsMax = 120

/**
 * Sends requests until `requests` have been answered. A number, not a time: a round then means the same on a busy machine, and the code is as
 * warm in the first round as in the last. Throws when one is refused, or when two minutes were not enough.
 */
export async function load({ url, calls, connections, requests: amount }: LoadOptions): Promise<Load> {
  if (new URL(url).hostname !== "127.0.0.1") throw new Error(`Load goes to 127.0.0.1 only, not to ${url}`)
  const requests = calls.map(({ method, path, headers, body }) => ({
    method,
    path,
    headers,
    ...(body === undefined ? {} : { body }),
  }))
  const times: number[] = []
  const refusals = new Set<number>()
  const started = performance.now()
  let ended = started
  // It looks every `sampleInt` milliseconds whether it is done, so when the answers came is taken here.
  const running = autocannon({ url, connections, amount, requests, timeout: 30, sampleInt: 20 })
  running.on("response", (_client, status, _bytes, milliseconds) => {
    ended = performance.now()
    if (status >= 300) refusals.add(status)
    times.push(milliseconds)
  })
  const deadline = setTimeout(() => running.stop(), secondsMax * 1000)
  const result = await running
  clearTimeout(deadline)
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`${url}: ${result.non2xx} refusals (${[...refusals].join(", ")}) and ${result.errors} errors`)
  }
  if (times.length < amount) throw new Error(`${url}: ${times.length} of ${amount} requests in ${secondsMax} s`)
  return {
    requests: times.length,
    requestsPerSecond: (times.length * 1000) / (ended - started),
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
  }
}
