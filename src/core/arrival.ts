/** What the headers of an HTTP request say of the call itself: its id, and the trace that it belongs to. Refuses to believe malformed ones. */
import type { Arrival } from "./door.ts"

const requestIdText = /^[A-Za-z0-9._-]{1,100}$/
const traceText = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/

/** The trace id of a W3C `traceparent` (version 00, and what later versions keep of it); null when it is malformed. */
export function traceIdOf(header: string | null): string | null {
  if (header === null) return null
  const [, version, trace, parent, more] = traceText.exec(header) ?? []
  if (trace === undefined || version === "ff" || (version === "00" && more !== undefined)) return null
  return /^0+$/.test(trace) || /^0+$/.test(parent as string) ? null : trace
}

/**
 * Facts of the transport for the pipeline. The caller's request id is kept when it is harmless.
 * @param makeId gives an id when the caller brought none
 */
export function arrivalOf(request: Request, makeId: () => string): Arrival {
  const given = request.headers.get("x-request-id")
  return {
    requestId: given !== null && requestIdText.test(given) ? given : makeId(),
    traceId: traceIdOf(request.headers.get("traceparent")),
    // Making the signal costs; only a handler's context asks for it.
    get signal() {
      return request.signal
    },
  }
}
