/**
 * A seat: one socket with who sits there and what it has been told. Its state travels in the socket's attachment, so that it is there when the
 * object wakes. Who takes too long to acknowledge loses the socket, not what it was told: it comes back with its place in the log.
 */
import type { Frames } from "../core/frames.ts"
import type { JsonObject } from "../core/json.ts"
import { closeCodes, liveLimits, type Sitter } from "./live-ports.ts"

/** A record where somebody is there. */
export interface Attended {
  /** Of the topic object. */
  readonly name: string
  readonly resource: string
  readonly id: string
}

/** What the attachment holds. */
interface Kept extends Sitter {
  readonly id: string
  sent: number
  acked: number
  /** About how many bytes are not acknowledged. */
  bytes: number
  garbage: number
  /** Whether it is told of the inbox. */
  inbox: boolean
  /** Topics that it attends. */
  topics: Attended[]
  /** Last sequence told, by watch. */
  cursors: Record<string, number>
}

/** A socket in use. */
export interface Seat {
  readonly socket: WebSocket
  readonly kept: Kept
  /** Calls and broadcasts that it may still make; refilled by the clock. */
  readonly budget: { calls: number; messages: number; at: number }
  /** Whoever waits for acknowledgements. */
  waiting: (() => void)[]
}

/** The seats of an object. */
export interface Seats {
  take(socket: WebSocket, id: string, sitter: Sitter): Seat
  of(socket: WebSocket): Seat | null
  byId(id: string): Seat | null
  all(): readonly Seat[]
}

const burst = { calls: 200, messages: 20 }
const perSecond = { calls: 50, messages: 5 }

/** The seats over an object's sockets. */
export function seatsOf(ctx: DurableObjectState): Seats {
  const known = new WeakMap<WebSocket, Seat>()
  const keep = (socket: WebSocket, kept: Kept): Seat => {
    const seat: Seat = { socket, kept, budget: { ...burst, at: 0 }, waiting: [] }
    known.set(socket, seat)
    return seat
  }
  const of = (socket: WebSocket): Seat | null => {
    const seat = known.get(socket)
    if (seat) return seat
    const kept = socket.deserializeAttachment() as Kept | null
    return kept === null ? null : keep(socket, kept)
  }
  const open = (sockets: readonly WebSocket[]) =>
    sockets.filter((socket) => socket.readyState === WebSocket.OPEN).flatMap((socket) => of(socket) ?? [])
  return {
    of,
    take(socket, id, sitter) {
      ctx.acceptWebSocket(socket, [id])
      const seat = keep(socket, {
        id,
        ...sitter,
        sent: 0,
        acked: 0,
        bytes: 0,
        garbage: 0,
        inbox: false,
        topics: [],
        cursors: {},
      })
      save(seat)
      return seat
    },
    byId: (id) => open(ctx.getWebSockets(id))[0] ?? null,
    all: () => open(ctx.getWebSockets()),
  }
}

/** Keeps the state over a sleep. */
export function save(seat: Seat): void {
  if (isOpen(seat)) seat.socket.serializeAttachment(seat.kept)
}

/** True while something can be said. */
export function isOpen({ socket }: Seat): boolean {
  return socket.readyState === WebSocket.OPEN
}

/** Closes; without effect on one that is closed. */
export function closeSeat(seat: Seat, code: number, reason: string): void {
  rouse(seat)
  if (isOpen(seat)) seat.socket.close(code, reason)
}

/** Says something as it is. */
export function say(seat: Seat, text: string): void {
  if (isOpen(seat)) seat.socket.send(text)
}

/** Tells something that is to be acknowledged by its number; closes the socket of who does not. */
export function tell(seat: Seat, frames: Frames, method: string, params: JsonObject): void {
  if (!isOpen(seat)) return
  const { kept } = seat
  kept.sent += 1
  const text = frames.tell(method, { ...params, frame: kept.sent })
  kept.bytes += text.length
  seat.socket.send(text)
  if (kept.sent - kept.acked > liveLimits.unackedFrames || kept.bytes > liveLimits.unackedBytes)
    closeSeat(seat, closeCodes.slow, "slow consumer")
}

/** Everything up to a frame has been taken. */
export function acknowledge(seat: Seat, frame: number): void {
  const { kept } = seat
  const upTo = Math.min(frame, kept.sent)
  if (!(upTo > kept.acked)) return
  kept.bytes = Math.round((kept.bytes * (kept.sent - upTo)) / (kept.sent - kept.acked))
  kept.acked = upTo
  save(seat)
  rouse(seat)
}

function rouse(seat: Seat): void {
  const waiting = seat.waiting
  seat.waiting = []
  for (const wake of waiting) wake()
}

const patienceMs = 20_000

/**
 * Waits until a page of records may be told.
 * @returns false when the socket is closed, or was for want of acknowledgements
 */
export async function roomFor(seat: Seat): Promise<boolean> {
  const { kept } = seat
  const isFull = () => kept.sent - kept.acked > liveLimits.unackedFrames / 2 || kept.bytes > liveLimits.unackedBytes / 2
  while (isOpen(seat) && isFull()) {
    const acked = kept.acked
    const timer = new AbortController()
    const late = scheduler.wait(patienceMs, { signal: timer.signal }).catch(() => undefined)
    await Promise.race([new Promise<void>((resolve) => seat.waiting.push(resolve)), late])
    timer.abort()
    if (kept.acked === acked && isFull()) closeSeat(seat, closeCodes.slow, "slow consumer")
  }
  return isOpen(seat)
}

/** Takes one of what a seat may do. False when it does too much. */
export function spend(seat: Seat, what: "calls" | "messages", now: number): boolean {
  const { budget } = seat
  const seconds = Math.max(0, now - budget.at) / 1000
  budget.calls = Math.min(burst.calls, budget.calls + seconds * perSecond.calls)
  budget.messages = Math.min(burst.messages, budget.messages + seconds * perSecond.messages)
  budget.at = now
  if (budget[what] < 1) return false
  budget[what] -= 1
  return true
}
