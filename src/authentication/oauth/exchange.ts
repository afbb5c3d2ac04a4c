/**
 * The endpoints that programs call themselves: codes and refresh tokens for tokens (RFC 6749 §3.2), revocation (RFC 7009), registration
 * (RFC 7591). A code or token names whose object knows it, so each call is one hop and no look-up.
 */
import * as z from "zod"
import type { GrantCall } from "../../core/oauth.ts"
import type { EngineWork, Operation } from "../../core/operation.ts"
import { anyone } from "../../core/policy.ts"
import { admit, causeOf } from "../account.ts"
import { ask } from "../objects.ts"
import { type OAuthFlow, oauthProblem, providedProblem } from "./flow.ts"
import { formatGrantToken, type GrantToken, type GrantTokenKind, readGrantToken } from "./grant-token.ts"
import { registerClient } from "./provider.ts"

const day = 86_400
/** A registered client that nobody is sent to for so long is forgotten; each consent keeps it for as long again. */
export const registrationSeconds = 90 * day
const metadataMax = 16 * 1024
const redirectUrisMax = 20

const parameters = z.array(z.strictObject({ name: z.string().max(100), value: z.string().max(4096) })).max(50)
const call = z.strictObject({ parameters, authorization: z.string().max(4096).nullable() })
type Call = z.output<typeof call>

/** What the client reads, JSON text; the door writes it as it is. */
const answer = z.object({ body: z.string() })

function parameterOf({ parameters: all }: Call, name: string): string | null {
  return all.find((one) => one.name === name)?.value ?? null
}

/** RFC 6749 §3.2: no parameter more than once. */
function checkOnce({ parameters: all }: Call): void {
  const names = all.map(({ name }) => name)
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) throw oauthProblem("invalid_request", `The request has ${twice} twice`)
}

const invalidGrant = () =>
  oauthProblem("invalid_grant", "The code or token is not valid: it is over, was used, or was given to another client")

/** The call as the object takes it: the one parameter that holds a code or token in the provider's form. */
function callOf(flow: OAuthFlow, given: Call, kind: GrantCall["kind"], name: string, token: GrantToken): GrantCall {
  return {
    rules: flow.authorization,
    grant: token.grant,
    kind,
    parameters: given.parameters.map((one) => [one.name, one.name === name ? token.provided : one.value] as const),
    authorization: given.authorization,
  }
}

async function exchanged(flow: OAuthFlow, work: EngineWork, token: GrantToken, given: GrantCall): Promise<string> {
  const ports = flow.ports()
  const said = await ask(() => ports.objects.user(token.user).exchange(given, causeOf(work)))
  if (said === null) throw invalidGrant()
  // This isolate must not go on believing in what ended here.
  if (said.reduced) ports.revocations.doubt()
  if (said.status !== 200) throw providedProblem(said.status, said.body)
  return said.body
}

/** Where each kind of grant has its code or token. */
const grantTypes: Readonly<Record<string, readonly [GrantTokenKind, GrantCall["kind"], string]>> = {
  authorization_code: ["ac", "code", "code"],
  refresh_token: ["gr", "refresh", "refresh_token"],
}

function tokenOperation(flow: OAuthFlow): Operation {
  return {
    name: "oauth.token",
    kind: "mutation",
    input: call,
    output: answer,
    policy: anyone(),
    confidential: true,
    engine: async (given: Call, work) => {
      checkOnce(given)
      const type = parameterOf(given, "grant_type")
      if (type === null) throw oauthProblem("invalid_request", "grant_type is missing")
      const known = Object.hasOwn(grantTypes, type) ? grantTypes[type] : undefined
      if (known === undefined)
        throw oauthProblem("unsupported_grant_type", "authorization_code and refresh_token are taken")
      const [tokenKind, kind, name] = known
      const text = parameterOf(given, name)
      if (text === null) throw oauthProblem("invalid_request", `${name} is missing`)
      const token = readGrantToken([tokenKind], text)
      if (token === null) throw invalidGrant()
      const body = JSON.parse(await exchanged(flow, work, token, callOf(flow, given, kind, name, token)))
      const tokens = {
        ...body,
        token_type: "Bearer",
        access_token: formatGrantToken("at", body.access_token),
        refresh_token: formatGrantToken("gr", body.refresh_token),
      }
      return { body: JSON.stringify(tokens) }
    },
  }
}

function revokeOperation(flow: OAuthFlow): Operation {
  return {
    name: "oauth.revoke",
    kind: "mutation",
    input: call,
    output: answer,
    policy: anyone(),
    confidential: true,
    engine: async (given: Call, work) => {
      checkOnce(given)
      const text = parameterOf(given, "token")
      if (text === null) throw oauthProblem("invalid_request", "token is missing")
      const token = readGrantToken(["at", "gr"], text)
      // RFC 7009 §2.2: what is no token (any more) is revoked already.
      if (token === null) return { body: "" }
      // The provider takes a request with grant_type for one of the token endpoint.
      const parameters = given.parameters.filter(({ name }) => name !== "grant_type")
      await exchanged(flow, work, token, callOf(flow, { ...given, parameters }, "revoke", "token", token))
      return { body: "" }
    },
  }
}

const registration = z.strictObject({ metadata: z.string().max(metadataMax) })

/** Bounds that the provider does not know. */
function checkMetadata(text: string): void {
  let metadata: { client_name?: unknown; redirect_uris?: unknown } | null
  try {
    metadata = JSON.parse(text)
  } catch {
    throw oauthProblem("invalid_client_metadata", "The body is not JSON")
  }
  const { client_name: name, redirect_uris: uris } = metadata ?? {}
  if (typeof name === "string" && name.length > 100)
    throw oauthProblem("invalid_client_metadata", "client_name has at most 100 characters")
  if (Array.isArray(uris) && (uris.length > redirectUrisMax || uris.some((uri) => String(uri).length > 500)))
    throw oauthProblem("invalid_redirect_uri", `There are at most ${redirectUrisMax} redirect_uris of 500 characters`)
}

function registerOperation(flow: OAuthFlow): Operation {
  return {
    name: "oauth.register",
    kind: "mutation",
    input: registration,
    output: answer,
    policy: anyone(),
    confidential: true,
    engine: async ({ metadata }: z.output<typeof registration>, work) => {
      await admit(flow.ports(), "registration", work)
      checkMetadata(metadata)
      const { status, body, client } = await registerClient(flow.authorization, metadata, registrationSeconds)
      if (client === null) throw providedProblem(status, body)
      await flow.clients.keepRegistered(client.id, client.record)
      return { body }
    },
  }
}

/** `oauth.token`, `oauth.revoke` and, where programs may register, `oauth.register`: for the OAuth door alone. */
export function exchangeOperations(flow: OAuthFlow): readonly Operation[] {
  const open = flow.rules.oauth.registration === "open"
  return [tokenOperation(flow), revokeOperation(flow), ...(open ? [registerOperation(flow)] : [])]
}
