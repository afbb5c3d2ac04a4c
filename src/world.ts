import type { AccountPorts } from "./authentication/account.ts"
import { countBreaches, type RangeFetch } from "./authentication/breached.ts"
import { flowStates } from "./authentication/flow-state.ts"
import { type SigningKeys, signingKeys } from "./authentication/keys.ts"
import { defaultRotationRules } from "./authentication/keys-rotation.ts"
import { type Objects, watched } from "./authentication/objects.ts"
import { type Derive, deriveArgon2, passwords } from "./authentication/password.ts"
import { normalisePassword } from "./authentication/password-rules.ts"
import { refreshTokens } from "./authentication/refresh-token.ts"
import { type RevocationList, revocationList } from "./authentication/revocation.ts"
import { sealer } from "./authentication/seal.ts"
import type { Config, Env } from "./config.ts"
import type { AccountRules } from "./core/accounts.ts"
import type { FeedObject } from "./core/feed-object.ts"
import { type HubObject, hubObjectName, type TouchesObject, touchesObjectName } from "./core/hub-object.ts"
import type { Outbound } from "./core/job.ts"
import type { Limiting } from "./core/limiting.ts"
import type { Observe } from "./core/observation.ts"
import type { Outbox } from "./core/outbox.ts"
import type { Ports, Store } from "./core/ports.ts"
import type { Application, Registry } from "./core/registry.ts"
import type { Account, Metering, MeterObject } from "./core/usage.ts"
import type { UserObject } from "./core/user-object.ts"
import type { Ticket } from "./database/leases.ts"
import { loadMembersIn } from "./database/memberships.ts"
import { loadTenants } from "./database/tenants.ts"
import { providerClientsOf } from "./declared-secrets.ts"
import type { FeedPorts } from "./feed/object.ts"
import type { Reader } from "./feed/tail.ts"
import type { WebhookPorts } from "./feed/webhooks/index.ts"
import { reachOf, reachOfName } from "./integrations/address.ts"
import { sendMail } from "./integrations/mail/index.ts"
import { outboundFetch } from "./integrations/outbound.ts"
import { dnsOverHttps } from "./integrations/resolve.ts"
import { type JobPorts, jobPump, type Schedule } from "./jobs/index.ts"
import { topicsReaderOf } from "./live.ts"
import type { LogPorts } from "./log/index.ts"
import { logObservation } from "./observability/log.ts"
import { deliverCommand } from "./server/commands.ts"
import { ids, random } from "./server/ids.ts"
import { feedObjectName, ghostObjectName, mailboxPrefix, meterObjectName, userObjectName } from "./server/keys.ts"
import type { LeaseRules } from "./server/leases.ts"
import { limiting } from "./server/limiter.ts"
import { type Deliverer, deliverer } from "./server/outbox.ts"
import { providerCache } from "./server/provider-cache.ts"
import { takeSetupCode } from "./server/setup.ts"
import { metering, meters, type UsagePorts, warnedMax, warner } from "./usage/index.ts"

/** What a runtime gives beside its bindings. */
export interface Runtime {
  readonly observe?: Observe
  /** Keeps work going after the answer. */
  waitUntil(work: Promise<unknown>): void
  /** The password hash in the place of Argon2id: tests count what is computed. */
  readonly derive?: Derive
  /** Asks for known breaches in the place of the network. */
  readonly fetchRange?: RangeFetch
  /** The clock in the place of the real one: tests hold it. */
  readonly now?: () => Date
  /** 0 to 1, in the place of chance. */
  readonly chance?: () => number
  /** The Cache API in the place of the real one; null: there is none. */
  readonly edge?: (() => Promise<Cache>) | null
  /** Resolves after so many milliseconds; tests do not wait. */
  readonly sleep?: (milliseconds: number) => Promise<void>
  /** How tokens of limits are leased, where it is not as ever: tests do not wait until leases lie idle. */
  readonly leases?: LeaseRules
  /** Whoever jobs and sign-in with others call, in the place of the network. */
  readonly outbound?: Outbound["fetch"]
}

