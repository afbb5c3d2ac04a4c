/**
 * env -> Config, parsed once per isolate. The only reader of variables and secrets, but for those that declarations name (declared-secrets.ts). Fails
 * closed: what is missing is named, with the cure.
 */
import * as z from "zod"
import { type KeyRing, parseKeyRing } from "./core/sealing.ts"

/** The bindings of wrangler.toml, as the runtime gives them. */
export interface Env {
  readonly DB: D1Database
  readonly CACHE: KVNamespace
  readonly USER: DurableObjectNamespace
  readonly HUB: DurableObjectNamespace
  readonly LIMITER: DurableObjectNamespace
  readonly FEED: DurableObjectNamespace
  readonly TOPIC: DurableObjectNamespace
  readonly METER: DurableObjectNamespace
  readonly JOBS: Queue
  readonly SHIELD: RateLimit
  readonly ASSETS?: Fetcher
  /** Which build this is: each has cached answers of its own. */
  readonly VERSION?: WorkerVersionMetadata
  readonly ENVIRONMENT?: string
  readonly TOKEN_ISSUER?: string
  readonly TOKEN_AUDIENCE?: string
  readonly TOKEN_PUBLIC_KEYS?: string
  readonly CURSOR_SECRET?: string
  readonly PEPPER?: string
  readonly KEK?: string
  readonly REFRESH?: string
  readonly PUBLIC_URL?: string
  readonly PASSKEY_RP_ID?: string
  readonly MAIL?: SendEmail
  readonly MAIL_FROM?: string
  readonly CORS_ORIGINS?: string
  readonly LOG_RETENTION_DAYS?: string
  readonly ARCHIVE?: R2Bucket
  readonly OUTBOUND_PRIVATE?: string
  readonly DOORS_OFF?: string
  readonly GRAPHQL_INTROSPECTION?: string
}

/** What the engine goes by. */
export interface Config {
  readonly development: boolean
  /** `keys`: those of another issuer that is trusted beside ourselves; null: none is. */
  readonly token: { readonly issuer: string; readonly audience: string; readonly keys: PublicKeys | null }
  /** Seals passwords, seals keys and letters, makes refresh tokens. */
  readonly rings: { readonly pepper: KeyRing; readonly kek: KeyRing; readonly refresh: KeyRing }
  /** Origin that letters lead to. */
  readonly publicUrl: string
  /** The site that passkeys are for (WebAuthn: RP ID), and the origins of its pages. */
  readonly passkeys: { readonly rpId: string; readonly origins: readonly string[] }
  /** null in development: letters go to the mailbox page. */
  readonly mail: { readonly binding: SendEmail; readonly from: string } | null
  /** HMAC key of list cursors, 32 bytes, base64url. */
  readonly cursorSecret: string
  readonly corsOrigins: readonly string[]
  /** `days` null: events stay for ever. With days there is an archive. */
  readonly log: { readonly days: number | null; readonly archive: R2Bucket | null }
  /** Jobs and webhooks may call this machine. */
  readonly callsLoopback: boolean
  /** Names of doors that are switched off. */
  readonly doorsOff: readonly string[]
  /** GraphQL tells its schema, and gives browsers GraphiQL. */
  readonly introspection: boolean
}

/** A JWK set of Ed25519 public keys (RFC 7517, RFC 8037). */
export interface PublicKeys {
  keys: { kty: "OKP"; crv: "Ed25519"; kid: string; x: string }[]
}

/** A configuration that cannot be served from. `message` names the variable and the cure, never a value. */
export class ConfigError extends Error {
  override readonly name = "ConfigError"
}

const publicKeys = z.object({
  keys: z
    .array(
      z.object({
        kty: z.literal("OKP"),
        crv: z.literal("Ed25519"),
        kid: z.string().min(1),
        x: z.base64url(),
        d: z.undefined().optional(),
      }),
    )
    .min(1),
})

