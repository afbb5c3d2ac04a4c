/** A real identity provider: the npm package oidc-provider, certified OpenID Connect, with its own pages for sign-in and consent. */
import { exportJWK, generateKeyPair } from "jose"
import Provider from "oidc-provider"
import { type Listening, listen } from "./sockets.ts"

/** What the application is known by there. */
export const acmeClient = { id: "selvage-e2e", secret: "a secret of-the_suite: with signs" }

/** Whoever signs in there has the claims that stand behind their login; the login itself is the subject. */
export type People = Map<string, object>

/**
 * Starts it.
 * @param application origin of the application, where it sends people back to
 */
export async function startProvider(people: People, application: string): Promise<Listening> {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true })
  const jwk = { ...(await exportJWK(privateKey)), kid: "e2e", alg: "RS256", use: "sig" }
  return listen((issuer) => {
    const provider = new Provider(issuer, {
      clients: [
        {
          client_id: acmeClient.id,
          client_secret: acmeClient.secret,
          redirect_uris: [`${application}/auth/acme/callback`, "http://127.0.0.1:1/native"],
          grant_types: ["authorization_code"],
          response_types: ["code"],
        },
      ],
      claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
      features: { devInteractions: { enabled: true } },
      cookies: { keys: ["a key of this run"] },
      jwks: { keys: [jwk] },
      ttl: { AccessToken: 60, AuthorizationCode: 60, IdToken: 60, Grant: 600, Interaction: 600, Session: 600 },
      findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...people.get(id) }) }),
    })
    return provider.callback()
  })
}
