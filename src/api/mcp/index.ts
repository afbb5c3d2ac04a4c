/**
 * The MCP door, at `/mcp` (Model Context Protocol 2026-07-28 over streamable HTTP, and the stateless part of 2025-11-25): every operation is a tool,
 * every record a resource. Whoever calls proves it before any message is read; each call of a tool is one call of the pipeline.
 */
import {
  type AuthInfo,
  createMcpHandler,
  isLegacyRequest,
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  Server,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server"
import { arrivalOf } from "../../core/arrival.ts"
import { challengeOf } from "../../core/challenge.ts"
import { documentAt } from "../../core/document.ts"
import type { Arrival, Call, Door } from "../../core/door.ts"
import type { Json, JsonObject } from "../../core/json.ts"
import { retryHeaders } from "../../core/limit-fields.ts"
import { limits } from "../../core/limits.ts"
import { oauthPaths, resourcePaths } from "../../core/oauth.ts"
import type { Credentials } from "../../core/ports.ts"
import { presentedIn } from "../../core/presented.ts"
import type { Principal } from "../../core/principal.ts"
import { asProblem, Problem } from "../../core/problem.ts"
import type { CompiledOperation, Registry } from "../../core/registry.ts"
import { defaultScope } from "../../core/scopes.ts"
import { securityHeaders } from "../../core/security-headers.ts"
import { matchOf, type ToolCall } from "./decode.ts"
import { resultOf, type ToolResult } from "./encode.ts"
import { toolsPath, toolsText } from "./listing.ts"
import { isTriable, previewTool, triedCall } from "./preview.ts"
import { refusalOf } from "./problem.ts"
import { operationAt, templatesOf } from "./resources.ts"
import { reaches, type Tool, toolOf, toolOperations } from "./tools.ts"

/** What the door needs of the world. */
export interface McpOptions {
  readonly registry: Registry
  readonly corsOrigins: readonly string[]
  readonly call: Call
  admit(credentials: Credentials): Promise<Principal>
  requestId(): string
  readonly origin: string
  /** SHA-256 of text, hex. */
  hash(text: string): Promise<string>
}

/** One call of a tool on its way. */
interface Wire extends ToolCall {
  readonly credentials: Credentials
  readonly principal: Principal
  /** Hears of a refusal, beside the result that says it. */
  refused(problem: Problem): void
}

/** Whoever was let in, and how what they call is run. */
interface Visit {
  readonly principal: Principal
  run(called: ToolCall): Promise<ToolResult>
}

const door: Door<Wire, ToolResult> = {
  name: "mcp",
  admitted: ({ principal }) => principal,
  credentials: ({ credentials }) => credentials,
  resolve: matchOf,
  encode: (_, output, facts) => resultOf(output, facts),
  encodeProblem(wire, problem, facts) {
    wire.refused(problem)
    return refusalOf(problem, facts)
  },
}

/** Longest list that is told at once. */
const pageSize = 200

/** The tools of an isolate, described when they are first asked for. */
function toolbox(registry: Registry) {
  const operations = toolOperations(registry)
  const described = new Map<string, Tool>()
  const describe = (name: string, operation: CompiledOperation): Tool => {
    let tool = described.get(name)
    if (!tool) described.set(name, (tool = toolOf(name, operation)))
    return tool
  }
  return {
    operation: (name: string) => operations.get(name),
    /** A page of what a principal's credential reaches; the cursor is where the next begins. */
    page(principal: Principal, cursor: string | undefined) {
      const from = cursor === undefined ? 0 : Number(cursor)
      const all = [...operations].filter(([, operation]) => reaches(principal, operation))
      if (!Number.isSafeInteger(from) || from < 0 || from > all.length)
        throw new ProtocolError(ProtocolErrorCode.InvalidParams, "The cursor is not one that this server gave")
      const page = all.slice(from, from + pageSize).map(([name, operation]) => describe(name, operation))
      const next = from + page.length
      const tries = from === 0 && all.some(([, operation]) => isTriable(operation))
      return {
        tools: tries ? [...page, previewTool] : page,
        ...(next < all.length ? { nextCursor: String(next) } : {}),
      }
    },
  }
}

type Toolbox = ReturnType<typeof toolbox>

async function readResource(registry: Registry, visit: Visit, uri: string) {
  const found = operationAt(registry, uri)
  if (!found) throw new ResourceNotFoundError(uri)
  const result = await visit.run({ operation: found.operation, arguments: { id: found.id }, meta: {} })
  if (result.isError) throw new ResourceNotFoundError(uri)
  const text = JSON.stringify(result.structuredContent)
  return { contents: [{ uri, mimeType: "application/json", text }] }
}

interface CallParams {
  readonly name: string
  readonly arguments?: unknown
  readonly _meta?: unknown
}

/** What a call of a tool runs. Throws InvalidParams for what no tool is named like. */
function calledTool(tools: Toolbox, { name, arguments: given = {}, _meta = {} }: CallParams): ToolCall {
  const meta = _meta as JsonObject
  const tried = name === previewTool.name ? triedCall(given as Json) : null
  if (name === previewTool.name && tried === null)
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, "The name of a tool and its arguments are wanted")
  const wanted = tried?.tool ?? name
  const operation = tools.operation(wanted)
  if (!operation) throw new ProtocolError(ProtocolErrorCode.InvalidParams, `No tool is named ${wanted.slice(0, 100)}`)
  if (tried !== null) return { operation, arguments: tried.arguments, meta, rehearsal: true }
  return { operation, arguments: given as Json, meta }
}

