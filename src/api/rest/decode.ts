/**
 * A request's input, from its path, its query string and its body. Refuses what would be ignored silently: a body on a deletion, a member
 * that the address has given, a parameter that nobody reads.
 */
import type { Match } from "../../core/door.ts"
import type { Json } from "../../core/json.ts"
import { invalid, Problem, pointer } from "../../core/problem.ts"
import { hasContent, readBody } from "./body.ts"
import { expectedVersionOf } from "./conditions.ts"
import { lastEventId, refuseWithoutEvents } from "./events.ts"
import { filterPath } from "./filter-query.ts"
import { refuseUnacceptable } from "./negotiation.ts"
import { decodeQuery, pathValue, refuseConflicts } from "./query.ts"
import type { Route } from "./routes.ts"
import type { Wire } from "./wire.ts"

type Input = Record<string, Json>

function pathInput(wire: Wire, route: Route): Input {
  const input: Input = {}
  for (const name of route.parameters) {
    const text = wire.parameters[name] ?? ""
    // An id is text whatever its shape says, so the most frequent call compiles nothing.
    input[name] = name === "id" && route.operation.model ? text : pathValue(route.fields.get(name), name, text)
  }
  return input
}

function needsBody(route: Route): boolean {
  if (route.bodyProperty !== null || route.envelope.request !== undefined) return true
  return [...route.fields.values()].some((field) => field.required && !route.parameters.includes(field.name))
}

async function withBody(wire: Wire, route: Route, input: Input): Promise<Json> {
  const base = route.bodyProperty === null ? "" : pointer(route.bodyProperty)
  const sent = await readBody(wire.request, route.method, base)
  if (sent === undefined) {
    if (needsBody(route)) throw invalid(base, "malformed_json", "Send a JSON body")
    return input
  }
  const body = unwrapped(wire, sent, route)
  if (route.bodyProperty !== null) return { ...input, [route.bodyProperty]: body }
  if (body === null || typeof body !== "object" || Array.isArray(body))
    throw invalid("", "invalid_type", "The body is a JSON object")
  refuseConflicts(input, body as Input)
  return { ...(body as Input), ...input }
}

/** What stands in the envelope. Other members beside it would be ignored silently, so they are refused. */
function unwrapped(wire: Wire, body: Json, { envelope }: Route): Json {
  const { request } = envelope
  if (request === undefined) return body
  if (body === null || typeof body !== "object" || Array.isArray(body))
    throw invalid("", "invalid_type", `The body is {"${request}": …}`)
  if (!Object.hasOwn(body, request)) throw invalid(pointer(request), "required", `The body is {"${request}": …}`)
  const other = Object.keys(body).find((name) => name !== request)
  if (other !== undefined) throw invalid(pointer(other.slice(0, 100)), "unknown_field", `The body is {"${request}": …}`)
  wire.isUnwrapped = true
  return (body as Input)[request] as Json
}

/** The wire input of the operation. Reads the body where there is one. Throws INVALID_ARGUMENT. */
export function decodeInput(wire: Wire, route: Route): Promise<Json> | Json {
  const input = pathInput(wire, route)
  const whole = wire.request.url.includes("?") ? { ...input, ...decodeQuery(wire, route) } : input
  if (route.operation.kind === "subscription") {
    const after = lastEventId(wire.request.headers)
    // Newer than what the address says, which stays the same when a browser comes back.
    return after === null ? whole : { ...whole, after }
  }
  if (route.takesBody) return withBody(wire, route, whole)
  if (route.method === "DELETE" && hasContent(wire.request))
    throw invalid("", "unexpected_body", "A deletion takes no body")
  return whole
}

/** The operation at the request's place and the facts of its headers. Throws whatever keeps it from being called. */
export function resolveWire(wire: Wire): Match {
  const { route } = wire
  if (route === null) throw wire.refusal ?? unknownRoute()
  const { headers } = wire.request
  if (route.operation.kind === "subscription") refuseWithoutEvents(headers.get("accept"))
  else refuseUnacceptable(headers.get("accept"))
  return {
    operation: route.operation,
    decode: () => decodeInput(wire, route),
    idempotencyKey: route.operation.kind === "mutation" ? headers.get("idempotency-key") : null,
    expectedVersion: expectedVersionOf(headers.get("if-match"), route.takesIfMatch),
    bookmark: headers.get("x-selvage-bookmark"),
    ...(route.deprecated === undefined ? {} : { deprecated: route.deprecated }),
  }
}

/** NOT_FOUND for a path where nothing stands. */
export function unknownRoute(): Problem {
  return new Problem("NOT_FOUND", "There is nothing at this address", { type: "unknown-route" })
}

/**
 * A violation's path as the client knows it: into the body that it sent, or `/name` for a parameter.
 * @param path a JSON pointer into the operation's input
 */
export function clientPath(wire: Wire, path: string): string {
  const { route } = wire
  if (route === null) return path
  const body = route.bodyProperty === null ? null : pointer(route.bodyProperty)
  if (body !== null && (path === body || path.startsWith(`${body}/`))) return path.slice(body.length)
  const { request } = route.envelope
  const isAddress = route.parameters.some((name) => path === pointer(name))
  if (request !== undefined && wire.isUnwrapped && !isAddress) return pointer(request) + path
  if (!route.operation.model || route.takesBody) return path
  if (path.startsWith("/expand/")) return "/expand"
  return wire.hasFilterParameters ? filterPath(path) : path
}
