/** Access tokens signed with the Worker's own key, as nobody outside could: every claim can be bent for the tests that expect a refusal. */
import { env } from "cloudflare:workers"
import { importJWK, type JWTPayload, SignJWT } from "jose"
import { sealer } from "../../src/authentication/seal.ts"
import { parseKeyRing } from "../../src/core/sealing.ts"

/** The current signing key, opened as the Worker opens it. */
export async function currentKey(): Promise<{ kid: string; key: CryptoKey; publicJwk: Record<string, string> }> {
  const row = await env.DB.prepare(
    `select "kid", "publicJwk", "sealedPrivate" from "signing_keys" where "state" = 'current'`,
  ).first<{ kid: string; publicJwk: string; sealedPrivate: string }>()
  if (row === null) throw new Error("There is no signing key: sign somebody in first")
  const kek = sealer(parseKeyRing(env.KEK ?? ""), (length) => crypto.getRandomValues(new Uint8Array(length)))
  const text = await kek.open("signing-key", row.kid, row.sealedPrivate)
  const key = (await importJWK(JSON.parse(text ?? ""), "EdDSA")) as CryptoKey
  return { kid: row.kid, key, publicJwk: JSON.parse(row.publicJwk) }
}

/** The claims of a token of ours for somebody. */
export function ownClaims(who: { readonly id: string; readonly sessionId: string }): JWTPayload {
  const at = Math.floor(Date.now() / 1000)
  const { TOKEN_ISSUER: iss, TOKEN_AUDIENCE: aud } = env
  const session = { sid: who.sessionId, epoch: 1, auth_time: at, amr: ["pwd"], roles: [] }
  return { iss, aud, sub: who.id, iat: at, exp: at + 600, ...session }
}

/**
 * Signs claims.
 * @param header changes to `{ alg: "EdDSA", typ: "at+jwt", kid: <current> }`
 * @param signer another key than the current one
 */
export async function signOwn(
  claims: JWTPayload,
  header: Record<string, unknown> = {},
  signer?: CryptoKey | Uint8Array,
): Promise<string> {
  const { kid, key } = await currentKey()
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid, ...header } as never)
    .sign(signer ?? key)
}
