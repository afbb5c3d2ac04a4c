/**
 * The statements of creates and updates, as texts that are kept: one form for a record whose values are parameters and for a set whose
 * values are one JSON parameter. A row that the policy does not allow, before or after, is not written, and neither is its event.
 */
import { allows, every, fieldWritable, type Predicate } from "../authorization/sql.ts"
import { type Parameters, quote } from "../authorization/statement.ts"
import { type Model, type Models, modelOf } from "../core/model.ts"
import { type Condition, walk } from "../core/policy.ts"
import type { Own } from "../core/resource.ts"
import { column, eventImage, guardChanged, guardSet, insertEvents, joined } from "./event-statements.ts"
import { assemble, columnPieces, type Projection } from "./projection.ts"
import { createKeys, parentStamp, storedAs } from "./write-values.ts"
import {
  answerScope,
  countAt,
  type Outline,
  openStatement,
  type Prepared,
  prepared,
  type Source,
  valueSlot,
  writeScope,
} from "./writer-source.ts"

/** The kept statements of one kind of write. */
export interface WriteShape {
  readonly statements: readonly Prepared[]
  /** The columns whose values a write carries, in order. */
  readonly keys: readonly string[]
  /** Of these, the ones that carry a flag in a set: whether the record gives them. */
  readonly flagged: readonly string[]
  /** The statement that answers the row, when the write does so itself, and how to read it. */
  readonly answer: { readonly index: number; readonly projection: Projection | null } | null
  /** How many further event ids the statements need (one a cascaded relation). */
  readonly eventIds: number
}

/** A folded predicate as SQL. */
export function sqlOf(predicate: Predicate): string {
  return predicate === true ? "1" : predicate === false ? "0" : predicate
}

function facts(model: Model, key: string) {
  const found = model.columns.get(key) ?? model.secrets.get(key)
  if (!found) throw new Error(`${model.name} has no column ${key}`)
  return found
}

function parentTable(models: Models, model: Model, columnKey: string): Model {
  for (const relation of model.relations.values()) {
    if (relation.kind === "one" && relation.column === columnKey) return modelOf(models, relation.resource)
  }
  throw new Error(`${model.name}.${columnKey} names a parent to stamp from, but no relation "one" uses it`)
}

/** SQL of a stamped column: the field of the record that the column names, as that column will be. */
function parentSql(outline: Outline, key: string, resolve: (key: string) => string): string {
  const stamp = parentStamp(outline.model, key)
  if (!stamp) throw new Error(`${outline.model.name}.${key} is not stamped from a parent`)
  const parent = parentTable(outline.models, outline.model, stamp.column)
  return `(select "$parent".${quote(stamp.field)} from ${quote(parent.table)} as "$parent" where "$parent"."id" = ${resolve(stamp.column)})`
}

/** SQL of the id of the caller's own record; NULL when there is none, or when nobody calls. */
function ownSql({ models }: Outline, parameters: Parameters, { resource, column }: Own): string {
  const model = modelOf(models, resource)
  const caller = parameters.add({ from: "principal", attribute: "id" })
  return `(select "$own"."id" from ${quote(model.table)} as "$own" where "$own".${quote(nameOf(model, column))} = ${caller})`
}

/** Rules of the fields that are given; in a set, a rule binds the records that give the field. */
function writeRules(
  outline: Outline,
  own: Parameters,
  source: Source,
  flagged: readonly string[],
  substitute?: ReadonlyMap<string, string>,
): Predicate {
  const scope = writeScope(outline, own, substitute)
  return every(
    ...outline.given.map((key): Predicate => {
      const rule = fieldWritable(key, scope)
      const flag = flagged.indexOf(key)
      if (rule === true || flag < 0) return rule
      return `(${source.given(flag)} is not 1 or ${sqlOf(rule)})`
    }),
  )
}

