/** Which door a request is for, and the doors that need nothing but the world: people's, programs', and those that are loaded late. */
import { inboundDoor } from "./api/inbound/index.ts"
import { oauthDoor } from "./api/oauth/index.ts"
import { isPage, pagesDoor } from "./api/pages/index.ts"
import { isSocket } from "./api/websocket/index.ts"
import type { AccountPorts } from "./authentication/account.ts"
import { run } from "./core/pipeline.ts"
import type { Ports } from "./core/ports.ts"
import type { Application, Registry } from "./core/registry.ts"
import { inboundSecretsOf } from "./declared-secrets.ts"
import { type DoorOptions, laterDoors } from "./doors.ts"
import { readMailbox } from "./integrations/mail/index.ts"
import { oauthPartsOf } from "./oauth.ts"
import { mailboxPrefix } from "./server/keys.ts"
import { keptQueries } from "./server/queries.ts"
import type { World } from "./world.ts"

/** What every door works with. */
interface Shared {
  readonly registry: Registry
  readonly ports: Ports
  /** A new request id, for callers that bring none. */
  requestId(): string
}

type Fetch = (request: Request) => Promise<Response>
/** null: the request is not for it. */
type Perhaps = (request: Request) => Promise<Response> | null

/** Where people come in, where they let programs in, and where others tell us something. null: a request of none of these. */
export function entranceOf(world: World, application: Application, accounts: AccountPorts, shared: Shared): Perhaps {
  const { env, config } = world
  const mailbox = config.mail === null ? () => readMailbox({ cache: env.CACHE, prefix: mailboxPrefix }) : null
  const oauth = oauthPartsOf(world, application, accounts, shared.registry)
  const programs = oauthDoor({ ...shared, ...oauth })
  const pages = pagesDoor({ ...shared, rules: application.accounts, mailbox, internal: oauth.operations })
  const inbound = inboundDoor({ ...shared, secrets: inboundSecretsOf(env, application.inbound) })
  return (request) => (isPage(request) ? pages(request) : (programs(request) ?? inbound(request)))
}

/** The doors that are loaded by their first call. null: a request of none of these. */
export function laterOf(
  { env, config, behind, tell }: World,
  { registry, ports, requestId }: Shared,
  live: DoorOptions["live"],
): Perhaps {
  return laterDoors(
    {
      registry,
      requestId,
      live,
      origin: config.publicUrl,
      corsOrigins: config.corsOrigins,
      introspection: config.introspection,
      tell,
      hash: ports.hash,
      behind,
      queries: keptQueries(env.CACHE, behind, ports.hash),
      call: (door, wire, arrival) => run(registry, ports, door, wire, arrival),
      async admit(credentials) {
        await ports.limitAddress(credentials.address)
        return ports.authenticate(credentials, ports.now())
      },
    },
    config.doorsOff,
  )
}

/** The door of each request. What a runtime that died left undelivered is taken up by the next one, with its first call. */
export function routing(
  doors: { /** null: it is switched off. */ sockets: Fetch | null; entrance: Perhaps; later: Perhaps; rest: Fetch },
  wake: () => void,
): Fetch {
  let isFirst = true
  return (request) => {
    if (isFirst) wake()
    isFirst = false
    if (doors.sockets !== null && isSocket(request)) return doors.sockets(request)
    return doors.entrance(request) ?? doors.later(request) ?? doors.rest(request)
  }
}
