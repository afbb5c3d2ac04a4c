/** The authorization server of an isolate: its rules, and where clients are kept. Only composition; nothing is decided here. */
import type { AccountPorts } from "./authentication/account.ts"
import { authorizeOperations } from "./authentication/oauth/authorize.ts"
import type { ClientStore } from "./authentication/oauth/clients.ts"
import { exchangeOperations, registrationSeconds } from "./authentication/oauth/exchange.ts"
import type { OAuthFlow } from "./authentication/oauth/flow.ts"
import { hashSecret } from "./authentication/token.ts"
import { type AuthorizationRules, resourcePaths } from "./core/oauth.ts"
import { type Application, type CompiledOperation, internalOperation, type Registry } from "./core/registry.ts"
import { defaultScope, scopesOf } from "./core/scopes.ts"
import { isServed } from "./doors.ts"
import { oauthClientKey, oauthDocumentKey } from "./server/keys.ts"
import { outboundOf, type World } from "./world.ts"

/** A code is redeemed by the program that the browser has just been sent to: a minute is long. */
const codeSeconds = 60
/** An access token is void at once when its grant ends, so it may live longer than a session's. */
const accessSeconds = 3600

/** What the doors of the authorization server are made with. */
export interface OAuthParts {
  readonly rules: AuthorizationRules
  /** Its operations, by name: no other door resolves them. */
  readonly operations: ReadonlyMap<string, CompiledOperation>
  /** Every scope, and what a program gets that asks for none. */
  readonly scopes: readonly string[]
  readonly defaultScope: string
}

function clientStore(world: World): ClientStore {
  const { CACHE } = world.env
  const documentKey = async (address: string) => oauthDocumentKey(await hashSecret(new TextEncoder().encode(address)))
  return {
    registered: (id) => CACHE.get(oauthClientKey(id)),
    keepRegistered: (id, record) => CACHE.put(oauthClientKey(id), record, { expirationTtl: registrationSeconds }),
    described: async (address) => CACHE.get(await documentKey(address)),
    keepDescribed: async (address, record, seconds) =>
      CACHE.put(await documentKey(address), record, { expirationTtl: seconds }),
    fetch: outboundOf(world),
  }
}

/** The authorization server over the bindings. */
export function oauthPartsOf(
  world: World,
  application: Application,
  accounts: AccountPorts,
  registry: Pick<Registry, "operations">,
): OAuthParts {
  const issuer = world.config.publicUrl
  const { idleSeconds, hardSeconds } = application.accounts.session
  const resources = [resourcePaths.whole, ...(isServed("mcp", world.config.doorsOff) ? [resourcePaths.mcp] : [])].map(
    (path) => issuer + path,
  )
  const rules: AuthorizationRules = { issuer, resources, codeSeconds, accessSeconds, idleSeconds, hardSeconds }
  const scopes = scopesOf(registry.operations.values())
  const flow: OAuthFlow = {
    rules: application.accounts,
    ports: () => accounts,
    authorization: rules,
    clients: clientStore(world),
    scopes: () => scopes,
  }
  const operations = [...authorizeOperations(flow), ...exchangeOperations(flow)]
  return {
    rules,
    operations: new Map(operations.map((operation) => [operation.name, internalOperation(operation)])),
    scopes,
    defaultScope,
  }
}
