/** People who call: users of their own for each test file, with tokens of the test key. Nobody shares an organization across files. */
import { env } from "cloudflare:workers"
import { importJWK, SignJWT } from "jose"
import { typeid } from "typeid-js"

/** Somebody who calls. */
export interface Actor {
  readonly id: string
  readonly name: string
  readonly token: string
}

const signingKey = JSON.parse(env.TEST_SIGNING_KEY) as { kid: string; [key: string]: unknown }

/** An access token; every claim can be bent for the tests that expect a refusal. */
export async function mintToken(
  subject: string,
  options: {
    roles?: readonly string[]
    expiresIn?: number
    issuer?: string
    audience?: string
    type?: string
    kid?: string
    /** Who acts in the subject's name (RFC 8693 §4.1). */
    actor?: string
  } = {},
): Promise<string> {
  const at = Math.floor(Date.now() / 1000)
  const act = options.actor === undefined ? {} : { act: { sub: options.actor } }
  return new SignJWT({ roles: options.roles ?? [], ...act })
    .setProtectedHeader({ alg: "EdDSA", typ: options.type ?? "at+jwt", kid: options.kid ?? signingKey.kid })
    .setIssuer(options.issuer ?? env.TOKEN_ISSUER)
    .setAudience(options.audience ?? env.TOKEN_AUDIENCE)
    .setSubject(subject)
    .setIssuedAt(at - 1)
    .setExpirationTime(at + (options.expiresIn ?? 600))
    .sign(await importJWK(signingKey, "EdDSA"))
}

/** A new user, in the database and with a token. */
export async function newActor(name: string, roles: readonly string[] = []): Promise<Actor> {
  const id = typeid("user").toString()
  const at = new Date().toISOString()
  await env.DB.prepare(
    'insert into "users" ("id", "version", "createdAt", "updatedAt", "email", "name", "roles", "status") values (?, 1, ?, ?, ?, ?, ?, ?)',
  )
    .bind(id, at, at, `${id}@example.com`, name, JSON.stringify(roles), "active")
    .run()
  return { id, name, token: await mintToken(id, { roles }) }
}
