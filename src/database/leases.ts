/**
 * Jobs in the outbox: who may run one, and until when. `dueAt` is the lease and `attempts` its number, so that whoever lost a row to another can
 * neither commit for it nor put it back. A row that was sent to the queue is due again when the message must be lost; its `dueAt` is the ticket
 * by which its receiver may take it before that.
 */
import type { Lease } from "../core/ports.ts"
import type { Statement } from "./client.ts"
import { redactedCause } from "./outbox.ts"

/** A message of the queue: which key has something due. */
export interface Ticket {
  readonly subject: string
  /** RFC 3339. */
  readonly ticket: string
}

/** A job that was taken. */
export interface LeasedRow {
  readonly id: string
  readonly subject: string
  readonly payload: string
  readonly createdAt: string
  readonly notBefore: string | null
  /** Which attempt this is; 1 for the first. */
  readonly attempts: number
}

// The oldest of a key, those for later left out; and none of its key may be under way: one that was for later becomes the oldest when its time
// has come, whoever runs then.
const isNext = (now: string) => `not exists (
      select 1 from "outbox" as "other" where "other"."topic" = 'job' and "other"."subject" = "mine"."subject" and "other"."id" <> "mine"."id"
        and (("other"."id" < "mine"."id" and ("other"."notBefore" is null or "other"."notBefore" <= ${now}))
          or ("other"."attempts" > 0 and "other"."dueAt" > ${now})))`

// The plus keeps SQLite from going by the topic, under which all jobs for later stand too.
const ticketing = `update "outbox" set "dueAt" = ?2 where "id" in (
    select "id" from "outbox" as "mine" where "dueAt" <= ?1 and +"topic" = 'job' and ${isNext("?1")} order by "dueAt" limit ?3)
  returning "subject", "dueAt" as "ticket"`

/**
 * Takes up keys that have something due, each once.
 * @param until when the messages about them count as lost
 */
export async function ticketDue(
  database: D1Database,
  now: Date,
  until: Date,
  limit: number,
): Promise<readonly Ticket[]> {
  const statement = database.prepare(ticketing).bind(now.toISOString(), until.toISOString(), limit)
  const { results } = await statement.all<Ticket & Record<string, unknown>>()
  return results.map(({ subject, ticket }) => ({ subject, ticket }))
}

/** The queue did not take them: they are due as before. */
export async function untick(database: D1Database, tickets: readonly Ticket[], now: Date): Promise<void> {
  const sql = `update "outbox" set "dueAt" = ?2 where "topic" = 'job' and ("subject", "dueAt") in (
    select value ->> 'subject', value ->> 'ticket' from json_each(?1))`
  await database.prepare(sql).bind(JSON.stringify(tickets), now.toISOString()).run()
}

const claiming = `update "outbox" set "dueAt" = ?3, "attempts" = "attempts" + 1 where "id" = (
    select "id" from "outbox" as "mine" where "topic" = 'job' and "subject" = ?1 and ("dueAt" <= ?2 or "dueAt" = ?4) and ${isNext("?2")}
    order by "id" limit 1)
  returning "id", "subject", "payload", "createdAt", "notBefore", "attempts"`

/**
 * Takes the next job of a key.
 * @param options.until nobody else takes it before
 * @param options.ticket takes the row that was sent with this ticket, too
 */
export async function claimNext(
  database: D1Database,
  options: { readonly subject: string; readonly ticket: string | null; readonly now: Date; readonly until: Date },
): Promise<LeasedRow | null> {
  const { subject, ticket, now, until } = options
  const statement = database.prepare(claiming).bind(subject, now.toISOString(), until.toISOString(), ticket)
  const { results } = await statement.all<LeasedRow & Record<string, unknown>>()
  return results[0] ?? null
}

/** Part of a batch: aborts it as `guard:lease` when the row is another's by now. */
export function leaseStatements({ message, attempt, ends }: Lease): Statement[] {
  const binds = [message, attempt]
  const mine = `"id" = ?1 and "attempts" = cast(?2 as integer)`
  const guard = `insert into "guard" ("name") select 'guard:lease' where`
  if (!ends) return [{ sql: `${guard} not exists (select 1 from "outbox" where ${mine})`, binds }]
  return [
    { sql: `delete from "outbox" where ${mine}`, binds },
    { sql: `${guard} changes() = 0`, binds: [] },
  ]
}

/**
 * Puts a job back.
 * @param cause for the operator
 * @returns false when it is another's by now, and stays as it is
 */
export async function putBack(
  database: D1Database,
  { id, attempts }: Pick<LeasedRow, "id" | "attempts">,
  until: Date,
  cause: string,
): Promise<boolean> {
  const sql = `update "outbox" set "dueAt" = ?3, "lastError" = ?4 where "id" = ?1 and "attempts" = cast(?2 as integer)`
  const statement = database.prepare(sql).bind(id, attempts, until.toISOString(), redactedCause(cause))
  return (await statement.run()).meta.changes > 0
}

/** When the next job is due that is not due yet; null: none is. */
export async function nextDue(database: D1Database, now: Date): Promise<Date | null> {
  const sql = `select min("dueAt") as "at" from "outbox" where +"topic" = 'job' and "dueAt" > ?1`
  const at = await database.prepare(sql).bind(now.toISOString()).first<string | null>("at")
  return at === null ? null : new Date(at)
}

const countMax = 10_000

/** Jobs whose time has come and that are not done, up to 10,000. */
export async function countWaiting(database: D1Database, now: Date): Promise<number> {
  const sql = `select count(*) as "jobs" from (select 1 from "outbox" where "topic" = 'job' and ("notBefore" is null or "notBefore" <= ?1) limit ${countMax})`
  return (await database.prepare(sql).bind(now.toISOString()).first<number>("jobs")) ?? 0
}
