/** API keys: made, listed, ended. The text of a key is shown once; names and scopes stand in D1, what proves a key in its owner's object. */
import * as z from "zod"
import { scopePattern } from "../../core/credential.ts"
import type { EngineWork, Operation } from "../../core/operation.ts"
import { signedIn } from "../../core/policy.ts"
import { principalId, system } from "../../core/principal.ts"
import { invalid, notFound, Problem } from "../../core/problem.ts"
import type { Resource } from "../../core/resource.ts"
import { idSchema } from "../../core/schema.ts"
import { accountOf, commandTo, type Flow, findPerson } from "../account.ts"
import { mintApiKey } from "../api-key.ts"
import { keysMax, livingKeys } from "../living-keys.ts"
import { ask } from "../objects.ts"
import { users } from "../resources.ts"
import { sessionOf } from "./password.ts"

const day = 86_400_000
const lifeDays = 90
const lifeDaysMax = 365

const scope = z.string().regex(scopePattern).describe("`tasks:read`, `tasks:write`, `*:read`; write includes read")

const apiKey = z
  .object({
    id: z.string(),
    name: z.string(),
    scopes: z.array(z.string()),
    ownerId: z.string(),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
    lastUsedAt: z.iso.datetime().nullable().describe("To the minute"),
  })
  .meta({ id: "ApiKey" })

const serviceAccountId = idSchema("service")
  .optional()
  .describe("For a service account that one manages; one's own key when left out")

/** Whose keys: the caller's own, or a service account's. */
async function ownerOf({ store, reading }: EngineWork, service: string | undefined): Promise<string> {
  if (service === undefined) return principalId(reading.principal) ?? ""
  const row = await store.get(
    { kind: "get", resource: "service_accounts", id: service, fields: ["userId"], expand: {} },
    reading,
  )
  if (row === null) throw notFound("service_accounts")
  return String(row.userId)
}

function listKeys(flow: Flow, hasServices: boolean): Operation {
  const input = z.strictObject(hasServices ? { serviceAccountId } : {})
  return {
    name: "apiKeys.list",
    kind: "query",
    summary: "The keys that live",
    input,
    output: z.object({ items: z.array(apiKey) }).meta({ id: "ApiKeyList" }),
    policy: signedIn(),
    credential: "session",
    rest: { method: "GET", path: "/api-keys" },
    engine: async (given: { serviceAccountId?: string }, work) => {
      const ownerId = await ownerOf(work, given.serviceAccountId)
      const [rows, kept] = await Promise.all([
        livingKeys(work, ownerId),
        ask(() => flow.ports().objects.user(ownerId).listKeys()),
      ])
      const used = new Map((kept ?? []).map((key) => [key.id, key.lastUsedAt]))
      const items = rows.map((row) => {
        const at = used.get(String(row.id)) ?? null
        return { ...row, lastUsedAt: at === null ? null : new Date(at).toISOString() }
      })
      return { items }
    },
  }
}

function createInput(hasServices: boolean) {
  const own = {
    name: z.string().trim().min(1).max(100),
    scopes: z.array(scope).min(1).max(50),
    expiresAt: z.iso.datetime({ offset: true }).optional().describe("90 days from now when left out, a year at most"),
  }
  return z.strictObject(hasServices ? { ...own, serviceAccountId } : own).meta({ id: "ApiKeyCreate" })
}

interface CreateInput {
  readonly name: string
  readonly scopes: readonly string[]
  readonly expiresAt?: string
  readonly serviceAccountId?: string
}

function endOf(given: string | undefined, now: Date): string {
  const end = given === undefined ? now.getTime() + lifeDays * day : Date.parse(given)
  if (end <= now.getTime()) throw invalid("/expiresAt", "in_the_past", "The key would be over before it is made")
  if (end > now.getTime() + lifeDaysMax * day)
    throw invalid("/expiresAt", "too_late", `A key lives ${lifeDaysMax} days at most`)
  return new Date(end).toISOString()
}

