/**
 * The MCP door, at `/mcp` (Model Context Protocol 2026-07-28 over streamable HTTP, and the stateless part of 2025-11-25): every operation is a tool,
 * every record a resource. Whoever calls proves it before any message is read; each call of a tool is one call of the pipeline.
 */
import {
  createMcpHandler,
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  Server,
} from "@modelcontextprotocol/server"
import { arrivalOf } from "../../core/arrival.ts"
import type { Arrival, Call, Door } from "../../core/door.ts"
import type { Json, JsonObject } from "../../core/json.ts"
import { retryHeaders } from "../../core/limit-fields.ts"
import type { Credentials } from "../../core/ports.ts"
import { presentedIn } from "../../core/presented.ts"
import type { Principal } from "../../core/principal.ts"
import { asProblem, Problem } from "../../core/problem.ts"
import type { CompiledOperation, Registry } from "../../core/registry.ts"
import { securityHeaders } from "../../core/security-headers.ts"
import { matchOf, type ToolCall } from "./decode.ts"
import { resultOf, type ToolResult } from "./encode.ts"
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
}

/** One call of a tool on its way. */
interface Wire extends ToolCall {
  readonly credentials: Credentials
  readonly principal: Principal
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
  encodeProblem: (_, problem, facts) => refusalOf(problem, facts),
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
      const tools = all.slice(from, from + pageSize).map(([name, operation]) => describe(name, operation))
      const next = from + tools.length
      return { tools, ...(next < all.length ? { nextCursor: String(next) } : {}) }
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

/** A server for one message: what it knows is the isolate's, who asks is the message's. */
function serverOf(registry: Registry, tools: Toolbox, visit: Visit): Server {
  const { title, version } = registry
  const server = new Server(
    { name: title, version },
    {
      capabilities: { tools: {}, resources: {} },
      instructions: `${title}: every tool runs under the rights of whoever granted access. Filters, sorting and paging are arguments of the _list tools.`,
    },
  )
  server.setRequestHandler("tools/list", ({ params }) => tools.page(visit.principal, params?.cursor) as never)
  server.setRequestHandler("tools/call", async ({ params }) => {
    const operation = tools.operation(params.name)
    if (!operation)
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, `No tool is named ${params.name.slice(0, 100)}`)
    const meta = (params._meta ?? {}) as JsonObject
    return (await visit.run({ operation, arguments: (params.arguments ?? {}) as Json, meta })) as never
  })
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
function turnedAway(problem: Problem, request: Request, requestId: string, presented: boolean): Response {
  const status = statuses[problem.code] ?? 500
  const metadata = `${new URL(request.url).origin}/.well-known/oauth-protected-resource/mcp`
  const error = presented ? ', error="invalid_token"' : ""
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
      ...(status === 401
        ? { "WWW-Authenticate": `Bearer realm="selvage"${error}, resource_metadata="${metadata}"` }
        : {}),
      ...Object.fromEntries(retryHeaders(retryAfterSeconds)),
    },
  })
}

/** The message's answer with the headers that every answer has. */
function guarded(answer: Response, { requestId }: Arrival): Response {
  const headers = new Headers(answer.headers)
  for (const [name, value] of Object.entries(securityHeaders)) headers.set(name, value)
  headers.set("X-Request-Id", requestId)
  return new Response(answer.body, { status: answer.status, headers })
}

/** Makes the door of an isolate. The handler does not reject. */
export function mcpDoor(options: McpOptions): (request: Request) => Promise<Response> {
  const { registry, call, admit } = options
  const listed = new Set(options.corsOrigins)
  const tools = toolbox(registry)
  const handler = createMcpHandler(({ authInfo }) => serverOf(registry, tools, authInfo?.extra?.visit as Visit))
  return async (request) => {
    const arrival = arrivalOf(request, options.requestId)
    const credentials = presentedIn(request, listed)
    try {
      // A page of another site may not speak here for its visitor, whatever a browser sends by itself (2026-07-28, "Security").
      const bearerOnly = { ...credentials, userAgent: credentials.userAgent, cookies: null }
      const principal = await admit(bearerOnly)
      if (principal.kind === "anonymous")
        return turnedAway(
          new Problem("UNAUTHENTICATED", "Tools are for whoever proves who they are"),
          request,
          arrival.requestId,
          false,
        )
      const visit: Visit = {
        principal,
        run: (called) => call(door, { ...called, credentials: bearerOnly, principal }, arrival),
      }
      // What the library passes on unread: it verifies no token itself.
      const authInfo = { token: "", clientId: "", scopes: [], extra: { visit } }
      return guarded(await handler.fetch(request, { authInfo }), arrival)
    } catch (thrown) {
      return turnedAway(asProblem(thrown), request, arrival.requestId, credentials.bearer !== null)
    }
  }
}
