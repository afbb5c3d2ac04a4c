/** A request as the door carries it through the pipeline: the route, what its headers say of the caller, nothing of its body. */
import { type Mount, mountAt } from "../../core/mount.ts"
import type { Credentials } from "../../core/ports.ts"
import { presentedIn } from "../../core/presented.ts"
import type { Problem } from "../../core/problem.ts"
import type { Route } from "./routes.ts"

/** One request on its way. */
export interface Wire {
  readonly request: Request
  /** null when nothing stands at the path, or not with this method; `refusal` says which. */
  readonly route: Route | null
  /** The part of the interface that the path belongs to, also where nothing stands at it; null for the usual one. */
  readonly mount: Mount | null
  /** Text of the path's parameters, decoded. */
  readonly parameters: Readonly<Record<string, string>>
  /** Why there is no route. */
  readonly refusal: Problem | null
  readonly credentials: Credentials
  /** The caller's origin when it is a listed one. */
  readonly origin: string | null
  /** True once the query string has given filters as parameters: violations are then told under the parameters' names. */
  hasFilterParameters: boolean
  /** True once the body's envelope was taken off: violations are then told with its member before them. */
  isUnwrapped: boolean
}

/** How a request becomes a wire, for one configuration. */
export type ReadWire = (
  request: Request,
  found: {
    readonly route: Route | null
    readonly parameters?: Readonly<Record<string, string>>
    readonly refusal?: Problem
  },
) => Wire

const none: Readonly<Record<string, string>> = Object.freeze({})

const noSchemes: readonly string[] = []

/**
 * Makes the reader of requests.
 * @param corsOrigins the origins whose scripts may read answers
 * @param mounts parts of the interface with schemes and problems of their own
 */
export function wireReader(corsOrigins: readonly string[], mounts: readonly Mount[]): ReadWire {
  const listed = new Set(corsOrigins)
  const mountOf = (request: Request, route: Route | null) => {
    if (mounts.length === 0) return null
    return route === null ? mountAt(mounts, pathText(request)) : route.operation.mount
  }
  return (request, found) => {
    const { headers } = request
    const mount = mountOf(request, found.route)
    const origin = listed.size === 0 ? null : headers.get("origin")
    return {
      request,
      route: found.route,
      mount,
      parameters: found.parameters ?? none,
      refusal: found.refusal ?? null,
      credentials: presentedIn(request, listed, mount?.schemes ?? noSchemes),
      origin: origin !== null && listed.has(origin) ? origin : null,
      hasFilterParameters: false,
      isUnwrapped: false,
    }
  }
}

/** The query string without its question mark; empty when there is none. */
export function queryText(request: Request): string {
  const { url } = request
  const at = url.indexOf("?")
  return at === -1 ? "" : url.slice(at + 1)
}

/** The path of a request. */
export function pathText(request: Request): string {
  const { url } = request
  const from = url.indexOf("/", url.indexOf("//") + 2)
  const query = url.indexOf("?", from)
  return from === -1 ? "/" : url.slice(from, query === -1 ? undefined : query)
}
