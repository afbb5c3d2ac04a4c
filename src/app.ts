/** The composition root: registry + ports + doors over the world of an isolate (world.ts). */
import { restDoor } from "./api/rest/index.ts"
import { webSocketDoor } from "./api/websocket/index.ts"
import { asyncApiDocument } from "./asyncapi.ts"
import { approvalsOf } from "./authentication/approvals.ts"
import { authenticator } from "./authentication/authenticate.ts"
import { handlerAccounts } from "./authentication/handler-accounts.ts"
import { hashSecret } from "./authentication/token.ts"
import { handlerSecrets } from "./authentication/token-once.ts"
import { cachesOf } from "./caches.ts"
import { configOf, type Env } from "./config.ts"
import { type Called, calledDoor } from "./core/called.ts"
import type { Arrival } from "./core/door.ts"
import { run } from "./core/pipeline.ts"
import type { Ports, Store } from "./core/ports.ts"
import type { Application, Registry } from "./core/registry.ts"
import type { Ticket } from "./database/leases.ts"
import { openStore } from "./database/store.ts"
import { registryOf } from "./engine.ts"
import type { FeedPorts } from "./feed/object.ts"
import { poker } from "./feed/poke.ts"
import type { TopicPorts } from "./feed/topic-object.ts"
import { tellableOf, webhookReader } from "./feed/webhooks/index.ts"
import { consumer, schedulesOf } from "./jobs/index.ts"
import { connector, liveOpener, livePortsOf, topicPortsOf, watcher } from "./live.ts"
import { pruneLog } from "./log/archive.ts"
import { sealLog } from "./log/seal.ts"
import { entranceOf, laterOf, routing } from "./routing.ts"
import { checkHealth } from "./server/health.ts"
import { ids, random } from "./server/ids.ts"
import { removeLeavers } from "./server/leaving.ts"
import { letterLimit } from "./server/limiter.ts"
import type { Deliverer } from "./server/outbox.ts"
import { shield } from "./server/shield.ts"
import type { LivePorts } from "./user/live-ports.ts"
import {
  accountPortsOf,
  feedPortsOf,
  jobPortsOf,
  logPortsOf,
  outboxOf,
  type Runtime,
  usageOf,
  type World,
  webhookPortsOf,
  worldOf,
} from "./world.ts"

export { registryOf } from "./engine.ts"
export type { Runtime } from "./world.ts"

/** A call over a socket, or from inside, ends with its answer, whether somebody is there to hear it. */
const fromInside = (requestId: string): Arrival => ({ requestId, traceId: null, signal: new AbortController().signal })
const callsOverSockets = calledDoor("websocket")
const rehearsals = calledDoor("rehearsal")

/** An application that is ready to answer. One an isolate. */
export interface Served {
  readonly registry: Registry
  readonly fetch: (request: Request) => Promise<Response>
  /** The world of the feed object. */
  readonly feed: FeedPorts
  /** The world of topics, and of live objects. */
  readonly topic: TopicPorts
  readonly live: LivePorts
  /** Runs the jobs that messages of the queue name. Ends when they are done; in development after a moment, and they go on behind. */
  readonly consume: (tickets: readonly Ticket[]) => Promise<void>
  /** What timers do: delivers what is due, turns signing keys, removes accounts whose time is over. */
  readonly tend: (now: Date) => Promise<void>
}

/** What timers do, one after another. One that fails must not keep the others from their turn: a letter that cannot leave is no reason for an old key. */
function tending(world: World, outbox: Deliverer, openStore: () => Store): Served["tend"] {
  const { env, objects, signing } = world
  const chores: readonly (readonly [string, (now: Date) => Promise<unknown>])[] = [
    ["outbox", () => outbox.sweep()],
    ["feed", () => world.feed().poke()],
    ["keys", (now) => signing.rotate(now, "due")],
    ["leavers", (now) => removeLeavers({ database: env.DB, ids, openStore, user: objects.user }, now)],
    ["seal", (now) => sealLog(logPortsOf(world), now)],
    ["prune", (now) => pruneLog(logPortsOf(world), now)],
  ]
  return async (now) => {
    for (const [name, chore] of chores) await chore(now).catch((cause) => world.tell(name, cause))
  }
}

