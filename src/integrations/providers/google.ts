/** Google, by OpenID Connect. */
import * as z from "zod"
import type { OpenIdProvider, ProviderOptions } from "../../core/provider.ts"
import { oidc, standardClaims } from "./openid.ts"

const hostedForm = () => z.object({ hd: z.string().min(1).nullish() })

/**
 * Sign-in with Google: GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET. Google speaks for gmail.com and for the domains that it hosts, which it names in
 * `hd`; an address elsewhere it has proved once, and may belong to somebody else by now.
 */
export function google(options: ProviderOptions = {}): OpenIdProvider {
  return {
    ...oidc({ ...options, name: "google", title: "Google", issuer: "https://accounts.google.com" }),
    vouch(claims) {
      const vouched = standardClaims(claims)
      const { hd } = hostedForm().parse(claims)
      return { ...vouched, isAuthority: hd != null || /@gmail\.com$/i.test(vouched.email ?? "") }
    },
  }
}
