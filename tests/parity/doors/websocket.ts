/** JSON-RPC 2.0 over a socket of the package `ws`: one for each caller. */
import { WebSocket } from "ws"
import type { Json, JsonObject } from "../../../src/core/json.ts"
import { type Call, type DoorClient, type Ending, limitsIn, patienceMs, type Told } from "./door.ts"

interface Answer {
  readonly id: number
  readonly result?: Json
  readonly meta?: JsonObject
  readonly error?: { readonly code: number; readonly message: string; readonly data?: JsonObject }
}

const untold: Told = {
  requestId: null,
  bookmark: null,
  replayed: false,
  limits: [],
  retryAfter: null,
  deprecated: false,
}

/** What an answer says beside its result. */
function toldBy(meta: JsonObject): Told {
  return {
    requestId: (meta.requestId as string | undefined) ?? null,
    bookmark: (meta.bookmark as string | undefined) ?? null,
    replayed: meta.replayed === true,
    limits: ((meta.limits ?? []) as unknown as Told["limits"]).map(({ name, remaining }) => ({ name, remaining })),
    retryAfter: (meta.retryAfter as number | undefined) ?? null,
    deprecated: (meta.deprecation as { since?: string } | undefined)?.since !== undefined,
  }
}

/** A connection, or the problem that it was refused with. */
type Opened = { readonly socket: WebSocket; readonly waiting: Map<number, (answer: Answer) => void> } | Ending

function open(origin: string, token: string | null): Promise<Opened> {
  const protocols = token === null ? ["jsonrpc.v1"] : ["jsonrpc.v1", `bearer.${token}`]
  const socket = new WebSocket(`${origin.replace("http", "ws")}/ws`, protocols, { handshakeTimeout: patienceMs })
  const waiting = new Map<number, (answer: Answer) => void>()
  return new Promise((resolve, reject) => {
    socket.on("open", () => resolve({ socket, waiting }))
    socket.on("error", reject)
    socket.on("message", (data) => {
      const answer = JSON.parse(String(data)) as Answer
      waiting.get(answer.id)?.(answer)
    })
    socket.on("unexpected-response", (_, response) => {
      const chunks: Buffer[] = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("end", () => {
        const { code, detail, requestId } = JSON.parse(Buffer.concat(chunks).toString())
        const wait = response.headers["retry-after"]
        const limits = limitsIn(String(response.headers.ratelimit ?? ""))
        const told = { ...untold, requestId, limits, retryAfter: wait === undefined ? null : Number(wait) }
        resolve({ code, detail, violations: [], told })
      })
    })
  })
}

/** The client. */
export function webSocketClient(origin: string): DoorClient {
  const sockets = new Map<string | null, Promise<Opened>>()
  let last = 0
  return {
    name: "websocket",
    isExact: true,
    serves: ({ kind }) => kind !== "subscription",
    async call({ token, operation, input, idempotencyKey, bookmark }: Call): Promise<Ending> {
      const known = sockets.get(token) ?? open(origin, token)
      sockets.set(token, known)
      const opened = await known
      if ("code" in opened) return opened
      const id = ++last
      const _meta = {
        ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
        ...(bookmark === undefined ? {} : { bookmark }),
      }
      const params = { ...input, ...(Object.keys(_meta).length === 0 ? {} : { _meta }) }
      const answer = await new Promise<Answer>((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`${operation.name} was not answered`)), patienceMs)
        opened.waiting.set(id, (one) => {
          clearTimeout(late)
          resolve(one)
        })
        opened.socket.send(JSON.stringify({ jsonrpc: "2.0", id, method: operation.name, params }))
      })
      opened.waiting.delete(id)
      if (!answer.error) return { code: "OK", value: answer.result as Json, told: toldBy(answer.meta ?? {}) }
      const data = answer.error.data ?? {}
      const violations = (data.violations ?? []) as never
      return { code: String(data.code), detail: answer.error.message, violations, told: toldBy(data) }
    },
    async close() {
      for (const one of sockets.values()) {
        const opened = await one
        if ("socket" in opened) opened.socket.terminate()
      }
    },
  }
}
