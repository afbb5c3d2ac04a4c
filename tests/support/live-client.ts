/**
 * A small client of live queries, as a program would write it: watches, keeps the set of records, acknowledges, is cut and comes back with its place. It
 * notes what no client should see: sequences of a watch never go back, and none is told twice. Runs wherever there is a WebSocket.
 */

/** What a notification says. */
export interface Notice {
  readonly method: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into notifications of every shape
  readonly params: any
}

/** A live connection. */
export interface Connection {
  /** Calls; gives the result, throws the error's `data.code` and message. */
  call(method: string, params?: object): Promise<never>
  /** Sends a frame as it is. */
  send(frame: string | ArrayBuffer): void
  /** Frames that were no answer to a call, oldest first. */
  readonly notices: Notice[]
  /** Answers without an id: what is said to garbage. */
  readonly faults: { readonly code: number; readonly message: string }[]
  /** Called for each notification. */
  onNotice: (notice: Notice) => void
  /** Acknowledges what comes; a slow client does not. */
  acknowledges: boolean
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
  close(): void
}

/** The part of a WebSocket that a client needs: the browser's, Node's and the Worker's alike. */
export interface Wire {
  send(frame: string | ArrayBuffer): void
  close(code?: number, reason?: string): void
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void
  addEventListener(type: "close", listener: (event: { readonly code: number; readonly reason: string }) => void): void
}

/** A connection over a socket that is open. */
export function connectionOver(socket: Wire): Connection {
  let next = 1
  let acked = 0
  const waiting = new Map<number, { resolve(value: never): void; reject(fault: Error): void }>()
  let finish: (how: { code: number; reason: string }) => void = () => undefined
  const connection: Connection = {
    notices: [],
    faults: [],
    onNotice: () => undefined,
    acknowledges: true,
    closed: new Promise((resolve) => {
      finish = resolve
    }),
    send: (frame) => socket.send(frame),
    close: () => socket.close(1000, "done"),
    call(method, params = {}) {
      const id = next++
      const answer = new Promise<never>((resolve, reject) => waiting.set(id, { resolve, reject }))
      socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }))
      return answer
    },
  }
  socket.addEventListener("message", ({ data }) => {
    const frame = JSON.parse(String(data))
    if (frame.method !== undefined) {
      connection.notices.push(frame)
      connection.onNotice(frame)
      const number = frame.params.frame ?? 0
      if (connection.acknowledges && number - acked >= 50) {
        acked = number
        socket.send(JSON.stringify({ jsonrpc: "2.0", method: "watch.ack", params: { frame: number } }))
      }
      return
    }
    const one = waiting.get(frame.id)
    waiting.delete(frame.id)
    if (frame.error && !one) connection.faults.push(frame.error)
    else if (frame.error) one?.reject(Object.assign(new Error(frame.error.message), frame.error))
    else one?.resolve(frame.result as never)
  })
  socket.addEventListener("close", ({ code, reason }) => {
    for (const { reject } of waiting.values()) reject(new Error(`Closed: ${code} ${reason}`))
    finish({ code, reason })
  })
  return connection
}

/** The records of a watch as its client has them. */
export interface Kept {
  readonly records: Map<string, Record<string, unknown>>
  /** Where it stands; null while a list is being told. */
  cursor: number | null
  /** Sequences of events, in the order in which they came. */
  readonly sequences: number[]
  /** What came, in a word each: `reset start`, `changed task_…`, `removed task_…`, `ready`. */
  readonly words: string[]
  subscription: string
  readonly connection: Connection
  /** What no client should see. */
  readonly faults: string[]
  /** Waits until the set is as wanted. */
  until(isMet: (kept: Kept) => boolean, what?: string): Promise<void>
}

function take(kept: Kept, { method, params }: Notice): void {
  const { sequence } = params
  const isListing = kept.cursor === null
  if (method === "watch.reset") {
    kept.records.clear()
    kept.cursor = null
    kept.words.push(`reset ${params.reason}`)
    return
  }
  if (method === "watch.end") {
    kept.words.push(`end ${params.code}`)
    return
  }
  if (method === "watch.ready") kept.words.push("ready")
  if (method === "watch.changed") {
    kept.records.set(params.record.id, params.record)
    kept.words.push(`changed ${params.record.id}`)
  }
  if (method === "watch.removed") {
    kept.records.delete(params.id)
    kept.words.push(`removed ${params.id}`)
  }
  if (method === "watch.ready") kept.cursor = Math.max(sequence, kept.cursor ?? 0)
  else if (!isListing) {
    if (kept.sequences.includes(sequence)) kept.faults.push(`${sequence} came twice`)
    if (sequence <= (kept.cursor ?? 0)) kept.faults.push(`${sequence} came after ${kept.cursor}`)
    kept.sequences.push(sequence)
    kept.cursor = sequence
  }
}

/**
 * Watches over a connection.
 * @param kept what an earlier connection of the same watch had: goes on from there
 */
export async function watch(connection: Connection, method: string, params: object, before?: Kept): Promise<Kept> {
  const kept: Kept = {
    records: new Map(before?.records),
    // Where it was cut in the middle of a list there is no place to go on from.
    cursor: before?.cursor ?? null,
    sequences: before?.sequences ?? [],
    words: [],
    subscription: "",
    connection,
    faults: before?.faults ?? [],
    async until(isMet, what = "what was waited for") {
      for (let turn = 0; turn < 500; turn++) {
        if (isMet(kept)) return
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      throw new Error(`${what} did not come: ${kept.words.join(", ")}`)
    },
  }
  const early: Notice[] = []
  const others = connection.onNotice
  connection.onNotice = (notice) => {
    others(notice)
    if (!notice.method.startsWith("watch.")) return
    if (kept.subscription === "") early.push(notice)
    else if (notice.params.subscription === kept.subscription) take(kept, notice)
  }
  const after = kept.cursor === null ? {} : { after: kept.cursor }
  const { subscription } = (await connection.call(method, { ...params, ...after })) as { subscription: string }
  kept.subscription = subscription
  for (const notice of early) if (notice.params.subscription === subscription) take(kept, notice)
  return kept
}