/** SQL of the row's masked columns with a bit that says whether the caller may see the row at all. */
function returning(outline: Outline, own: Parameters): { sql: string; projection: Projection } {
  const scope = answerScope(outline, own)
  const visible = sqlOf(allows(outline.model.policy.read, scope))
  const projection = assemble(columnPieces([...outline.model.columns.keys()], scope), [`(${visible}) as "?visible"`])
  return { sql: ` returning ${projection.select}`, projection }
}

/** The statements of a create: the guarded insert, then the event from the row that stands there. */
export function createShape(outline: Outline): WriteShape {
  const { model } = outline
  const keys = createKeys(model, new Set(outline.given))
  const flagged = outline.partial.filter((key) => model.fields[key]?.write)
  const { own, source } = openStatement(outline, keys.length)
  const row = newRow(outline, own, source, keys)
  const allowed = every(
    allows(model.policy.create, writeScope(outline, own, row)),
    writeRules(outline, own, source, flagged, row),
  )
  const set = [...row].filter(([, sql]) => sql !== "null")
  const names = set.map(([key]) => quote(key === "id" ? "id" : nameOf(model, key)))
  const from = source.from === null ? "" : ` from ${source.from}`
  const insert = `insert into ${quote(model.table)} (${names.join(", ")}) select ${set.map(([, sql]) => sql).join(", ")}${from} where ${sqlOf(allowed)}`
  const answer = outline.returning ? returning(outline, own) : null
  const statements = [prepared(insert + (answer?.sql ?? ""), own)]
  if (outline.guarded) statements.push(createGuard(outline))
  statements.push(createdEvents(outline))
  return { statements, keys, flagged, eventIds: 0, answer: answer && { index: 0, projection: answer.projection } }
}

function nameOf(model: Model, key: string): string {
  return (model.columns.get(key) ?? model.secrets.get(key))?.name ?? key
}

/** Property name to SQL for every column of a row that does not exist yet. */
function newRow(outline: Outline, own: Parameters, source: Source, keys: readonly string[]): Map<string, string> {
  const { model } = outline
  const places = new Map(keys.map((key, n) => [key, n]))
  const resolve = (key: string): string => {
    if (key === "id") return source.id
    if (key === "version") return "1"
    if (key === "createdAt" || key === "updatedAt") return own.add({ from: "now" })
    const place = places.get(key)
    if (place !== undefined) return storedAs(facts(model, key).kind, source.value(place), outline.set)
    const stamp = model.fields[key]?.stamp
    if (stamp?.from === "own") return ownSql(outline, own, stamp)
    return parentStamp(model, key) ? parentSql(outline, key, resolve) : "null"
  }
  return new Map([...model.columns.keys(), ...model.secrets.keys()].map((key) => [key, resolve(key)]))
}

function createGuard(outline: Outline): Prepared {
  const { own, source } = openStatement(outline, 0)
  if (!outline.set) return prepared(guardChanged(source), own)
  const made = `select 1 from ${quote(outline.model.table)} where ${column(outline.model, "id")} = ${source.id}`
  return prepared(guardSet(source, made, valueSlot(own, countAt)), own)
}

function createdEvents(outline: Outline): Prepared {
  const { model } = outline
  const { own, source } = openStatement(outline, 0)
  const sql = insertEvents(own, {
    model,
    change: "created",
    id: source.event,
    changed: source.changed,
    before: "null",
    after: eventImage(model),
    from: joined(source, model),
    where: `${column(model, "id")} = ${source.id}`,
  })
  return prepared(sql, own)
}

/** True when a condition looks at one of these columns of the row itself. */
export function readsAny(condition: Condition, touched: ReadonlyMap<string, string>): boolean {
  for (const node of walk(condition)) {
    if ("column" in node && touched.has(node.column)) return true
  }
  return false
}