/**
 * A variable or secret that has to be there.
 * @param cure what it is, and how it is set
 * @throws ConfigError when it is not
 */
export function requiredText(env: Env, name: keyof Env, cure: string): string {
  const value = env[name]
  if (typeof value !== "string" || value === "") throw new ConfigError(`${name} is not set: ${cure}`)
  return value
}

function keysOf(env: Env): PublicKeys | null {
  const raw = env.TOKEN_PUBLIC_KEYS
  if (raw === undefined || raw === "") return null
  let json: unknown
  try {
    json = JSON.parse(raw)
  } catch {
    throw new ConfigError("TOKEN_PUBLIC_KEYS is not JSON: it is a JWK set of Ed25519 public keys")
  }
  const parsed = publicKeys.safeParse(json)
  if (!parsed.success)
    throw new ConfigError(
      "TOKEN_PUBLIC_KEYS is not a JWK set of Ed25519 public keys with kid (and without the private part d)",
    )
  return { keys: parsed.data.keys.map(({ kty, crv, kid, x }) => ({ kty, crv, kid, x })) }
}

function ringOf(env: Env, name: "PEPPER" | "KEK" | "REFRESH"): KeyRing {
  const cure = `a key ring; \`npm start\` writes one locally, in production \`npm run -s ring | wrangler secret put ${name}\``
  try {
    return parseKeyRing(requiredText(env, name, cure))
  } catch (fault) {
    if (fault instanceof ConfigError || !(fault instanceof Error)) throw fault
    throw new ConfigError(`${name} ${fault.message}`)
  }
}

function publicUrlOf(env: Env, development: boolean): string {
  const url = development
    ? env.PUBLIC_URL || "http://localhost:8787"
    : requiredText(
        env,
        "PUBLIC_URL",
        "the origin that letters lead to, such as https://example.com, in wrangler.toml [vars]",
      )
  if (!URL.canParse(url) || new URL(url).origin !== url)
    throw new ConfigError("PUBLIC_URL is not an origin, such as https://example.com")
  return url
}

/** A passkey is for a host and what is below it; a page elsewhere cannot use it. */
function passkeysOf(env: Env, publicUrl: string, origins: readonly string[]): Config["passkeys"] {
  const host = new URL(publicUrl).hostname
  const rpId = env.PASSKEY_RP_ID || host
  const isWithin = (name: string) => name === rpId || name.endsWith(`.${rpId}`)
  if (!/^[a-z0-9.-]+$/.test(rpId) || !isWithin(host))
    throw new ConfigError(
      `PASSKEY_RP_ID is not the host of PUBLIC_URL (${host}) or a domain above it, such as example.com for https://api.example.com`,
    )
  return { rpId, origins: [publicUrl, ...origins.filter((origin) => isWithin(new URL(origin).hostname))] }
}

function mailOf(env: Env, development: boolean): Config["mail"] {
  if (development) return null
  if (!env.MAIL)
    throw new ConfigError(
      "The binding MAIL is missing: declare [[send_email]] in wrangler.toml, without it no letter leaves",
    )
  return {
    binding: env.MAIL,
    from: requiredText(env, "MAIL_FROM", "the sender of letters, an address of your domain, in wrangler.toml [vars]"),
  }
}

function logOf(env: Env): Config["log"] {
  const text = env.LOG_RETENTION_DAYS ?? ""
  if (text === "") return { days: null, archive: env.ARCHIVE ?? null }
  const days = Number(text)
  if (!/^\d{1,5}$/.test(text) || days < 7)
    throw new ConfigError("LOG_RETENTION_DAYS is not a whole number of days, 7 at least; empty: events stay for ever")
  if (!env.ARCHIVE)
    throw new ConfigError(
      "The binding ARCHIVE is missing: LOG_RETENTION_DAYS takes [[r2_buckets]] in wrangler.toml, where old events go",
    )
  return { days, archive: env.ARCHIVE }
}

