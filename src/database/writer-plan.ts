/**
 * A batch as statements. Neighbouring writes of one kind and resource become one set of statements, whatever their number; decisions and
 * rights are guarded first, the stored answer comes last. Refuses values that may not be given, before anything is sent.
 */
import { bind, type SqlValue } from "../authorization/statement.ts"
import type { Write } from "../core/changes.ts"
import type { Ids } from "../core/context.ts"
import { resourcesRead } from "../core/deciding.ts"
import { type Model, type Models, modelOf } from "../core/model.ts"
import type { GetPlan } from "../core/plan.ts"
import type { Batch, Row } from "../core/ports.ts"
import { hasCascade } from "./cascade.ts"
import type { RawRow, Statement } from "./client.ts"
import { eventContext, takeBack } from "./event-statements.ts"
import { type CompiledGet, compileGet, getShape } from "./get.ts"
import { leaseStatements } from "./leases.ts"
import { outboxStatement } from "./outbox.ts"
import type { Projection } from "./projection.ts"
import { pendingResources, storeShape, storeStatements } from "./replay.ts"
import { shapeOf } from "./statement-cache.ts"
import { carried, changedNames, createValue, encode, type ValueWrite, writableColumn } from "./write-values.ts"
import { deleteShape, type ReadShape, requiredShape, rowsShape, staleShape } from "./writer-delete.ts"
import { type Group, groupsOf, inputPath } from "./writer-groups.ts"
import { createShape, updateShape, type WriteShape } from "./writer-shapes.ts"
import { at, type Binding, bound, type Outline, outlineKey, type Prepared } from "./writer-source.ts"

/** What a plan is made with. */
export interface Planning {
  readonly models: Models
  readonly ids: Ids
  /** A text of this kind, made once an isolate. */
  kept<T>(key: string, make: () => T): T
}

/** Where the row of a write is answered. */
export interface Answer {
  readonly statement: number
  /** null: the answer only tells whether the write happened. */
  readonly projection: Projection | null
  /** The writes whose rows are answered, by id; one write when it answers itself. */
  readonly writes: readonly number[]
  readonly itself: boolean
}

/** A batch, ready to send. */
export interface Plan {
  readonly statements: Statement[]
  readonly answers: Answer[]
  /** Where the records that are read after the writes are answered; null: the caller may see none of them. */
  readonly reads: ({ readonly statement: number; decode(row: RawRow): Row } | null)[]
  /** Versions that writes carry for a decision: when such a write finds another version, the decision is stale. */
  readonly decided: ReadonlyMap<number, number>
}

/** More parameters than this, and one record travels as a set too: the policy and the event need some of the 100. */
const valuesMax = 60

/** Plans a batch; a rehearsal takes itself back at its end. Throws INVALID_ARGUMENT for values that may not be given. */
export function planBatch(batch: Batch, planning: Planning, isRehearsal = false): Plan {
  const groups = groupsOf(batch, planning.models)
  const decided = decidedByWrites(batch)
  const lease = batch.lease ? leaseStatements(batch.lease) : []
  const plan: Plan = { statements: [...lease, ...guards(batch, planning, decided)], answers: [], reads: [], decided }
  const later = new Map<string, number[]>()
  groups.forEach((group, n) => {
    const alone =
      !isRehearsal &&
      batch.writes.length === 1 &&
      batch.idempotency === null &&
      batch.outbox.length + batch.reads.length + lease.length === 0
    const shape = addGroup(batch, planning, plan, group, alone, n === groups.length - 1)
    if (shape.answer !== null || group.kind === "delete") return
    const rows = later.get(group.model.name) ?? []
    rows.push(...group.writes.map((_, offset) => group.base + offset))
    later.set(group.model.name, rows)
  })
  for (const [name, writes] of later) addRows(batch, planning, plan, modelOf(planning.models, name), writes)
  for (const read of batch.reads) addRead(batch, planning, plan, read)
  if (batch.outbox.length > 0) plan.statements.push(outboxStatement(batch.outbox))
  if (batch.idempotency) {
    const resources = pendingResources(batch, batch.idempotency)
    const key = `store\n${resources.join()}\n${shapeOf(batch.principal)}`
    const shape = planning.kept(key, () => storeShape(planning.models, resources, batch.principal))
    plan.statements.push(...storeStatements(batch, batch.idempotency, shape))
  }
  if (isRehearsal) plan.statements.push(takeBack(batch))
  return plan
}