/** Property name to SQL for the columns that an update changes: the given ones, the stamps that follow them, version and updatedAt. */
function changedRow(outline: Outline, own: Parameters, source: Source): Map<string, string> {
  const { model, given } = outline
  const table = quote(model.table)
  const own2 = (key: string): string => `${table}.${quote(nameOf(model, key))}`
  const flag = (key: string): string | null => {
    const index = outline.partial.indexOf(key)
    return index < 0 ? null : source.given(index)
  }
  const row = new Map<string, string>()
  given.forEach((key, n) => {
    const value = storedAs(facts(model, key).kind, source.value(n), outline.set)
    const when = flag(key)
    row.set(key, when === null ? value : `(case when ${when} = 1 then ${value} else ${own2(key)} end)`)
  })
  const follow = (key: string): string => {
    const stamp = parentStamp(model, key)
    if (row.has(key) || !stamp) return row.get(key) ?? own2(key)
    const column = follow(stamp.column)
    if (!row.has(stamp.column)) return own2(key)
    const when = flag(stamp.column)
    const value = parentSql(outline, key, () => column)
    row.set(key, when === null ? value : `(case when ${when} = 1 then ${value} else ${own2(key)} end)`)
    return row.get(key) as string
  }
  for (const key of Object.keys(model.fields)) follow(key)
  row.set("version", `${table}."version" + 1`)
  row.set("updatedAt", own.add({ from: "now" }))
  return row
}

/** The rows of the write, at the version that they must have. */
export function target(outline: Outline, source: Source): string {
  const id = `${column(outline.model, "id")} = ${source.id}`
  if (!outline.versioned) return id
  const same = `${column(outline.model, "version")} = cast(${source.version} as integer)`
  return `${id} and ${outline.set ? `(${source.version} is null or ${same})` : same}`
}

/** The statements of an update: the event under the policy of the row before and after, then the change that the event allowed. */
export function updateShape(outline: Outline): WriteShape {
  const statements = [updatedEvents(outline)]
  if (outline.guarded) statements.push(eventGuard(outline))
  const { model } = outline
  const { own, source } = openStatement(outline, outline.given.length)
  const sets = [...changedRow(outline, own, source)].map(([key, sql]) => `${quote(nameOf(model, key))} = ${sql}`)
  const from = source.from === null ? "" : ` from ${source.from}`
  const allowed = outline.guarded ? "" : " and changes() > 0"
  const update = `update ${quote(model.table)} set ${sets.join(", ")}${from} where ${column(model, "id")} = ${source.id}${allowed}`
  const answer = outline.returning ? returning(outline, own) : null
  statements.push(prepared(update + (answer?.sql ?? ""), own))
  return {
    statements,
    keys: outline.given,
    flagged: outline.partial,
    eventIds: 0,
    answer: answer && { index: statements.length - 1, projection: answer.projection },
  }
}

function updatedEvents(outline: Outline): Prepared {
  const { model } = outline
  const { own, source } = openStatement(outline, outline.given.length)
  const row = changedRow(outline, own, source)
  const before = writeScope(outline, own)
  const using = allows(model.policy.update, before)
  const check = readsAny(model.policy.update, row) ? allows(model.policy.update, writeScope(outline, own, row)) : true
  const rules = writeRules(outline, own, source, outline.partial)
  const touchy = outline.given.some((key) => model.fields[key]?.write && readsAny(model.fields[key].write, row))
  const rulesAfter = touchy ? writeRules(outline, own, source, outline.partial, row) : true
  const sql = insertEvents(own, {
    model,
    change: "updated",
    id: source.event,
    changed: source.changed,
    before: eventImage(model),
    after: eventImage(model, row),
    from: joined(source, model),
    where: `${target(outline, source)} and ${sqlOf(every(using, check, rules, rulesAfter))}`,
    substitute: row,
  })
  return prepared(sql, own)
}

/** Aborts when an event that the policy had to allow was not written. */
function eventGuard(outline: Outline): Prepared {
  const { own, source } = openStatement(outline, 0)
  if (!outline.set) return prepared(guardChanged(source), own)
  return prepared(
    guardSet(source, `select 1 from "events" where "events"."id" = ${source.event}`, valueSlot(own, countAt)),
    own,
  )
}
