/**
 * The door of Connect and gRPC-Web, at `/{package}.{Service}/{Method}`: unary calls, server streaming for what is watched, in JSON and binary. Not
 * native gRPC: that needs trailers of HTTP/2, which a Worker cannot send; `npm run grpc:bridge` speaks it locally.
 */
import { toBinary } from "@bufbuild/protobuf"
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt"
import { createConnectRouter, createContextValues } from "@connectrpc/connect"
import { type UniversalHandler, universalServerResponseToFetch } from "@connectrpc/connect/protocol"
import { arrivalOf } from "../../core/arrival.ts"
import { tooLarge } from "../../core/body.ts"
import { limits } from "../../core/limits.ts"
import { oauthPaths } from "../../core/oauth.ts"
import { presentedIn } from "../../core/presented.ts"
import type { Problem } from "../../core/problem.ts"
import type { Registry } from "../../core/registry.ts"
import { securityHeaders } from "../../core/security-headers.ts"
import { bounded } from "./bounds.ts"
import { gzipWithin } from "./compression.ts"
import { descriptorSetOf, fileOf, registryOf } from "./descriptors.ts"
import { type Description, describe } from "./messages.ts"
import { gateOf, type House, streaming, unary } from "./methods.ts"
import { errorOf } from "./problem.ts"
import { protoText } from "./proto.ts"
import { tell, type Visit, visitKey } from "./visit.ts"

/** What the door needs of the world. */
export interface GrpcOptions extends Omit<House, "linked"> {
  readonly registry: Registry
  readonly corsOrigins: readonly string[]
  /** Our origin. */
  readonly origin: string
  requestId(): string
}

/** Handlers by path. */
function handlersOf(house: House, description: Description): ReadonlyMap<string, UniversalHandler> {
  const router = createConnectRouter({
    grpc: false,
    acceptCompression: [gzipWithin(limits.bodyBytes, () => errorOf(tooLarge(), null, house.linked))],
    readMaxBytes: limits.bodyBytes,
    maxTimeoutMs: 60_000,
    requestGate: gateOf(house),
    jsonOptions: { registry: house.linked, ignoreUnknownFields: false },
  })
  for (const [name, methods] of description.services) {
    const service = house.linked.getService(`${description.package}.${name}`)
    if (!service) throw new Error(`No service is named ${name}`)
    for (const method of methods) {
      const desc = service.methods.find((one) => one.name === method.name)
      if (!desc) throw new Error(`${name} has no method ${method.name}`)
      const make = method.operation.kind === "subscription" ? streaming : unary
      router.rpc(desc, make(house, method, desc) as never)
    }
  }
  return new Map(router.handlers.map((handler) => [handler.requestPath, handler]))
}

/** The library compresses by itself: left alone, the runtime would compress what says that it is compressed once more. */
function asCompressed(answer: Response): Response {
  if (!answer.headers.has("content-encoding")) return answer
  const { status, headers, body } = answer
  return new Response(body, { status, headers, encodeBody: "manual" })
}

/**
 * Bytes that are no message are the caller's fault: the library calls them its own ("internal", 500), in the unary form of Connect where that is the
 * status of the answer.
 */
async function blamed(answer: Response): Promise<Response> {
  if (answer.status !== 500 || answer.headers.has("content-encoding")) return answer
  const text = await answer.text()
  const { code, message } = JSON.parse(text) as { code?: string; message?: string }
  if (code !== "internal" || !message?.startsWith("parse binary")) return new Response(text, answer)
  const headers = new Headers(answer.headers)
  headers.delete("content-length")
  const body = { code: "invalid_argument", message: "The bytes are not a message of this method" }
  return new Response(JSON.stringify(body), { status: 400, headers })
}

/** The library's answer to a request. What is told of the call stands in the visit. */
async function answered(handler: UniversalHandler, request: Request, visit: Visit): Promise<Response> {
  const values = createContextValues()
  values.set(visitKey, visit)
  const { method, url, headers, signal } = request
  const body = bounded(request, () => visit.refusal(tooLarge()))
  const made = await handler({ httpVersion: "1.1", method, url, header: headers, signal, body, contextValues: values })
  const answer = await blamed(asCompressed(universalServerResponseToFetch(made)))
  if (answer.status === 405) answer.headers.set("Allow", [...handler.allowedMethods].sort().join(", "))
  return answer
}

/** Clients read 404 as UNIMPLEMENTED (connectrpc.com, "Error codes"). */
function unknownMethod(path: string): Response {
  const body = { code: "unimplemented", message: `No method stands at ${path.slice(0, 200)}` }
  return new Response(JSON.stringify(body), { status: 404, headers: { "Content-Type": "application/json" } })
}

const described = { "Cache-Control": "no-cache", ...securityHeaders }

/** The two documents: the .proto and the descriptor set. null for another path. */
function documentOf(path: string, description: Description, registry: Registry): Response | null {
  const lock = registry.protoLock
  if (lock === null) return null
  if (path === "/api.proto")
    return new Response(protoText(description, lock), {
      headers: { ...described, "Content-Type": "text/plain; charset=utf-8" },
    })
  if (path !== "/api.binpb") return null
  const bytes = toBinary(FileDescriptorSetSchema, descriptorSetOf(fileOf(description, lock)))
  return new Response(bytes as BodyInit, { headers: { ...described, "Content-Type": "application/octet-stream" } })
}

/**
 * Makes the door of an isolate: its descriptors are linked with it.
 * @throws Error when the lock is not there or behind the declarations
 */
export function grpcDoor(options: GrpcOptions): (request: Request) => Promise<Response> {
  const { registry } = options
  if (registry.protoLock === null)
    throw new Error(
      "The application has no protoLock: npm run artefacts writes proto.lock.json, app({ protoLock }) takes it",
    )
  const description = describe(registry)
  const linked = registryOf(fileOf(description, registry.protoLock))
  const handlers = handlersOf({ ...options, linked }, description)
  const listed = new Set(options.corsOrigins)
  const metadata = options.origin + oauthPaths.resourceMetadata
  const visitOf = (request: Request): Visit => {
    const arrival = arrivalOf(request, options.requestId)
    const refusal = (problem: Problem) => {
      visit.problem = problem
      return errorOf(problem, arrival.requestId, linked)
    }
    const credentials = presentedIn(request, listed)
    const visit: Visit = { credentials, arrival, principal: null, facts: null, problem: null, refusal }
    return visit
  }
  return async (request) => {
    const { pathname } = new URL(request.url)
    const document = request.method === "GET" ? documentOf(pathname, description, registry) : null
    if (document) return document
    const handler = handlers.get(pathname)
    const visit = visitOf(request)
    const answer = handler ? await answered(handler, request, visit) : unknownMethod(pathname)
    tell(answer.headers, visit, metadata)
    for (const [name, value] of Object.entries(securityHeaders)) answer.headers.set(name, value)
    if (!answer.headers.has("cache-control")) answer.headers.set("Cache-Control", "no-store")
    return answer
  }
}
