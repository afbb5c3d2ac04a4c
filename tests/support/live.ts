/** Live connections to the Worker under test. */
import { exports } from "cloudflare:workers"
import { type Connection, connectionOver, type Kept, watch } from "./live-client.ts"

export { type Connection, type Kept, watch } from "./live-client.ts"

/** The answer to a handshake that was refused. */
export interface Refused {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: the body of a problem
  readonly body: any
}

type Fetch = (request: Request) => Promise<Response>

/** Asks for a connection. */
export function handshake(
  actor: { readonly token: string } | null,
  headers: Readonly<Record<string, string>> = {},
  fetch: Fetch = (request) => exports.default.fetch(request as never) as Promise<Response>,
): Promise<Response> {
  const all = new Headers({ Upgrade: "websocket", "CF-Connecting-IP": "203.0.113.8", ...headers })
  if (actor) all.set("Authorization", `Bearer ${actor.token}`)
  return fetch(new Request("https://selvage.test/ws", { headers: all }))
}

/** Opens a connection, or says how it was refused. */
export async function tryConnect(
  actor: { readonly token: string } | null,
  headers?: Readonly<Record<string, string>>,
  fetch?: Fetch,
): Promise<Connection | Refused> {
  const answer = await handshake(actor, headers, fetch)
  const socket = answer.webSocket
  if (!socket) return { status: answer.status, body: await answer.json() }
  socket.accept()
  return connectionOver(socket as never)
}

/** Opens a connection. */
export async function connect(
  actor: { readonly token: string } | null,
  headers?: Readonly<Record<string, string>>,
): Promise<Connection> {
  const found = await tryConnect(actor, headers)
  if ("status" in found) throw new Error(`Refused: ${found.status} ${JSON.stringify(found.body)}`)
  return found
}

/** Watches, and waits until the first list has been told. */
export async function watching(
  actor: { readonly token: string } | null,
  method: string,
  params: object,
  before?: Kept,
): Promise<Kept> {
  const kept = await watch(await connect(actor), method, params, before)
  await kept.until(({ words }) => words.includes("ready"), "ready")
  return kept
}
