/** env -> Config, parsed once per isolate. The only reader of variables and secrets. Fails closed: what is missing is named, with the cure. */
import * as z from "zod"

/** The bindings of wrangler.toml, as the runtime gives them. */
export interface Env {
  readonly DB: D1Database
  readonly CACHE: KVNamespace
  readonly USER: DurableObjectNamespace
  readonly SHIELD: RateLimit
  readonly ASSETS?: Fetcher
  readonly ENVIRONMENT?: string
  readonly TOKEN_ISSUER?: string
  readonly TOKEN_AUDIENCE?: string
  readonly TOKEN_PUBLIC_KEYS?: string
  readonly CURSOR_SECRET?: string
  readonly CORS_ORIGINS?: string
}

/** What the engine goes by. */
export interface Config {
  readonly development: boolean
  readonly token: { readonly issuer: string; readonly audience: string; readonly keys: PublicKeys }
  /** HMAC key of list cursors, 32 bytes, base64url. */
  readonly cursorSecret: string
  readonly corsOrigins: readonly string[]
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

function text(env: Env, name: keyof Env, cure: string): string {
  const value = env[name]
  if (typeof value !== "string" || value === "") throw new ConfigError(`${name} is not set: ${cure}`)
  return value
}

function keysOf(env: Env): PublicKeys {
  const cure = "`npm start` writes one locally; in production set it with `wrangler secret put TOKEN_PUBLIC_KEYS`"
  const raw = text(env, "TOKEN_PUBLIC_KEYS", cure)
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

function parse(env: Env): Config {
  for (const name of ["DB", "CACHE", "USER", "SHIELD"] as const) {
    if (!env[name]) throw new ConfigError(`The binding ${name} is missing: declare it in wrangler.toml`)
  }
  const environment = text(env, "ENVIRONMENT", 'say "production" or "development"')
  if (environment !== "production" && environment !== "development")
    throw new ConfigError('ENVIRONMENT is neither "production" nor "development"')
  const cursorSecret = text(
    env,
    "CURSOR_SECRET",
    "32 random bytes as base64url; `npm start` writes one locally, in production `wrangler secret put CURSOR_SECRET`",
  )
  if (cursorSecret.length < 43) throw new ConfigError("CURSOR_SECRET is shorter than 32 bytes of base64url")
  return {
    development: environment === "development",
    token: {
      issuer: text(env, "TOKEN_ISSUER", "the iss of your access tokens, in wrangler.toml [vars]"),
      audience: text(env, "TOKEN_AUDIENCE", "the aud of your access tokens, in wrangler.toml [vars]"),
      keys: keysOf(env),
    },
    cursorSecret,
    corsOrigins: originsOf(env),
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
