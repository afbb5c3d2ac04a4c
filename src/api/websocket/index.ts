/**
 * The WebSocket door, at `/ws`: limits, authenticates and hands the connection to the live object of whoever calls, which answers its frames. What
 * is refused before that is an HTTP problem, since there is no connection yet.
 */
import { arrivalOf } from "../../core/arrival.ts"
import { checkRestriction } from "../../core/assurance.ts"
import { challengeOf } from "../../core/challenge.ts"
import { titles } from "../../core/code.ts"
import { limitHeaders, retryHeaders } from "../../core/limit-fields.ts"
import type { LimitedCaller } from "../../core/limit-places.ts"
import { limitCall } from "../../core/limit-stage.ts"
import { oauthPaths } from "../../core/oauth.ts"
import type { Ports } from "../../core/ports.ts"
import { asProblem, Problem } from "../../core/problem.ts"
import { problemFields, problemUrn } from "../../core/problem-fields.ts"
import type { Registry } from "../../core/registry.ts"
import { securityHeaders } from "../../core/security-headers.ts"
import { credentialsOf, offered, subprotocol } from "./credentials.ts"

export { connectionOver } from "./connection.ts"
export { frames } from "./encode.ts"
export { watchOver } from "./stream.ts"

/** What the door needs of the world. */
export interface WebSocketOptions {
  readonly registry: Pick<Registry, "connectionLimits">
  readonly ports: Pick<
    Ports,
    "limitAddress" | "limiter" | "memberships" | "authenticate" | "observe" | "behind" | "now"
  >
  readonly corsOrigins: readonly string[]
  /** Opens a connection to the live object of a caller. Throws RESOURCE_EXHAUSTED, UNAUTHENTICATED, UNAVAILABLE. */
  connect(caller: LimitedCaller): Promise<WebSocket>
  requestId(): string
  /** Our origin. */
  readonly origin: string
}

/** Whether a request is for this door, which stands at `/ws`. */
export function isSocket(request: Request): boolean {
  return /^https?:\/\/[^/]+\/ws(\?|$)/.test(request.url)
}

const statuses: Readonly<Record<string, number>> = {
  INVALID_ARGUMENT: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  UNAVAILABLE: 503,
}

interface Refused {
  readonly requestId: string
  readonly isUpgrade: boolean
  readonly challenge: string | null
}

function refusal(problem: Problem, { requestId, isUpgrade, challenge }: Refused): Response {
  const status = isUpgrade ? (statuses[problem.code] ?? 500) : 426
  const { retryAfterSeconds, limits = [], type } = problem.options
  const { code, message: detail } = problem
  const body = { type: problemUrn(type ?? code), title: titles[code], status, detail, code, requestId }
  return new Response(JSON.stringify({ ...body, ...problemFields(problem) }), {
    status,
    headers: {
      ...securityHeaders,
      "Content-Type": "application/problem+json; charset=utf-8",
      "Cache-Control": "no-store",
      "X-Request-Id": requestId,
      ...(isUpgrade ? {} : { Upgrade: "websocket", Connection: "Upgrade" }),
      ...(challenge === null ? {} : { "WWW-Authenticate": challenge }),
      ...Object.fromEntries([...limitHeaders(limits), ...retryHeaders(retryAfterSeconds)]),
    },
  })
}

/** The subprotocol to answer with: ours when it is offered, none when none is. */
function chosen(request: Request): Readonly<Record<string, string>> {
  const protocols = offered(request)
  if (protocols.length === 0) return {}
  if (protocols.includes(subprotocol)) return { "Sec-WebSocket-Protocol": subprotocol }
  throw new Problem("INVALID_ARGUMENT", `The subprotocol that is spoken here is ${subprotocol}`)
}

/** Makes the door of an isolate. The handler does not reject. */
export function webSocketDoor(options: WebSocketOptions): (request: Request) => Promise<Response> {
  const { registry, ports, connect } = options
  const listed = new Set(options.corsOrigins)
  const metadata = options.origin + oauthPaths.resourceMetadata
  return async (request) => {
    const { requestId, traceId } = arrivalOf(request, options.requestId)
    const isUpgrade = request.headers.get("upgrade")?.toLowerCase() === "websocket"
    const started = ports.now()
    const tell = (actor: string, problem: Problem | null) =>
      ports.observe({
        kind: "call",
        at: started.toISOString(),
        requestId,
        traceId,
        door: "websocket",
        operation: null,
        actor,
        code: problem?.code ?? "OK",
        milliseconds: ports.now().getTime() - started.getTime(),
        cost: { trips: 0, rowsRead: 0, rowsWritten: 0 },
        ...(problem?.options.cause === undefined ? {} : { cause: problem.options.cause }),
      })
    let presented = false
    try {
      const credentials = credentialsOf(request, listed)
      presented = credentials.bearer !== null
      await ports.limitAddress(credentials.address)
      if (!isUpgrade) throw new Problem("INVALID_ARGUMENT", "This address speaks WebSocket: ask for an upgrade")
      const headers = chosen(request)
      const principal = await ports.authenticate(credentials, started)
      checkRestriction({}, principal)
      const caller = { principal, address: credentials.address }
      const counted = { limits: registry.connectionLimits, operation: null, caller, input: {}, now: started }
      const fields = limitHeaders(await limitCall(ports, counted))
      const webSocket = await connect(caller)
      tell(principal.kind === "user" ? principal.id : principal.kind, null)
      const told = { ...headers, ...Object.fromEntries(fields), "X-Request-Id": requestId }
      return new Response(null, { status: 101, webSocket, headers: told })
    } catch (thrown) {
      const problem = asProblem(thrown)
      tell("anonymous", problem)
      return refusal(problem, { requestId, isUpgrade, challenge: challengeOf(problem, presented, metadata) })
    }
  }
}
