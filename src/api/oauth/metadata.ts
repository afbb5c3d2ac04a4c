/** What clients read before anything else: the authorization server's metadata (RFC 8414), and each protected resource's (RFC 9728). */
import { type AuthorizationRules, oauthPaths } from "../../core/oauth.ts"
import type { Ports } from "../../core/ports.ts"
import type { CompiledOperation, Registry } from "../../core/registry.ts"

/** What the door needs of the world. */
export interface OAuthOptions {
  readonly registry: Registry
  readonly ports: Ports
  readonly rules: AuthorizationRules
  /** `oauth.token`, `oauth.revoke`, and `oauth.register` where programs may register. */
  readonly operations: ReadonlyMap<string, CompiledOperation>
  readonly scopes: readonly string[]
  readonly defaultScope: string
  /** A new request id, for callers that bring none. */
  requestId(): string
}

/** A client with a secret proves it by one of the two; one without has PKCE. */
const methods = ["none", "client_secret_basic", "client_secret_post"]

function serverMetadata({ rules: { issuer }, scopes, operations }: OAuthOptions): object {
  return {
    issuer,
    authorization_endpoint: issuer + oauthPaths.authorize,
    token_endpoint: issuer + oauthPaths.token,
    ...(operations.has("oauth.register") ? { registration_endpoint: issuer + oauthPaths.register } : {}),
    revocation_endpoint: issuer + oauthPaths.revoke,
    scopes_supported: scopes,
    response_types_supported: ["code"],
    response_modes_supported: ["query"],
    grant_types_supported: ["authorization_code", "refresh_token"],
    token_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_methods_supported: methods,
    code_challenge_methods_supported: ["S256"],
    authorization_response_iss_parameter_supported: true,
    client_id_metadata_document_supported: true,
    service_documentation: `${issuer}/docs`,
  }
}

function resourceMetadata({ rules: { issuer }, defaultScope, registry }: OAuthOptions, resource: string): object {
  return {
    resource,
    authorization_servers: [issuer],
    // What a client is to ask for first; what else there is, the authorization server tells.
    scopes_supported: [defaultScope],
    bearer_methods_supported: ["header"],
    resource_name: registry.title,
    resource_documentation: `${issuer}/docs`,
  }
}

/** The documents by their paths (RFC 8414 §3.1, RFC 9728 §3.1). */
export function metadataOf(options: OAuthOptions): ReadonlyMap<string, string> {
  const { issuer, resources } = options.rules
  return new Map([
    [oauthPaths.serverMetadata, JSON.stringify(serverMetadata(options))],
    ...resources.map(
      (resource) =>
        [
          oauthPaths.resourceMetadata + resource.slice(issuer.length),
          JSON.stringify(resourceMetadata(options, resource)),
        ] as const,
    ),
  ])
}
