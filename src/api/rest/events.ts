/**
 * A watch as Server-Sent Events (HTML Standard §9.2). Only what a caller may resume from carries an id: while a list is being told there is none, so
 * that whoever is cut in the middle of it begins anew. Written as fast as it is read, and no faster.
 */
import { invalid, Problem } from "../../core/problem.ts"
import type { Told, WatchStream } from "../../core/watch.ts"

/** Comments go out so often when there is nothing else, so that nothing on the way takes the silence for an end. */
const keepAliveMs = 20_000
/** How long a browser waits before it comes back. */
const retryMs = 2000

const eventType = "text/event-stream"

/** @throws Problem INVALID_ARGUMENT `not-acceptable` when the caller does not take a stream of events */
export function refuseWithoutEvents(accept: string | null): void {
  if (accept === null) return
  const taken = accept.split(",").map((range) => range.split(";")[0]?.trim().toLowerCase())
  if (taken.some((type) => type === eventType || type === "text/*" || type === "*/*")) return
  throw new Problem("INVALID_ARGUMENT", `This answer is ${eventType}; let Accept take it`, { type: "not-acceptable" })
}

/**
 * The place that a browser comes back with; null when it has none.
 * @throws Problem INVALID_ARGUMENT for what no answer of ours gave
 */
export function lastEventId(headers: Headers): number | null {
  const text = headers.get("last-event-id")
  if (text === null || text === "") return null
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw invalid("/after", "invalid_value", "Last-Event-ID is not one that this service gave")
}

/** One event as text. An empty id makes a browser forget the one that it has. */
function written(told: Told, isListing: boolean): string {
  const { kind, ...data } = told
  const id = kind === "reset" ? "id\n" : isListing && kind !== "ready" ? "" : `id: ${told.sequence}\n`
  return `event: ${kind}\n${id}data: ${JSON.stringify(data)}\n\n`
}

/** Writes until the watch or the reader is gone. */
async function pump(stream: WatchStream, writer: WritableStreamDefaultWriter<Uint8Array>): Promise<void> {
  const encoder = new TextEncoder()
  const write = (text: string) => writer.write(encoder.encode(text))
  let isListing = true
  // The first bytes let the caller know that the stream has begun.
  await write(`retry: ${retryMs}\n\n`)
  let next = stream.next()
  for (;;) {
    const timer = new AbortController()
    const silence = scheduler.wait(keepAliveMs, { signal: timer.signal }).then(
      () => "silence" as const,
      () => "silence" as const,
    )
    const told = await Promise.race([next, silence])
    timer.abort()
    if (told === "silence") {
      await write(": still here\n\n")
      continue
    }
    if (told === null) return
    if (told.kind === "reset") isListing = true
    await write(written(told, isListing))
    if (told.kind === "ready") isListing = false
    next = stream.next()
  }
}

/** The body of the answer. The watch ends when its reader does. */
export function eventBody(stream: WatchStream): ReadableStream<Uint8Array> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const writer = writable.getWriter()
  // A reader that is gone is known here at once, also while there is nothing to write.
  writer.closed.catch(() => undefined).then(() => stream.close())
  pump(stream, writer)
    .then(() => writer.close())
    .catch(() => stream.close())
  return readable
}

/** The headers of the answer. */
export function eventHeaders(headers: Headers): Headers {
  headers.set("Content-Type", `${eventType}; charset=utf-8`)
  // What stores or transforms would hold events back.
  headers.set("Cache-Control", "no-store, no-transform")
  return headers
}
