/** What this suite uses of the npm package oidc-provider, which has no types of its own. */
declare module "oidc-provider" {
  import type { IncomingMessage, ServerResponse } from "node:http"

  interface Account {
    readonly accountId: string
    claims(): object
  }
  interface Configuration {
    readonly clients: readonly object[]
    readonly claims: Readonly<Record<string, readonly string[]>>
    readonly features: object
    readonly cookies: object
    readonly jwks: { readonly keys: readonly object[] }
    readonly ttl: object
    findAccount(context: unknown, id: string): Account
  }
  export default class Provider {
    constructor(issuer: string, configuration: Configuration)
    callback(): (request: IncomingMessage, response: ServerResponse) => void
  }
}