function outlineOf(batch: Batch, planning: Planning, plan: Plan, group: Group, alone: boolean, last: boolean): Outline {
  const { model, writes, as } = group
  const [first, ...others] = group.given
  let given: readonly string[] = first ?? []
  let partial: readonly string[] = []
  if (others.length > 0 && group.given.some((keys) => keys.join() !== given.join())) {
    const counts = new Map<string, number>()
    for (const keys of group.given) for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
    given = [...model.columns.keys(), ...model.secrets.keys()].filter((key) => counts.has(key))
    partial = given.filter((key) => counts.get(key) !== writes.length)
  }
  const set = writes.length > 1 || given.length > valuesMax || (group.kind === "delete" && hasCascade(model))
  return {
    models: planning.models,
    model,
    as,
    caller: batch.principal,
    given,
    partial,
    set,
    versioned: writes.some((_, n) => versionOf(batch, plan.decided, group.base + n) !== null),
    guarded: !alone || set,
    returning: last && !set && group.kind !== "delete",
  }
}

function versionOf(batch: Batch, decided: ReadonlyMap<number, number>, index: number): number | null {
  const write = batch.writes[index]
  return write === undefined || write.kind === "create" ? null : (write.version ?? decided.get(index) ?? null)
}

const makers = { create: createShape, update: updateShape, delete: deleteShape } as const

function addGroup(
  batch: Batch,
  planning: Planning,
  plan: Plan,
  group: Group,
  alone: boolean,
  last: boolean,
): WriteShape {
  const outline = outlineOf(batch, planning, plan, group, alone, last)
  const shape = planning.kept(outlineKey(group.kind, outline), () => makers[group.kind](outline))
  const start = plan.statements.length
  const elements = group.writes.map((write, n) => {
    const index = group.base + n
    const changed = write.kind === "delete" ? "[]" : changedNames(group.model, group.given[n] ?? [])
    return {
      head: [write.id, planning.ids.mint("event"), changed, versionOf(batch, plan.decided, index)],
      values: valuesOf(batch, outline, shape, index),
    }
  })
  const context = eventContext(batch, group.as)
  const binding: Binding = { as: group.as, caller: batch.principal, now: batch.now }
  const values = outline.set
    ? [
        ...context,
        payload(group, outline, shape, elements),
        elements.length,
        null,
        null,
        String(group.base),
        ...mintAll(planning, shape.eventIds),
      ]
    : [...context, ...(elements[0]?.head ?? []), String(group.base), ...(elements[0]?.values ?? [])]
  for (const statement of shape.statements) plan.statements.push(bound(statement, binding, values))
  if (shape.answer)
    plan.answers.push({ ...shape.answer, statement: start + shape.answer.index, writes: [group.base], itself: true })
  return shape
}

function mintAll(planning: Planning, count: number): string[] {
  return Array.from({ length: count }, () => planning.ids.mint("event"))
}

function valuesOf(batch: Batch, outline: Outline, shape: WriteShape, index: number): SqlValue[] {
  const write = batch.writes[index] as Write
  if (write.kind === "delete") return []
  const { fields } = inputPath(batch, index)
  return shape.keys.map((key) => {
    const facts = writableColumn(outline.model, key)
    if (!facts) throw new Error(`${outline.model.name} has no column ${key}`)
    if (write.kind === "create") return createValue(outline.model, facts, write, batch.now, fields)
    return encode(facts, write.values[key] ?? null, `${fields}/${key}`)
  })
}

type Element = { readonly head: readonly SqlValue[]; readonly values: readonly SqlValue[] }

function payload(group: Group, outline: Outline, shape: WriteShape, elements: readonly Element[]): string {
  const kinds = shape.keys.map((key) => writableColumn(outline.model, key)?.kind)
  return JSON.stringify(
    elements.map(({ head, values }, n) => {
      const flags = shape.flagged.map((key) => ((group.writes[n] as ValueWrite).values[key] === undefined ? 0 : 1))
      return [...head, ...values.map((value, i) => (kinds[i] ? carried(kinds[i], value) : value)), ...flags]
    }),
  )
}

