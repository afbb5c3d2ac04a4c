/**
 * The door of Connect and gRPC-Web, at `/{package}.{Service}/{Method}`: unary calls, server streaming for what is watched, in JSON and binary. Not
 * native gRPC: that needs trailers of HTTP/2, which a Worker cannot send; `npm run grpc:bridge` speaks it locally.
 */
import {
  type DescMessage,
  type FileRegistry,
  fromJson,
  type JsonValue,
  type Message,
  toBinary,
  toJson,
} from "@bufbuild/protobuf"
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt"
import { createConnectRouter, createContextKey, createContextValues, type HandlerContext } from "@connectrpc/connect"
import {
  type UniversalHandler,
  universalServerRequestFromFetch,
  universalServerResponseToFetch,
} from "@connectrpc/connect/protocol"
import { arrivalOf } from "../../core/arrival.ts"
import { type Called, calledDoor, type Ending } from "../../core/called.ts"
import type { Arrival, Call } from "../../core/door.ts"
import type { Json, JsonObject } from "../../core/json.ts"
import { tellDeprecation } from "../../core/lifecycle.ts"
import { limitHeaders, retryHeaders } from "../../core/limit-fields.ts"
import { limits } from "../../core/limits.ts"
import type { Credentials } from "../../core/ports.ts"
import { presentedIn } from "../../core/presented.ts"
import type { Principal } from "../../core/principal.ts"
import { asProblem } from "../../core/problem.ts"
import type { Registry } from "../../core/registry.ts"
import { securityHeaders } from "../../core/security-headers.ts"
import type { WatchStream } from "../../core/watch.ts"
import { gzip } from "./compression.ts"
import { fromProto, toProto } from "./convert.ts"
import { descriptorSetOf, fileOf, registryOf } from "./descriptors.ts"
import { type Description, describe, type Method } from "./messages.ts"
import { errorOf } from "./problem.ts"
import { protoText } from "./proto.ts"

/** What the door needs of the world. */
export interface GrpcOptions {
  readonly registry: Registry
  readonly corsOrigins: readonly string[]
  readonly call: Call
  admit(credentials: Credentials): Promise<Principal>
  requestId(): string
}

/** A call before its message is read: the gate sets who was let in. */
interface Visit {
  readonly credentials: Credentials
  readonly arrival: Arrival
  principal: Principal | null
}

const visitKey = createContextKey<Visit | null>(null)
const door = calledDoor("grpc")

function visitIn(context: HandlerContext): Visit {
  const visit = context.values.get(visitKey)
  if (!visit) throw new Error("A call came past the door")
  return visit
}

/** What the methods of an isolate share. */
interface House extends GrpcOptions {
  readonly linked: FileRegistry
}

function tell({ responseHeader }: HandlerContext, { facts, problem }: Ending): void {
  responseHeader.set("x-request-id", facts.requestId)
  if (facts.bookmark !== null) responseHeader.set("x-selvage-bookmark", facts.bookmark)
  if (facts.replayed) responseHeader.set("idempotent-replayed", "true")
  tellDeprecation(responseHeader, facts.operation?.deprecated)
  const waits = retryHeaders(problem?.options.retryAfterSeconds)
  for (const [name, value] of [...limitHeaders(facts.limits), ...waits]) responseHeader.set(name, value)
}

async function called(
  house: House,
  { operation }: Method,
  request: Message,
  desc: DescMessage,
  context: HandlerContext,
) {
  const { credentials, principal, arrival } = visitIn(context)
  if (!principal) throw new Error("A call came past the gate")
  const { requestHeader, signal } = context
  const json = toJson(desc, request, { registry: house.linked }) as JsonObject
  const wire: Called = {
    credentials,
    principal,
    operation,
    input: fromProto(operation.inputType.shape, json as Json),
    idempotencyKey: requestHeader.get("idempotency-key"),
    bookmark: requestHeader.get("x-selvage-bookmark"),
  }
  const ending = await house.call(door, wire, { ...arrival, signal })
  tell(context, ending)
  if (ending.problem) throw errorOf(ending.problem, ending.facts.requestId, house.linked)
  return ending.output
}

