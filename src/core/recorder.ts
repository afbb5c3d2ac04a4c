/** What a handler reads and wants written, recorded: the writes in order, and the versions that its decision stands on. */
import { type Changes, Pending, type Write } from "./changes.ts"
import type { Ids, Read, Select, Which } from "./context.ts"
import { handlerGet, handlerGroups, handlerList } from "./handler-plans.ts"
import type { Json } from "./json.ts"
import { limits } from "./limits.ts"
import { type Model, type Models, modelOf } from "./model.ts"
import type { Message } from "./outbox.ts"
import type { GetPlan } from "./plan.ts"
import type { Batch, Row, Store } from "./ports.ts"
import type { Principal } from "./principal.ts"
import { invalidAll, notFound, Problem } from "./problem.ts"
import { schemasOf } from "./schema.ts"
import { violationsOf } from "./validation.ts"

/** One run of a handler. Made anew when a stale decision runs again. */
export interface Recorder {
  readonly read: Read
  readonly changes: Changes
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

/** Starts recording. */
export function recorder(call: Recording): Recorder {
  const writes: Write[] = []
  const messages: Message[] = []
  const reads: GetPlan[] = []
  const decided = new Map<string, Batch["decidedOn"][number]>()
  const record = (write: Write): Pending<never> => {
    if (writes.length >= limits.batchRecordsMax)
      throw new Problem("INVALID_ARGUMENT", `At most ${limits.batchRecordsMax} records a call`)
    writes.push(write)
    return new Pending<never>(writes.length - 1, write.id)
  }
  const changesFor = (as: Principal, version: number | null, check: typeof clean): Changes => ({
    create: (resource, values) => {
      const model = modelOf(call.models, resource.name)
      const { id = call.ids.mint(model.idPrefix), ...rest } = values as { readonly id?: string }
      if (id === values.id && as.kind !== "system")
        throw new Error(`create of ${model.name}: only the system chooses an id`)
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
    mail: (payload) => void messages.push({ topic: "mail", payload }),
    as: (other) => changesFor(other, version, check),
  })
  const note = (resource: string, row: Row) => {
    if (typeof row.version === "number")
      decided.set(`${resource} ${String(row.id)}`, { resource, id: String(row.id), version: row.version })
  }
  return {
    read: readsAs(call, call.principal, note),
    changes: changesFor(call.principal, null, clean),
    checkedChanges: (version) => changesFor(call.principal, version, asChecked),
    writes,
    messages,
    reads,
    get decidedOn() {
      return [...decided.values()]
    },
  }
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
    as: (other) => readsAs(call, other, note),
  }
}
