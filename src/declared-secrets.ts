/** The secrets that declarations name: of inbound webhooks, and of the providers that vouch for people. Read when the application starts. */
import { type Config, ConfigError, type Env, requiredText } from "./config.ts"
import type { Inbound } from "./core/inbound.ts"
import { clientVariables, type Provider } from "./core/provider.ts"

/** `whsec_` and base64 of 24 to 64 bytes (Standard Webhooks, "Signature scheme"). */
const standardSecret = /^whsec_[A-Za-z0-9+/]{32,86}={0,2}$/

/**
 * The secrets that inbound webhooks name, by the name of their variable.
 * @throws ConfigError when one is not set or is none
 */
export function inboundSecretsOf(env: Env, inbound: readonly Inbound[]): ReadonlyMap<string, string> {
  return new Map(
    inbound.map(({ name, verify }) => {
      const cure = `the secret of the inbound webhook ${name}; \`wrangler secret put ${verify.secret}\`, locally in .dev.vars`
      const value = requiredText(env, verify.secret as keyof Env, cure)
      if (verify.kind === "standard" && !standardSecret.test(value))
        throw new ConfigError(`${verify.secret} is not whsec_ and the base64 of 24 to 64 bytes`)
      if (verify.kind === "hmac" && value.length < 16)
        throw new ConfigError(`${verify.secret} is shorter than 16 characters: anybody could guess it`)
      return [verify.secret, value] as const
    }),
  )
}

/**
 * What the providers know the application by, by their names.
 * @throws ConfigError when a declared provider has no client id or secret, or an issuer that nobody could trust
 */
export function providerClientsOf(
  env: Env,
  providers: readonly Provider[],
  { callsLoopback }: Pick<Config, "callsLoopback">,
): ReadonlyMap<string, { readonly id: string; readonly secret: string }> {
  return new Map(
    providers.map((provider) => {
      if (provider.issuer.startsWith("http:") && !callsLoopback)
        throw new ConfigError(
          `The issuer of ${provider.name} is no https address; for one on this machine set OUTBOUND_PRIVATE="allow" in .dev.vars`,
        )
      const names = clientVariables(provider)
      const cure = (name: string) =>
        `${provider.title} gives it to an application that is registered there; \`wrangler secret put ${name}\`, locally in .dev.vars, or remove ${provider.name} from accounts.providers`
      const read = (name: string) => requiredText(env, name as keyof Env, cure(name))
      return [provider.name, { id: read(names.id), secret: read(names.secret) }] as const
    }),
  )
}
