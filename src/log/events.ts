/**
 * `events.list`: the log, newest first. Administrators read all of it; whoever the application's rule names reads the log of a tenant. Refuses
 * everybody else, and shows nobody a field that they may not read.
 */
import * as z from "zod"
import type { Event } from "../core/event.ts"
import { limits } from "../core/limits.ts"
import type { EventQuery, TenantRule } from "../core/log.ts"
import type { Models } from "../core/model.ts"
import type { EngineWork, Operation } from "../core/operation.ts"
import { signedIn } from "../core/policy.ts"
import { hasRole } from "../core/principal.ts"
import { denied, invalid, notFound, Problem } from "../core/problem.ts"
import { instantCodec as instant } from "../core/schema.ts"
import { isNotice, type Sight, seenNames, seenSide } from "./sight.ts"

const name = z.string().min(1).max(100)
/** What was done to the record. */
export const eventChange = z.enum(["created", "updated", "deleted"]).meta({ id: "EventChange" })

const input = z.strictObject({
  resource: name.optional(),
  record: name.optional().describe("Id of the record; takes resource beside it"),
  actor: name.optional().describe("Id of the user, `anonymous`, or `system`"),
  operation: name.optional(),
  change: eventChange.optional(),
  tenant: name.optional().describe("Id of the tenant; left out by administrators alone"),
  from: instant.optional().describe("At this instant or later"),
  to: instant.optional().describe("Before this instant"),
  limit: z.int().min(1).max(limits.pageSizeMax).optional(),
  cursor: z.string().max(4096).optional(),
})

const image = z.record(z.string(), z.unknown()).nullable()

const event = z
  .object({
    sequence: z.int().describe("Position in the log"),
    id: z.string(),
    at: z.iso.datetime(),
    actor: z.string(),
    impersonator: z.string().nullable().describe("Who really acted, in the actor's name"),
    reason: z.string().nullable(),
    operation: z.string(),
    resource: z.string(),
    record: z.string(),
    change: eventChange,
    tenant: z.string().nullable(),
    before: image,
    after: image.describe("The record, without what you may not read; personal values are null in every event"),
    changed: z.array(z.string()),
    hidden: z.boolean().describe("True when a side is withheld as a whole"),
    requestId: z.string(),
  })
  .meta({ id: "Event" })

const output = z
  .object({
    items: z.array(event),
    nextCursor: z.string().nullable().describe("A page may be short, even empty, and yet not be the last one"),
    keptSince: z.iso.datetime().nullable().describe("What is older was pruned; null when nothing was"),
  })
  .meta({ id: "EventPage" })

/** `events.list`. */
export function listEvents(models: () => Models, rule: () => TenantRule): Operation {
  return {
    name: "events.list",
    kind: "query",
    summary: "The log: who did what to which record, newest first",
    input,
    output,
    policy: signedIn(),
    // Whoever copies the whole log is not in a hurry.
    limit: { per: "principal", rate: "120/m" },
    rest: { method: "GET", path: "/events" },
    engine: async (given: z.output<typeof input>, work) => answer(given, work, models(), rule()),
  }
}

async function answer(given: z.output<typeof input>, { store, reading }: EngineWork, models: Models, rule: TenantRule) {
  if (given.record !== undefined && given.resource === undefined)
    throw invalid("/resource", "required", "An id is one of a resource: name it")
  const { limit = limits.pageSizeDefault, ...filters } = given
  const query = { ...filters, limit } as EventQuery
  const isOpen = hasRole(reading.principal, "admin")
  if (!isOpen && (rule === null || query.tenant === undefined))
    throw new Problem(
      "PERMISSION_DENIED",
      rule === null ? "The log is for administrators" : "The whole log is for administrators; name a tenant",
    )
  const { right, events, nextCursor, known, keptSince } = await store.log.events(query, reading)
  if (!isOpen && right.tenant === null)
    throw right.sees ? denied("read the log of this tenant") : notFound(rule?.resource ?? "")
  const sight: Sight = { models, reading, right, known }
  return { items: events.map((one) => shown(one, sight)), nextCursor, keptSince }
}

function shown(one: Event, sight: Sight) {
  const before = seenSide(one, "before", sight)
  const after = seenSide(one, "after", sight)
  const changed = isNotice(one) && sight.right.everything ? one.changed : seenNames(one, before, after)
  return { ...one, before: before.image, after: after.image, changed, hidden: before.isHidden || after.isHidden }
}