/** A server for one message: what it knows is the isolate's, who asks is the message's. */
function serverOf(registry: Registry, tools: Toolbox, visit: Visit): Server {
  const { title, version } = registry
  const server = new Server(
    { name: title, version },
    {
      capabilities: { tools: {}, resources: {} },
      instructions: `${title}: every tool runs under the rights of whoever granted access. Filters, sorting and paging are arguments of the _list tools. A change may wait for its user's approval: the answer says where; then call again with the same arguments.`,
    },
  )
  server.setRequestHandler("tools/list", ({ params }) => tools.page(visit.principal, params?.cursor) as never)
  server.setRequestHandler("tools/call", async ({ params }) => (await visit.run(calledTool(tools, params))) as never)
  server.setRequestHandler("resources/list", () => ({ resources: [] }))
  server.setRequestHandler("resources/templates/list", () => ({ resourceTemplates: templatesOf(registry) }))
  server.setRequestHandler("resources/read", ({ params }) => readResource(registry, visit, params.uri))
  return server
}

const statuses: Partial<Record<Problem["code"], number>> = {
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  UNAVAILABLE: 503,
}

/** Who is not let in is told before any message is read; where to get a token stands in the challenge (RFC 9728 §5.1). */
function turnedAway(problem: Problem, requestId: string, challenge: string | null): Response {
  const status = statuses[problem.code] ?? 500
  const { retryAfterSeconds } = problem.options
  const body = {
    jsonrpc: "2.0",
    id: null,
    error: { code: -32000, message: problem.message, data: { code: problem.code, requestId } },
  }
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      ...securityHeaders,
      "Content-Type": "application/json",
      "Cache-Control": "no-store",
      "X-Request-Id": requestId,
      ...(challenge === null ? {} : { "WWW-Authenticate": challenge }),
      ...Object.fromEntries(retryHeaders(retryAfterSeconds)),
    },
  })
}

/**
 * The message's answer with the headers that every answer has.
 * @param challenge says which scope was wanted (2026-07-28, "Scope Challenge Handling"); null when nothing was
 */
