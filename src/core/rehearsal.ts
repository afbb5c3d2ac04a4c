/**
 * A rehearsal: everything that a call does, short of doing it. The handler runs and records, the batch is tried in the database under every policy,
 * guard and constraint, and aborts itself at its end. What is told of it is what the caller may see.
 */
import type { Write } from "./changes.ts"
import { batchOf } from "./commit.ts"
import { couldPass } from "./fold.ts"
import { handlerGet } from "./handler-plans.ts"
import type { Json, JsonObject } from "./json.ts"
import { type Model, modelOf } from "./model.ts"
import { mailJob } from "./outbox.ts"
import type { Batch, Rehearsed, Row } from "./ports.ts"
import { Problem } from "./problem.ts"
import { matched, openStore, type Run } from "./run.ts"

/** What would become of one record. */
export type ChangeTold = {
  readonly resource: string
  readonly change: Write["kind"]
  /** null: the record is not for the caller to see, and its values are withheld. */
  readonly id: string | null
  /** Values as they are (absent before a creation) and as they would be (absent after a deletion). Fields that nobody may read, or not the caller, are left out. */
  readonly fields: readonly { readonly field: string; readonly before?: Json; readonly after?: Json }[]
}

/** What a call would do. */
export type Rehearsal = {
  /** What the call itself writes, in its order. */
  readonly changes: readonly ChangeTold[]
  /** How many records would change, by resource: those that are deleted along with others among them. */
  readonly records: Rehearsed["records"]
  /** How many letters would leave, and which jobs would start. */
  readonly letters: number
  readonly jobs: readonly string[]
}

/** Refuses what has effects that no batch can take back. */
export function checkRehearsal(run: Run): void {
  const { operation, rehearsal } = matched(run)
  if (rehearsal !== true) return
  if (operation.kind !== "mutation") throw new Problem("INVALID_ARGUMENT", `${operation.name} changes nothing`)
  if (operation.engine) throw unrehearsable(operation.name)
}

/** The refusal of what cannot be tried without being done. */
export function unrehearsable(name: string): Problem {
  return new Problem("UNIMPLEMENTED", `${name} cannot be tried without being done`)
}

/** The records as the caller sees them now, by resource and id. */
async function presentRows(run: Run, batch: Batch): Promise<ReadonlyMap<string, Row>> {
  const { models } = run.registry
  const written = batch.writes.filter(({ kind }) => kind !== "create")
  const places = [...new Map(written.map((write) => [`${write.resource} ${write.id}`, write])).entries()]
  const reads = places.map(([, { resource, id }]) => handlerGet(models, resource, id))
  if (reads.length === 0) return new Map()
  const empty = { writes: [], outbox: [], decidedOn: [], required: [], idempotency: null }
  const found = await openStore(run).commit({ ...batch, ...empty, reads })
  const rows = found.kind === "committed" ? found.reads : []
  return new Map(places.flatMap(([place], n) => (rows[n] ? [[place, rows[n]] as const] : [])))
}

function created(run: Run, model: Model, { resource, id, values, as }: Write & { kind: "create" }): ChangeTold {
  // What the system writes on somebody's behalf may be for others' eyes.
  const isOwn =
    as.kind !== "system" && couldPass(model.policy.read, run.principal, { model, models: run.registry.models })
  if (!isOwn) return { resource, change: "create", id: null, fields: [] }
  const open = Object.entries(values).filter(([key]) => model.columns.has(key) && model.fields[key]?.read === undefined)
  return { resource, change: "create", id, fields: open.map(([field, after]) => ({ field, after })) }
}

function changed(write: Exclude<Write, { kind: "create" }>, row: Row | undefined, model: Model): ChangeTold {
  const { resource, id, kind } = write
  if (row === undefined) return { resource, change: kind, id: null, fields: [] }
  const before = row as JsonObject
  if (kind === "delete") {
    const fields = Object.keys(before).filter((key) => model.columns.has(key))
    return { resource, change: kind, id, fields: fields.map((field) => ({ field, before: before[field] as Json })) }
  }
  const fields = Object.entries(write.values).flatMap(([field, after]) => {
    const was = before[field]
    // What the row does not show is not the caller's to read, before or after.
    return was === undefined || JSON.stringify(was) === JSON.stringify(after) ? [] : [{ field, before: was, after }]
  })
  return { resource, change: kind, id, fields }
}

/**
 * Tries what the handler has recorded, and answers with what it would do. Two trips at most.
 * @throws Problem as the call itself would be refused; ABORTED when a record changed meanwhile
 */
export async function rehearse(run: Run): Promise<void> {
  const { recorder, registry, ports } = run
  if (recorder === null) throw new Error("handle has not run")
  // Under an id of its own, so that the events of the trial are told from those of the request.
  const batch: Batch = { ...batchOf(run, null, []), reads: [], requestId: ports.ids.mint("rehearsal") }
  const rows = await presentRows(run, batch)
  const tried = await openStore(run).rehearse(batch)
  if (tried.kind === "stale") throw new Problem("ABORTED", "The records changed while the call decided; try again")
  const changes = batch.writes.map((write) => {
    const model = modelOf(registry.models, write.resource)
    return write.kind === "create"
      ? created(run, model, write)
      : changed(write, rows.get(`${write.resource} ${write.id}`), model)
  })
  const jobs = recorder.messages.flatMap((one) => (one.topic === "job" ? [one.job] : []))
  const told: Rehearsal = {
    changes,
    records: tried.records,
    letters: jobs.filter((job) => job === mailJob).length,
    jobs: jobs.filter((job) => job !== mailJob),
  }
  run.answer = told as unknown as Json
  run.answered = true
}
