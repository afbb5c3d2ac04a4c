/**
 * What goes out over a socket, no faster than it is taken. The protocol has no acknowledgements, but whoever is pinged has to answer: so a ping goes out
 * behind so many messages, and its pong says that they have been taken. Whoever does not answer loses the socket, and nothing waits without bound.
 */
import type { JsonObject } from "../../core/json.ts"
import { closeCodes } from "./socket-messages.ts"

/** A ping behind so many messages, or about so many bytes. */
const pingEvery = { messages: 50, bytes: 256 * 1024 } as const
/** Results wait while so many are not taken. */
const holdAt = { messages: 500, bytes: 1024 * 1024 } as const
/** What does not wait, pongs among it, ends the socket beyond this. */
const endAt = { messages: 2000, bytes: 8 * 1024 * 1024 } as const
/** A ping goes out so often when nothing else calls for one; one that is not answered until the next is due ends the socket. */
const patienceMs = 20_000

/** What goes out. */
export interface Flow {
  /** Says something now. Without effect when the socket is closed. */
  say(message: JsonObject): void
  /** Waits until a result may be said. @returns false when the socket is closed */
  room(): Promise<boolean>
  /** The other side has answered. @returns false when it was not asked */
  pong(): boolean
  /** Closes, with a reason of at most 123 bytes. Without effect on what is closed. */
  close(code: number, reason: string): void
  /** The socket is closed from the other side. */
  over(): void
  isOpen(): boolean
}

/** A reason as a Close frame can carry it (RFC 6455 §5.5.1). */
function clipped(reason: string): string {
  const bytes = new TextEncoder().encode(reason)
  return bytes.length <= 123 ? reason : new TextDecoder().decode(bytes.slice(0, 120)).replace(/\uFFFD$/, "")
}

/** How much was said since some moment. */
interface Said {
  messages: number
  bytes: number
}

const reaches = (said: Said, bound: Readonly<Said>) => said.messages >= bound.messages || said.bytes >= bound.bytes

/**
 * The flow over a socket.
 * @param options.mark what has been passed on at this moment; given to `taken` when the other side has taken it
 * @param options.closed called once, when the socket is closed from either side
 */
export function flowOver<Mark>(
  socket: WebSocket,
  options: { mark(): Mark; taken(mark: Mark): void; closed(): void },
): Flow {
  /** Not taken yet: before the ping that is on its way, and behind it. */
  const before: Said = { messages: 0, bytes: 0 }
  const behind: Said = { messages: 0, bytes: 0 }
  let asked: { readonly mark: Mark } | null = null
  let waiting: (() => void)[] = []
  const closing = new AbortController()
  const untaken = (): Said => ({ messages: before.messages + behind.messages, bytes: before.bytes + behind.bytes })
  const isOpen = () => !closing.signal.aborted && socket.readyState === WebSocket.OPEN
  const rouse = () => {
    const woken = waiting
    waiting = []
    for (const wake of woken) wake()
  }
  const ping = () => {
    asked = { mark: options.mark() }
    Object.assign(before, untaken())
    Object.assign(behind, { messages: 0, bytes: 0 })
    socket.send('{"type":"ping"}')
  }
  const flow: Flow = {
    isOpen,
    over() {
      if (closing.signal.aborted) return
      closing.abort()
      rouse()
      options.closed()
    },
    close(code, reason) {
      if (isOpen()) socket.close(code, clipped(reason))
      flow.over()
    },
    say(message) {
      if (!isOpen()) return
      if (reaches(untaken(), endAt)) return flow.close(closeCodes.slow, "slow consumer")
      const text = JSON.stringify(message)
      socket.send(text)
      behind.messages += 1
      behind.bytes += text.length
      if (asked === null && reaches(behind, pingEvery)) ping()
    },
    async room() {
      while (isOpen() && reaches(untaken(), holdAt)) await new Promise<void>((resolve) => waiting.push(resolve))
      return isOpen()
    },
    pong() {
      if (asked === null) return false
      const { mark } = asked
      asked = null
      Object.assign(before, { messages: 0, bytes: 0 })
      options.taken(mark)
      if (reaches(behind, pingEvery)) ping()
      rouse()
      return true
    },
  }
  const keepAlive = async () => {
    for (;;) {
      const unanswered = asked
      await scheduler.wait(patienceMs, { signal: closing.signal })
      if (!isOpen()) return
      if (unanswered !== null && asked === unanswered) return flow.close(closeCodes.slow, "slow consumer")
      if (asked === null) ping()
    }
  }
  // The wait ends with the socket.
  keepAlive().catch(() => flow.over())
  return flow
}
