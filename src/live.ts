/** The live world of an isolate: what topics, live objects and doors need of one another. Only composition; nothing is decided here. */
import { connectionOver, frames, watchOver } from "./api/websocket/index.ts"
import { checkRestriction } from "./core/assurance.ts"
import type { TopicAddress } from "./core/feed-object.ts"
import type { JsonObject } from "./core/json.ts"
import { limitsJson } from "./core/limit-fields.ts"
import { limitCall } from "./core/limit-stage.ts"
import type { LiveObject, TopicObject } from "./core/live-object.ts"
import type { Ports } from "./core/ports.ts"
import type { Principal } from "./core/principal.ts"
import { asProblem, Problem } from "./core/problem.ts"
import type { Registry } from "./core/registry.ts"
import { actorOf } from "./core/run.ts"
import type { DoorOptions } from "./doors.ts"
import type { Reader } from "./feed/tail.ts"
import type { TopicPorts } from "./feed/topic-object.ts"
import { topicsReader } from "./feed/topics.ts"
import { anonymousStreamsObjectName, serviceStreamsObjectName, topicObjectName, userObjectName } from "./server/keys.ts"
import { type LivePorts, type Sitter, sitterHeader } from "./user/live-ports.ts"
import type { World } from "./world.ts"

const anonymousShards = 16

const topicOf = ({ env }: World, name: string) => env.TOPIC.getByName(name) as unknown as TopicObject
const liveOf = ({ env }: World, name: string) => env.USER.getByName(name) as unknown as LiveObject

/** The reader of the feed that tells topics. */
export function topicsReaderOf(world: World, registry: Registry): Reader {
  return topicsReader({
    models: () => registry.models,
    topic: (name) => topicOf(world, name),
    live: (name) => liveOf(world, name),
    observe: world.observe,
    now: world.now,
  })
}

/** What a topic works with. */
export function topicPortsOf(world: World): TopicPorts {
  return {
    feed: world.feed,
    live: (name) => liveOf(world, name),
    observe: world.observe,
    now: world.now,
  }
}

/** What a live object works with. */
export function livePortsOf(
  world: World,
  registry: Registry,
  ports: Ports,
  { openStore, call }: Pick<LivePorts, "openStore" | "call">,
): LivePorts {
  return {
    registry,
    metering: ports.metering,
    database: world.env.DB,
    frames,
    count: async (operation, caller, input) => {
      const { limits } = operation
      return limitsJson(await limitCall(ports, { limits, operation, caller, input, now: world.now() }))
    },
    openStore,
    address: (resource, tenant, record): TopicAddress => ({
      name: topicObjectName(resource, tenant, record),
      resource,
      tenant,
      record,
    }),
    topic: (name) => topicOf(world, name),
    feed: world.feed,
    streams: (user) => liveOf(world, serviceStreamsObjectName(user)),
    call,
    observe: world.observe,
    now: world.now,
  }
}

/** Where the sockets of a principal are: a person's in their own object, those of keys and of nobody apart from it. */
function streamsObjectName(principal: Principal): string {
  if (principal.kind !== "user") return anonymousStreamsObjectName(Math.floor(Math.random() * anonymousShards))
  return principal.key === undefined ? userObjectName(principal.id) : serviceStreamsObjectName(principal.id)
}

/** Opens a connection to the live object of whoever sits there. Throws Problem as the object refuses; UNAVAILABLE when it cannot be reached. */
export function connector({ env }: World): (sitter: Sitter) => Promise<WebSocket> {
  return async (sitter) => {
    const stub = env.USER.getByName(streamsObjectName(sitter.principal))
    const headers = { Upgrade: "websocket", [sitterHeader]: encodeURIComponent(JSON.stringify(sitter)) }
    let answer: Response
    try {
      answer = (await stub.fetch("https://live.invalid/", { headers })) as unknown as Response
    } catch (cause) {
      throw new Problem("UNAVAILABLE", "Live queries cannot be reached right now", { retryAfterSeconds: 1, cause })
    }
    if (answer.webSocket) return answer.webSocket
    const { code, message } = (await answer.json()) as {
      code: "UNAUTHENTICATED" | "RESOURCE_EXHAUSTED"
      message: string
    }
    throw new Problem(code, message)
  }
}

/** Opens watches for doors that stream. The pipeline has counted them. */
export function watcher(connect: (sitter: Sitter) => Promise<WebSocket>): Ports["watch"] {
  return async ({ principal, match, input }) =>
    watchOver(
      await connect({ principal, address: null, isCounted: true }),
      match?.operation.name ?? "",
      input as JsonObject,
    )
}

/** What opens connections for a door that has callers of its own in front of one, speaking another protocol. Counted and told as at `/ws`. */
export function liveOpener(
  registry: Registry,
  ports: Ports,
  connect: (sitter: Sitter) => Promise<WebSocket>,
): DoorOptions["live"] {
  return async (caller, { requestId, traceId }) => {
    const now = ports.now()
    const tell = (problem: Problem | null) =>
      ports.observe({
        kind: "call",
        at: now.toISOString(),
        requestId,
        traceId,
        door: "graphql",
        operation: null,
        actor: actorOf(caller.principal),
        code: problem?.code ?? "OK",
        milliseconds: ports.now().getTime() - now.getTime(),
        cost: { trips: 0, rowsRead: 0, rowsWritten: 0 },
        ...(problem?.options.cause === undefined ? {} : { cause: problem.options.cause }),
      })
    try {
      checkRestriction({}, caller.principal)
      await limitCall(ports, { limits: registry.connectionLimits, operation: null, caller, input: {}, now })
      const connection = connectionOver(await connect(caller))
      tell(null)
      return connection
    } catch (thrown) {
      tell(asProblem(thrown))
      throw thrown
    }
  }
}
