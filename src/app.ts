/** The composition root: registry + ports + doors. The only file that knows every folder. */
import { restDoor } from "./api/rest/index.ts"
import type { AccountPorts } from "./authentication/account.ts"
import { authenticator } from "./authentication/authenticate.ts"
import { countBreaches } from "./authentication/breached.ts"
import { type SigningKeys, signingKeys } from "./authentication/keys.ts"
import type { Objects } from "./authentication/objects.ts"
import { accountParts } from "./authentication/operations/index.ts"
import { passwords } from "./authentication/password.ts"
import { normalisePassword } from "./authentication/password-rules.ts"
import { refreshTokens } from "./authentication/refresh-token.ts"
import { type RevocationList, revocationList } from "./authentication/revocation.ts"
import { sealer } from "./authentication/seal.ts"
import { type Config, configOf, type Env } from "./config.ts"
import { explainOperation } from "./core/explain.ts"
import type { Models } from "./core/model.ts"
import type { Observe } from "./core/observation.ts"
import type { Mail } from "./core/outbox.ts"
import type { Ports } from "./core/ports.ts"
import { type Application, buildRegistry, type Registry } from "./core/registry.ts"
import type { HubObject, UserObject } from "./core/user-object.ts"
import { openStore } from "./database/store.ts"
import { type Letter, readMailbox, sendByCloudflare, toMailbox } from "./integrations/mail/index.ts"
import { logObservation } from "./observability/log.ts"
import { deliverCommand } from "./server/commands.ts"
import { checkHealth } from "./server/health.ts"
import { ids } from "./server/ids.ts"
import { ghostObjectName, userObjectName } from "./server/keys.ts"
import { removeLeavers } from "./server/leaving.ts"
import { limiting } from "./server/limiter.ts"
import { type Deliverer, deliverer } from "./server/outbox.ts"
import { takeSetupCode } from "./server/setup.ts"
import { shield } from "./server/shield.ts"
import { hubObjectName } from "./user/hub.ts"

/** An application that is ready to answer. One an isolate. */
export interface Served {
  readonly registry: Registry
  readonly fetch: (request: Request) => Promise<Response>
  /** What timers do: delivers what is due, turns signing keys, removes accounts whose time is over. */
  readonly tend: (now: Date) => Promise<void>
}

/** What a runtime gives beside its bindings. */
export interface Runtime {
  readonly observe?: Observe
  /** Keeps work going after the answer. */
  waitUntil(work: Promise<unknown>): void
}

/**
 * The registry of an application with the engine's own operations. The generated documents are made from it without a world.
 * @param ports gives the world of the account flows when one of them runs
 */
export function registryOf(
  application: Application,
  options: { readonly development: boolean },
  ports: () => AccountPorts = () => {
    throw new Error("This registry was made for documents: it serves no calls")
  },
): Registry {
  const models = (): Models => registry.models
  const accounts = accountParts({ rules: application.accounts, ports }, models)
  const registry: Registry = buildRegistry(application, {
    engine: { resources: accounts.resources, operations: [...accounts.operations, explainOperation(models, options)] },
    eager: options.development,
  })
  return registry
}

const encoder = new TextEncoder()

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", encoder.encode(text))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("")
}

const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length))

/** What the ports of one isolate share. */
interface World {
  readonly env: Env
  readonly config: Config
  readonly observe: Observe
  readonly objects: Objects
  readonly signing: SigningKeys
  readonly revocations: RevocationList
  tell(where: string, cause: unknown): void
  behind(work: Promise<unknown>): void
}

function worldOf(env: Env, config: Config, runtime: Runtime): World {
  const observe = runtime.observe ?? logObservation
  const tell = (where: string, cause: unknown) => observe({ kind: "fault", at: new Date().toISOString(), where, cause })
  const stub = (name: string) => env.USER.getByName(name) as unknown as UserObject
  // A stub belongs to the call that made it.
  const hub = () => env.HUB.getByName(hubObjectName) as unknown as HubObject
  return {
    env,
    config,
    observe,
    tell,
    objects: { user: (id) => stub(userObjectName(id)), ghost: (bucket) => stub(ghostObjectName(bucket)) },
    signing: signingKeys({ database: env.DB, sealer: sealer(config.rings.kek, random) }),
    revocations: revocationList({
      source: { since: (version) => hub().since(version) },
      sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
      onFault: (cause) => tell("revocations", cause),
    }),
    behind: (work) => runtime.waitUntil(work.catch((cause) => tell("behind", cause))),
  }
}

