/** What routes are mounted with, and what every path does with the methods that it has not. */
import type { OpenAPIHono } from "@hono/zod-openapi"
import type { Context } from "hono"
import { arrivalOf } from "../../core/arrival.ts"
import type { JsonObject } from "../../core/json.ts"
import type { Method } from "../../core/operation.ts"
import type { Ports } from "../../core/ports.ts"
import { Problem } from "../../core/problem.ts"
import type { Registry } from "../../core/registry.ts"
import { optionsAnswer } from "./headers.ts"
import type { HealthPort } from "./health.ts"
import type { ReadWire, Wire } from "./wire.ts"

/** What the door needs of the world. */
export interface RestOptions {
  readonly registry: Registry
  readonly ports: Ports
  readonly settings: {
    readonly development: boolean
    /** Origins whose scripts may read answers, as `https://app.example.com`. */
    readonly corsOrigins: readonly string[]
    /** A new request id, for callers that bring none. */
    requestId(): string
    /** Our own origin: where programs find out how to be let in. */
    readonly origin: string
  }
  /** The static assets, for requests to them that reach the Worker. */
  readonly assets: ((request: Request) => Promise<Response>) | null
  readonly health: HealthPort
  /** The public keys of access tokens (RFC 7517). */
  jwks(): Promise<{ readonly keys: readonly object[] }>
  /** The document of the live side (AsyncAPI). */
  asyncApi(): JsonObject
}

/** What routes are mounted with. */
export interface Mounting extends RestOptions {
  readonly app: OpenAPIHono
  readonly readWire: ReadWire
  /** One call of the pipeline. */
  readonly call: (wire: Wire) => Promise<Response>
}

/** The methods that a path may have. */
export const methods: readonly Method[] = ["GET", "POST", "PUT", "PATCH", "DELETE"]

/**
 * What a path does not do is refused by name, and OPTIONS tells what it does.
 * One handler a method, and not one for all: Hono calls a single handler directly, without a middleware chain.
 * @param path in Hono's spelling, `:name` for parameters
 */
export function mountRefusals(
  mounting: Mounting,
  path: string,
  present: Iterable<Method>,
  allow: readonly string[],
): void {
  const { app, readWire, call, settings } = mounting
  const own = new Set(present)
  const absent = methods.filter((method) => !own.has(method))
  app.on([...absent], [path], (c: Context) => {
    const refusal = new Problem("UNIMPLEMENTED", `This address answers ${allow.join(", ")}`, {
      type: "method-not-allowed",
      allow,
    })
    return call(readWire(c.req.raw, { route: null, refusal }))
  })
  app.on("OPTIONS", [path], (c: Context) => {
    const { requestId } = arrivalOf(c.req.raw, settings.requestId)
    return optionsAnswer(readWire(c.req.raw, { route: null }), allow, requestId)
  })
}
