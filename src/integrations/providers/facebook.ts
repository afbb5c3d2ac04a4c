/** Facebook, by OAuth 2.0 and the Graph API. */
import * as z from "zod"
import { type OAuthProvider, type ProviderOptions, providerOptions } from "../../core/provider.ts"
import { emailClaim, nameClaim } from "./openid.ts"

const personForm = () => z.object({ id: z.string().regex(/^\d{1,40}$/), name: nameClaim(), email: emailClaim() })

const version = "v24.0"

/** What `facebook()` takes. */
export interface FacebookOptions extends ProviderOptions {
  /**
   * `"proved"`: trusts that Facebook tells only addresses that it proved, which it does not document; people can then sign up with it. Default
   * `"unproved"`: they link Facebook to an account that they have.
   */
  readonly email?: "proved" | "unproved"
}

/** Sign-in with Facebook: FACEBOOK_CLIENT_ID (the app's id), FACEBOOK_CLIENT_SECRET. It documents PKCE for its OpenID variant alone. */
export function facebook({ email = "unproved", ...options }: FacebookOptions = {}): OAuthProvider {
  return {
    protocol: "oauth",
    name: "facebook",
    title: "Facebook",
    issuer: "https://www.facebook.com",
    authorizationEndpoint: `https://www.facebook.com/${version}/dialog/oauth`,
    tokenEndpoint: `https://graph.facebook.com/${version}/oauth/access_token`,
    scopes: ["public_profile", "email"],
    clientAuthentication: "post",
    takesPkce: false,
    ...providerOptions(options),
    async vouch({ get, proof }) {
      // The proof shows that the token is used by whom it was made for; apps may be set to ask for it.
      const query = new URLSearchParams({ fields: "id,name,email", appsecret_proof: await proof() })
      const person = personForm().parse(await get(`https://graph.facebook.com/${version}/me?${query}`))
      return {
        subject: person.id,
        email: person.email ?? null,
        isEmailProved: email === "proved" && person.email != null,
        isAuthority: false,
        name: person.name,
      }
    },
  }
}