/** What the ports of one isolate share. */
export interface World {
  readonly env: Env
  readonly config: Config
  readonly observe: Observe
  readonly objects: Objects
  readonly signing: SigningKeys
  readonly revocations: RevocationList
  /** Exact limits, with what this isolate has leased of them. */
  readonly limiter: Limiting
  readonly runtime: Runtime
  feed(): FeedObject
  touches(): TouchesObject
  now(): Date
  tell(where: string, cause: unknown): void
  behind(work: Promise<unknown>): void
}

/** The world over the bindings. */
export function worldOf(env: Env, config: Config, runtime: Runtime, rules: AccountRules): World {
  // A key that signs no more verifies until its last token is over: what isolates keep and the skew of clocks included.
  const keepSeconds = Math.max(defaultRotationRules.keepSeconds, rules.accessSeconds + 360)
  const observe = runtime.observe ?? logObservation
  const { now = () => new Date() } = runtime
  const tell = (where: string, cause: unknown) => observe({ kind: "fault", at: now().toISOString(), where, cause })
  const stub = (name: string) => env.USER.getByName(name) as unknown as UserObject
  // A stub belongs to the call that made it.
  const hub = () => env.HUB.getByName(hubObjectName) as unknown as HubObject
  const revocations = revocationList({
    source: { since: (version) => hub().since(version) },
    sleep: (milliseconds) => scheduler.wait(milliseconds),
    onFault: (cause) => tell("revocations", cause),
  })
  return {
    env,
    config,
    observe,
    now,
    tell,
    runtime,
    objects: {
      user: (id) => watched(stub(userObjectName(id)), revocations.doubt),
      ghost: (bucket) => stub(ghostObjectName(bucket)),
    },
    signing: signingKeys(
      { database: env.DB, sealer: sealer(config.rings.kek, random) },
      { ...defaultRotationRules, keepSeconds },
    ),
    revocations,
    limiter: limiting(
      { objects: env.LIMITER, verdicts: env.CACHE, now, tell: (cause) => tell("limiter", cause) },
      runtime.leases,
    ),
    feed: () => env.FEED.getByName(feedObjectName) as unknown as FeedObject,
    touches: () => env.HUB.getByName(touchesObjectName) as unknown as TouchesObject,
    behind: (work) => runtime.waitUntil(work.catch((cause) => tell("behind", cause))),
  }
}

/** How long somebody may take between the two halves of a flow. */
const flowMs = 10 * 60_000

/** The one way out: whoever a test puts in its place, or the network. */
export function outboundOf({ config, runtime }: World): Outbound["fetch"] {
  const call = (url: string, init: RequestInit) => fetch(url, init)
  return runtime.outbound ?? outboundFetch({ fetch: call, resolve: dnsOverHttps(call), loopback: config.callsLoopback })
}

/** What the account flows work with. */
export function accountPortsOf(world: World, application: Application): AccountPorts {
  const { env, config, runtime } = world
  const { derive = deriveArgon2, fetchRange = (url, init) => fetch(url, init) } = runtime
  const kek = sealer(config.rings.kek, random)
  return {
    ...world,
    title: application.title,
    passwords: passwords({ derive, sealer: sealer(config.rings.pepper, random), random }),
    refreshTokens: refreshTokens(config.rings.refresh),
    access: config.token,
    passkeys: config.passkeys,
    sealer: kek,
    states: flowStates(kek, flowMs),
    ids,
    random,
    apiKeys: config.development ? "test" : "live",
    countBreaches: (text) => countBreaches(normalisePassword(text) ?? "", fetchRange),
    takeSetupCode: (hash, now) => takeSetupCode(env.DB, hash, now),
    providers: {
      clients: providerClientsOf(env, application.accounts.providers, config),
      fetch: outboundOf(world),
      callsLoopback: config.callsLoopback,
      cache: providerCache(env.CACHE, (cause) => world.tell("provider cache", cause)),
      observe: world.observe,
    },
    origin: config.publicUrl,
    link: (page, token) => `${config.publicUrl}/account/${page}?token=${token}`,
  }
}

