/** GitHub, by OAuth 2.0: it has no ID tokens, so its interface says who somebody is. */
import * as z from "zod"
import { type OAuthProvider, type ProviderOptions, providerOptions } from "../../core/provider.ts"
import { emailClaim, nameClaim } from "./openid.ts"

// The login can be changed, and given to somebody else; the number cannot.
const userForm = () => z.object({ id: z.int().positive(), login: z.string(), name: nameClaim() })
const emailsForm = () => z.array(z.object({ email: emailClaim(), primary: z.boolean(), verified: z.boolean() }))

/** Sign-in with GitHub: GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET. The issuer is the one that GitHub names in its answers (RFC 9207). */
export function github(options: ProviderOptions = {}): OAuthProvider {
  return {
    protocol: "oauth",
    name: "github",
    title: "GitHub",
    issuer: "https://github.com/login/oauth",
    authorizationEndpoint: "https://github.com/login/oauth/authorize",
    tokenEndpoint: "https://github.com/login/oauth/access_token",
    scopes: ["read:user", "user:email"],
    clientAuthentication: "post",
    takesPkce: true,
    ...providerOptions(options),
    async vouch({ get }) {
      const user = userForm().parse(await get("https://api.github.com/user"))
      const emails = emailsForm().parse(await get("https://api.github.com/user/emails"))
      const main = emails.find(({ primary }) => primary)
      return {
        subject: String(user.id),
        email: main?.email ?? null,
        isEmailProved: main?.verified === true,
        isAuthority: false,
        name: user.name ?? user.login,
      }
    },
  }
}
