/** The reference application with identity providers, each a test's own, and people's browsers in front of it. */
import { env } from "cloudflare:workers"
import application from "../../src/app/index.ts"
import type { AccountRules } from "../../src/core/accounts.ts"
import { clientVariables, type Provider } from "../../src/core/provider.ts"
import type { Application } from "../../src/core/registry.ts"
import { outboundFetch } from "../../src/integrations/outbound.ts"
import { type OpenIdOptions, oidc } from "../../src/integrations/providers/openid.ts"
import { type Browser, newBrowser } from "../support/browser.ts"
import type { Answer } from "../support/calls.ts"
import { newNetwork } from "../support/people.ts"
import { type Serving, serving } from "../support/serving.ts"
import { type Claims, client, type IdentityProvider, identityProvider } from "./identity-provider.ts"

/** A person's address that no other test has. */
export const newEmail = (domain = "example.com") => `someone-${crypto.randomUUID().slice(0, 13)}@${domain}`

/** Somebody as a provider tells of them: an address that it proved. */
export const claimsOf = (more: object = {}): Claims => ({
  sub: crypto.randomUUID(),
  name: "Ada Lovelace",
  email: newEmail(),
  email_verified: true,
  ...more,
})

/** What stands in the place of the network. */
export type Network = (url: string, init: RequestInit) => Promise<Response>

/** The secrets of providers, as variables. */
export function secretsOf(providers: readonly Provider[]): object {
  return Object.fromEntries(
    providers.flatMap((provider) => {
      const names = clientVariables(provider)
      return [
        [names.id, client.id],
        [names.secret, client.secret],
      ]
    }),
  )
}

/** What else is a test's own. */
export interface ServedOptions {
  /** In the place of five seconds, for calls to providers. */
  readonly timeoutMs?: number
  readonly change?: object
  /** Ahead of the real clock. */
  readonly clock?: { aheadMs: number }
}

/** Serves with these providers. */
export function served(
  providers: readonly Provider[],
  network: Network,
  rules: Partial<AccountRules> = {},
  { timeoutMs, change = {}, clock = { aheadMs: 0 } }: ServedOptions = {},
): Serving {
  const changed: Application = { ...application, accounts: { ...application.accounts, ...rules, providers } }
  const resolve = async (name: string) => (name === "inside.example" ? ["10.0.0.1"] : ["93.184.215.14"])
  const out = outboundFetch({ fetch: network, resolve, loopback: false })
  return serving({ ...secretsOf(providers), ...change }, changed, {
    now: () => new Date(Date.now() + clock.aheadMs),
    // Nobody waits five seconds in a test.
    outbound: (url, init) => out(url, timeoutMs === undefined ? init : { ...init, timeoutMs }),
  })
}

/** One provider, or two, and an application that knows them as acme and other. */
export interface World {
  readonly acme: IdentityProvider
  readonly other: IdentityProvider
  readonly isolate: Serving
  readonly clock: { aheadMs: number }
}

/** Two providers, as honest as providers are. `acme` speaks for the domain acme.example. */
export async function world(
  rules: Partial<AccountRules> = {},
  options: Partial<OpenIdOptions> = {},
  more: ServedOptions = {},
): Promise<World> {
  const [acme, other] = [await identityProvider(), await identityProvider()]
  const providers = [
    oidc({ name: "acme", title: "Acme", issuer: acme.issuer, domains: ["acme.example"], ...options }),
    oidc({ name: "other", title: "Other", issuer: other.issuer }),
  ]
  const network: Network = (url, init) => (url.startsWith(other.issuer) ? other : acme).fetch(url, init)
  const clock = { aheadMs: 0 }
  return { acme, other, clock, isolate: served(providers, network, rules, { clock, ...more }) }
}

/** A browser of somebody new. */
export const visitor = ({ isolate }: Pick<World, "isolate">): Browser => newBrowser(isolate)

/** Goes to the provider. Gives the address of its page. */
export async function start(browser: Browser, name = "acme", query = ""): Promise<string> {
  const answer = await browser.fetch(`GET /auth/${name}/start${query}`)
  if (answer.status !== 303) throw new Error(`Starting answered ${answer.status}: ${answer.body}`)
  return answer.headers.get("Location") ?? ""
}

/** Comes back from the provider: from another site, as every answer of a provider does. */
export function comeBack(browser: Browser, query: URLSearchParams | string, name = "acme"): Promise<Answer> {
  return browser.fetch(`GET /auth/${name}/callback?${query}`, { headers: { "Sec-Fetch-Site": "cross-site" } })
}

/** The whole way. */
export async function enter(place: World, browser: Browser, claims: Claims, name: "acme" | "other" = "acme") {
  return comeBack(browser, place[name].agree(await start(browser, name), claims), name)
}

/** Whose session a browser holds; null when it holds none. */
export async function whoIs(browser: Browser): Promise<{ id: string; email: string; name: string } | null> {
  const { status, body } = await browser.fetch("GET /v1/me")
  return status === 200 ? body : null
}

/** What the operator was told of refusals: provider and fault. */
export const refusals = ({ isolate }: Pick<World, "isolate">) =>
  isolate.observations.flatMap((one) => (one.kind === "provider_refused" ? [`${one.provider} ${one.fault}`] : []))

/** Rows of `identities`, oldest first. */
export async function identityRows(issuer: string): Promise<readonly Record<string, string>[]> {
  const sql = 'select * from "identities" where "issuer" = ? order by "row_key"'
  return (await env.DB.prepare(sql).bind(issuer).all<Record<string, string>>()).results
}

/** How many accounts an address has. */
export async function accountsOf(email: string): Promise<number> {
  return (await env.DB.prepare('select count(*) n from "users" where "email" = ?').bind(email).first<number>("n")) ?? 0
}

/** A program that keeps its flow itself: begins, and finishes with what the provider answered. */
export function program({ isolate }: Pick<World, "isolate">, token: string | null = null) {
  const headers = { "CF-Connecting-IP": newNetwork() }
  const actor = token === null ? null : { token }
  return {
    begin: (name: string, body: object = {}, verb = "begin") =>
      isolate.call(actor, `POST /v1/auth/providers/${name}/${verb}`, { body, headers }),
    finish: (name: string, body: object) =>
      isolate.call(actor, `POST /v1/auth/providers/${name}/finish`, { body, headers }),
  }
}
