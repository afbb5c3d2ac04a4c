/**
 * The door of inbound webhooks: `POST /hooks/<name>`. The body is read once, as bytes, and verified before anything of it is parsed; then the
 * declared operation runs as the system, with the message's id as its idempotency key, so that a message has its effect once however often it
 * comes. Whoever has no valid signature is told nothing but that.
 */
import { arrivalOf } from "../../core/arrival.ts"
import { readBytes } from "../../core/body.ts"
import type { Door, Facts, Match } from "../../core/door.ts"
import { type InboundMessage, inboundMemorySeconds } from "../../core/inbound.ts"
import type { Json } from "../../core/json.ts"
import { parseJson } from "../../core/json-text.ts"
import { run } from "../../core/pipeline.ts"
import type { Credentials, Ports } from "../../core/ports.ts"
import { system } from "../../core/principal.ts"
import { invalid, Problem } from "../../core/problem.ts"
import type { CompiledInbound, Registry } from "../../core/registry.ts"
import { problemAnswer, receivedAnswer } from "./answer.ts"
import { verifyMessage } from "./verify.ts"

/** What the door needs of the world. */
export interface InboundOptions {
  readonly registry: Registry
  readonly ports: Ports
  /** Every secret that a declaration names, by the name of its variable. */
  readonly secrets: ReadonlyMap<string, string>
  requestId(): string
}

/** A message on its way; what is known of it once it is verified. */
interface Wire {
  readonly request: Request
  readonly inbound: CompiledInbound
  readonly credentials: Credentials
  verified: { readonly id: string; readonly bytes: Uint8Array } | null
}

const inboundPath = /^https?:\/\/[^/]+\/hooks\/([^?#]*)/
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Every request passes here, so no URL is parsed. */
function nameIn(request: Request): string | null {
  return inboundPath.exec(request.url)?.[1] ?? null
}

function bodyOf(bytes: Uint8Array): Json {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    throw invalid("", "malformed_json", "The body is not UTF-8")
  }
  return parseJson(text, "")
}

function messageOf({ request, verified }: Wire): InboundMessage {
  if (verified === null) throw new Error("The message was not verified")
  const { id, bytes } = verified
  return { id, body: bodyOf(bytes), header: (name) => request.headers.get(name) }
}

async function resolve(wire: Wire, ports: Ports): Promise<Match> {
  const { inbound, verified } = wire
  return {
    operation: inbound.operation,
    decode: () => inbound.input(messageOf(wire)),
    // Two senders may use one id for different things; and an id may be longer than a key.
    idempotencyKey: await ports.hash(JSON.stringify([inbound.name, verified?.id])),
    idempotencySeconds: inboundMemorySeconds,
    expectedVersion: null,
    bookmark: null,
  }
}

/** Reads and verifies the message: what proves a caller here. Throws UNAUTHENTICATED. */
async function prove(wire: Wire, secrets: ReadonlyMap<string, string>, now: Date): Promise<void> {
  const { request, inbound } = wire
  const secret = secrets.get(inbound.verify.secret)
  if (secret === undefined) throw new Error(`The secret ${inbound.verify.secret} was not read`)
  const bytes = await readBytes(request)
  const verified = await verifyMessage(inbound.verify, secret, { headers: request.headers, bytes, now })
  if (verified === null) throw new Problem("UNAUTHENTICATED", "The signature is not valid")
  wire.verified = { id: verified.id, bytes }
}

function doorOver(ports: Ports): Door<Wire, Response> {
  return {
    name: "inbound",
    credentials: (wire) => wire.credentials,
    resolve: (wire) => resolve(wire, ports),
    encode: (_wire, _output: Json, facts: Facts) => receivedAnswer(facts.requestId),
    // What a message made may be gone when it comes again: it was received all the same.
    encodeProblem: (_wire, problem, { replayed, requestId }) =>
      replayed ? receivedAnswer(requestId) : problemAnswer(problem, requestId),
  }
}

/**
 * Builds the door of an isolate.
 * @returns the answer to a message; null for a request that is none of this door's
 */
export function inboundDoor(options: InboundOptions): (request: Request) => Promise<Response> | null {
  const { registry, ports, secrets, requestId } = options
  const door = doorOver(ports)
  return (request) => {
    const inbound = registry.inbound.get(nameIn(request) ?? "")
    if (inbound === undefined) return null
    const arrival = arrivalOf(request, requestId)
    if (request.method !== "POST") {
      const refusal = new Problem("UNIMPLEMENTED", "This address answers POST", {
        type: "method-not-allowed",
        allow: ["POST"],
      })
      return Promise.resolve(problemAnswer(refusal, arrival.requestId))
    }
    const { headers } = request
    const credentials = {
      address: headers.get("cf-connecting-ip"),
      bearer: null,
      userAgent: headers.get("user-agent"),
      cookies: null,
    }
    const wire: Wire = { request, inbound, credentials, verified: null }
    // The signature is the credential: it is judged where credentials are, after the address was counted and before anything is parsed.
    const authenticate: Ports["authenticate"] = async (_credentials, now) => {
      await prove(wire, secrets, now)
      return system(`inbound webhook ${inbound.name}`)
    }
    return run(registry, { ...ports, authenticate }, door, wire, arrival)
  }
}