/** Who is not let in is refused in the words of the protocol, before a message is read. */
function gateOf(house: House) {
  return async (context: HandlerContext) => {
    const visit = visitIn(context)
    try {
      visit.principal = await house.admit(visit.credentials)
    } catch (thrown) {
      throw errorOf(asProblem(thrown), visit.arrival.requestId, house.linked)
    }
  }
}

function messageFrom(house: House, desc: DescMessage, json: Json): Message {
  return fromJson(desc, json as JsonValue, { registry: house.linked, ignoreUnknownFields: true })
}

/** A unary method. */
function unary(house: House, method: Method, input: DescMessage, output: DescMessage) {
  const { shape } = method.operation.outputType
  return async (request: Message, context: HandlerContext) => {
    const made = toProto(shape, await called(house, method, request, input, context))
    return messageFrom(house, output, method.wrapped ? (made === undefined ? {} : { result: made }) : (made ?? {}))
  }
}

/** A method that streams what a watch tells, until the caller goes. */
function streaming(house: House, method: Method, input: DescMessage, output: DescMessage) {
  const { shape } = method.operation.outputType
  return async function* (request: Message, context: HandlerContext) {
    const stream = (await called(house, method, request, input, context)) as unknown as WatchStream
    const close = () => stream.close()
    context.signal.addEventListener("abort", close)
    try {
      for (let told = await stream.next(); told !== null; told = await stream.next()) {
        const record = "record" in told ? toProto(shape, told.record as Json) : undefined
        const { kind, sequence } = told
        const more = { ...("id" in told ? { id: told.id } : {}), ...("reason" in told ? { reason: told.reason } : {}) }
        yield messageFrom(house, output, {
          kind,
          sequence: String(sequence),
          ...more,
          ...(record === undefined ? {} : { record }),
        })
      }
    } finally {
      context.signal.removeEventListener("abort", close)
      stream.close()
    }
  }
}

/** Handlers by path. */
function handlersOf(house: House, description: Description): ReadonlyMap<string, UniversalHandler> {
  const router = createConnectRouter({
    grpc: false,
    acceptCompression: [gzip],
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
      router.rpc(desc, make(house, method, desc.input, desc.output) as never)
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
  if (answer.status !== 500) return answer
  const text = await answer.text()
  const { code, message } = JSON.parse(text) as { code?: string; message?: string }
  if (code !== "internal" || !message?.startsWith("parse binary")) return new Response(text, answer)
  const headers = new Headers(answer.headers)
  headers.delete("content-length")
  const body = { code: "invalid_argument", message: "The bytes are not a message of this method" }
  return new Response(JSON.stringify(body), { status: 400, headers })
}

/** Clients read 404 as UNIMPLEMENTED (connectrpc.com, "Error codes"). */
function unknownMethod(path: string): Response {
  const body = { code: "unimplemented", message: `No method stands at ${path.slice(0, 200)}` }
  return new Response(JSON.stringify(body), {
    status: 404,
    headers: { ...securityHeaders, "Content-Type": "application/json" },
  })
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
  const house: House = { ...options, linked: registryOf(fileOf(description, registry.protoLock)) }
  const handlers = handlersOf(house, description)
  const listed = new Set(options.corsOrigins)
  return async (request) => {
    const { pathname } = new URL(request.url)
    const document = request.method === "GET" ? documentOf(pathname, description, registry) : null
    if (document) return document
    const handler = handlers.get(pathname)
    if (!handler) return unknownMethod(pathname)
    const arrival = arrivalOf(request, options.requestId)
    const values = createContextValues()
    values.set(visitKey, { credentials: presentedIn(request, listed), arrival, principal: null })
    const wire = { ...universalServerRequestFromFetch(request, { httpVersion: "1.1" }), contextValues: values }
    const answer = await blamed(asCompressed(universalServerResponseToFetch(await handler(wire))))
    for (const [name, value] of Object.entries(securityHeaders)) answer.headers.set(name, value)
    if (!answer.headers.has("cache-control")) answer.headers.set("Cache-Control", "no-store")
    return answer
  }
}
