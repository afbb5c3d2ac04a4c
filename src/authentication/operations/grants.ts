/** The programs that one has let in: seen, and ended. Everything is in one's object; D1 is not asked. */
import * as z from "zod"
import type { Operation } from "../../core/operation.ts"
import { signedIn } from "../../core/policy.ts"
import { callerId } from "../../core/principal.ts"
import { notFound } from "../../core/problem.ts"
import { causeOf, type Flow } from "../account.ts"
import { ask } from "../objects.ts"

const instant = z.iso.datetime()

const grant = z
  .object({
    id: z.string(),
    client: z.object({
      id: z.string().describe("Its client_id"),
      name: z.string().describe("What it calls itself; nobody has checked it"),
      host: z.string().nullable().describe("The host that describes it; null for a program that registered itself"),
    }),
    scopes: z.array(z.string()),
    terms: z
      .object({
        approval: z.boolean().describe("It asks before each change"),
        rows: z
          .int()
          .nullable()
          .describe("Rows that it may read, and as many that it may write, in a UTC day; null: no bound"),
      })
      .meta({ id: "GrantTerms" }),
    resource: z.string().describe("The resource that its tokens are for (RFC 8707)"),
    createdAt: instant,
    lastUsedAt: instant.nullable().describe("To the minute"),
    expiresAt: instant.describe("Unless it is used before"),
  })
  .meta({ id: "Grant" })

const iso = (at: number) => new Date(at).toISOString()

function listGrants(flow: Flow): Operation {
  return {
    name: "grants.list",
    kind: "query",
    summary: "Programs that one has given access",
    input: z.strictObject({}),
    output: z.object({ items: z.array(grant) }).meta({ id: "GrantList" }),
    policy: signedIn(),
    credential: "session",
    rest: { method: "GET", path: "/grants" },
    engine: async (_: unknown, { reading }) => {
      const all = await ask(() => flow.ports().objects.user(callerId(reading.principal)).listGrants())
      const items = (all ?? []).map(({ createdAt, lastUsedAt, expiresAt, ...rest }) => ({
        ...rest,
        createdAt: iso(createdAt),
        lastUsedAt: lastUsedAt === null ? null : iso(lastUsedAt),
        expiresAt: iso(expiresAt),
      }))
      return { items }
    },
  }
}

const revokeInput = z.strictObject({ id: z.string().min(1).max(64) })

function revokeGrant(flow: Flow): Operation {
  return {
    name: "grants.revoke",
    kind: "mutation",
    summary: "Take a program's access away; its tokens end at once",
    input: revokeInput,
    output: z.object({ id: z.string() }).meta({ id: "GrantRevoked" }),
    policy: signedIn(),
    credential: "session",
    rest: { method: "DELETE", path: "/grants/{id}" },
    engine: async ({ id }: z.output<typeof revokeInput>, work) => {
      const object = flow.ports().objects.user(callerId(work.reading.principal))
      const done = await ask(() => object.revokeGrant(id, causeOf(work)))
      if (done === null || done.revoked === 0) throw notFound("grants")
      return { id }
    },
  }
}

/** `grants.*`. */
export function grantOperations(flow: Flow): readonly Operation[] {
  return [listGrants(flow), revokeGrant(flow)]
}
