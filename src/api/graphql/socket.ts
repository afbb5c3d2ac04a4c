/**
 * GraphQL over WebSocket, at `/graphql` with the sub-protocol `graphql-transport-ws`. In front of a live connection of whoever calls, as `/ws` opens it:
 * calls and watches run over that, so its limits, the roles of the moment and the end of the session are those of `/ws`, and when it ends, this ends.
 */
import type { Arrival } from "../../core/door.ts"
import type { JsonObject } from "../../core/json.ts"
import type { LimitedCaller } from "../../core/limit-places.ts"
import type { Closed, LiveConnection } from "../../core/live-connection.ts"
import type { Credentials } from "../../core/ports.ts"
import { bearerOf } from "../../core/presented.ts"
import type { Principal } from "../../core/principal.ts"
import { asProblem, Problem } from "../../core/problem.ts"
import type { Executor } from "./execution.ts"
import { type Flow, flowOver } from "./socket-flow.ts"
import { closeCodes, type Heard, hear, subprotocol } from "./socket-messages.ts"
import { type Operations, operationsOver } from "./socket-operations.ts"

/** How long a connection may stay without saying who calls. */
const initialisationMs = 5000

/** What a socket may say: as many calls at once, and so many a second, as at `/ws`. */
const burst = 200
const perSecond = 50

/** What sockets are served with. */
export interface SocketHouse extends Executor {
  admit(credentials: Credentials): Promise<Principal>
  live(caller: LimitedCaller, arrival: Arrival): Promise<LiveConnection>
}

/** One connection. */
interface Talk {
  readonly house: SocketHouse
  readonly arrival: Arrival
  /** What the handshake presented. */
  readonly credentials: Credentials
  readonly flow: Flow
  /** opened: nobody has said who calls. admitting: it is being found out. */
  phase: "opened" | "admitting" | "acknowledged"
  live: LiveConnection | null
  operations: Operations | null
}

/** What was presented: a token among the connection's parameters counts before what the handshake brought. */
function presented(credentials: Credentials, { Authorization, authorization }: JsonObject): Credentials {
  const given = Authorization ?? authorization ?? null
  if (given === null) return credentials
  return { ...credentials, bearer: typeof given === "string" ? bearerOf(given, []) : "", cookies: null }
}

/** What a connection that was not let in is closed with: what may be tried again with another token, later, or not at all. */
function refusalCode({ code }: Problem): number {
  if (code === "RESOURCE_EXHAUSTED" || code === "UNAVAILABLE") return closeCodes.later
  return code === "INTERNAL" ? closeCodes.internal : closeCodes.forbidden
}

/** The live connection behind is over. */
function endWith({ flow }: Talk, { code, reason }: Closed): void {
  const known: readonly number[] = [closeCodes.unauthorized, closeCodes.slow, closeCodes.policy, closeCodes.tooLarge]
  if (known.includes(code)) flow.close(code, reason)
  else flow.close(closeCodes.restart, "come back with your place")
}

async function initialise(talk: Talk, payload: JsonObject): Promise<void> {
  const { house, flow, arrival } = talk
  talk.phase = "admitting"
  try {
    const credentials = presented(talk.credentials, payload)
    const principal = await house.admit(credentials)
    const live = await house.live({ principal, address: credentials.address }, arrival)
    if (!flow.isOpen()) return live.close()
    talk.live = live
    talk.operations = operationsOver({ executor: house, flow, live, requestId: arrival.requestId })
    talk.phase = "acknowledged"
    flow.say({ type: "connection_ack" })
    endWith(talk, await live.over)
  } catch (thrown) {
    const problem = asProblem(thrown)
    flow.close(refusalCode(problem), `${problem.code}: ${problem.message}`)
  }
}

function take(talk: Talk, heard: Heard): void {
  const { flow, operations } = talk
  switch (heard.type) {
    case "wrong":
      flow.close(heard.code, heard.reason)
      break
    case "ping":
      flow.say({ type: "pong", ...(heard.payload === null ? {} : { payload: heard.payload }) })
      break
    case "connection_init":
      if (talk.phase === "opened") void initialise(talk, heard.payload)
      else flow.close(closeCodes.tooManyInitialisations, "Too many initialisation requests")
      break
    case "subscribe":
      if (operations === null) flow.close(closeCodes.unauthorized, "Unauthorized")
      else operations.start(heard.id, heard.parameters)
      break
    case "complete":
      operations?.cancel(heard.id)
  }
}

/** Takes one of what a socket may say: false when it says too much. Refilled by the clock. */
function budget(): () => boolean {
  let left = burst
  let at = Date.now()
  return () => {
    const now = Date.now()
    left = Math.min(burst, left + (Math.max(0, now - at) / 1000) * perSecond)
    at = now
    left -= 1
    return left >= 0
  }
}

function converse(socket: WebSocket, given: Pick<Talk, "house" | "arrival" | "credentials">): void {
  const talk: Talk = {
    ...given,
    flow: flowOver(socket, {
      mark: () => talk.live?.passed() ?? 0,
      taken: (frame) => talk.live?.acknowledge(frame),
      closed() {
        talk.operations?.cancelAll()
        talk.live?.close()
      },
    }),
    phase: "opened",
    live: null,
    operations: null,
  }
  const { flow } = talk
  const spend = budget()
  socket.addEventListener("message", ({ data }) => {
    if (!flow.isOpen()) return
    const heard = hear(data)
    // An answer that was asked for is bounded by what was asked.
    if (heard.type === "pong" && flow.pong()) return
    if (spend()) take(talk, heard)
    else flow.close(closeCodes.policy, "too many messages")
  })
  socket.addEventListener("close", flow.over)
  socket.addEventListener("error", flow.over)
  scheduler.wait(initialisationMs).then(() => {
    if (talk.phase !== "opened") return
    flow.close(closeCodes.initialisationTimeout, "Connection initialisation timeout")
  })
}

/**
 * Takes a connection. Who calls is said by its first message, or was by the handshake.
 * @throws Problem RESOURCE_EXHAUSTED for an address that calls too often; INVALID_ARGUMENT for another sub-protocol
 */
export async function openSocket(
  house: SocketHouse,
  request: Request,
  arrival: Arrival,
  credentials: Credentials,
): Promise<Response> {
  const { address } = credentials
  await house.admit({ address, bearer: null, userAgent: null, cookies: null })
  const offered = request.headers.get("sec-websocket-protocol")?.split(",") ?? []
  if (!offered.some((one) => one.trim() === subprotocol))
    throw new Problem("INVALID_ARGUMENT", `The subprotocol that is spoken here is ${subprotocol}`)
  const { 0: client, 1: server } = new WebSocketPair()
  server.accept()
  converse(server, { house, arrival, credentials })
  const headers = { "Sec-WebSocket-Protocol": subprotocol, "X-Request-Id": arrival.requestId }
  return new Response(null, { status: 101, webSocket: client, headers })
}
