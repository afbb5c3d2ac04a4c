/** Output -> answer: status, body, entity tag, and where to go next. */
import type { Facts } from "../../core/door.ts"
import { isUnchanged } from "../../core/entity-tag.ts"
import type { Json, JsonObject } from "../../core/json.ts"
import type { WatchStream } from "../../core/watch.ts"
import { tagOf } from "./conditions.ts"
import { eventBody, eventHeaders } from "./events.ts"
import { type HeaderSets, headersOf, tellFacts } from "./headers.ts"
import type { Route } from "./routes.ts"
import { pathText, queryText, type Wire } from "./wire.ts"

/** Where a record stands, by version and the prefix of its id: `/v1 task` -> `/v1/tasks/`. Only resources that can be read one by one are in it. */
export type Locations = ReadonlyMap<string, string>

/** The version stands for the record alone: an answer with expanded records changes without it, and has no tag. */
function tagFor(route: Route, output: JsonObject): string | null {
  if (!route.tagged || typeof output.version !== "number") return null
  for (const relation of route.operation.model?.relations.keys() ?? []) if (Object.hasOwn(output, relation)) return null
  return tagOf(output.version)
}

function locationOf(output: JsonObject, { version }: Route, locations: Locations): string | null {
  if (typeof output.id !== "string") return null
  const prefix = output.id.slice(0, output.id.lastIndexOf("_"))
  const place = locations.get(version === null ? prefix : `${version.prefix} ${prefix}`)
  return place === undefined ? null : place + output.id
}

/** The same list from its next page on (RFC 8288): the caller's own query, with another cursor. Brackets have no place in a URI as they are. */
function nextLink(wire: Wire, cursor: string): string {
  const others = queryText(wire.request)
    .replaceAll("[", "%5B")
    .replaceAll("]", "%5D")
    .split("&")
    .filter((part) => part !== "" && !part.startsWith("cursor="))
  return `<${pathText(wire.request)}?${[...others, `cursor=${encodeURIComponent(cursor)}`].join("&")}>; rel="next"`
}

/** The output in the envelope that its mount puts around it. */
function enclosed(output: Json, { envelope }: Route): Json {
  return envelope.answer === undefined ? output : { [envelope.answer]: output }
}

/** A watch under way. HEAD asks for its headers alone. */
function streamed(wire: Wire, stream: WatchStream, facts: Facts, sets: HeaderSets): Response {
  const isHead = wire.request.method === "HEAD"
  if (isHead) stream.close()
  const answer = new Response(isHead ? null : eventBody(stream), { headers: eventHeaders(new Headers(sets.write)) })
  tellFacts(answer.headers, wire, facts)
  return answer
}

/** The encoder of one configuration. */
export function encoder(sets: HeaderSets, locations: Locations): (wire: Wire, output: Json, facts: Facts) => Response {
  return (wire, output, facts) => {
    const route = wire.route as Route
    if (route.status === 204) {
      const answer = new Response(null, { status: 204, headers: sets.empty })
      tellFacts(answer.headers, wire, facts)
      return answer
    }
    if (route.operation.kind === "subscription") return streamed(wire, output as unknown as WatchStream, facts, sets)
    const record = (output ?? {}) as JsonObject
    const isRead = route.method === "GET"
    const shared = isRead ? (facts.cached?.shared ?? null) : null
    const tag = tagFor(route, record) ?? (shared && `W/"${shared.tag}"`)
    const set = isRead ? headersOf(sets, shared) : sets.write
    const unchanged = isRead && tag !== null && isUnchanged(wire.request.headers.get("if-none-match"), tag)
    const answer = unchanged
      ? new Response(null, { status: 304, headers: set })
      : new Response(JSON.stringify(enclosed(output, route)), {
          status: route.status,
          headers: set,
        })
    const { headers } = answer
    if (unchanged) headers.delete("Content-Type")
    if (tag !== null) headers.set("ETag", tag)
    if (route.status === 201) {
      const location = locationOf(record, route, locations)
      if (location !== null) headers.set("Location", location)
    }
    if (isRead && typeof record.nextCursor === "string") headers.set("Link", nextLink(wire, record.nextCursor))
    tellFacts(headers, wire, facts)
    return answer
  }
}

/** Where the records of a registry's resources stand. */
export function locationsOf(routes: Iterable<Route>): Locations {
  const found = new Map<string, string>()
  for (const { operation, version, path } of routes) {
    if (operation.standard?.verb !== "get" || !operation.model || version === null) continue
    const { idPrefix } = operation.model
    const place = path.slice(0, path.lastIndexOf("{"))
    found.set(`${version.prefix} ${idPrefix}`, place)
    // A mount is in no version: its records stand in the first that shows them.
    if (!found.has(idPrefix)) found.set(idPrefix, place)
  }
  return found
}
