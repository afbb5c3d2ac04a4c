/**
 * `history.revert`: undoes one change by the way that every change takes, so policy, validation, version guard, events and idempotency are those
 * of a plain update, creation or deletion. Refuses what those would refuse, and to trample on what came after unless told to.
 */
import * as z from "zod"
import type { Event } from "../core/event.ts"
import type { Json } from "../core/json.ts"
import type { LogStanding } from "../core/log.ts"
import { type Model, type Models, modelOf } from "../core/model.ts"
import type { EngineWork, Operation } from "../core/operation.ts"
import { signedIn } from "../core/policy.ts"
import type { Row } from "../core/ports.ts"
import { denied, notFound, Problem, pointer } from "../core/problem.ts"
import type { StandardVerb } from "../core/resource.ts"
import { isCreatable, isUpdatable } from "../core/schema.ts"
import { eventChange } from "./events.ts"
import { checkScopes, isSame, mayKnow } from "./history.ts"
import { isNotice, personalFields, type Sight, seenImage, seenSide } from "./sight.ts"

const input = z
  .strictObject({
    event: z.string().min(1).max(100).describe("Id of the event whose change is undone"),
    force: z.boolean().optional().describe("Also over what was changed since"),
    reason: z.string().trim().min(1).max(400).optional().describe("Stands in the log"),
  })
  .meta({ id: "Revert" })

const output = z
  .object({
    change: eventChange,
    resource: z.string(),
    id: z.string(),
    record: z.record(z.string(), z.unknown()).nullable().describe("The record now; null when it is gone"),
    restored: z.array(z.string()),
    notRestored: z.array(z.string()).describe("Personal fields: their values of before stand nowhere"),
  })
  .meta({ id: "Reverted" })

/** `history.revert`. */
export function revertChange(models: () => Models): Operation {
  return {
    name: "history.revert",
    kind: "mutation",
    summary: "Undo one change of a record",
    input,
    output,
    policy: signedIn(),
    rest: { method: "POST", path: "/events/{event}/reversion" },
    engine: (given: z.output<typeof input>, work) => revert(given, work, models()),
  }
}

const verbs = { created: "delete", updated: "update", deleted: "create" } as const satisfies Record<
  Event["change"],
  StandardVerb
>

/** Everything that a reversion is decided on. */
interface Undoing {
  readonly event: Event
  readonly model: Model
  readonly standing: LogStanding
  /** The sides as the caller may see them. */
  readonly before: Readonly<Row> | null
  readonly after: Readonly<Row> | null
  /** The row now, masked. */
  readonly now: Readonly<Row> | null
  readonly force: boolean
}

async function revert({ event: id, force = false, reason }: z.output<typeof input>, work: EngineWork, models: Models) {
  const { store, reading, recorder } = work
  const event = await store.log.event(id)
  if (event === null || !models.has(event.resource)) throw notFound("events")
  const model = modelOf(models, event.resource)
  const standing = await store.log.standing(event, reading)
  if (!mayKnow(standing.right)) throw notFound("events")
  const verb = verbs[event.change]
  checkScopes(reading.principal, `${model.name}.${verb}`, "mutation")
  if (isNotice(event) || !model.verbs.has(verb))
    throw new Problem("FAILED_PRECONDITION", `No plain ${verb} of ${model.name} is served, so none is done here`)
  const sight: Sight = { models, reading, ...standing }
  const [before, after] = [seenSide(event, "before", sight), seenSide(event, "after", sight)]
  // Whoever may not see what was would see it by bringing it back.
  if (before.isHidden || after.isHidden) throw denied("see the record as it was, so not bring it back")
  const now = standing.now && seenImage(model, standing.now, sight).image
  const undoing = { event, model, standing, before: before.image, after: after.image, now, force }
  recorder.explain(`Reverts ${event.id}${reason === undefined ? "" : `: ${reason}`}`)
  if (event.change === "updated") return undoUpdate(undoing, work)
  return event.change === "created" ? undoCreation(undoing, work) : undoDeletion(undoing, work)
}