function guarded(answer: Response, { requestId }: Arrival, challenge: string | null): Response {
  const headers = new Headers(answer.headers)
  for (const [name, value] of Object.entries(securityHeaders)) headers.set(name, value)
  headers.set("X-Request-Id", requestId)
  if (challenge === null) return new Response(answer.body, { status: answer.status, headers })
  headers.set("WWW-Authenticate", challenge)
  return new Response(answer.body, { status: 403, headers })
}

/**
 * The library, made to answer in one piece: nothing of ours comes in parts, and a stream would have its status before the call has run.
 * @returns the handler of a message of whoever was let in
 */
function messageHandler(registry: Registry): (request: Request, visit: Visit) => Promise<Response> {
  const tools = toolbox(registry)
  const modern = createMcpHandler(({ authInfo }) => serverOf(registry, tools, authInfo?.extra?.visit as Visit), {
    maxRequestBodySize: limits.bodyBytes,
  })
  return async (request, visit) => {
    // What the library passes on unread: it verifies no token itself.
    const authInfo: AuthInfo = { token: "", clientId: "", scopes: [], extra: { visit } }
    const bound = { maxRequestBodySize: limits.bodyBytes }
    const isEarlier = request.method === "POST" && (await isLegacyRequest(request.clone() as Request, undefined, bound))
    if (!isEarlier) return modern.fetch(request, { authInfo })
    const transport = new WebStandardStreamableHTTPServerTransport({
      ...bound,
      sessionIdGenerator: undefined,
      enableJsonResponse: true,
    })
    await serverOf(registry, tools, visit).connect(transport)
    return transport.handleRequest(request, { authInfo })
  }
}

const loopback = /^https?:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/

/**
 * Whether a page of another site has sent this (2025-11-25, "Security Warning"): a name that leads here is not ours for that. On one's own machine any
 * port is.
 */
function isForeign(origin: string | null, { origin: own, corsOrigins }: McpOptions): boolean {
  if (origin === null || origin === own || corsOrigins.includes(origin)) return false
  return !(loopback.test(own) && loopback.test(origin))
}

/** Makes the door of an isolate. The handler does not reject. */
export function mcpDoor(options: McpOptions): (request: Request) => Promise<Response> {
  const { registry, call, admit } = options
  const listed = new Set(options.corsOrigins)
  const metadata = options.origin + oauthPaths.resourceMetadata + resourcePaths.mcp
  const handle = messageHandler(registry)
  const document = documentAt("application/json; charset=utf-8", () => toolsText(registry), options.hash)
  return async (request) => {
    if (new URL(request.url).pathname === toolsPath) return document(request)
    const arrival = arrivalOf(request, options.requestId)
    const presented = presentedIn(request, listed)
    // A page of another site may not speak here for its visitor, whatever a browser sends by itself (2026-07-28, "Security").
    const { address, bearer, userAgent } = presented
    const credentials: Credentials = { address, bearer, userAgent, cookies: null, resource: resourcePaths.mcp }
    try {
      if (isForeign(request.headers.get("origin"), options))
        throw new Problem("PERMISSION_DENIED", "Pages of this origin are not listed in CORS_ORIGINS")
      const principal = await admit(credentials)
      if (principal.kind === "anonymous")
        throw new Problem("UNAUTHENTICATED", "Tools are for whoever proves who they are")
      let challenge: string | null = null
      const refused = (problem: Problem) => {
        // Only a program can ask its user for more; a key is what it is.
        if (principal.kind === "user" && principal.grant !== undefined) challenge = challengeOf(problem, true, metadata)
      }
      const visit: Visit = {
        principal,
        run: (called) => call(door, { ...called, credentials, principal, refused }, arrival),
      }
      const answer = await handle(request, visit)
      return guarded(answer, arrival, challenge)
    } catch (thrown) {
      const problem = asProblem(thrown)
      return turnedAway(problem, arrival.requestId, challengeOf(problem, bearer !== null, metadata, defaultScope))
    }
  }
}
