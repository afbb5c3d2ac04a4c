/**
 * A client that watches tasks over a WebSocket, is cut off at random and comes back with its cursor. It writes down what it was told: the set of
 * records that it has, and every sequence that it got, so that what is missing or twice can be named afterwards.
 */
import { pause } from "./installation.ts"

/** A record as the client has it. */
export interface Held {
  readonly id: string
  readonly version: number
  readonly title: string
}

interface Frame {
  readonly id?: number
  readonly result?: { readonly subscription: string; readonly sequence: number }
  readonly error?: { readonly code: number; readonly message: string }
  readonly method?: string
  readonly params?: {
    readonly subscription: string
    readonly frame?: number
    readonly sequence?: number
    readonly record?: Held
    readonly id?: string
    readonly code?: string
  }
}

/** Whom it watches for. */
export interface Watching {
  readonly user: string
  readonly organization: string
  readonly token: string
}

/** One live client. */
export class Watcher {
  readonly held = new Map<string, Held>()
  /** How often each sequence was told live. */
  readonly told = new Map<number, number>()
  readonly counts = { connections: 0, cuts: 0, resets: 0, resumes: 0, changed: 0, removed: 0 }
  readonly complaints: string[] = []
  /** What came before is in a list that was told as a whole. */
  listedUpTo = 0
  /** Called with each event that is told live. */
  onTold: () => void = () => undefined
  cursor: number | null = null
  readonly watching: Watching
  readonly #origin: () => Promise<string>
  #socket: WebSocket | null = null
  #isListing = false
  #isOver = false
  #swallows = false

  constructor(watching: Watching, origin: () => Promise<string>) {
    this.watching = watching
    this.#origin = origin
  }

  /** Watches until it is stopped; comes back after every cut. */
  async run(): Promise<void> {
    while (!this.#isOver) {
      try {
        await this.#connection()
      } catch (error) {
        if (!this.#isOver) this.#note(error)
      }
      if (!this.#isOver) await pause(50 + Math.random() * 250)
    }
  }

  /** Cuts the connection without a word. */
  cut(): void {
    if (this.#socket === null) return
    this.counts.cuts++
    this.#socket.close()
  }

  /** Loses the next event on its way, on purpose. */
  swallowNext(): void {
    this.#swallows = true
  }

  stop(): void {
    this.#isOver = true
    this.#socket?.close()
  }

  #note(error: unknown): void {
    const text = String(error)
    // That nobody answers while the runtime is down is what this suite is about.
    if (!/closed|ECONN|fetch failed|network|non-101|hang up|502|503/i.test(text)) this.complaints.push(text)
  }

  async #connection(): Promise<void> {
    const url = `${(await this.#origin()).replace("http", "ws")}/ws`
    const socket = new WebSocket(url, ["jsonrpc.v1", `bearer.${this.watching.token}`])
    this.#socket = socket
    this.counts.connections++
    await new Promise<void>((resolve) => {
      socket.addEventListener("open", () => this.#subscribe(socket))
      socket.addEventListener("message", ({ data }) => this.#take(socket, JSON.parse(String(data)) as Frame))
      socket.addEventListener("error", () => resolve())
      socket.addEventListener("close", () => resolve())
    })
    this.#socket = null
  }

  #subscribe(socket: WebSocket): void {
    const after = this.cursor === null ? {} : { after: this.cursor }
    if (this.cursor !== null) this.counts.resumes++
    const params = {
      filter: { organizationId: this.watching.organization },
      fields: ["id", "version", "title"],
      ...after,
    }
    socket.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tasks.watch", params }))
  }

  #take(socket: WebSocket, frame: Frame): void {
    if (frame.error) return void this.complaints.push(`${frame.error.code} ${frame.error.message}`)
    const { params, method } = frame
    if (!method || !params) return
    const sequence = params.sequence ?? 0
    if (this.#swallows && !this.#isListing && method === "watch.changed") return void (this.#swallows = false)
    if (method === "watch.reset") {
      this.held.clear()
      // During a list there is no place to come back with: it begins anew.
      this.cursor = null
      this.#isListing = true
      this.counts.resets++
    } else if (method === "watch.changed" && params.record) {
      this.held.set(params.record.id, params.record)
      this.counts.changed++
      this.#tell(sequence)
    } else if (method === "watch.removed" && params.id) {
      this.held.delete(params.id)
      this.counts.removed++
      this.#tell(sequence)
    } else if (method === "watch.ready") {
      if (this.#isListing) this.listedUpTo = Math.max(this.listedUpTo, sequence)
      this.#isListing = false
      this.cursor = Math.max(this.cursor ?? 0, sequence)
    } else if (method === "watch.end") this.complaints.push(`ended: ${params.code}`)
    const { frame: number = 0 } = params
    if (number % 100 === 0 && socket.readyState === WebSocket.OPEN)
      socket.send(JSON.stringify({ jsonrpc: "2.0", method: "watch.ack", params: { frame: number } }))
  }

  #tell(sequence: number): void {
    if (this.#isListing) return
    this.told.set(sequence, (this.told.get(sequence) ?? 0) + 1)
    this.onTold()
    this.cursor = Math.max(this.cursor ?? 0, sequence)
  }
}
