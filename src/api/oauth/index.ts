/**
 * The door of programs to the authorization server: tokens, revocation, registration, and the documents that tell where all of it stands. Each call
 * is one of the pipeline; what it answers has the form that RFC 6749, 7009 and 7591 give. The page of consent is among the pages.
 */
import { arrivalOf } from "../../core/arrival.ts"
import { readBytes } from "../../core/body.ts"
import type { Door } from "../../core/door.ts"
import type { JsonObject } from "../../core/json.ts"
import { oauthPaths } from "../../core/oauth.ts"
import { run } from "../../core/pipeline.ts"
import { invalid, Problem } from "../../core/problem.ts"
import type { CompiledOperation } from "../../core/registry.ts"
import { bodyAnswer, documentAnswer, optionsAnswer, problemAnswer } from "./answer.ts"
import { metadataOf, type OAuthOptions } from "./metadata.ts"

/** One call of a program. */
interface Wire {
  readonly request: Request
  readonly endpoint: Endpoint
  readonly operation: CompiledOperation
}

/** An endpoint that programs post to. */
interface Endpoint {
  readonly operation: string
  readonly status: 200 | 201
  decode(request: Request): Promise<JsonObject>
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

async function textOf(request: Request, type: RegExp, name: string): Promise<string> {
  if (!type.test(request.headers.get("content-type") ?? "")) throw invalid("", "invalid_request", `The body is ${name}`)
  try {
    return utf8.decode(await readBytes(request))
  } catch (fault) {
    if (fault instanceof Problem) throw fault
    throw invalid("", "invalid_request", "The body is not UTF-8")
  }
}

/** RFC 6749 §3.2: a form; a parameter without a value is none. */
async function formOf(request: Request): Promise<JsonObject> {
  const type = "application/x-www-form-urlencoded"
  const text = await textOf(request, /^application\/x-www-form-urlencoded *(;|$)/i, type)
  const given = [...new URLSearchParams(text)].filter(([, value]) => value !== "")
  const authorization = request.headers.get("authorization")
  return { parameters: given.map(([name, value]) => ({ name, value })), authorization }
}

const endpoints: ReadonlyMap<string, Endpoint> = new Map<string, Endpoint>([
  [oauthPaths.token, { operation: "oauth.token", status: 200, decode: formOf }],
  [oauthPaths.revoke, { operation: "oauth.revoke", status: 200, decode: formOf }],
  [
    oauthPaths.register,
    {
      operation: "oauth.register",
      status: 201,
      decode: async (request) => ({
        metadata: await textOf(request, /^application\/json *(;|$)/i, "application/json"),
      }),
    },
  ],
])

const isBasic = ({ headers }: Request): boolean => /^basic /i.test(headers.get("authorization") ?? "")

const door: Door<Wire, Response> = {
  name: "oauth",
  // Authorization is the client's here, and cookies are nobody's: the code or token proves what it proves.
  credentials: ({ request: { headers } }) => ({
    address: headers.get("cf-connecting-ip"),
    bearer: null,
    userAgent: headers.get("user-agent"),
    cookies: null,
  }),
  resolve({ request, endpoint, operation }) {
    if (request.method !== "POST")
      throw new Problem("UNIMPLEMENTED", "This address answers POST", {
        type: "method-not-allowed",
        allow: ["POST", "OPTIONS"],
      })
    const decode = () => endpoint.decode(request)
    return { operation, decode, idempotencyKey: null, expectedVersion: null, bookmark: null }
  },
  encode: ({ endpoint }, output, { requestId }) =>
    bodyAnswer(endpoint.status, String((output as JsonObject).body), requestId),
  encodeProblem: ({ request }, problem, { requestId }) => problemAnswer(problem, requestId, isBasic(request)),
}

const ownPath = /^https?:\/\/[^/]+(\/oauth\/[^?#]*|\/\.well-known\/oauth-[^?#]*)/

/**
 * Builds the door of an isolate.
 * @returns the answer; null for a request that is none of this door's
 */
export function oauthDoor(options: OAuthOptions): (request: Request) => Promise<Response> | null {
  const { registry, ports, operations, requestId } = options
  const documents = metadataOf(options)
  return (request) => {
    // Every request passes here, so no URL is parsed.
    const path = ownPath.exec(request.url)?.[1]
    if (path === undefined) return null
    const { method } = request
    const document = documents.get(path)
    if (document !== undefined) {
      const answer = method === "OPTIONS" ? optionsAnswer("GET, HEAD, OPTIONS") : documentAnswer(document)
      if (method === "GET" || method === "OPTIONS") return Promise.resolve(answer)
      return method === "HEAD" ? Promise.resolve(new Response(null, answer)) : null
    }
    const endpoint = endpoints.get(path)
    const operation = operations.get(endpoint?.operation ?? "")
    if (endpoint === undefined || operation === undefined) return null
    if (method === "OPTIONS") return Promise.resolve(optionsAnswer("POST, OPTIONS"))
    return run(registry, ports, door, { request, endpoint, operation }, arrivalOf(request, requestId))
  }
}
