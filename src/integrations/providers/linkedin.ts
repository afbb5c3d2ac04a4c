/** LinkedIn, by OpenID Connect, as far as it keeps to it. */
import type { OpenIdProvider, ProviderOptions } from "../../core/provider.ts"
import { oidc } from "./openid.ts"

/**
 * Sign-in with LinkedIn: LINKEDIN_CLIENT_ID, LINKEDIN_CLIENT_SECRET. It refuses a code verifier from web applications and leaves the nonce out
 * of its ID tokens, so state and the sealed flow alone tie its answer to the browser.
 */
export function linkedin(options: ProviderOptions = {}): OpenIdProvider {
  const issuer = "https://www.linkedin.com/oauth"
  const declared = oidc({ ...options, name: "linkedin", title: "LinkedIn", issuer, clientAuthentication: "post" })
  return { ...declared, takesPkce: false, echoesNonce: false }
}
