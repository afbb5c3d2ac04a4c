/**
 * `history.list` and `history.get`: what became of one record, field by field, and what it was at an instant. For whoever may read the record
 * now; for a deleted one, for administrators and those who read its tenant's log. To anybody else it is absent.
 */
import * as z from "zod"
import { covers } from "../core/credential.ts"
import type { Event } from "../core/event.ts"
import type { Json } from "../core/json.ts"
import { limits } from "../core/limits.ts"
import type { LogMoment, LogRight } from "../core/log.ts"
import { type Model, type Models, modelOf } from "../core/model.ts"
import type { Operation } from "../core/operation.ts"
import { signedIn } from "../core/policy.ts"
import type { Row } from "../core/ports.ts"
import type { Principal } from "../core/principal.ts"
import { invalid, notFound, Problem } from "../core/problem.ts"
import { instantCodec } from "../core/schema.ts"
import { eventChange } from "./events.ts"
import { isNotice, personalFields, type Seen, type Sight, seenImage, seenSide } from "./sight.ts"

const whose = {
  resource: z.string().min(1).max(100),
  id: z.string().min(1).max(100).describe("The record"),
}

const fieldChange = z
  .object({
    field: z.string(),
    before: z.unknown().optional().describe("Absent where it was not, is withheld, or is personal"),
    after: z.unknown().optional(),
    personal: z.boolean().describe("A personal value: that it changed is told, what it was stands nowhere"),
  })
  .meta({ id: "FieldChange" })

const entry = z
  .object({
    sequence: z.int(),
    id: z.string().describe("Of the event, for history.revert"),
    at: z.iso.datetime(),
    actor: z.string(),
    impersonator: z.string().nullable(),
    reason: z.string().nullable(),
    operation: z.string(),
    change: eventChange,
    hidden: z.boolean().describe("True when the record, as it was then, is not for you: its values are withheld"),
    fields: z.array(fieldChange),
  })
  .meta({ id: "HistoryEntry" })

/** The engine's columns say nothing of what somebody wanted. */
const engineFields = new Set(["id", "version", "createdAt", "updatedAt"])

/**
 * The model of a resource whose history may be asked for, under a key's scopes too.
 * @throws Problem INVALID_ARGUMENT for no resource, PERMISSION_DENIED beyond the scopes
 */
export function historyModel(models: Models, resource: string, principal: Principal): Model {
  if (!models.has(resource)) throw invalid("/resource", "unknown_resource", "No such resource")
  checkScopes(principal, `${resource}.get`, "query")
  return modelOf(models, resource)
}

/** A key that does not reach an operation does not reach it through the log either. Throws PERMISSION_DENIED. */
export function checkScopes(principal: Principal, name: string, kind: Operation["kind"]): void {
  if (principal.kind === "user" && principal.scopes !== undefined && !covers(principal.scopes, { name, kind }))
    throw new Problem("PERMISSION_DENIED", `The key's scopes do not reach ${name}`)
}

/** True when the reader may know of the record's past at all. */
export function mayKnow(right: LogRight): boolean {
  return right.sees || right.everything || right.tenant !== null
}

const listInput = z.strictObject({
  ...whose,
  limit: z.int().min(1).max(limits.pageSizeMax).optional(),
  cursor: z.string().max(4096).optional(),
})
const listOutput = z
  .object({
    items: z.array(entry),
    nextCursor: z.string().nullable(),
    keptSince: z.iso.datetime().nullable().describe("What is older was pruned; null when nothing was"),
  })
  .meta({ id: "History" })

/** `history.list`. */
export function listHistory(models: () => Models): Operation {
  return {
    name: "history.list",
    kind: "query",
    summary: "Who changed what of a record, field by field, newest first",
    input: listInput,
    output: listOutput,
    policy: signedIn(),
    rest: { method: "GET", path: "/history/{resource}/{id}" },
    engine: async (given: z.output<typeof listInput>, { store, reading }) => {
      const { resource, id, limit = limits.pageSizeDefault, cursor } = given
      const model = historyModel(models(), resource, reading.principal)
      const query = { resource, id, limit, ...(cursor === undefined ? {} : { cursor }) }
      const { right, events, nextCursor, known, keptSince } = await store.log.history(query, reading)
      const isEmpty = events.length === 0 && cursor === undefined && !right.sees
      if (!mayKnow(right) || isEmpty) throw notFound(resource)
      const sight: Sight = { models: models(), reading, right, known }
      return { items: events.map((one) => told(one, model, sight)), nextCursor, keptSince }
    },
  }
}

