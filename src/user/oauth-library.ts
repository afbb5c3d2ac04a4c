/** What is used of the OAuth provider: imported by name, so that what is not used of it stays out of the bundle. */
export { OAuthAuthorizationServer } from "@cloudflare/workers-oauth-provider"