function accountPortsOf(world: World, application: Application): AccountPorts {
  const { env, config } = world
  const derive = async (...of: Parameters<typeof import("./authentication/argon2.ts").argon2id>) =>
    (await import("./authentication/argon2.ts")).argon2id(...of)
  return {
    ...world,
    title: application.title,
    limiter: limiting(env.LIMITER),
    passwords: passwords({ derive, sealer: sealer(config.rings.pepper, random), random }),
    refreshTokens: refreshTokens(config.rings.refresh),
    access: config.token,
    sealer: sealer(config.rings.kek, random),
    ids,
    random,
    apiKeys: config.development ? "test" : "live",
    countBreaches: (text) => countBreaches(normalisePassword(text) ?? "", (url, init) => fetch(url, init)),
    takeSetupCode: (hash, now) => takeSetupCode(env.DB, hash, now),
    link: (page, token) => `${config.publicUrl}/account/${page}?token=${token}`,
  }
}

function outboxOf({ env, config, observe, objects, behind }: World): Deliverer {
  const send = (id: string, mail: Letter) =>
    config.mail === null ? toMailbox(env.CACHE, id, mail) : sendByCloudflare(config.mail, mail)
  return deliverer({
    database: env.DB,
    sealer: sealer(config.rings.kek, random),
    ids,
    observe,
    behind,
    now: () => new Date(),
    deliver: {
      mail: async ({ id, payload }) => {
        const mail = payload as unknown as Mail
        if (mail.to !== null) await send(id, { ...mail, to: mail.to })
      },
      user: (delivery) => deliverCommand(objects, delivery),
    },
  })
}

/**
 * Composes an application over the bindings of an isolate.
 * @throws ConfigError when a binding, variable or secret is missing; Error when a declaration could fail open
 */
export function serve(application: Application, env: Env, runtime: Runtime): Served {
  const config = configOf(env)
  const world = worldOf(env, config, runtime)
  const accounts = accountPortsOf(world, application)
  const registry = registryOf(application, { development: config.development }, () => accounts)
  const outbox = outboxOf(world)
  const store = { database: env.DB, models: registry.models, cursorSecret: config.cursorSecret, ids }
  const ports: Ports = {
    openStore: (session) => openStore(store, session),
    authenticate: authenticator({ rules: config.token, apiKeys: accounts.apiKeys, ...world }),
    ...shield(env.SHIELD),
    ids,
    now: () => new Date(),
    elapsed: () => performance.now(),
    hash: sha256,
    outbox,
    behind: world.behind,
    observe: world.observe,
    development: config.development,
  }
  const assets = env.ASSETS
  const { development, corsOrigins } = config
  const fetch = restDoor({
    registry,
    ports,
    settings: { development, corsOrigins, requestId: () => crypto.randomUUID() },
    assets: assets ? (request: Request) => assets.fetch(request) : null,
    health: () => checkHealth(env, world.observe, ports),
    jwks: () => world.signing.jwks(new Date()),
    mailbox: config.mail === null ? () => readMailbox(env.CACHE) : null,
  })
  const open = () => openStore(store, { bookmark: null, fresh: true })
  const chores: readonly (readonly [string, (now: Date) => Promise<unknown>])[] = [
    ["outbox", () => outbox.sweep()],
    ["keys", (now) => world.signing.rotate(now, "due")],
    ["leavers", (now) => removeLeavers({ database: env.DB, ids, openStore: open, user: world.objects.user }, now)],
  ]
  // One that fails must not keep the others from their turn: a letter that cannot leave is no reason for an old key.
  const tend = async (now: Date) => {
    for (const [name, chore] of chores) await chore(now).catch((cause) => world.tell(name, cause))
  }
  // What a runtime that died left undelivered is taken up by the next one, with its first call.
  let isFirst = true
  return {
    registry,
    tend,
    fetch: (request) => {
      if (isFirst) outbox.poke()
      isFirst = false
      return fetch(request)
    },
  }
}
