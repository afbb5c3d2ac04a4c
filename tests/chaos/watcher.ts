/**
 * A client that watches tasks over a WebSocket, is cut off at random and comes back with its place: the live client of the tests, kept running. It
 * writes down every sequence that it got, so that what is missing or twice can be named afterwards.
 */
import { type Connection, connectionOver, type Kept, type Notice, watch } from "../support/live-client.ts"
import { pause } from "./installation.ts"

/** A record as the client has it. */
export interface Held {
  readonly id: string
  readonly version: number
  readonly title: string
}

/** Whom it watches for. */
export interface Watching {
  readonly user: string
  readonly organization: string
  readonly token: string
}

/** One live client. */
export class Watcher {
  readonly counts = { connections: 0, cuts: 0, resets: 0, resumes: 0, changed: 0, removed: 0 }
  readonly complaints: string[] = []
  /** What came before is in a list that was told as a whole. */
  listedUpTo = 0
  /** Called with each event that is told live. */
  onTold: () => void = () => undefined
  readonly watching: Watching
  readonly #origin: () => Promise<string>
  #kept: Kept | null = null
  #connection: Connection | null = null
  #isOver = false
  #swallows = false
  #isListing = true

  constructor(watching: Watching, origin: () => Promise<string>) {
    this.watching = watching
    this.#origin = origin
  }

  /** Where it stands; null while a list is being told. */
  get cursor(): number | null {
    return this.#kept?.cursor ?? null
  }

  get held(): readonly Held[] {
    return [...(this.#kept?.records.values() ?? [])] as unknown as Held[]
  }

  /** What was told live, in the order in which it came. */
  get sequences(): readonly number[] {
    return this.#kept?.sequences ?? []
  }

  /** What no client should see: a sequence told twice, or out of its order. */
  get faults(): readonly string[] {
    return this.#kept?.faults ?? []
  }

  /** Watches until it is stopped; comes back after every cut. */
  async run(): Promise<void> {
    while (!this.#isOver) {
      try {
        await this.#stay()
      } catch (error) {
        if (!this.#isOver) this.#note(error)
      }
      if (!this.#isOver) await pause(50 + Math.random() * 250)
    }
  }

  /** Cuts the connection without a word. */
  cut(): void {
    if (this.#connection === null) return
    this.counts.cuts++
    this.#connection.close()
  }

  /** Loses the next event on its way, on purpose. */
  swallowNext(): void {
    this.#swallows = true
  }

  stop(): void {
    this.#isOver = true
    this.#connection?.close()
  }

  #note(error: unknown): void {
    const text = String(error)
    // That nobody answers while the runtime is down is what this suite is about.
    if (!/closed|unreachable/i.test(text)) this.complaints.push(text)
  }

  async #open(): Promise<Connection> {
    const url = `${(await this.#origin()).replace("http", "ws")}/ws`
    const socket = new WebSocket(url, ["jsonrpc.v1", `bearer.${this.watching.token}`])
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener("open", () => resolve())
      for (const end of ["error", "close"] as const)
        socket.addEventListener(end, () => reject(new Error("unreachable")))
    })
    this.counts.connections++
    return connectionOver(this.#lossy(socket))
  }

  /** The socket, whose next event can be lost on its way. */
  #lossy(socket: WebSocket) {
    return {
      send: (frame: string | ArrayBuffer) => socket.send(frame),
      close: () => socket.close(),
      addEventListener: (type: "message" | "close", listener: (event: never) => void) =>
        socket.addEventListener(type, (event) => {
          const isLost =
            this.#swallows && !this.#isListing && String("data" in event ? event.data : "").includes('"watch.changed"')
          if (isLost) this.#swallows = false
          else listener(event as never)
        }),
    } as Parameters<typeof connectionOver>[0]
  }

  async #stay(): Promise<void> {
    const connection = await this.#open()
    this.#connection = connection
    connection.onNotice = (notice) => this.#count(notice)
    try {
      if (this.cursor !== null) this.counts.resumes++
      const params = { filter: { organizationId: this.watching.organization }, fields: ["id", "version", "title"] }
      this.#kept = await watch(connection, "tasks.watch", params, this.#kept ?? undefined)
      await connection.closed
    } finally {
      this.#connection = null
    }
  }

  #count({ method, params }: Notice): void {
    switch (method) {
      case "watch.reset":
        this.counts.resets++
        this.#isListing = true
        return
      case "watch.ready":
        if (this.#isListing) this.listedUpTo = Math.max(this.listedUpTo, params.sequence)
        this.#isListing = false
        return
      case "watch.end":
        return void this.complaints.push(`ended: ${params.code}`)
      case "watch.changed":
      case "watch.removed":
        this.counts[method === "watch.changed" ? "changed" : "removed"]++
        if (!this.#isListing) this.onTold()
    }
  }
}
