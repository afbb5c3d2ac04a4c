/**
 * The REST door: the registry's operations as routes of an OpenAPIHono, each of them one call of the pipeline, and beside them the pages
 * that need no principal (documents, health). What is refused is refused by the pipeline, so that limits, authentication and observation
 * happen for it too; the pages and OPTIONS answer without I/O or ask for no principal.
 */
import { createRoute, OpenAPIHono } from "@hono/zod-openapi"
import type { Context } from "hono"
import { arrivalOf } from "../../core/arrival.ts"
import type { Arrival, Facts } from "../../core/door.ts"
import type { Method } from "../../core/operation.ts"
import { run } from "../../core/pipeline.ts"
import { anonymous } from "../../core/principal.ts"
import { asProblem, Problem } from "../../core/problem.ts"
import { unknownRoute } from "./decode.ts"
import { doorOf } from "./door.ts"
import { finderOf } from "./finder.ts"
import { type Mounting, methods, mountRefusals, type RestOptions } from "./mounting.ts"
import { mountPages } from "./pages.ts"
import { type Place, placesOf } from "./routes.ts"
import { type Wire, wireReader } from "./wire.ts"

export type { HealthPort, PartHealth } from "./health.ts"
export type { RestOptions } from "./mounting.ts"

function mountPlace(mounting: Mounting, place: Place): void {
  const { app, readWire, call } = mounting
  for (const route of place.routes.values()) {
    const method = route.method.toLowerCase() as Lowercase<Method>
    // Hidden from Hono's own document: openapi.ts writes it from the registry, when it is asked for.
    const declared = createRoute({ method, path: route.path, responses: {}, hide: true })
    const handle = (c: Context) => call(readWire(c.req.raw, { route, parameters: c.req.param() }))
    app.openapi(declared, handle as never)
  }
  const path = place.path.replaceAll(/\{(\w+)\}/g, ":$1")
  mountRefusals(mounting, path, place.routes.keys(), place.allow)
}

/** The facts of a call that failed outside the pipeline. */
function bareFacts(requestId: string): Facts {
  return {
    requestId,
    operation: null,
    principal: anonymous,
    bookmark: null,
    replayed: false,
    limits: [],
    session: null,
    cached: null,
    receipt: null,
  }
}

/** Tells the operator of what the pipeline did not see: a fault of the door itself, or a page refused to a hasty address. */
function tellFault({ ports }: RestOptions, arrival: Arrival, problem: Problem): void {
  const { requestId, traceId } = arrival
  const told = { at: ports.now().toISOString(), requestId, traceId, door: "rest", operation: null, actor: "anonymous" }
  const cost = { trips: 0, rowsRead: 0, rowsWritten: 0 }
  ports.observe({ kind: "call", ...told, code: problem.code, milliseconds: 0, cost, cause: problem.options.cause })
}

/**
 * Builds the door of an isolate.
 * @returns the handler of requests; it does not reject: what fails is a problem
 * @throws Error when two operations stand at one place
 */
export function restDoor(options: RestOptions): (request: Request) => Promise<Response> {
  const { registry, ports, settings } = options
  const places = placesOf(registry)
  const routes = places.flatMap((place) => [...place.routes.values()])
  const door = doorOf(routes, settings)
  const readWire = wireReader(settings.corsOrigins, registry.mounts)
  const app = new OpenAPIHono()
  const call = (wire: Wire) => run(registry, ports, door, wire, arrivalOf(wire.request, settings.requestId))
  const mounting: Mounting = { ...options, app, readWire, call }
  for (const place of places) mountPlace(mounting, place)
  mountPages(mounting)
  app.notFound((c) => {
    const isKnown = c.req.method === "OPTIONS" || methods.includes(c.req.method as Method)
    const refusal = isKnown ? unknownRoute() : new Problem("UNIMPLEMENTED", "This method is not known here")
    return call(readWire(c.req.raw, { route: null, refusal }))
  })
  const faulty = (request: Request, thrown: unknown): Response => {
    const arrival = arrivalOf(request, settings.requestId)
    const problem = asProblem(thrown)
    tellFault(options, arrival, problem)
    return door.encodeProblem(readWire(request, { route: null }), problem, bareFacts(arrival.requestId))
  }
  app.onError((thrown, c) => faulty(c.req.raw, thrown))
  const find = finderOf(places)
  return async (request) => {
    const found = find(request)
    if (found === null) return app.fetch(request)
    try {
      return await call(readWire(request, found))
    } catch (thrown) {
      return faulty(request, thrown)
    }
  }
}
