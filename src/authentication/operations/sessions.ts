/** One's own sessions: seen, ended one by one, or all the others. Everything is in one's object; D1 is not asked. */
import * as z from "zod"
import type { EngineWork, Operation } from "../../core/operation.ts"
import { signedIn } from "../../core/policy.ts"
import { principalId } from "../../core/principal.ts"
import { notFound } from "../../core/problem.ts"
import { idSchema } from "../../core/schema.ts"
import type { UserObject } from "../../core/user-object.ts"
import { causeOf, type Flow } from "../account.ts"
import { ask } from "../objects.ts"
import { sessionPrefix } from "../refresh-token.ts"
import { sessionOf } from "./password.ts"

const instant = z.iso.datetime()

const session = z
  .object({
    id: z.string(),
    current: z.boolean().describe("The one that asks"),
    createdAt: instant,
    lastSeenAt: instant,
    expiresAt: instant,
    authTime: instant.describe("When its holder last proved who they are"),
    methods: z.array(z.string()).describe("RFC 8176"),
    userAgent: z.string().nullable(),
    address: z.string().nullable(),
  })
  .meta({ id: "Session" })

const ended = z.object({ ended: z.int() }).meta({ id: "SessionsEnded" })

const iso = (at: number) => new Date(at).toISOString()

function objectOf(flow: Flow, { reading }: EngineWork): UserObject {
  return flow.ports().objects.user(principalId(reading.principal) ?? "")
}

/** `sessions.list`. */
export function listSessions(flow: Flow): Operation {
  return {
    name: "sessions.list",
    kind: "query",
    summary: "Where one is signed in",
    input: z.strictObject({}),
    output: z.object({ items: z.array(session) }).meta({ id: "SessionList" }),
    policy: signedIn(),
    credential: "session",
    rest: { method: "GET", path: "/sessions" },
    engine: async (_: unknown, work) => {
      const all = (await ask(() => objectOf(flow, work).listSessions())) ?? []
      const current = sessionOf(work)
      const items = all.map(({ sid, createdAt, lastSeenAt, expiresAt, authTime, amr, userAgent, address }) => ({
        id: sid,
        current: sid === current,
        createdAt: iso(createdAt),
        lastSeenAt: iso(lastSeenAt),
        expiresAt: iso(expiresAt),
        authTime: iso(authTime),
        methods: amr,
        userAgent,
        address,
      }))
      return { items }
    },
  }
}

const revokeInput = z.strictObject({ id: idSchema(sessionPrefix) })

/** `sessions.revoke`. */
export function revokeSession(flow: Flow): Operation {
  return {
    name: "sessions.revoke",
    kind: "mutation",
    summary: "End one of one's own sessions",
    input: revokeInput,
    output: ended,
    policy: signedIn(),
    credential: "session",
    rest: { method: "DELETE", path: "/sessions/{id}" },
    engine: async ({ id }: z.output<typeof revokeInput>, work) => {
      const done = await ask(() => objectOf(flow, work).revoke(id, causeOf(work)))
      if (done === null || done.revoked === 0) throw notFound("sessions")
      return { ended: done.revoked }
    },
  }
}

/** `sessions.revokeOthers`. */
export function revokeOtherSessions(flow: Flow): Operation {
  return {
    name: "sessions.revokeOthers",
    kind: "mutation",
    summary: "End all sessions but this one",
    input: z.strictObject({}),
    output: ended,
    policy: signedIn(),
    credential: "session",
    rest: { method: "POST", path: "/sessions/revoke-others" },
    engine: async (_: unknown, work) => {
      const done = await ask(() => objectOf(flow, work).revokeOthers(sessionOf(work), causeOf(work)))
      return { ended: done?.revoked ?? 0 }
    },
  }
}
