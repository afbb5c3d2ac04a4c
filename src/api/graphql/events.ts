/**
 * GraphQL over Server-Sent Events, distinct connections mode (github.com/graphql/graphql-over-http, rfcs/GraphQLOverSSE.md): every result is an event
 * `next`, and `complete` is the last. A stream that was cut has no `complete`: its client comes back. Written as fast as it is read.
 */
import type { ExecutionResult, GraphQLError } from "graphql"
import { errorIn } from "./execution.ts"

/** Comments go out so often when there is nothing else, so that nothing on the way takes the silence for an end. */
const keepAliveMs = 20_000

/** The form of these answers. */
export const eventType = "text/event-stream"

const next = (result: unknown) => `event: next\ndata: ${JSON.stringify(result)}\n\n`
// A browser tells of no event without data.
const complete = "event: complete\ndata:\n\n"

/** The whole answer of what has one result. */
export function eventsOf(result: { readonly data?: unknown; readonly errors?: readonly GraphQLError[] }): string {
  return next(result) + complete
}

/** What comes first: the next result, or the time to say that we are still here. */
async function orSilence<T>(pending: Promise<T>): Promise<T | null> {
  const timer = new AbortController()
  const silence = scheduler.wait(keepAliveMs, { signal: timer.signal }).then(
    () => null,
    () => null,
  )
  const first = await Promise.race([pending, silence])
  timer.abort()
  return first
}

/** Writes until the results or the reader are gone. */
async function pump(
  results: AsyncGenerator<ExecutionResult, void, void>,
  writer: WritableStreamDefaultWriter<Uint8Array>,
  requestId: string,
): Promise<void> {
  const encoder = new TextEncoder()
  const write = (text: string) => writer.write(encoder.encode(text))
  // The first bytes let the caller know that the stream has begun.
  await write(":\n\n")
  let pending = results.next()
  for (;;) {
    let taken: IteratorResult<ExecutionResult, void> | null
    try {
      taken = await orSilence(pending)
    } catch (thrown) {
      const error = errorIn(thrown, requestId)
      // Whoever was cut off by us comes back; whoever has no right to comes back in vain.
      if (error.extensions.code === "UNAVAILABLE") return
      await write(eventsOf({ errors: [error] }))
      return
    }
    if (taken === null) await write(":\n\n")
    else if (taken.done) {
      await write(complete)
      return
    } else {
      await write(next(taken.value))
      pending = results.next()
    }
  }
}

/**
 * The body of a subscription's answer.
 * @param requestId of the request that began it
 * @param close ends the subscription: called when its reader is gone, and when it is over
 */
export function eventBody(
  results: AsyncGenerator<ExecutionResult, void, void>,
  requestId: string,
  close: () => void,
): ReadableStream<Uint8Array> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const writer = writable.getWriter()
  // A reader that is gone is known here at once, also while there is nothing to write.
  writer.closed.catch(() => undefined).then(close)
  pump(results, writer, requestId)
    .then(() => writer.close())
    .catch(close)
  return readable
}
