/** Servers on ports of this machine that nobody else has. */
import { createServer, type RequestListener, type Server } from "node:http"

/** A server that listens, and can be ended. */
export interface Listening {
  readonly origin: string
  stop(): Promise<void>
}

/**
 * Listens on a free port of 127.0.0.1.
 * @param make gives the listener when the origin is known
 */
export async function listen(make: (origin: string) => RequestListener | Promise<RequestListener>): Promise<Listening> {
  const server: Server = createServer()
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as { port: number }
  const origin = `http://127.0.0.1:${port}`
  server.on("request", await make(origin))
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { origin, stop }
}

/** A port that was free a moment ago, for what must know its address before it listens. */
export async function freePort(): Promise<number> {
  const { origin, stop } = await listen(() => () => undefined)
  await stop()
  return Number(new URL(origin).port)
}
