/**
 * What happened to the account: recorded in the transaction of the change itself, shown to the user from a ring, and kept as an outbox until
 * the log has it. Fields hold no secret; personal ones (address, device) never leave the object, so that destroying it forgets them.
 */
import type { Json, JsonObject } from "../core/json.ts"
import type { EventView, PendingEvent } from "../core/security-event.ts"
import { numberOf, retryDelayMs, setNumber, type Turn } from "./turn.ts"

/** Events that stay readable for the user after the log has them. */
const ringSize = 200

type Kind =
  | "account.changed"
  | "account.destroyed"
  | "session.created"
  | "session.ended"
  | "session.reuse"
  | "signin.failed"
  | "token.issued"
  | "token.redeemed"
  | "key.added"
  | "key.revoked"
  | "factor.added"
  | "factor.removed"
  | "factor.failed"
  | "factor.regressed"
  | "recovery.made"
  | "recovery.used"
  | "session.renewed"
  | "grant.added"
  | "grant.ended"
  | "grant.reuse"
  | "approval.asked"
  | "approval.granted"
  | "approval.refused"
  | "approval.used"

type Row = {
  id: string
  at: number
  kind: string
  actor: string
  impersonator: string | null
  requestId: string
  fields: string
  personal: string
}

const columns = '"id", "at", "kind", "actor", "impersonator", "requestId", "fields", "personal"'

/**
 * Records an event. Call inside the transaction that makes it true.
 * @param fields ids and words that the log may keep for ever
 * @param personal what only the user sees; the log learns the names
 */
export function record(
  turn: Turn,
  kind: Kind,
  fields: JsonObject,
  personal: Readonly<Record<string, Json>> = {},
): void {
  if (turn.subject === null) return
  const { sql, now, cause } = turn
  sql.exec(
    `insert into "events" (${columns}, "pushed") values (?, ?, ?, ?, ?, ?, ?, ?, 0)`,
    turn.newId(),
    now,
    kind,
    cause.actor,
    cause.impersonator ?? null,
    cause.requestId,
    JSON.stringify(fields),
    JSON.stringify(personal),
  )
  if (numberOf(sql, "logAt") === null) setNumber(sql, "logAt", now + 1000)
}

function view(row: Row, withPersonal: boolean): EventView {
  const { fields, personal, ...rest } = row
  const shown = withPersonal ? { ...JSON.parse(fields), ...JSON.parse(personal) } : JSON.parse(fields)
  return { ...rest, fields: shown as JsonObject }
}

/** The latest events, newest first. */
export function recentEvents(sql: SqlStorage, limit: number): EventView[] {
  const bound = Math.max(0, Math.min(limit, ringSize))
  return sql
    .exec<Row>(`select ${columns} from "events" order by "sequence" desc limit cast(? as integer)`, bound)
    .toArray()
    .map((row) => view(row, true))
}

/** Events that the log has not acknowledged, oldest first. */
export function pendingEvents(sql: SqlStorage, limit: number): PendingEvent[] {
  return sql
    .exec<Row>(
      `select ${columns} from "events" where "pushed" = 0 order by "sequence" limit cast(? as integer)`,
      Math.max(0, Math.min(limit, 1000)),
    )
    .toArray()
    .map((row) => ({
      ...view(row, false),
      changed: [...Object.keys(JSON.parse(row.fields)), ...Object.keys(JSON.parse(row.personal))],
    }))
}

/** The log has these. Trims the ring; what is not acknowledged is never trimmed. */
export function acknowledgeEvents(turn: Turn, ids: readonly string[]): void {
  const { sql, now } = turn
  sql.exec('update "events" set "pushed" = 1 where "id" in (select "value" from json_each(?))', JSON.stringify(ids))
  sql.exec(
    `delete from "events" where "pushed" = 1 and "sequence" <= (select max("sequence") from "events") - ${ringSize}`,
  )
  const waiting = sql.exec('select 1 from "events" where "pushed" = 0 limit 1').toArray().length > 0
  setNumber(sql, "logAt", waiting ? now : null)
  setNumber(sql, "logTries", null)
}

/** The log could not be reached: when the alarm tries again. */
export function postponeEvents(turn: Turn): void {
  const tries = numberOf(turn.sql, "logTries") ?? 0
  setNumber(turn.sql, "logTries", tries + 1)
  setNumber(turn.sql, "logAt", turn.now + retryDelayMs(tries))
}

const insert =
  'insert into "events" ("id", "at", "actor", "impersonator", "reason", "operation", "resource", "record", "change", "tenant", ' +
  '"before", "after", "changed", "requestId") select "value"->>\'id\', "value"->>\'at\', "value"->>\'actor\', ' +
  "\"value\"->>'impersonator', null, \"value\"->>'kind', 'users', ?1, 'updated', null, null, \"value\"->>'fields', " +
  '"value"->>\'changed\', "value"->>\'requestId\' from json_each(?2) where true on conflict ("id") do nothing'

/** Brings events to the log in one statement. An event that is there already stays as it is. Throws when D1 does. */
export async function writeToLog(database: D1Database, user: string, events: readonly PendingEvent[]): Promise<void> {
  const rows = events.map((event) => ({
    ...event,
    at: new Date(event.at).toISOString(),
    fields: JSON.stringify(event.fields),
    changed: JSON.stringify(event.changed),
  }))
  await database.prepare(insert).bind(user, JSON.stringify(rows)).run()
}