function createKey(flow: Flow, apiKeys: Resource, hasServices: boolean): Operation {
  return {
    name: "apiKeys.create",
    kind: "mutation",
    summary: "Make a key; its text is shown this once",
    input: createInput(hasServices),
    output: apiKey
      .omit({ lastUsedAt: true })
      .extend({ key: z.string().describe("Keep it: it is not shown again") })
      .meta({ id: "ApiKeyCreated" }),
    policy: signedIn(),
    credential: "session",
    // It outlives the session that made it.
    fresh: "10m",
    confidential: true,
    rest: { method: "POST", path: "/api-keys", status: 201 },
    engine: async (given: CreateInput, work) => {
      const ports = flow.ports()
      const { now, principal } = work.reading
      const ownerId = await ownerOf(work, given.serviceAccountId)
      const expiresAt = endOf(given.expiresAt, now)
      const owner = await findPerson(work.store, "id", ownerId)
      if (owner === null || owner.status !== "active") throw notFound(users.name)
      // A key outlives a token: one that is still believed for a moment after its session ended must not make any.
      const caller = ports.objects.user(principalId(principal) ?? "")
      if ((await ask(() => caller.session(sessionOf(work)))) === null)
        throw new Problem("UNAUTHENTICATED", "The session is over; sign in again")
      if ((await livingKeys(work, ownerId)).length >= keysMax)
        throw new Problem("RESOURCE_EXHAUSTED", `There are ${keysMax} keys already; revoke one`)
      const { text, hash } = await mintApiKey(ports.apiKeys, ownerId, ports.random)
      const { name, scopes } = given
      const id = ports.ids.mint("apikey")
      await work.write(({ changes, decidedOn, send }) => {
        // A proof of the address ends the keys from before it: none slips in behind it.
        decidedOn(users.name, owner.id, owner.version)
        const row = {
          id,
          ownerId,
          name,
          scopes: [...scopes],
          expiresAt,
          serviceAccountId: given.serviceAccountId ?? null,
        }
        changes
          .as(system("made by who manages it", principalId(principal)))
          .create(apiKeys, { ...row, createdBy: principalId(principal) } as never)
        send(commandTo(work, ownerId, { kind: "setAccount", account: accountOf(owner, flow.rules) }))
        send(commandTo(work, ownerId, { kind: "addKey", key: { id, hash, scopes, expiresAt: Date.parse(expiresAt) } }))
      })
      return { id, name, scopes, ownerId, createdAt: now.toISOString(), expiresAt, key: text }
    },
  }
}

const revokeInput = z.strictObject({ id: idSchema("apikey") })

function revokeKey(apiKeys: Resource): Operation {
  return {
    name: "apiKeys.revoke",
    kind: "mutation",
    summary: "End a key",
    input: revokeInput,
    output: z.object({ id: z.string() }).meta({ id: "ApiKeyRevoked" }),
    policy: signedIn(),
    credential: "session",
    rest: { method: "DELETE", path: "/api-keys/{id}" },
    engine: async ({ id }: z.output<typeof revokeInput>, work) => {
      const { now, principal } = work.reading
      const fields = ["ownerId", "revokedAt"]
      const row = await work.store.get({ kind: "get", resource: apiKeys.name, id, fields, expand: {} }, work.reading)
      if (row === null) throw notFound(apiKeys.name)
      await work.write(({ changes, send }) => {
        if (row.revokedAt === null)
          changes
            .as(system("ended by who manages it", principalId(principal)))
            .update(apiKeys, id, { revokedAt: now.toISOString() } as never)
        send(commandTo(work, String(row.ownerId), { kind: "revokeKey", id }))
      })
      return { id }
    },
  }
}

/** `apiKeys.*`. */
export function apiKeyOperations(flow: Flow, apiKeys: Resource): readonly Operation[] {
  const hasServices = flow.rules.serviceAccounts !== null
  return [listKeys(flow, hasServices), createKey(flow, apiKeys, hasServices), revokeKey(apiKeys)]
}
