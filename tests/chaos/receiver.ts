/** A receiver of webhooks on this machine, which verifies, refuses now and then, and writes down what it took. */
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { Webhook } from "standardwebhooks"

/** What arrived, by the id that tells a repetition. */
export interface Receiver {
  readonly url: string
  /** How often each id was accepted. */
  readonly accepted: ReadonlyMap<string, number>
  readonly refused: { count: number; forged: number }
  /** Its secret is known when the endpoint is made. */
  secret: string
  stop(): void
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString("utf8")
}

/** Listens on a free port; one delivery in `refuseOneIn` is answered with 503. */
export async function startReceiver(refuseOneIn: number): Promise<Receiver> {
  const accepted = new Map<string, number>()
  const refused = { count: 0, forged: 0 }
  const receiver = { secret: "" }
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request)
    const id = String(request.headers["webhook-id"])
    try {
      new Webhook(receiver.secret).verify(body, request.headers as Record<string, string>)
    } catch {
      refused.forged++
      return void response.writeHead(400).end()
    }
    if (Math.random() * refuseOneIn < 1) {
      refused.count++
      return void response.writeHead(503).end()
    }
    accepted.set(id, (accepted.get(id) ?? 0) + 1)
    response.writeHead(204).end()
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return Object.assign(receiver, {
    url: `http://127.0.0.1:${port}/hook`,
    accepted,
    refused,
    stop: () => void server.close(),
  })
}
