/** What a handler reads and wants written, recorded: the writes in order, and the versions that its decision stands on. */
import { type Changes, Pending, type Write } from "./changes.ts"
import type { HandlerIds, Ids, Read, Select, Which } from "./context.ts"
import { handlerGet, handlerGroups, handlerList } from "./handler-plans.ts"
import type { Job } from "./job.ts"
import type { Json } from "./json.ts"
import { limits } from "./limits.ts"
import { type Model, type Models, modelOf } from "./model.ts"
import { type Message, mailJob } from "./outbox.ts"
import type { GetPlan } from "./plan.ts"
import type { Batch, Row, Store } from "./ports.ts"
import { type Principal, principalId, system } from "./principal.ts"
import { invalidAll, notFound, Problem } from "./problem.ts"
import { schemasOf } from "./schema.ts"
import { violationsOf } from "./validation.ts"

/** One run of a handler. Made anew when a stale decision runs again. */
export interface Recorder {
  readonly read: Read
  readonly changes: Changes
  /** The ids that it mints may be given to a create. */
  readonly ids: HandlerIds
  /**
   * Changes whose values an operation's own input schema has checked already, and that hold only when the record has this version; any
   * when null.
   */
  checkedChanges(version: number | null): Changes
  readonly writes: readonly Write[]
  readonly messages: readonly Message[]
  /** Records to read after the writes, in the same batch. */
  readonly reads: readonly GetPlan[]
  readonly decidedOn: Batch["decidedOn"]
}

/** Facts that a recorder needs of its call. */
export interface Recording {
  readonly models: Models
  readonly store: Store
  readonly ids: Ids
  readonly principal: Principal
  readonly now: Date
  /** Of the call, for the jobs that it causes. */
  readonly requestId: string
}

function clean(model: Model, kind: "create" | "update", values: object): Readonly<Record<string, Json>> {
  const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
  for (const key of Object.keys(given)) {
    if (!model.columns.has(key) && !model.secrets.has(key))
      throw new Error(`${kind} of ${model.name}: no column ${key}`)
  }
  const open = Object.fromEntries(Object.entries(given).filter(([key]) => model.columns.has(key)))
  const parsed = schemasOf(model).values.safeParse(open)
  if (!parsed.success) throw invalidAll(violationsOf(parsed.error))
  return { ...given, ...(parsed.data as Record<string, Json>) }
}

const asChecked: typeof clean = (_model, _kind, values) => values as Readonly<Record<string, Json>>

const digits = "0123456789abcdefghjkmnpqrstvwxyz"

/** The last 50 bits of a TypeID, which are chance: what a JavaScript number still holds exactly. */
function numberOf(id: string): number {
  let number = 0
  for (const digit of id.slice(-10)) number = number * 32 + digits.indexOf(digit)
  return number
}

const tracking = system("progress of a job")

function startedRun({ principal }: Recording, { name }: Job): Readonly<Record<string, Json>> {
  return { job: name, ownerId: onBehalfOf(principal) }
}

/** Whom a job acts for: whoever caused it, through however many jobs. */
function onBehalfOf(principal: Principal): string | null {
  return (principal.kind === "system" ? principal.onBehalfOf : principalId(principal)) ?? null
}

/** A job as a message of the outbox. */
export function jobMessage(
  { principal, requestId }: Pick<Recording, "principal" | "requestId">,
  job: string,
  input: Json,
  more: { readonly key: string | null; readonly notBefore: Date | null; readonly run: string | null },
): Message {
  const { key, notBefore, run } = more
  return { topic: "job", job, key, notBefore, payload: { input, onBehalfOf: onBehalfOf(principal), run, requestId } }
}

/** What fits into an index beside the job's name. */
const jobKeyLength = 200

