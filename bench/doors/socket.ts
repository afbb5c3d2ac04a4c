/** Load over WebSocket: JSON-RPC calls on a few sockets of one person, opened before what is counted begins. */
import { WebSocket } from "ws"
import type { Act, Input } from "./calls.ts"

const operations: Readonly<Record<Act, string>> = { read: "tasks.get", write: "tasks.create" }

/** A person may have few sockets, and each takes a burst of 200 calls: a round stays below both. */
const socketsOpen = 8
const inFlight = 4
const callsMax = 200

/** Sockets that are ready to be used. */
export interface Sockets {
  /** Calls `requests` times in all, and waits for every answer. @throws Error for a refusal, or more calls than the sockets take */
  run(act: Act, inputs: readonly Input[], requests: number): Promise<void>
  close(): void
}

type Waiting = Map<number, { resolve(text: string): void; reject(error: Error): void }>

function open(url: string, token: string): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws`, ["jsonrpc.v1", `bearer.${token}`], {
    headers: { "cf-connecting-ip": "203.0.113.7" },
  })
  return new Promise((resolve, reject) => {
    socket.once("open", () => resolve(socket))
    socket.once("error", reject)
  })
}

function waitingOn(socket: WebSocket): Waiting {
  const waiting: Waiting = new Map()
  socket.on("message", (data) => {
    const text = String(data)
    const { id, error } = JSON.parse(text) as { id?: number; error?: object }
    const one = id === undefined ? undefined : waiting.get(id)
    if (one === undefined) return
    waiting.delete(id as number)
    if (error === undefined) one.resolve(text)
    else one.reject(new Error(`The socket answered ${text}`))
  })
  socket.on("close", (code, reason) => {
    for (const { reject } of waiting.values()) reject(new Error(`The socket was closed: ${code} ${reason}`))
  })
  return waiting
}

/** Opens sockets. */
export async function openSockets(url: string, token: string): Promise<Sockets> {
  const sockets = await Promise.all(Array.from({ length: socketsOpen }, () => open(url, token)))
  const all = sockets.map((socket) => ({ socket, waiting: waitingOn(socket) }))
  let next = 0
  return {
    async run(act, inputs, requests) {
      const share = Math.ceil(requests / socketsOpen)
      if (share > callsMax) throw new Error(`${requests} calls are more than ${socketsOpen} sockets take at once`)
      const lane = async ({ socket, waiting }: (typeof all)[number], count: number) => {
        for (let n = 0; n < count; n++) {
          const id = ++next
          const params = inputs[id % inputs.length]
          const answered = new Promise<string>((resolve, reject) => void waiting.set(id, { resolve, reject }))
          socket.send(JSON.stringify({ jsonrpc: "2.0", id, method: operations[act], params }))
          await answered
        }
      }
      const lanes = all.flatMap((one) => Array.from({ length: inFlight }, () => lane(one, share / inFlight)))
      await Promise.all(lanes)
    },
    close() {
      for (const { socket } of all) socket.close()
    },
  }
}