/** What keeping the log works with. */
export function logPortsOf({ env, config }: World): LogPorts {
  return { database: env.DB, ring: config.rings.kek, ...config.log }
}

/** What the feed works with. */
export function feedPortsOf(
  world: World,
  registry: Registry,
  outbox: Outbox,
  schedules: readonly Schedule[],
  more: readonly Reader[],
): FeedPorts {
  const { env, observe, now } = world
  const send = async (tickets: readonly Ticket[]) => {
    await env.JOBS.sendBatch(tickets.map((body) => ({ body, contentType: "json" })))
  }
  return {
    database: env.DB,
    readers: [topicsReaderOf(world, registry), ...more],
    pump: jobPump({ database: env.DB, ids, outbox, schedules, send }),
    observe,
    now,
  }
}

/** What webhooks work with. */
export function webhookPortsOf(
  { env, config, now }: World,
  parts: Pick<WebhookPorts, "title" | "outbox" | "openStore" | "poke">,
): WebhookPorts {
  return {
    ...parts,
    database: env.DB,
    sealer: sealer(config.rings.kek, random),
    development: config.development,
    mint: ids.mint,
    random,
    isPublicHost(hostname) {
      const reach = reachOf(hostname) ?? reachOfName(hostname)
      return reach === "public" || (reach === "loopback" && config.callsLoopback)
    },
    now,
  }
}

/** What running jobs takes. */
export function jobPortsOf(world: World, registry: Registry, pipeline: Ports): JobPorts {
  const { env, config, runtime } = world
  return {
    registry,
    pipeline,
    database: env.DB,
    sealer: sealer(config.rings.kek, random),
    outbound: outboundOf(world),
    sendMail: (id, mail) => sendMail(config.mail ?? { cache: env.CACHE, prefix: mailboxPrefix }, id, mail),
    chance: runtime.chance ?? Math.random,
  }
}

/** The outbox, and who takes what is in it. */
export function outboxOf({ env, config, observe, objects, behind, now }: World): Deliverer {
  return deliverer({
    database: env.DB,
    sealer: sealer(config.rings.kek, random),
    ids,
    observe,
    behind,
    now,
    deliver: (delivery) => deliverCommand(objects, delivery),
  })
}

/** What counts usage in an isolate, and what its operations work with. */
export function usageOf(
  world: World,
  { models, organizations, usage: rule }: Registry,
  parts: Pick<Ports, "memberships" | "poke"> & { readonly outbox: Outbox; openStore(): Store },
): { readonly metering: Metering; readonly ports: UsagePorts } {
  const { env, behind, now, runtime } = world
  const { sleep = (milliseconds) => scheduler.wait(milliseconds) } = runtime
  const meter = (account: Account) => env.METER.getByName(meterObjectName(account)) as unknown as MeterObject
  const warn = warner({ ...parts, ids, now })
  const counted = meters({
    meter,
    reporter: crypto.randomUUID(),
    behind,
    now,
    elapsed: () => performance.now(),
    sleep,
    onPassed: (account, passed, day) => {
      if (rule.warned.length > 0) behind(warn(account, passed, day))
    },
    onFault: (cause) => world.tell("usage", cause),
  })
  return {
    metering: metering({
      models,
      organizations,
      rule,
      meters: counted,
      memberships: parts.memberships,
      tenantsOf: (resource, records) => loadTenants(env.DB, models, resource, records),
      behind,
    }),
    ports: {
      meter,
      meters: counted,
      answerable: (organization) =>
        loadMembersIn(env.DB, models, organizations, { organization, roles: rule.warned, limit: warnedMax }),
    },
  }
}
