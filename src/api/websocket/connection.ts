/**
 * The other end of a live connection, for doors that stand in front of one: calls and watches of JSON-RPC 2.0 over one socket to the live object. What
 * comes is handed to its watch in the order of the frames; what nobody waits for any more counts as passed on.
 */
import type { Json, JsonObject } from "../../core/json.ts"
import type { Closed, LiveAnswer, LiveConnection } from "../../core/live-connection.ts"
import { invalid, Problem } from "../../core/problem.ts"
import type { Told, WatchStream } from "../../core/watch.ts"
import { frameBytes } from "./decode.ts"
import { problemOf } from "./problem.ts"

interface Frame {
  readonly id?: number
  readonly method?: string
  readonly params?: JsonObject & { readonly frame?: number; readonly subscription?: string }
  readonly result?: Json
  readonly error?: { readonly message?: string; readonly data?: Json }
  readonly meta?: JsonObject
}

/** A watch, from this end. */
interface Watched {
  readonly stream: WatchStream
  take(frame: number, told: Told): void
  /** @param why null: whoever reads it wants no more */
  finish(why: Problem | null): void
}

/** Takes the answer of a call, in the turn in which it comes: what follows it is for whom it was. */
type Taker = (frame: Frame) => void

const tellings: Readonly<Record<string, Told["kind"]>> = {
  "watch.reset": "reset",
  "watch.changed": "changed",
  "watch.removed": "removed",
  "watch.ready": "ready",
}

/** What the live object closes with when a session, key or token has ended. */
const overCode = 4401

const lost = (): Problem =>
  new Problem("UNAVAILABLE", "Live queries cannot be reached right now", { retryAfterSeconds: 1 })

/** Why everything over a connection has ended with it. */
const causeOf = ({ code }: Closed): Problem =>
  code === overCode ? new Problem("UNAUTHENTICATED", "The session is over") : lost()

/**
 * A watch that is read.
 * @param outstanding numbers of the frames that nobody has passed on yet
 * @param stop tells the object that nobody reads it any more
 */
function watchedOver(outstanding: Set<number>, stop: () => void): Watched {
  const waiting: { readonly frame: number; readonly told: Told }[] = []
  let held: number | null = null
  let isOver = false
  let why: Problem | null = null
  let wake: (() => void) | null = null
  const rouse = () => {
    wake?.()
    wake = null
  }
  const pass = () => {
    if (held !== null) outstanding.delete(held)
    held = null
  }
  const finish = (cause: Problem | null) => {
    if (isOver) return
    isOver = true
    why = cause
    rouse()
  }
  return {
    take(frame, told) {
      outstanding.add(frame)
      waiting.push({ frame, told })
      rouse()
    },
    finish,
    stream: {
      why: () => why,
      close() {
        if (!isOver) stop()
        finish(null)
        pass()
        for (const { frame } of waiting.splice(0)) outstanding.delete(frame)
      },
      async next() {
        pass()
        for (;;) {
          const found = waiting.shift()
          if (found !== undefined) {
            held = found.frame
            return found.told
          }
          if (isOver) return null
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
      },
    },
  }
}

/** Hands what is told to its watch. */
function hand(frame: Frame, watches: Map<string, Watched>): void {
  const { frame: number = 0, subscription = "", ...told } = frame.params ?? {}
  const watched = watches.get(subscription)
  if (watched === undefined) return
  if (frame.method === "watch.end") {
    watches.delete(subscription)
    watched.finish(problemOf({ message: String(told.message), data: { code: told.code as Json } }))
    return
  }
  const kind = tellings[frame.method ?? ""]
  if (kind !== undefined) watched.take(number, { kind, ...told } as unknown as Told)
}

/** Frames go out through here: what would end the connection for its size is refused instead. */
function sender(socket: WebSocket) {
  return (frame: JsonObject) => {
    const text = JSON.stringify({ jsonrpc: "2.0", ...frame })
    if (text.length * 3 > frameBytes && new TextEncoder().encode(text).length > frameBytes)
      throw invalid("", "too_big", `A call over a socket has at most ${frameBytes} bytes`)
    socket.send(text)
  }
}

/**
 * Speaks over a connection.
 * @param socket to the live object, not accepted yet
 */
export function connectionOver(socket: WebSocket): LiveConnection {
  const takers = new Map<number, Taker>()
  const watches = new Map<string, Watched>()
  const outstanding = new Set<number>()
  const send = sender(socket)
  let calls = 0
  let last = 0
  let ended: Closed | null = null
  let settle: (closed: Closed) => void = () => undefined
  const over = new Promise<Closed>((resolve) => {
    settle = resolve
  })
  const finish = (closed: Closed) => {
    if (ended !== null) return
    ended = closed
    for (const watched of watches.values()) watched.finish(causeOf(closed))
    watches.clear()
    for (const take of takers.values()) take({ error: { message: causeOf(closed).message, data: null } })
    takers.clear()
    settle(closed)
  }
  const hear = (frame: Frame) => {
    last = frame.params?.frame ?? last
    const take = frame.id === undefined ? undefined : takers.get(frame.id)
    if (take === undefined) return hand(frame, watches)
    takers.delete(frame.id as number)
    take(frame)
  }
  socket.addEventListener("message", ({ data }) => {
    if (typeof data === "string") hear(JSON.parse(data) as Frame)
  })
  socket.addEventListener("close", ({ code, reason }) => finish({ code, reason }))
  socket.addEventListener("error", () => finish({ code: 1006, reason: "" }))
  socket.accept()

  const ask = <T>(method: string, params: JsonObject, take: (frame: Frame) => T): Promise<T> =>
    new Promise((resolve, reject) => {
      if (ended !== null) throw causeOf(ended)
      // Its close is on the way.
      if (socket.readyState !== WebSocket.OPEN) throw lost()
      const id = ++calls
      send({ id, method, params })
      takers.set(id, (frame) => {
        if (ended !== null) reject(causeOf(ended))
        else if (frame.error !== undefined) reject(problemOf(frame.error))
        else resolve(take(frame))
      })
    })
  /** What is said in passing has no answer, and nobody to tell when the connection is over. */
  const mention = (method: string, params: JsonObject) => {
    if (ended === null && socket.readyState === WebSocket.OPEN) send({ method, params })
  }
  return {
    over,
    call: (method, params) => ask(method, params, ({ result = null, meta = {} }): LiveAnswer => ({ result, meta })),
    watch: (method, input) =>
      ask(method, input, ({ result }) => {
        const { subscription } = result as { subscription: string }
        const watched = watchedOver(outstanding, () => {
          watches.delete(subscription)
          mention("watch.stop", { subscription })
        })
        watches.set(subscription, watched)
        return watched.stream
      }),
    passed() {
      // Frames are added in their order, so the first is the oldest.
      const [oldest] = outstanding
      return oldest === undefined ? last : oldest - 1
    },
    acknowledge: (frame) => mention("watch.ack", { frame }),
    close() {
      finish({ code: 1000, reason: "" })
      try {
        socket.close(1000, "done")
      } catch {
        // It was closed from the other side.
      }
    },
  }
}
