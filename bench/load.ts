/** Load on one server by autocannon: a number of requests, bounded in time, over loopback only. */
import autocannon from "autocannon"
import type { Call } from "./cases.ts"

/** What came back. */
export interface Load {
  readonly requests: number
  readonly requestsPerSecond: number
  /** Milliseconds. */
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
  const requests = calls.map(({ method, path, headers, body }) => ({ method, path, headers, ...(body === undefined ? {} : { body }) }))
  const running = autocannon({ url, connections, amount, requests, timeout: 30 })
  const deadline = setTimeout(() => running.stop(), secondsMax * 1000)
  const result = await running
  clearTimeout(deadline)
  if (result.non2xx > 0 || result.errors > 0) throw new Error(`${url}: ${result.non2xx} refusals and ${result.errors} errors`)
  const total = result["2xx"]
  if (total < amount) throw new Error(`${url}: ${total} of ${amount} requests in ${secondsMax} s`)
  return { requests: total, requestsPerSecond: total / result.duration, p99: result.latency.p99 }
}
