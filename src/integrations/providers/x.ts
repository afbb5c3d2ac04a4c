/** X (formerly Twitter), by OAuth 2.0 and its API v2. */
import * as z from "zod"
import { type OAuthProvider, type ProviderOptions, providerOptions } from "../../core/provider.ts"
import { emailClaim, nameClaim } from "./openid.ts"

const answerForm = () =>
  z.object({
    data: z.object({
      id: z.string().regex(/^\d{1,40}$/),
      name: nameClaim(),
      username: z.string(),
      confirmed_email: emailClaim(),
    }),
  })

/**
 * Sign-in with X: X_CLIENT_ID, X_CLIENT_SECRET. Addresses come only to apps that have "Request email from users" switched on; without one nobody
 * new can sign up this way.
 */
export function x(options: ProviderOptions = {}): OAuthProvider {
  return {
    protocol: "oauth",
    name: "x",
    title: "X",
    issuer: "https://x.com",
    authorizationEndpoint: "https://x.com/i/oauth2/authorize",
    tokenEndpoint: "https://api.x.com/2/oauth2/token",
    // Without tweet.read the API refuses users.read.
    scopes: ["users.read", "users.email", "tweet.read"],
    clientAuthentication: "basic",
    takesPkce: true,
    ...providerOptions(options),
    async vouch({ get }) {
      const { data } = answerForm().parse(await get("https://api.x.com/2/users/me?user.fields=confirmed_email"))
      return {
        subject: data.id,
        email: data.confirmed_email ?? null,
        isEmailProved: data.confirmed_email != null,
        isAuthority: false,
        name: data.name ?? data.username,
      }
    },
  }
}
