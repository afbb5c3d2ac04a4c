/**
 * The statements of a deletion, and the small ones around writes: rows read back, rights that must hold, decisions that must still stand.
 * A deletion that takes others with it is refused first: once its members are gone, nobody could be asked whether they allowed it.
 */
import { allows, every } from "../authorization/sql.ts"
import { parameters, quote } from "../authorization/statement.ts"
import type { Model, Models } from "../core/model.ts"
import type { Action } from "../core/policy.ts"
import type { Principal } from "../core/principal.ts"
import { cascadeOf, hasCascade, payloadIds } from "./cascade.ts"
import { column, eventImage, insertEvents, joined } from "./event-statements.ts"
import { assemble, columnPieces, type Projection } from "./projection.ts"
import { sqlOf, target, type WriteShape } from "./writer-shapes.ts"
import { at, type Outline, openStatement, type Prepared, prepared, valueSlot, writeScope } from "./writer-source.ts"

/** The statements of a deletion. A deletion with cascades is always a set, if only of one. */
export function deleteShape(outline: Outline): WriteShape {
  const none = { keys: [], flagged: [] }
  if (!outline.set && !outline.guarded) {
    const events = deletedEvents(outline, true)
    const { own, source } = openStatement(outline, 0)
    const id = column(outline.model, "id")
    const sql = `delete from ${quote(outline.model.table)} where ${id} = ${source.id} and changes() > 0 returning "id"`
    return { ...none, eventIds: 0, statements: [events, prepared(sql, own)], answer: { index: 1, projection: null } }
  }
  const cascade = hasCascade(outline.model) ? cascadeOf(outline.models, outline.model) : { statements: [], eventIds: 0 }
  const statements = [deleteGuard(outline), ...cascade.statements, deletedEvents(outline, false), deletion(outline)]
  return { ...none, eventIds: cascade.eventIds, statements, answer: null }
}

function deletedEvents(outline: Outline, policed: boolean): Prepared {
  const { model } = outline
  const { own, source } = openStatement(outline, 0)
  const policy = allows(model.policy.delete, writeScope(outline, own))
  const sql = insertEvents(own, {
    model,
    change: "deleted",
    id: source.event,
    changed: source.changed,
    before: eventImage(model),
    after: "null",
    from: joined(source, model),
    where: policed ? `${target(outline, source)} and ${sqlOf(policy)}` : `${column(model, "id")} = ${source.id}`,
  })
  return prepared(sql, own)
}

function deleteGuard(outline: Outline): Prepared {
  const { model } = outline
  const { own, source } = openStatement(outline, 0)
  const policy = allows(model.policy.delete, writeScope(outline, own))
  const found = `select 1 from ${quote(model.table)} where ${target(outline, source)} and ${sqlOf(policy)}`
  const from = source.from === null ? "" : ` from ${source.from}`
  const first = source.from === null ? "" : ' order by "$given"."key" limit 1'
  return prepared(
    `insert into "guard" ("name") select 'guard:write:' || ${source.position}${from} where not exists (${found})${first}`,
    own,
  )
}

function deletion(outline: Outline): Prepared {
  const { own, source } = openStatement(outline, 0)
  const id = column(outline.model, "id")
  const which = outline.set ? `in (${payloadIds(own)})` : `= ${source.id}`
  return prepared(`delete from ${quote(outline.model.table)} where ${id} ${which}`, own)
}

/** A kept statement that answers rows. */
export interface ReadShape {
  readonly statement: Prepared
  readonly projection: Projection
}

/** Name under which a row's id is selected, whatever the masks say. */
export const recordColumn = "?record"

/** Rows by a JSON list of ids (at `at.payload`), masked for the principal; what it may not see is not among them. */
export function rowsShape(models: Models, model: Model, principal: Principal): ReadShape {
  const own = parameters()
  const scope = { models, model, alias: model.table, parameters: own, principal }
  const id = column(model, "id")
  const projection = assemble(columnPieces([...model.columns.keys()], scope), [`${id} as "${recordColumn}"`])
  const ids = `select "value" from json_each(${valueSlot(own, at.payload)})`
  const visible = sqlOf(allows(model.policy.read, scope))
  const sql = `select ${projection.select} from ${quote(model.table)} where ${id} in (${ids}) and ${visible}`
  return { statement: prepared(sql, own), projection }
}

/** The record's version, and whether the principal sees it: tells an absent record from a refused one. */
export function probeShape(models: Models, model: Model, principal: Principal): Prepared {
  const own = parameters()
  const visible = sqlOf(allows(model.policy.read, { models, model, alias: model.table, parameters: own, principal }))
  const sql =
    `select ${column(model, "version")} as "version", case when ${visible} then 1 else 0 end as "visible" ` +
    `from ${quote(model.table)} where ${column(model, "id")} = ${valueSlot(own, at.payload)}`
  return prepared(sql, own)
}

/** Aborts as `guard:required:<n>` (n at `at.base`) unless the principal may do `action` to the record at `at.payload`. */
export function requiredShape(models: Models, model: Model, action: Action, principal: Principal): Prepared {
  const own = parameters()
  const right = allows(model.policy[action], { models, model, alias: model.table, parameters: own, principal })
  const id = `${column(model, "id")} = ${valueSlot(own, at.payload)}`
  const found = `select 1 from ${quote(model.table)} where ${id} and ${sqlOf(every(right))}`
  return prepared(
    `insert into "guard" ("name") select 'guard:required:' || ${valueSlot(own, at.base)} where not exists (${found})`,
    own,
  )
}

/** Aborts as `guard:stale` when a record of the list of `[id, version]` has another version now. */
export function staleShape(model: Model): Prepared {
  const own = parameters()
  const same = `${column(model, "id")} = ("$given"."value" ->> 0) and ${column(model, "version")} = ("$given"."value" ->> 1)`
  const sql =
    `insert into "guard" ("name") select 'guard:stale' from json_each(${valueSlot(own, at.payload)}) as "$given" ` +
    `where not exists (select 1 from ${quote(model.table)} where ${same}) limit 1`
  return prepared(sql, own)
}