function originsOf(env: Env): readonly string[] {
  const origins = (env.CORS_ORIGINS ?? "")
    .split(",")
    .map((origin) => origin.trim())
    .filter((origin) => origin !== "")
  for (const origin of origins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      throw new ConfigError("CORS_ORIGINS holds what is not an origin, such as https://app.example.com")
  }
  return origins
}

/** The doors that are loaded by their first call; doors.ts has them. */
export const doorNames = ["graphql", "grpc", "mcp", "soap", "websocket"] as const

function doorsOff(env: Env): readonly string[] {
  const names = (env.DOORS_OFF ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "")
  for (const name of names)
    if (!(doorNames as readonly string[]).includes(name))
      throw new ConfigError(
        `DOORS_OFF holds what is no door that can be switched off; those are ${doorNames.join(", ")}`,
      )
  return names
}

/** Development tells its schema; elsewhere it is switched on. */
function introspection(env: Env, development: boolean): boolean {
  const value = env.GRAPHQL_INTROSPECTION ?? ""
  if (!["", "on", "off"].includes(value))
    throw new ConfigError('GRAPHQL_INTROSPECTION is "on" or "off"; left out, development alone has it on')
  return value === "" ? development : value === "on"
}

function callsLoopback(env: Env, development: boolean): boolean {
  const value = env.OUTBOUND_PRIVATE ?? ""
  if (value === "") return false
  if (value !== "allow") throw new ConfigError('OUTBOUND_PRIVATE is "allow" or not set')
  if (!development)
    throw new ConfigError(
      "OUTBOUND_PRIVATE is for local trials: in production nobody may have us call ourselves; remove it",
    )
  return true
}

function parse(env: Env): Config {
  for (const name of ["DB", "CACHE", "USER", "HUB", "LIMITER", "FEED", "TOPIC", "METER", "JOBS", "SHIELD"] as const) {
    if (!env[name]) throw new ConfigError(`The binding ${name} is missing: declare it in wrangler.toml`)
  }
  const environment = requiredText(env, "ENVIRONMENT", 'say "production" or "development"')
  if (environment !== "production" && environment !== "development")
    throw new ConfigError('ENVIRONMENT is neither "production" nor "development"')
  const cursorSecret = requiredText(
    env,
    "CURSOR_SECRET",
    "32 random bytes as base64url; `npm start` writes one locally, in production `wrangler secret put CURSOR_SECRET`",
  )
  if (cursorSecret.length < 43) throw new ConfigError("CURSOR_SECRET is shorter than 32 bytes of base64url")
  const development = environment === "development"
  const publicUrl = publicUrlOf(env, development)
  const corsOrigins = originsOf(env)
  return {
    development,
    token: {
      issuer: requiredText(env, "TOKEN_ISSUER", "the iss of your access tokens, in wrangler.toml [vars]"),
      audience: requiredText(env, "TOKEN_AUDIENCE", "the aud of your access tokens, in wrangler.toml [vars]"),
      keys: keysOf(env),
    },
    rings: { pepper: ringOf(env, "PEPPER"), kek: ringOf(env, "KEK"), refresh: ringOf(env, "REFRESH") },
    publicUrl,
    passkeys: passkeysOf(env, publicUrl, corsOrigins),
    mail: mailOf(env, development),
    cursorSecret,
    corsOrigins,
    log: logOf(env),
    callsLoopback: callsLoopback(env, development),
    doorsOff: doorsOff(env),
    introspection: introspection(env, development),
  }
}

const parsed = new WeakMap<object, Config>()

/**
 * The configuration of an isolate, parsed on first use.
 * @throws ConfigError when a binding, variable or secret is missing or malformed
 */
export function configOf(env: Env): Config {
  let config = parsed.get(env)
  if (!config) parsed.set(env, (config = parse(env)))
  return config
}
