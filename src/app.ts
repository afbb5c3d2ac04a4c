/** The composition root: registry + ports + doors over the world of an isolate (world.ts). */
import { inboundDoor } from "./api/inbound/index.ts"
import { isPage, pagesDoor } from "./api/pages/index.ts"
import { restDoor } from "./api/rest/index.ts"
import type { AccountPorts } from "./authentication/account.ts"
import { authenticator } from "./authentication/authenticate.ts"
import { handlerAccounts } from "./authentication/handler-accounts.ts"
import { accountParts } from "./authentication/operations/index.ts"
import { hashSecret } from "./authentication/token.ts"
import { handlerSecrets } from "./authentication/token-once.ts"
import { configOf, type Env, inboundSecretsOf } from "./config.ts"
import { explainOperation } from "./core/explain.ts"
import type { Models } from "./core/model.ts"
import type { Ports } from "./core/ports.ts"
import { type Application, buildRegistry, type Registry } from "./core/registry.ts"
import type { Ticket } from "./database/leases.ts"
import { openStore } from "./database/store.ts"
import type { FeedPorts } from "./feed/object.ts"
import { poker } from "./feed/poke.ts"
import { tellableOf, type WebhookPorts, webhookParts, webhookReader } from "./feed/webhooks/index.ts"
import { readMailbox } from "./integrations/mail/index.ts"
import { consumer, jobParts, schedulesOf } from "./jobs/index.ts"
import { checkHealth } from "./server/health.ts"
import { ids, random } from "./server/ids.ts"
import { removeLeavers } from "./server/leaving.ts"
import { letterLimit } from "./server/limiter.ts"
import { shield } from "./server/shield.ts"
import { accountPortsOf, feedPortsOf, jobPortsOf, outboxOf, type Runtime, webhookPortsOf, worldOf } from "./world.ts"

export type { Runtime } from "./world.ts"

/** An application that is ready to answer. One an isolate. */
export interface Served {
  readonly registry: Registry
  readonly fetch: (request: Request) => Promise<Response>
  /** The world of the feed object. */
  readonly feed: FeedPorts
  /** Runs the jobs that messages of the queue name. Ends when they are done; in development after a moment, and they go on behind. */
  readonly consume: (tickets: readonly Ticket[]) => Promise<void>
  /** What timers do: delivers what is due, turns signing keys, removes accounts whose time is over. */
  readonly tend: (now: Date) => Promise<void>
}

const worldless = (): never => {
  throw new Error("This registry was made for documents: it serves no calls")
}

/**
 * The registry of an application with the engine's own operations. The generated documents are made from it without a world.
 * @param ports gives the world of the account flows when one of them runs
 * @param hooks gives the world of webhooks
 */
export function registryOf(
  application: Application,
  options: { readonly development: boolean },
  ports: () => AccountPorts = worldless,
  hooks: () => WebhookPorts = worldless,
): Registry {
  const models = (): Models => registry.models
  const accounts = accountParts({ rules: application.accounts, ports }, models)
  const webhooks = webhookParts(application, { ports: hooks, models })
  const jobs = jobParts(application)
  const registry: Registry = buildRegistry(application, {
    engine: {
      resources: [...accounts.resources, ...jobs.resources, ...webhooks.resources],
      operations: [
        ...accounts.operations,
        ...jobs.operations,
        ...webhooks.operations,
        explainOperation(models, options),
      ],
      jobs: [...jobs.jobs, ...webhooks.jobs],
    },
    eager: options.development,
  })
  return registry
}

/**
 * Composes an application over the bindings of an isolate.
 * @throws ConfigError when a binding, variable or secret is missing; Error when a declaration could fail open
 */
export function serve(application: Application, env: Env, runtime: Runtime): Served {
  const config = configOf(env)
  const world = worldOf(env, config, runtime, application.accounts)
  const accounts = accountPortsOf(world, application)
  const registry = registryOf(
    application,
    { development: config.development },
    () => accounts,
    () => hooks,
  )
  const outbox = outboxOf(world)
  const store = { database: env.DB, models: registry.models, cursorSecret: config.cursorSecret, ids }
  const open = () => openStore(store, { bookmark: null, fresh: true })
  const hooks = webhookPortsOf(world, { title: application.title, outbox, openStore: open, poke: () => ports.poke() })
  const ports: Ports = {
    openStore: (session) => openStore(store, session),
    authenticate: authenticator({ rules: config.token, apiKeys: accounts.apiKeys, ...world }),
    ...shield(env.SHIELD),
    limitLetters: letterLimit(accounts.limiter),
    ids,
    accounts: handlerAccounts({ rules: application.accounts, ports: () => accounts }),
    secrets: handlerSecrets(random),
    link: accounts.link,
    now: world.now,
    elapsed: () => performance.now(),
    hash: (text) => hashSecret(new TextEncoder().encode(text)),
    outbox,
    poke: poker(world),
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
    settings: { development, corsOrigins, requestId },
    assets: assets ? (request: Request) => assets.fetch(request) : null,
    health: () => checkHealth({ ...env, feed: world.feed }, world.observe, ports),
    jwks: () => world.signing.jwks(new Date()),
  })
  const secrets = inboundSecretsOf(env, application.inbound)
  const inbound = inboundDoor({ registry, ports, secrets, requestId })
  const mailbox = config.mail === null ? () => readMailbox(env.CACHE) : null
  const pages = pagesDoor({ registry, ports, requestId, rules: application.accounts, mailbox })
  const chores: readonly (readonly [string, (now: Date) => Promise<unknown>])[] = [
    ["outbox", () => outbox.sweep()],
    ["feed", () => world.feed().poke()],
    ["keys", (now) => world.signing.rotate(now, "due")],
    ["leavers", (now) => removeLeavers({ database: env.DB, ids, openStore: open, user: world.objects.user }, now)],
  ]
  // One that fails must not keep the others from their turn: a letter that cannot leave is no reason for an old key.
  const tend = async (now: Date) => {
    for (const [name, chore] of chores) await chore(now).catch((cause) => world.tell(name, cause))
  }
  const feed = feedPortsOf(world, outbox, schedulesOf(application))
  // What a runtime that died left undelivered is taken up by the next one, with its first call.
  let isFirst = true
  return {
    registry,
    feed: { ...feed, readers: [...feed.readers, webhookReader(hooks, tellableOf(application, registry.models))] },
    consume: consumer(jobPortsOf(world, registry, ports), world.behind),
    tend,
    fetch: (request) => {
      if (isFirst) {
        outbox.poke()
        ports.poke()
      }
      isFirst = false
      return isPage(request) ? pages(request) : (inbound(request) ?? rest(request))
    },
  }
}
