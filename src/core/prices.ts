/**
 * What the platform charges for what a call uses, in nano-dollars: US$ × 10⁻⁹, so that a row read is 1 and every figure a whole number. Workers
 * Paid, as Cloudflare's pricing pages of Workers, D1, Durable Objects and Queues had it in November 2026 (developers.cloudflare.com, "Pricing"); what
 * the plan includes each month is not taken off.
 */
import type { Cost } from "./observation.ts"
import type { Message } from "./outbox.ts"

/** Nano-dollars each; whole numbers. */
export interface Prices {
  /** A request that reaches the Worker: $0.30 a million. */
  readonly request: number
  /** A millisecond of CPU: $0.02 a million. */
  readonly cpuMillisecond: number
  /** How many of them a call is taken to use: a Worker cannot measure its own. No price, but a number like them. */
  readonly cpuMillisecondsPerCall: number
  /** A row that D1 reads: $0.001 a million. */
  readonly rowRead: number
  /** A row that D1 writes, index entries included: $1.00 a million. */
  readonly rowWritten: number
  /** A request to a Durable Object: $0.15 a million. */
  readonly objectRequest: number
  /** An operation of a queue: $0.40 a million. */
  readonly queueOperation: number
}

/** The prices that hold unless `app({ usage: { prices } })` says otherwise. */
export const defaultPrices: Prices = {
  request: 300,
  cpuMillisecond: 20,
  cpuMillisecondsPerCall: 1,
  rowRead: 1,
  rowWritten: 1000,
  objectRequest: 150,
  queueOperation: 400,
}

/** Written, read and deleted. */
const operationsPerMessage = 3

/**
 * The prices of an application, checked.
 * @throws Error naming the one that is none
 */
export function pricesOf(given: Partial<Prices> = {}): Prices {
  for (const [name, price] of Object.entries(given)) {
    if (!Object.hasOwn(defaultPrices, name)) throw new Error(`usage.prices: there is no price ${name}`)
    if (!Number.isSafeInteger(price) || price < 0)
      throw new Error(`usage.prices: ${name} is not a whole number of nano-dollars`)
  }
  return { ...defaultPrices, ...given }
}

/** Rows alone: what a live query reads behind the call that began it. */
export function estimateOfRows({ rowRead, rowWritten }: Prices, cost: Cost): number {
  return cost.rowsRead * rowRead + cost.rowsWritten * rowWritten
}

/**
 * What a call is estimated to cost, in nano-dollars: the request, the CPU that is taken for it, the rows of D1, the poke of the feed behind a commit,
 * and what it has delivered: three operations of the queue a job, a request to an object a command. Not in it: what the engine asks of
 * objects and KV for limits, sessions and caches, what jobs use when they run, storage.
 * @param sent messages that were committed; null: nothing was
 */
export function estimateOf(prices: Prices, cost: Cost, sent: readonly Message[] | null): number {
  const call = prices.request + prices.cpuMillisecond * prices.cpuMillisecondsPerCall
  const jobs = sent?.filter(({ topic }) => topic === "job").length ?? 0
  const commands = (sent?.length ?? 0) - jobs
  const told = jobs * operationsPerMessage * prices.queueOperation + commands * prices.objectRequest
  return call + estimateOfRows(prices, cost) + told + (sent === null ? 0 : prices.objectRequest)
}
