/**
 * `npm run webhook:listen`: receives webhooks on this machine, verifies their signatures and prints them. A message that does not verify is answered
 * 400. `--secret whsec_…` (or WEBHOOK_SECRET), `--port 4000` (or PORT; a free one when left out), `--status 503` to see how failures are tried again.
 */
import { createServer, type IncomingMessage, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { parseArgs } from "node:util"
import { Webhook } from "standardwebhooks"

/** How to listen. */
export interface Listening {
  /** null: nothing can be verified, so everything is refused. */
  readonly secret: string | null
  /** 0: a free one. */
  readonly port: number
  /** What messages that verify are answered. */
  readonly status: number
  print(line: string): void
}

const bodyBytesMax = 2 * 1024 * 1024

async function bodyOf(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = []
  let total = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    total += chunk.length
    if (total > bodyBytesMax) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString("utf8")
}

/** What is wrong with a message; null when it verifies. */
function faultOf(secret: string | null, body: string, request: IncomingMessage): string | null {
  if (secret === null) return "no secret was given: --secret whsec_…"
  try {
    new Webhook(secret).verify(body, request.headers as Record<string, string>)
    return null
  } catch (fault) {
    return fault instanceof Error ? fault.message : String(fault)
  }
}

function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2)
  } catch {
    return body
  }
}

/**
 * Listens on 127.0.0.1.
 * @returns the server and where it is to be reached, when it is
 * @throws Error for a secret that is none, or a port that is taken
 */
export async function listen({ secret, port, status, print }: Listening): Promise<{ server: Server; url: string }> {
  if (secret !== null) new Webhook(secret)
  const server = createServer(async (request, response) => {
    const answer = (code: number) => void response.writeHead(code).end()
    const body = request.method === "POST" ? await bodyOf(request).catch(() => null) : null
    if (body === null) return answer(400)
    const fault = faultOf(secret, body, request)
    print(
      `${new Date().toISOString()} ${fault === null ? "verified" : `REFUSED: ${fault}`} ${request.headers["webhook-id"]}`,
    )
    print(pretty(body))
    answer(fault === null ? status : 400)
  })
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(port, "127.0.0.1", resolve)
  })
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
}

/** The command. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { secret: { type: "string" }, port: { type: "string" }, status: { type: "string" } },
  })
  const secret = values.secret ?? process.env.WEBHOOK_SECRET ?? null
  const port = Number(values.port ?? process.env.PORT ?? 0)
  const status = Number(values.status ?? 200)
  const { url } = await listen({ secret, port, status, print: console.log })
  console.log(
    `Listening at ${url}, answering ${status}. The engine calls this machine with OUTBOUND_PRIVATE="allow" in .dev.vars.`,
  )
  if (secret === null)
    console.log("No secret: every message is refused. Make an endpoint for this address, then say --secret whsec_…")
}

if (import.meta.main) await main()
