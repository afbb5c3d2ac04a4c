/**
 * The short way to a route: plain paths are looked up segment by segment, without the router and the context that Hono makes for each request
 * (a twelfth of a read's CPU: bench/README.md). What is not found here is not refused: Hono has every place, every page and every refusal.
 */
import type { Method } from "../../core/operation.ts"
import type { Place, Route } from "./routes.ts"
import { pathText } from "./wire.ts"

/** A route and the text of its path's parameters. */
export interface Found {
  readonly route: Route
  readonly parameters: Readonly<Record<string, string>>
}

/** One segment of the paths. */
interface Segment {
  readonly words: Map<string, Segment>
  parameter: Segment | null
  place: Place | null
}

const segment = (): Segment => ({ words: new Map(), parameter: null, place: null })

function plant(root: Segment, place: Place): void {
  let at = root
  for (const part of place.path.slice(1).split("/")) {
    if (part.startsWith("{")) at = at.parameter ??= segment()
    else {
      const next = at.words.get(part) ?? segment()
      at.words.set(part, next)
      at = next
    }
  }
  at.place = place
}

/** What Hono would decode, and what ends a path in its eyes. */
const needsHono = /[%#]/

/**
 * Makes the finder of a door.
 * @returns the route of a request as Hono would find it, words before parameters; null: Hono is to be asked
 */
export function finderOf(places: readonly Place[]): (request: Request) => Found | null {
  const root = segment()
  for (const place of places) plant(root, place)
  return (request) => {
    const path = pathText(request)
    if (needsHono.test(path)) return null
    const values: string[] = []
    let at = root
    for (const part of path.slice(1).split("/")) {
      const word = at.words.get(part)
      if (word !== undefined) at = word
      else if (at.parameter !== null && part !== "") {
        values.push(part)
        at = at.parameter
      } else return null
    }
    const route = at.place?.routes.get(request.method as Method)
    if (route === undefined) return null
    const parameters: Record<string, string> = {}
    for (let n = 0; n < values.length; n++) parameters[route.parameters[n] as string] = values[n] as string
    return { route, parameters }
  }
}
