/** The little of autocannon that the bench uses. */
declare module "autocannon" {
  interface Options {
    url: string
    connections: number
    /** Requests in all. */
    amount: number
    /** Seconds. */
    timeout: number
    /** Milliseconds between two looks at whether it is done. */
    sampleInt: number
    requests: { method: string; path: string; headers: Readonly<Record<string, string>>; body?: string | Buffer }[]
  }
  interface Result {
    non2xx: number
    errors: number
  }
  interface Running extends Promise<Result> {
    on(
      event: "response",
      listener: (client: unknown, status: number, bytes: number, milliseconds: number) => void,
    ): void
    stop(): void
  }
  export default function autocannon(options: Options): Running
}