/** Starts recording. */
export function recorder(call: Recording): Recorder {
  const writes: Write[] = []
  const messages: Message[] = []
  const reads: GetPlan[] = []
  const decided = new Map<string, Batch["decidedOn"][number]>()
  const minted = new Set<string>()
  const mint = (prefix: string): string => {
    const id = call.ids.mint(prefix)
    minted.add(id)
    return id
  }
  const record = (write: Write): Pending<never> => {
    if (writes.length >= limits.batchRecordsMax)
      throw new Problem("INVALID_ARGUMENT", `At most ${limits.batchRecordsMax} records a call`)
    writes.push(write)
    return new Pending<never>(writes.length - 1, write.id)
  }
  const changesFor = (as: Principal, version: number | null, check: typeof clean): Changes => ({
    create: (resource, values) => {
      const model = modelOf(call.models, resource.name)
      const { id = mint(model.idPrefix), ...rest } = values as { readonly id?: string }
      if (as.kind !== "system" && !(minted.has(id) && id.startsWith(`${model.idPrefix}_`)))
        throw new Error(`create of ${model.name}: only the system chooses an id; mint one with ids.mint`)
      return record({ kind: "create", resource: model.name, id, values: check(model, "create", rest), as })
    },
    update: (resource, id, values) => {
      const model = modelOf(call.models, resource.name)
      return record({ kind: "update", resource: model.name, id, values: check(model, "update", values), version, as })
    },
    delete: (resource, id) => void record({ kind: "delete", resource: resource.name, id, version, as }),
    read: (resource, which, select) => {
      const plan = handlerGet(call.models, resource.name, which, select)
      reads.push(plan)
      return new Pending(reads.length - 1, plan.id, "read")
    },
    mail: (mail) =>
      void messages.push(jobMessage(call, mailJob, { ...mail }, { key: null, notBefore: null, run: null })),
    enqueue: (job, input, { at = null } = {}) => {
      const parsed = job.input.safeParse(input)
      if (!parsed.success) throw invalidAll(violationsOf(parsed.error))
      const run = job.tracked ? mint("run") : null
      if (run !== null)
        record({ kind: "create", resource: "job_runs", id: run, values: startedRun(call, job), as: tracking })
      const key = job.key(parsed.data)
      if (key !== null && (key === "" || key.length > jobKeyLength))
        throw new Error(`${job.name}: a key has 1 to ${jobKeyLength} characters`)
      messages.push(jobMessage(call, job.name, input as Json, { key, notBefore: at, run }))
      return { runId: run }
    },
    as: (other) => changesFor(other, version, check),
  })
  /** The first version that was read counts: a row that changed between two reads of one decision makes it stale. */
  const note = (resource: string, row: Row) => {
    const key = `${resource} ${String(row.id)}`
    if (typeof row.version === "number" && !decided.has(key))
      decided.set(key, { resource, id: String(row.id), version: row.version })
  }
  return {
    read: readsAs(call, call.principal, note),
    changes: changesFor(call.principal, null, clean),
    ids: { mint, number: () => numberOf(call.ids.mint("number")) },
    checkedChanges: (version) => changesFor(call.principal, version, asChecked),
    writes,
    messages,
    reads,
    get decidedOn() {
      return [...decided.values()]
    },
  }
}

/** Takes as long for a difference at the start as at the end. Lengths are no secret. */
function sameText(a: string, b: string): boolean {
  let difference = a.length ^ b.length
  for (let at = 0; at < a.length; at++) difference |= a.charCodeAt(at) ^ b.charCodeAt(at)
  return difference === 0
}

function readsAs(call: Recording, principal: Principal, note: (resource: string, row: Row) => void): Read {
  const reading = { principal, now: call.now }
  const find = async (name: string, which: Which, select?: Select): Promise<Row | null> => {
    const row = await call.store.get(handlerGet(call.models, name, which, select), reading)
    if (row) note(name, row)
    return row
  }
  return {
    find: (resource, which, select) => find(resource.name, which, select) as never,
    get: async (resource, which, select) => {
      const row = await find(resource.name, which, select)
      if (!row) throw notFound(resource.name)
      return row as never
    },
    list: async (resource, options = {}) => {
      const page = await call.store.list(handlerList(call.models, resource.name, options), reading)
      for (const row of page.items) note(resource.name, row)
      return page as never
    },
    groups: async (resource, column) => {
      const rows = await call.store.aggregate(handlerGroups(resource.name, column), reading)
      return rows.map((row) => ({ value: row[column] ?? null, count: Number(row.count) }))
    },
    matchesSecret: async (resource, id, column, value) => {
      const model = modelOf(call.models, resource.name)
      if (!model.secrets.has(column)) throw new Error(`${model.name} has no secret column ${column}`)
      const row = await call.store.withSecrets(model.name, "id", id)
      if (row === null) return false
      note(model.name, row)
      return typeof row[column] === "string" && sameText(row[column], value)
    },
    as: (other) => readsAs(call, other, note),
  }
}
