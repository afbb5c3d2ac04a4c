/**
 * The SOAP door, at `/soap`: a message is one call of the pipeline, in SOAP 1.1 or 1.2 as its content type says. `GET /soap?wsdl` is the document
 * that clients are made from.
 */
import { arrivalOf } from "../../core/arrival.ts"
import { readBytes } from "../../core/body.ts"
import { challengeOf } from "../../core/challenge.ts"
import { setCookies } from "../../core/cookies.ts"
import type { Call, Door, Facts } from "../../core/door.ts"
import type { Json } from "../../core/json.ts"
import { tellDeprecation } from "../../core/lifecycle.ts"
import { limitHeaders, retryHeaders } from "../../core/limit-fields.ts"
import { oauthPaths } from "../../core/oauth.ts"
import type { Credentials } from "../../core/ports.ts"
import { presentedIn } from "../../core/presented.ts"
import { invalid, Problem } from "../../core/problem.ts"
import type { CompiledOperation, Registry } from "../../core/registry.ts"
import { securityHeaders } from "../../core/security-headers.ts"
import { decodeCall } from "./decode.ts"
import { fieldsText } from "./encode.ts"
import { type Envelope, enveloped, readEnvelope, soap11, type Version, versionOf } from "./envelope.ts"
import { elementName, typesNamespace } from "./names.ts"
import { faultOf } from "./problem.ts"
import { servedOperations, wsdlText } from "./wsdl.ts"

/** What the door needs of the world. */
export interface SoapOptions {
  readonly registry: Registry
  readonly call: Call
  readonly corsOrigins: readonly string[]
  /** Our origin. */
  readonly origin: string
  requestId(): string
}

/** A message on its way. */
interface Wire {
  readonly request: Request
  readonly credentials: Credentials
  /** What the answer is written in; 1.1 until the content type says otherwise. */
  readonly version: Version
  operation: CompiledOperation | null
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false })

async function textOf(request: Request): Promise<string> {
  const bytes = await readBytes(request)
  try {
    return utf8.decode(bytes)
  } catch {
    throw invalid("", "malformed_xml", "The message is not UTF-8")
  }
}

async function envelopeOf({ request }: Wire): Promise<Envelope> {
  if (request.method !== "POST")
    throw new Problem("UNIMPLEMENTED", "A message is sent with POST; GET /soap?wsdl is the description", {
      type: "method-not-allowed",
      allow: ["GET", "POST"],
    })
  const spoken = versionOf(request.headers.get("content-type"))
  if (spoken === null)
    throw new Problem("INVALID_ARGUMENT", "A message is text/xml (SOAP 1.1) or application/soap+xml (SOAP 1.2)", {
      type: "unsupported-media-type",
    })
  return readEnvelope(await textOf(request), spoken)
}

/** Which operation each element calls. The body decides, not SOAPAction: some clients leave it empty. */
function callsOf(registry: Registry): ReadonlyMap<string, CompiledOperation> {
  return new Map(servedOperations(registry).map((operation) => [elementName(operation.name), operation]))
}

function answer(wire: Wire, status: number, text: string, facts: Facts): Response {
  const headers = new Headers({
    ...securityHeaders,
    "Content-Type": `${wire.version.contentType}; charset=utf-8`,
    "Cache-Control": "no-store",
    "X-Request-Id": facts.requestId,
  })
  if (facts.bookmark !== null) headers.set("X-Selvage-Bookmark", facts.bookmark)
  if (facts.replayed) headers.set("Idempotent-Replayed", "true")
  tellDeprecation(headers, facts.operation?.deprecated)
  for (const [name, value] of limitHeaders(facts.limits)) headers.set(name, value)
  if (facts.session !== null) setCookies(headers, facts.session, Date.now())
  return new Response(text, { status, headers })
}

/**
 * The door as the pipeline sees it.
 * @param metadata address of the document on how to be let in
 */
function doorOf(calls: ReadonlyMap<string, CompiledOperation>, metadata: string): Door<Wire, Response> {
  return {
    name: "soap",
    credentials: (wire) => wire.credentials,
    async resolve(wire) {
      const { call, header } = await envelopeOf(wire)
      const operation = call.namespace === typesNamespace ? calls.get(call.local) : undefined
      if (!operation)
        throw new Problem("UNIMPLEMENTED", `No operation is called ${call.local.slice(0, 100)} in ${typesNamespace}`)
      wire.operation = operation
      const { headers } = wire.request
      const key = headers.get("idempotency-key") ?? header.get("IdempotencyKey") ?? null
      return {
        operation,
        decode: () => decodeCall(operation.inputType.shape, call),
        idempotencyKey: operation.kind === "mutation" ? key : null,
        expectedVersion: null,
        bookmark: headers.get("x-selvage-bookmark") ?? header.get("Bookmark") ?? null,
      }
    },
    encode(wire, output, facts) {
      const operation = wire.operation as CompiledOperation
      const result = { name: "result", shape: operation.outputType.shape, required: false, nullable: true }
      const name = `${elementName(operation.name)}Response`
      const inner = fieldsText([result], { result: output as Json })
      const opening = `<${name} xmlns="${typesNamespace}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">`
      return answer(wire, 200, enveloped(wire.version, `${opening}${inner}</${name}>`), facts)
    },
    encodeProblem(wire, problem, facts) {
      const { status, text } = faultOf(wire.version, problem, facts.requestId)
      const response = answer(wire, status, text, facts)
      const { retryAfterSeconds, allow } = problem.options
      for (const [name, value] of retryHeaders(retryAfterSeconds)) response.headers.set(name, value)
      if (allow !== undefined) response.headers.set("Allow", allow.join(", "))
      const challenge = challengeOf(problem, wire.credentials.bearer !== null, metadata)
      if (challenge !== null) response.headers.set("WWW-Authenticate", challenge)
      return response
    },
  }
}

/** Whether a request asks for the description: `/soap?wsdl`, in any case, with or without a value. */
function asksForWsdl(request: Request): boolean {
  const isRead = request.method === "GET" || request.method === "HEAD"
  return isRead && [...new URL(request.url).searchParams.keys()].some((name) => name.toLowerCase() === "wsdl")
}

/** Makes the door of an isolate. The handler does not reject. */
export function soapDoor(options: SoapOptions): (request: Request) => Promise<Response> {
  const { registry, call } = options
  const listed = new Set(options.corsOrigins)
  const door = doorOf(callsOf(registry), options.origin + oauthPaths.resourceMetadata)
  return async (request) => {
    if (asksForWsdl(request)) {
      const address = `${new URL(request.url).origin}/soap`
      const headers = { ...securityHeaders, "Content-Type": "text/xml; charset=utf-8", "Cache-Control": "no-cache" }
      return new Response(request.method === "HEAD" ? null : wsdlText(registry, address), { headers })
    }
    const version = versionOf(request.headers.get("content-type")) ?? soap11
    const wire: Wire = { request, credentials: presentedIn(request, listed), version, operation: null }
    return call(door, wire, arrivalOf(request, options.requestId))
  }
}
