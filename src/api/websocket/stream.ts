/**
 * A watch as a stream, for doors that stream over something else: one call over a connection of its own to the live object, whose frames are
 * acknowledged as they are taken, so that a slow reader is slow all the way.
 */
import type { Json, JsonObject } from "../../core/json.ts"
import { Problem } from "../../core/problem.ts"
import type { Told, WatchStream } from "../../core/watch.ts"
import { problemOf } from "./problem.ts"

interface Frame {
  readonly id?: number
  readonly method?: string
  readonly params?: JsonObject & { readonly frame?: number }
  readonly result?: Json
  readonly error?: { readonly message?: string; readonly data?: Json }
}

/** Acknowledges every so many frames: the object's bound is far above. */
const ackEvery = 50

/** Frames in their order, for one reader. */
function inbox(socket: WebSocket) {
  const waiting: Frame[] = []
  let isOver = false
  let wake: (() => void) | null = null
  const rouse = () => {
    wake?.()
    wake = null
  }
  const finish = () => {
    isOver = true
    rouse()
  }
  socket.addEventListener("message", ({ data }) => {
    if (typeof data === "string") waiting.push(JSON.parse(data) as Frame)
    rouse()
  })
  socket.addEventListener("close", finish)
  socket.addEventListener("error", finish)
  return {
    async take(): Promise<Frame | null> {
      for (;;) {
        const frame = waiting.shift()
        if (frame !== undefined) return frame
        if (isOver) return null
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}

const tellings: Readonly<Record<string, Told["kind"]>> = {
  "watch.reset": "reset",
  "watch.changed": "changed",
  "watch.removed": "removed",
  "watch.ready": "ready",
}

/**
 * Opens a watch over a connection.
 * @param socket to the live object, not accepted yet
 * @throws Problem as the live object refuses; UNAVAILABLE when the connection ends before its answer
 */
export async function watchOver(socket: WebSocket, method: string, input: JsonObject): Promise<WatchStream> {
  socket.accept()
  const frames = inbox(socket)
  const close = () => {
    try {
      socket.close(1000, "done")
    } catch {
      // It was closed from the other side.
    }
  }
  socket.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: input }))
  const answer = await frames.take()
  if (answer === null || answer.error !== undefined) {
    close()
    if (answer?.error !== undefined) throw problemOf(answer.error)
    throw new Problem("UNAVAILABLE", "Live queries cannot be reached right now", { retryAfterSeconds: 1 })
  }
  let taken = 0
  let acknowledged = 0
  return {
    close,
    async next() {
      // Asked for more: what was taken before has been passed on.
      if (taken - acknowledged >= ackEvery) {
        acknowledged = taken
        socket.send(JSON.stringify({ jsonrpc: "2.0", method: "watch.ack", params: { frame: taken } }))
      }
      for (;;) {
        const frame = await frames.take()
        if (frame === null || frame.method === "watch.end") return null
        const kind = tellings[frame.method ?? ""]
        if (kind === undefined) continue
        const { frame: number, subscription: _, ...told } = frame.params ?? {}
        taken = number ?? taken
        return { kind, ...told } as unknown as Told
      }
    },
  }
}