/**
 * Composes an application over the bindings of an isolate.
 * @throws ConfigError when a binding, variable or secret is missing; Error when a declaration could fail open
 */
export function serve(application: Application, env: Env, runtime: Runtime): Served {
  const config = configOf(env)
  const world = worldOf(env, config, runtime, application.accounts)
  const accounts = accountPortsOf(world, application)
  const engine = () => ({ accounts, log: logPortsOf(world), webhooks, usage: usage.ports, call: rehearse })
  const rehearse = (called: Called, id: string) => run(registry, ports, rehearsals, called, fromInside(id))
  const registry = registryOf(application, { development: config.development }, engine)
  const outbox = outboxOf(world)
  const connect = connector(world)
  const { models, logTenant } = registry
  const hash = (text: string) => hashSecret(new TextEncoder().encode(text))
  const { answers, memberships, touching, reader } = cachesOf(world, registry, hash)
  const store = { database: env.DB, models, cursorSecret: config.cursorSecret, ids, logTenant, touching }
  const open = () => openStore(store, { bookmark: null, fresh: true })
  const poke = poker(world)
  const webhooks = webhookPortsOf(world, { title: application.title, outbox, openStore: open, poke })
  const usage = usageOf(world, registry, { memberships, poke, outbox, openStore: open })
  const ports: Ports = {
    openStore: (session) => openStore(store, session),
    authenticate: authenticator({ rules: config.token, mfa: application.accounts.mfa, ...accounts, ...world }),
    ...shield(env.SHIELD),
    answers,
    memberships,
    metering: usage.metering,
    approvals: approvalsOf({ ...accounts, outbox, openStore: open, poke, behind: world.behind, hash }),
    limiter: world.limiter,
    limitLetters: letterLimit(world.limiter),
    ids,
    accounts: handlerAccounts({ rules: application.accounts, ports: () => accounts }),
    secrets: handlerSecrets(random),
    link: accounts.link,
    now: world.now,
    elapsed: () => performance.now(),
    hash,
    outbox,
    poke,
    watch: watcher(connect),
    behind: world.behind,
    observe: world.observe,
    development: config.development,
  }
  const assets = env.ASSETS
  const { development, corsOrigins } = config
  const requestId = () => crypto.randomUUID()
  const rest = restDoor({
    registry,
    ports,
    settings: { development, corsOrigins, requestId, origin: accounts.origin },
    assets: assets ? (request: Request) => assets.fetch(request) : null,
    health: () => checkHealth({ ...env, feed: world.feed }, world.observe, ports),
    jwks: () => world.signing.jwks(new Date()),
    asyncApi: () => asyncApiDocument(registry),
  })
  const shared = { registry, ports, requestId, origin: accounts.origin }
  const entrance = entranceOf(world, application, accounts, shared)
  const sockets = config.doorsOff.includes("websocket") ? null : webSocketDoor({ ...shared, corsOrigins, connect })
  const later = laterOf(world, shared, liveOpener(registry, ports, connect))
  const wake = () => {
    outbox.poke()
    poke()
  }
  return {
    registry,
    topic: topicPortsOf(world),
    live: livePortsOf(world, registry, ports, {
      openStore: open,
      call: (called) => run(registry, ports, callsOverSockets, called, fromInside(requestId())),
    }),
    feed: feedPortsOf(world, registry, outbox, schedulesOf(application), [
      webhookReader(webhooks, tellableOf(application, models)),
      reader,
    ]),
    consume: consumer(jobPortsOf(world, registry, ports), world.behind),
    tend: tending(world, outbox, open),
    fetch: routing({ sockets, entrance, later, rest }, wake),
  }
}