function told(event: Event, model: Model, sight: Sight) {
  const before = seenSide(event, "before", sight)
  const after = seenSide(event, "after", sight)
  const { sequence, id, at, actor, impersonator, reason, operation, change } = event
  const fields = isNotice(event) ? [] : changesOf(event, model, before, after)
  const isHidden = before.isHidden || after.isHidden
  return { sequence, id, at, actor, impersonator, reason, operation, change, hidden: isHidden, fields }
}

/** What changed between two sides of an event, as far as they are seen. */
function changesOf(event: Event, model: Model, before: Seen, after: Seen) {
  const names = [...model.columns.keys()].filter((key) => !engineFields.has(key))
  return names.flatMap((field): z.input<typeof fieldChange>[] => {
    const sides = [before.image?.[field], after.image?.[field]] as const
    if (sides[0] === undefined && sides[1] === undefined) return []
    const personal = model.columns.get(field)?.personal === true
    if (personal) return event.changed.includes(field) ? [{ field, personal }] : []
    // Both raw sides decide whether it changed; what is shown of them is what is seen.
    if (isSame(event.before?.[field], event.after?.[field])) return []
    const [was, is] = sides
    return [
      { field, personal, ...(was === undefined ? {} : { before: was }), ...(is === undefined ? {} : { after: is }) },
    ]
  })
}

/** Absent and null are one: a creation that sets nothing changes nothing. */
export function isSame(one: Json | undefined, other: Json | undefined): boolean {
  return JSON.stringify(one ?? null) === JSON.stringify(other ?? null)
}

const getInput = z.strictObject({ ...whose, at: instantCodec.describe("The instant, RFC 3339") })
const getOutput = z
  .object({
    resource: z.string(),
    id: z.string(),
    at: z.iso.datetime(),
    sequence: z.int().nullable().describe("The change that made it so; null when that was pruned or is not in the log"),
    record: z.record(z.string(), z.unknown()),
    personal: z.array(z.string()).describe("Fields that it had too; their values of then stand nowhere"),
  })
  .meta({ id: "PastRecord" })

/** `history.get`. */
export function getPast(models: () => Models): Operation {
  return {
    name: "history.get",
    kind: "query",
    summary: "A record as it was at an instant",
    input: getInput,
    output: getOutput,
    policy: signedIn(),
    rest: { method: "GET", path: "/history/{resource}/{id}/record" },
    engine: async ({ resource, id, at }: z.output<typeof getInput>, { store, reading }) => {
      const model = historyModel(models(), resource, reading.principal)
      const moment = await store.log.moment({ resource, id, at }, reading)
      if (!mayKnow(moment.right)) throw notFound(resource)
      const { row, sequence } = stateOf(moment, resource, at)
      const { image } = seenImage(model, row, { models: models(), reading, ...moment })
      if (image === null) throw notFound(resource)
      const personal = personalFields(model, image)
      const record = Object.fromEntries(Object.entries(image).filter(([key]) => !personal.includes(key)))
      return { resource, id, at, sequence, record, personal }
    },
  }
}

/**
 * The row as of the instant.
 * @throws Problem NOT_FOUND before its creation and after its deletion; FAILED_PRECONDITION when the log does not reach back so far
 */
function stateOf({ until, next, now, keptSince }: LogMoment, resource: string, at: string) {
  if (until !== null) {
    if (until.after === null) throw notFound(resource)
    return { row: until.after as Row, sequence: until.sequence }
  }
  if (keptSince !== null && at < keptSince)
    throw new Problem("FAILED_PRECONDITION", `The log reaches back to ${keptSince}: what is older was pruned`)
  const row = next === null ? now : next.before
  // Nothing of it stands in the log: then it is as it was, since it was made.
  if (row === null || typeof row.createdAt !== "string" || at < row.createdAt) throw notFound(resource)
  return { row: row as Row, sequence: null }
}