/** Fields whose value is not what the event left. */
function touchedSince({ event, now }: Undoing, fields: readonly string[]): readonly string[] {
  return fields.filter((field) => !isSame(now?.[field], event.after?.[field]))
}

function refuseTouched(undoing: Undoing, fields: readonly string[]): void {
  const touched = undoing.force ? [] : touchedSince(undoing, fields)
  if (touched.length === 0) return
  throw new Problem(
    "FAILED_PRECONDITION",
    `Changed again since: ${touched.join(", ")}. With force it is undone anyway`,
    {
      violations: touched.map((field) => ({
        path: pointer(field),
        code: "changed_since",
        message: "Changed again since",
      })),
    },
  )
}

function standingVersion({ model, standing, event }: Undoing): number {
  if (standing.now === null)
    throw new Problem("FAILED_PRECONDITION", `The record of ${model.name} is gone; revert its deletion first`)
  if (event.after === null || typeof standing.now.version !== "number") throw notFound(model.name)
  return standing.now.version
}

function undoUpdate(undoing: Undoing, { recorder }: EngineWork) {
  const { event, model, before, after } = undoing
  const version = standingVersion(undoing)
  const personal = personalFields(model, before ?? {}).filter((field) => event.changed.includes(field))
  // Columns that follow others (stamps) follow them back.
  const fields = [...model.columns.keys()].filter(
    (key) =>
      isUpdatable(model, key) &&
      !personal.includes(key) &&
      before?.[key] !== undefined &&
      !isSame(before[key], after?.[key]),
  )
  if (fields.length === 0) {
    const sentence =
      personal.length > 0 ? `Personal values stand in no event: ${personal.join(", ")}` : "Nothing to undo"
    throw new Problem("FAILED_PRECONDITION", sentence)
  }
  refuseTouched(undoing, fields)
  recorder.decideOn(model.name, event.record, version)
  const values = Object.fromEntries(fields.map((field) => [field, before?.[field] as Json]))
  const record = recorder.changes.update(model.resource, event.record, values as never)
  return { ...answered(undoing, "updated"), record, restored: fields, notRestored: personal }
}

function undoCreation(undoing: Undoing, { recorder }: EngineWork) {
  const { event, model } = undoing
  const version = standingVersion(undoing)
  const fields = [...model.columns.keys()].filter(
    (key) => isUpdatable(model, key) && undoing.now?.[key] !== undefined && !model.columns.get(key)?.personal,
  )
  refuseTouched(undoing, fields)
  recorder.decideOn(model.name, event.record, version)
  recorder.changes.delete(model.resource, event.record)
  return { ...answered(undoing, "deleted"), record: null, restored: [], notRestored: [] }
}

function undoDeletion(undoing: Undoing, { recorder }: EngineWork) {
  const { event, model, standing, before } = undoing
  if (standing.now !== null) throw new Problem("FAILED_PRECONDITION", "The record is there again")
  const personal = personalFields(model, before ?? {})
  const needed = personal.filter((key) => {
    const column = model.columns.get(key)
    return column?.nullable === false && !column.hasDefault
  })
  if (needed.length > 0)
    throw new Problem("FAILED_PRECONDITION", `It needs personal values, which stand in no event: ${needed.join(", ")}`)
  const fields = [...model.columns.keys()].filter(
    (key) => before?.[key] !== undefined && !personal.includes(key) && isRestorable(model, key),
  )
  const values = Object.fromEntries(fields.map((field) => [field, before?.[field] as Json]))
  const record = recorder.restore(model.name, event.record, values)
  return { ...answered(undoing, "created"), record, restored: fields, notRestored: personal }
}

/** What a creation may be given, and the stamps of facts (who made it); what is copied from other records is copied anew. */
function isRestorable(model: Model, key: string): boolean {
  const stamp = model.fields[key]?.stamp
  if (stamp === undefined) return isCreatable(model, key)
  return stamp.from !== "parent"
}

function answered({ event, model }: Undoing, change: Event["change"]) {
  return { change, resource: model.name, id: event.record }
}
