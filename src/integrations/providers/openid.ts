/** Any provider that speaks OpenID Connect, by its issuer: Keycloak, Auth0, Okta, Entra of one tenant, a company's own. */
import * as z from "zod"
import { type OpenIdProvider, type ProviderOptions, providerOptions, type Vouched } from "../../core/provider.ts"

// The forms of these files are made when they are asked for: made at once, they would stand in every bundle, declared or not.

/** An address that is none counts as absent: it is only ever what somebody says. */
export const emailClaim = () => z.email().max(254).nullish().catch(null)

/** A name for people to read. */
export function nameClaim() {
  return z
    .string()
    .transform((text) => text.trim().slice(0, 100))
    .nullish()
    .catch(null)
    .transform((text) => text || null)
}

const claimsForm = () =>
  z.object({
    // OpenID Connect Core §2: at most 255 ASCII characters.
    sub: z.string().regex(/^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/),
    email: emailClaim(),
    // Some send "true": what is no truth value proves nothing.
    email_verified: z.boolean().nullish().catch(null),
    name: nameClaim(),
  })

/** What the standard claims say (OpenID Connect Core §5.1). */
export function standardClaims(claims: Readonly<Record<string, unknown>>): Omit<Vouched, "isAuthority"> {
  const { sub, email, email_verified, name } = claimsForm().parse(claims)
  return { subject: sub, email: email ?? null, isEmailProved: email_verified === true, name }
}

/** What `oidc()` takes. */
export interface OpenIdOptions extends ProviderOptions {
  /** In paths and variables: `acme` is served at /auth/acme/…, with the secrets ACME_CLIENT_ID and ACME_CLIENT_SECRET. */
  readonly name: string
  /** Its issuer identifier; discovery is below it. */
  readonly issuer: string
  /** What people read on the button; the name when left out. */
  readonly title?: string
  /** Default `openid email profile`. */
  readonly scopes?: readonly string[]
  /** Default `basic`. */
  readonly clientAuthentication?: "basic" | "post"
  /** Domains whose mailboxes the issuer speaks for: whoever it proves to have an address of them is given the account of that address. */
  readonly domains?: readonly string[]
}

/** Declares a provider by its issuer. */
export function oidc({ name, issuer, title = name, domains = [], ...options }: OpenIdOptions): OpenIdProvider {
  const own = new Set(domains.map((domain) => domain.toLowerCase()))
  return {
    protocol: "openid",
    name,
    title,
    issuer,
    scopes: options.scopes ?? ["openid", "email", "profile"],
    clientAuthentication: options.clientAuthentication ?? "basic",
    takesPkce: true,
    echoesNonce: true,
    ...providerOptions(options),
    vouch(claims) {
      const vouched = standardClaims(claims)
      return { ...vouched, isAuthority: own.has(vouched.email?.split("@").at(-1)?.toLowerCase() ?? "") }
    },
  }
}