function addRows(batch: Batch, planning: Planning, plan: Plan, model: Model, writes: readonly number[]): void {
  const key = `rows\n${model.name}\n${shapeOf(batch.principal)}`
  const shape = planning.kept<ReadShape>(key, () => rowsShape(planning.models, model, batch.principal))
  const ids = JSON.stringify(writes.map((index) => batch.writes[index]?.id))
  plan.answers.push({ statement: plan.statements.length, projection: shape.projection, writes, itself: false })
  plan.statements.push(
    bound(shape.statement, { as: batch.principal, caller: batch.principal, now: batch.now }, placed(ids, "")),
  )
}

function addRead(batch: Batch, planning: Planning, plan: Plan, read: GetPlan): void {
  const { principal, now } = batch
  const key = `read\n${getShape(read)}\n${shapeOf(principal)}`
  const made = planning.kept<CompiledGet | "nothing">(
    key,
    () => compileGet(read, principal, planning.models) ?? "nothing",
  )
  if (made === "nothing") return void plan.reads.push(null)
  plan.reads.push({ statement: plan.statements.length, decode: made.decode })
  plan.statements.push({ sql: made.sql, binds: bind(made.slots, { principal, now, values: [read.id] }) })
}

/** Values for the statements that need a payload and a position alone. */
export function placed(payload: string, position: string): SqlValue[] {
  const values: SqlValue[] = new Array(at.first).fill(null)
  values[at.payload] = payload
  values[at.base] = position
  return values
}

/** The first write of a row carries the version that was read, when nothing before it in the batch can have changed the row. */
function decidedByWrites(batch: Batch): Map<number, number> {
  const carried = new Map<number, number>()
  for (const row of batch.decidedOn) {
    if (row.version === null) continue
    for (const [index, write] of batch.writes.entries()) {
      const same = write.resource === row.resource && write.id === row.id
      if (same && write.kind !== "create" && (write.version === null || write.version === row.version))
        carried.set(index, row.version)
      if (same || write.kind === "delete") break
    }
  }
  return carried
}

function guards(batch: Batch, planning: Planning, decided: ReadonlyMap<number, number>): Statement[] {
  const binding: Binding = { as: batch.principal, caller: batch.principal, now: batch.now }
  const statements: Statement[] = []
  const carried = new Set(
    [...decided.keys()].map((index) => `${batch.writes[index]?.resource} ${batch.writes[index]?.id}`),
  )
  const rest = batch.decidedOn.filter((row) => row.version !== null && !carried.has(`${row.resource} ${row.id}`))
  for (const name of new Set(rest.map((row) => row.resource))) {
    const list = rest.filter((row) => row.resource === name).map((row) => [row.id, row.version])
    const shape = planning.kept<Prepared>(`stale\n${name}`, () => staleShape(modelOf(planning.models, name)))
    statements.push(bound(shape, binding, placed(JSON.stringify(list), "")))
  }
  batch.required.forEach(({ on, id }, n) => {
    if (impliedByWrite(batch, planning.models, on, id)) return
    const key = `required\n${on.resource}\n${on.action}\n${shapeOf(batch.principal)}`
    const make = () => requiredShape(planning.models, modelOf(planning.models, on.resource), on.action, batch.principal)
    statements.push(bound(planning.kept(key, make), binding, placed(id, String(n))))
  })
  return statements
}

/** A write of the record under the same right asks the same question; unless a write before it could have changed the answer. */
function impliedByWrite(batch: Batch, models: Models, on: Batch["required"][number]["on"], id: string): boolean {
  const index = batch.writes.findIndex((write) => write.resource === on.resource && write.id === id)
  const write = batch.writes[index]
  if (!write || write.kind !== on.action || write.as !== batch.principal) return false
  if (index === 0) return true
  const reach = resourcesRead(models, modelOf(models, on.resource), on.action)
  return batch.writes.slice(0, index).every((earlier) => earlier.kind !== "delete" && !reach.has(earlier.resource))
}
