/**
 * An identity provider: who vouches for people who sign in elsewhere. The declaration, as data; `integrations/providers` has one file for each
 * that is known, `authentication/providers` speaks with them. Refuses names that could not stand in an address and a variable.
 */

/** What a provider says of somebody who proved to it who they are. */
export interface Vouched {
  /** Never given to another person by this issuer, and never an e-mail address, which moves from one person to the next. */
  readonly subject: string
  readonly email: string | null
  /** The provider says that it proved the address. */
  readonly isEmailProved: boolean
  /** The provider runs the mailbox, or speaks for the domain: what it says of the address is true today, not only once. */
  readonly isAuthority: boolean
  readonly name: string | null
}

/** Asks a provider of whoever just signed in there. */
export interface Asking {
  /** The JSON at an address of the provider, asked for with the access token. */
  get(url: string): Promise<unknown>
  /** HMAC-SHA256 of the access token under the client secret, hex. */
  proof(): Promise<string>
}

/** What every provider has. */
interface ProviderBase {
  /** In paths, and in capitals in the names of its secrets. */
  readonly name: string
  /** For people. */
  readonly title: string
  /** Issuer identifier (RFC 8414 §2). With the subject it is who somebody is, so it must never change. */
  readonly issuer: string
  readonly scopes: readonly string[]
  /** How the client proves itself at the token endpoint (RFC 6749 §2.3.1). */
  readonly clientAuthentication: "basic" | "post"
  /** False for a provider that refuses PKCE (RFC 7636). */
  readonly takesPkce: boolean
  /** Whether somebody who is new gets an account. */
  readonly signUp: "open" | "closed"
  /** Addresses beside the engine's own that the provider may send a client back to, letter by letter. */
  readonly redirectUris: readonly string[]
}

/** A provider that speaks OpenID Connect: found by discovery, proved by signed ID tokens. */
export interface OpenIdProvider extends ProviderBase {
  readonly protocol: "openid"
  /** False for a provider that leaves the nonce out of its ID tokens, against OpenID Connect Core §3.1.3.7. */
  readonly echoesNonce: boolean
  /** Reads the claims of a validated ID token, with those of UserInfo. Throws for what is none of the provider's. */
  vouch(claims: Readonly<Record<string, unknown>>): Vouched
}

/** A provider that speaks OAuth 2.0 alone: who somebody is, it tells by its own interface. */
export interface OAuthProvider extends ProviderBase {
  readonly protocol: "oauth"
  readonly authorizationEndpoint: string
  readonly tokenEndpoint: string
  /** Asks who it is. Throws for an answer that is none of the provider's. */
  vouch(asking: Asking): Promise<Vouched>
}

/** A declared provider. */
export type Provider = OpenIdProvider | OAuthProvider

/** What may be said of any provider. */
export interface ProviderOptions {
  /** `"closed"`: only who has an account comes in this way; nobody gets one. Default `"open"`. */
  readonly signUp?: "open" | "closed"
  /**
   * Where the provider may send people of an application that is no page of this site, such as `com.example.app:/signed-in`. It finishes the
   * flow itself with `auth.finishWithProvider`. Register them at the provider, too.
   */
  readonly redirectUris?: readonly string[]
}

/** What the options say, complete. */
export function providerOptions({ signUp = "open", redirectUris = [] }: ProviderOptions) {
  return { signUp, redirectUris }
}

/** The variables that hold what the provider knows the application by. */
export function clientVariables({ name }: Pick<Provider, "name">): { readonly id: string; readonly secret: string } {
  const capitals = name.toUpperCase().replaceAll("-", "_")
  return { id: `${capitals}_CLIENT_ID`, secret: `${capitals}_CLIENT_SECRET` }
}

/**
 * Refuses providers that could be taken for one another.
 * @throws Error naming the provider and the fault
 */
export function checkProviders(providers: readonly Provider[]): readonly Provider[] {
  const seen = new Set<string>()
  for (const { name, issuer, redirectUris } of providers) {
    const refuse = (fault: string) => {
      throw new Error(`accounts.providers: ${name}: ${fault}`)
    }
    if (!/^[a-z][a-z0-9-]{0,30}$/.test(name)) refuse("a name is at most 31 lower case letters, digits and -")
    // Printable, and short enough for the keys that hold it.
    if (!/^https?:\/\/[\x21-\x7e]{1,120}$/.test(issuer) || /[?#]/.test(issuer))
      refuse("its issuer is no address of at most 120 characters without ? and #")
    for (const fact of [name, issuer]) {
      if (seen.has(fact)) refuse(`there is another provider with ${fact}`)
      seen.add(fact)
    }
    // Compared letter by letter, here and at the provider, so it stands as a parser writes it.
    for (const uri of redirectUris)
      if (URL.parse(uri)?.href !== uri || /[?#]/.test(uri)) refuse(`${uri} is no absolute address without ? and #`)
  }
  return providers
}
