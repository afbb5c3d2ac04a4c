/**
 * The statements that write the log and the guards: every change of a row is one event row, computed by SQL in the batch that changes it.
 * Secret columns stand in no event; personal ones stand as null and are named as changed. A guard refuses the whole batch by its name.
 */
import { type Parameters, quote } from "../authorization/statement.ts"
import type { Write } from "../core/changes.ts"
import type { Event } from "../core/event.ts"
import type { Model } from "../core/model.ts"
import type { Batch } from "../core/ports.ts"
import { principalId } from "../core/principal.ts"
import type { Statement } from "./client.ts"
import { jsonImage } from "./projection.ts"
import { at, type Source, valueSlot } from "./writer-source.ts"

/** The values that all events of one write share, in the order of `at`. */
export function eventContext(batch: Batch, as: Write["as"]): [string, string | null, string | null, string, string] {
  // The system on somebody's behalf: the log names who wanted it, and the reason says that it was not by their own right.
  const wanted = as.kind === "system" ? as.onBehalfOf : principalId(as)
  const { principal } = batch
  const impersonator =
    principal.kind === "user" && (as === principal || wanted !== undefined) ? principal.impersonator : undefined
  return [
    wanted ?? as.kind,
    impersonator ?? null,
    as.kind === "system" ? as.reason : (batch.reason ?? null),
    batch.operation,
    batch.requestId,
  ]
}

/** What differs between the events of one kind of write. */
export interface EventParts {
  readonly model: Model
  readonly change: Event["change"]
  /** SQL of the event's id. */
  readonly id: string
  /** SQL of the JSON list of names. */
  readonly changed: string
  readonly before: string
  readonly after: string
  /** The row's table, or what stands for it, and the values joined to it. */
  readonly from: string
  readonly where: string
  /** Expressions that stand for columns in the row as it will be. */
  readonly substitute?: ReadonlyMap<string, string>
}

/** A name or a word as an SQL text. Names come from declarations, never from a caller. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** The column of a row in its table, quoted. */
export function column(model: Model, key: string): string {
  return `${quote(model.table)}.${quote(model.columns.get(key)?.name ?? key)}`
}

/** The row as one JSON object for the log. */
export function eventImage(model: Model, substitute?: ReadonlyMap<string, string>): string {
  return jsonImage(model, quote(model.table), substitute ? { personal: false, substitute } : { personal: false })
}

/** `insert into events` for every row that `from` and `where` give. */
export function insertEvents(own: Parameters, parts: EventParts): string {
  const { model } = parts
  const tenant = model.tenant === null ? "null" : (parts.substitute?.get(model.tenant) ?? column(model, model.tenant))
  const values = [
    parts.id,
    own.add({ from: "now" }),
    valueSlot(own, at.actor),
    valueSlot(own, at.impersonator),
    valueSlot(own, at.reason),
    valueSlot(own, at.operation),
    literal(model.name),
    column(model, "id"),
    literal(parts.change),
    tenant,
    parts.before,
    parts.after,
    parts.changed,
    valueSlot(own, at.requestId),
  ]
  return (
    'insert into "events" ("id", "at", "actor", "impersonator", "reason", "operation", "resource", "record", "change", "tenant", ' +
    `"before", "after", "changed", "requestId") select ${values.join(", ")} from ${parts.from} where ${parts.where}`
  )
}

/** The row's table with the values of the write joined before it, so that each element finds its row by id. */
export function joined(source: Source, model: Model): string {
  return source.from === null ? quote(model.table) : `${source.from} cross join ${quote(model.table)}`
}

/** Aborts as `guard:write:<position>` when the statement before changed nothing. */
export function guardChanged(source: Source): string {
  return `insert into "guard" ("name") select 'guard:write:' || ${source.position} where changes() = 0`
}

/**
 * Aborts as `guard:write:<position>` of the first element of a set that `done` does not find.
 * @param done SQL of a sub-select that finds what the write of one element made
 * @param count SQL of the number of elements; when the statement before changed as many rows, nothing is looked up
 */
export function guardSet(source: Source, done: string, count: string): string {
  return (
    `insert into "guard" ("name") select 'guard:write:' || ${source.position} from ${source.from} ` +
    `where changes() <> cast(${count} as integer) and not exists (${done}) order by "$given"."key" limit 1`
  )
}

/**
 * Aborts a batch that has gone through, as `guard:rehearsed:<resource>.<change>.<count>-…` of the events that it has made: the newest, one after
 * another, so that nothing else of the log is read.
 */
export function takeBack({ requestId }: Batch): Statement {
  const own = 'select "sequence", "resource", "change" from "events" where "requestId" = ?1 and "sequence"'
  const made =
    `with recursive "made" as (select * from (${own} = (select max("sequence") from "events")) ` +
    'union all select "events"."sequence", "events"."resource", "events"."change" from "made" ' +
    'join "events" on "events"."sequence" = "made"."sequence" - 1 where "events"."requestId" = ?1)'
  const counted = `${made} select "resource", "change", count(*) as "count" from "made" group by 1, 2 order by 1, 2`
  const list = `select group_concat("resource" || '.' || "change" || '.' || "count", '-') from (${counted})`
  return {
    sql: `insert into "guard" ("name") select 'guard:rehearsed:' || coalesce((${list}), '')`,
    binds: [requestId],
  }
}
