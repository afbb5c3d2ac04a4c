/**
 * The outbox in D1: rows that commit with the change that causes them, are claimed by whoever delivers, and go when they are delivered.
 * A claim is a lease: when its holder dies, another takes the row after a while.
 */
import type { OutboxRow } from "../core/outbox.ts"
import type { Statement } from "./client.ts"

/** A claimed row. */
export interface ClaimedRow {
  readonly id: string
  readonly topic: string
  readonly subject: string
  readonly payload: string
  readonly createdAt: string
  /** Deliveries begun, this one included. */
  readonly attempts: number
}

/** Part of the batch that causes them. Who commits a command delivers it at once, which is its first attempt; a job has had none. */
export function outboxStatement(rows: readonly OutboxRow[]): Statement {
  const columns = ["id", "topic", "subject", "payload", "createdAt", "dueAt", "notBefore"]
  const names = columns.map((name) => `"${name}"`).join(", ")
  const values = columns.map((name) => `value ->> '${name}'`).join(", ")
  const sql = `insert into "outbox" (${names}, "attempts") select ${values}, value ->> 'topic' <> 'job' from json_each(?1)`
  return { sql, binds: [JSON.stringify(rows)] }
}

// Only the oldest of a subject: a later command must not overtake an earlier one. Jobs are claimed by those who run them (leases.ts); the two
// ranges in the place of <> are what the index of subjects can be searched by.
const claim = `update "outbox" set "dueAt" = ?2, "attempts" = "attempts" + 1 where "id" in (
    select "id" from "outbox" as "mine" where ("topic" < 'job' or "topic" > 'job') and +"dueAt" <= ?1 and not exists (
      select 1 from "outbox" as "earlier" where "earlier"."topic" = "mine"."topic" and "earlier"."subject" = "mine"."subject"
        and "earlier"."id" < "mine"."id" and "mine"."subject" <> '')
    order by +"dueAt" limit ?3)
  returning "id", "topic", "subject", "payload", "createdAt", "attempts"`

/**
 * Takes what is due, oldest of each subject first.
 * @param until nobody else takes these before
 */
export async function claimDue(
  database: D1Database,
  now: Date,
  until: Date,
  limit: number,
): Promise<readonly ClaimedRow[]> {
  const { results } = await database
    .prepare(claim)
    .bind(now.toISOString(), until.toISOString(), limit)
    .all<ClaimedRow & Record<string, unknown>>()
  return results
}

/** Delivered: gone. One statement. */
export async function removeDelivered(database: D1Database, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  await database
    .prepare('delete from "outbox" where "id" in (select value from json_each(?))')
    .bind(JSON.stringify(ids))
    .run()
}

/** What a fault may say of a person or hold of a token: addresses, tokens, and what stands in an address of the web after its path. */
const personal = /[^\s"'<>(),;:]+@[^\s"'<>(),;:]*|\bsv_[a-z]+_[0-9A-Za-z]+|\?[^\s"'<>]*=[^\s"'<>]*/g

/** Why something failed, for the operator: without addresses and tokens, because it outlives the attempt and is not sealed where it is kept. */
export function redactedCause(cause: string): string {
  return cause.slice(0, 2000).replace(personal, "[removed]").slice(0, 500)
}

/**
 * Not delivered: when to try again, and why it failed.
 * @param cause for the operator
 */
export async function postpone(database: D1Database, id: string, until: Date, cause: string): Promise<void> {
  await database
    .prepare('update "outbox" set "dueAt" = ?2, "lastError" = ?3 where "id" = ?1')
    .bind(id, until.toISOString(), redactedCause(cause))
    .run()
}
