/** The clients of all doors over one registry, and the tokens that their callers present. */
import { importJWK, SignJWT } from "jose"
import { inject } from "vitest"
import { wranglerSetting } from "../../scripts/local.ts"
import type { Registry } from "../../src/core/registry.ts"
import { registryOf } from "../../src/engine.ts"
import { application } from "./application.ts"
import type { DoorClient } from "./doors/door.ts"
import { graphqlClient } from "./doors/graphql.ts"
import { connectClient, grpcWebClient } from "./doors/grpc.ts"
import { mcpClient } from "./doors/mcp.ts"
import { restClient } from "./doors/rest.ts"
import { soapClient } from "./doors/soap.ts"
import { webSocketClient } from "./doors/websocket.ts"

/** As the Worker has it. */
export const registry: Registry = registryOf(application, { development: true })

/** One of each. */
export async function clients(describesTools = false): Promise<readonly DoorClient[]> {
  const origin = inject("origin")
  return [
    restClient(origin, registry),
    webSocketClient(origin),
    await graphqlClient(origin, registry),
    await connectClient(origin),
    await grpcWebClient(origin),
    await soapClient(origin),
    mcpClient(origin, describesTools),
  ]
}

/** What a token says beside whose it is. */
export interface Claims {
  readonly scope?: string
  readonly roles?: readonly string[]
  /** Seconds from now; ten minutes when left out. */
  readonly expiresIn?: number
}

/** An access token of the issuer that the Worker trusts. */
export async function tokenOf(user: string, { scope, roles = [], expiresIn = 600 }: Claims = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  return new SignJWT({ roles, ...(scope === undefined ? {} : { scope }) })
    .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid: "parity" })
    .setIssuer(wranglerSetting("TOKEN_ISSUER"))
    .setAudience(wranglerSetting("TOKEN_AUDIENCE"))
    .setSubject(user)
    .setIssuedAt(now - 700)
    .setExpirationTime(now + expiresIn)
    .sign(await importJWK(inject("signingKey"), "EdDSA"))
}

async function control(path: string, body: object): Promise<unknown> {
  const answer = await fetch(inject("control") + path, { method: "POST", body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(await answer.text())
  return answer.json()
}

/** Rows straight from the database. */
export async function rows<T>(sql: string, ...values: readonly string[]): Promise<readonly T[]> {
  return (await control("/sql", { sql, values })) as readonly T[]
}

/** Takes a share of the limit that counts every call, again and again until it is no longer admitted. Says whether anything was left. */
async function take(user: string, cost: number): Promise<boolean> {
  const limit = { ratePerMinute: 1 / 1440, burst: 1_000_000, cost }
  let wasLeft = false
  for (;;) {
    const { admitted } = (await control("/drain", { key: `call/default/principal/${user}`, limit })) as {
      admitted: number
    }
    if (admitted === 0) return wasLeft
    wasLeft = true
  }
}

/** Takes everything that a user is allowed, also what the Worker has leased and gives back when it lies idle. */
export async function drain(user: string): Promise<void> {
  for (let wasLeft = true; wasLeft; ) {
    wasLeft = false
    for (const cost of [100_000, 10_000, 1000, 100, 10, 1]) if (await take(user, cost)) wasLeft = true
    await new Promise((resolve) => setTimeout(resolve, 1500))
  }
}
