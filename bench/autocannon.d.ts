/** The little of autocannon that the bench uses. */
declare module "autocannon" {
  interface Options {
    url: string
    connections: number
    /** Requests in all. */
    amount: number
    /** Seconds. */
    timeout: number
    requests: { method: string; path: string; headers: Readonly<Record<string, string>>; body?: string }[]
  }
  interface Result {
    "2xx": number
    non2xx: number
    errors: number
    /** Seconds. */
    duration: number
    latency: { p99: number }
  }
  export default function autocannon(options: Options): Promise<Result> & { stop(): void }
}
