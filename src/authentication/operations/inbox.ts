/** One's own inbox: what the application has to say, read and marked as read. Everything is in one's object; D1 is not asked. */
import * as z from "zod"
import { mailPreference, shownNotice } from "../../core/inbox.ts"
import type { EngineWork, Operation } from "../../core/operation.ts"
import { signedIn } from "../../core/policy.ts"
import { principalId } from "../../core/principal.ts"
import type { UserObject } from "../../core/user-object.ts"
import type { Flow } from "../account.ts"
import { ask } from "../objects.ts"

const instant = z.iso.datetime()

const notification = z
  .object({
    id: z.string(),
    at: instant,
    kind: z.string().describe("For programs, such as task.assigned"),
    title: z.string(),
    body: z.string().nullable(),
    url: z.string().nullable().describe("Where it leads"),
    data: z.record(z.string(), z.unknown()).nullable(),
    readAt: instant.nullable(),
  })
  .meta({ id: "Notification" })

function objectOf(flow: Flow, { reading }: EngineWork): UserObject {
  return flow.ports().objects.user(principalId(reading.principal) ?? "")
}

const listInput = z.strictObject({
  limit: z.int().min(1).max(100).default(20),
  cursor: z.string().max(100).optional().describe("Of the page before"),
  unread: z.boolean().optional().describe("Only those that are not read"),
})

/** `inbox.list`. What is listed counts as seen, so it is not mailed. */
export function listInbox(flow: Flow): Operation {
  return {
    name: "inbox.list",
    kind: "query",
    summary: "One's notifications, newest first",
    input: listInput,
    output: z
      .object({ items: z.array(notification), unread: z.int(), nextCursor: z.string().nullable() })
      .meta({ id: "InboxPage" }),
    policy: signedIn(),
    rest: { method: "GET", path: "/inbox" },
    engine: async ({ limit, cursor, unread = false }: z.output<typeof listInput>, work) => {
      const page = await ask(() => objectOf(flow, work).listNotices({ limit, before: cursor ?? null, unread }))
      return { items: (page?.items ?? []).map(shownNotice), unread: page?.unread ?? 0, nextCursor: page?.next ?? null }
    },
  }
}

const readInput = z
  .strictObject({ ids: z.array(z.string().max(100)).min(1).max(100).optional().describe("All of them when left out") })
  .meta({ id: "InboxRead" })

/** `inbox.markRead`. */
export function markInboxRead(flow: Flow): Operation {
  return {
    name: "inbox.markRead",
    kind: "mutation",
    summary: "Mark notifications as read",
    input: readInput,
    output: z.object({ read: z.int().describe("How many were unread") }).meta({ id: "InboxMarked" }),
    policy: signedIn(),
    rest: { method: "POST", path: "/inbox/read" },
    engine: async ({ ids }: z.output<typeof readInput>, work) =>
      (await ask(() => objectOf(flow, work).markRead(ids ?? "all"))) ?? { read: 0 },
  }
}

const preferences = z
  .strictObject({ mail: z.enum(["unseen", "never"]).describe("unseen: what nobody saw within 15 minutes is mailed") })
  .meta({ id: "InboxPreferences" })

/** `inbox.preferences`. */
export function inboxPreferences(flow: Flow): Operation {
  return {
    name: "inbox.preferences",
    kind: "query",
    summary: "Whether notifications are mailed",
    input: z.strictObject({}),
    output: preferences,
    policy: signedIn(),
    rest: { method: "GET", path: "/inbox/preferences" },
    engine: async (_: unknown, work) => {
      const kept = await ask(() => objectOf(flow, work).getPreferences())
      return { mail: kept?.[mailPreference] === "never" ? "never" : "unseen" }
    },
  }
}

/** `inbox.setPreferences`. */
export function setInboxPreferences(flow: Flow): Operation {
  return {
    name: "inbox.setPreferences",
    kind: "mutation",
    summary: "Say whether notifications are mailed",
    input: preferences,
    output: preferences,
    policy: signedIn(),
    rest: { method: "PUT", path: "/inbox/preferences" },
    engine: async ({ mail }: z.output<typeof preferences>, work) => {
      await ask(() => objectOf(flow, work).setPreference(mailPreference, mail))
      return { mail }
    },
  }
}
