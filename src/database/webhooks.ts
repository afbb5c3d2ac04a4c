/**
 * Webhooks in D1: who wants to be told, what was sent to whom, and how each endpoint fares. Deliveries and the endpoints' counters are a log of
 * their own, written here without events: what is told of a change must not itself be a change that is told.
 */
import type { Statement } from "./client.ts"
import { openEvent } from "./log.ts"

/** An endpoint as far as matching goes. */
export interface Subscription {
  readonly id: string
  readonly ownerId: string
  /** null: resources without a tenant. */
  readonly tenantId: string | null
  /** `tasks.created`, `tasks.*`. */
  readonly events: readonly string[]
}

/** A delivery that is to be made. */
export interface NewDelivery {
  readonly id: string
  readonly endpointId: string
  readonly ownerId: string
  readonly eventId: string
  readonly sequence: number
  readonly type: string
  readonly resource: string
  readonly recordId: string
}

/** How a delivery stands. */
export type DeliveryStatus = "pending" | "delivered" | "failed" | "skipped"

/** A delivery with all that its making needs, read in one trip. */
export interface DueDelivery extends NewDelivery {
  readonly status: DeliveryStatus
  readonly createdAt: string
  /** null: it was deleted. */
  readonly endpoint: {
    readonly tenantId: string | null
    readonly url: string
    readonly status: "enabled" | "disabled"
    readonly failures: number
    readonly failingSince: string | null
    readonly openUntil: string | null
    readonly secretSealed: string
    readonly previousSealed: string | null
    readonly previousUntil: string | null
  } | null
  /** null: there is no such user any more. */
  readonly owner: { readonly status: string; readonly roles: readonly string[]; readonly email: string | null } | null
  /** null: it left the log for the archive, or there never was one. */
  readonly event: ReturnType<typeof openEvent> | null
}

/** What came of one attempt. */
export interface Attempt {
  readonly id: string
  readonly endpointId: string
  readonly now: Date
  readonly status: DeliveryStatus
  readonly request: string
  readonly responseStatus: number | null
  readonly response: string | null
  readonly fault: string | null
  readonly milliseconds: number
}

/** How an endpoint that fails is treated. */
export interface Opening {
  /** Failures in a row after which the circuit opens. */
  readonly after: number
  readonly until: Date
  /** True for the one call that tried an open circuit out. */
  readonly isProbe: boolean
}

const primary = (database: D1Database) => database.withSession("first-primary")

/**
 * How many endpoints an owner has.
 * @param upTo only those that were made up to this one, in the order in which they were committed
 */
export async function countEndpoints(database: D1Database, ownerId: string, upTo: string | null): Promise<number> {
  const sql = `select count(*) as "n" from "webhook_endpoints" where "ownerId" = ?1
    and (?2 is null or "row_key" <= (select "row_key" from "webhook_endpoints" where "id" = ?2))`
  return (await primary(database).prepare(sql).bind(ownerId, upTo).first<number>("n")) ?? 0
}

/** Every enabled endpoint of somebody who may act. */
export async function readSubscriptions(database: D1Database): Promise<readonly Subscription[]> {
  const sql = `select "mine"."id", "mine"."ownerId", "mine"."tenantId", "mine"."events" from "webhook_endpoints" as "mine"
    join "users" on "users"."id" = "mine"."ownerId" and "users"."status" = 'active'
    where "mine"."status" = 'enabled' order by "mine"."id"`
  const { results } = await primary(database).prepare(sql).all<Omit<Subscription, "events"> & { events: string }>()
  return results.map((row) => ({ ...row, events: JSON.parse(row.events) as string[] }))
}

/** Those of the pairs for which there is no delivery yet: the reader of the log may see an event twice. */
export async function undelivered<T extends Pick<NewDelivery, "endpointId" | "eventId">>(
  database: D1Database,
  pairs: readonly T[],
): Promise<readonly T[]> {
  const sql = `select "d"."endpointId" as "endpointId", "d"."eventId" as "eventId" from json_each(?1) as "p"
    cross join "webhook_deliveries" as "d" on "d"."endpointId" = "p"."value" ->> 0 and "d"."eventId" = "p"."value" ->> 1`
  const given = JSON.stringify(pairs.map(({ endpointId, eventId }) => [endpointId, eventId]))
  const { results } = await primary(database).prepare(sql).bind(given).all<{ endpointId: string; eventId: string }>()
  const known = new Set(results.map(({ endpointId, eventId }) => `${endpointId} ${eventId}`))
  return pairs.filter(({ endpointId, eventId }) => !known.has(`${endpointId} ${eventId}`))
}

const given = ["id", "endpointId", "ownerId", "eventId", "sequence", "type", "resource", "recordId"]

/** Part of the batch that enqueues their jobs: one that exists already aborts it. */
export function deliveriesStatement(rows: readonly NewDelivery[], now: Date): Statement {
  const names = given.map((name) => `"${name}"`).join(", ")
  const values = given.map((name) => `value ->> '${name}'`).join(", ")
  const sql = `insert into "webhook_deliveries" (${names}, "version", "createdAt", "updatedAt", "status", "attempts")
    select ${values}, 1, ?2, ?2, 'pending', 0 from json_each(?1)`
  return { sql, binds: [JSON.stringify(rows), now.toISOString()] }
}

const endpointColumns = [
  "tenantId",
  "url",
  "status",
  "failures",
  "failingSince",
  "openUntil",
  "secretSealed",
  "previousSealed",
  "previousUntil",
]
const eventColumns = [
  "sequence",
  "id",
  "at",
  "actor",
  "impersonator",
  "reason",
  "operation",
  "resource",
  "record",
  "change",
  "tenant",
  "before",
  "after",
  "changed",
  "requestId",
]

function objectOf(alias: string, columns: readonly string[]): string {
  const pairs = columns.map((name) => `'${name}', "${alias}"."${name}"`).join(", ")
  return `case when "${alias}"."id" is null then null else json_object(${pairs}) end as "${alias}"`
}

// 32 arguments a function: json_object of fifteen columns is the most that fits.
const due = `select ${[...given, "status", "createdAt"].map((name) => `"d"."${name}" as "${name}"`).join(", ")},
    ${objectOf("endpoint", endpointColumns)},
    ${objectOf("owner", ["status", "roles", "email"])},
    ${objectOf("event", eventColumns)}
  from "webhook_deliveries" as "d"
  left join "webhook_endpoints" as "endpoint" on "endpoint"."id" = "d"."endpointId"
  left join "users" as "owner" on "owner"."id" = "d"."ownerId"
  left join "events" as "event" on "event"."sequence" = "d"."sequence" and "event"."id" = "d"."eventId"
  where "d"."id" = ?1`

/** A delivery as it stands now, with its endpoint, owner and event; null when there is none. One trip. */
export async function readDelivery(database: D1Database, id: string): Promise<DueDelivery | null> {
  const row = await primary(database).prepare(due).bind(id).first<Record<string, unknown>>()
  if (row === null) return null
  const opened = (text: unknown) => (text === null ? null : (JSON.parse(String(text)) as Record<string, unknown>))
  const { endpoint, owner, event, ...delivery } = row
  const person = opened(owner)
  const told = opened(event)
  return {
    ...delivery,
    endpoint: opened(endpoint),
    owner: person && { ...person, roles: JSON.parse(String(person.roles)) },
    event: told && openEvent(told),
  } as unknown as DueDelivery
}

/** Ends a delivery without a call. */
export async function endDelivery(
  database: D1Database,
  id: string,
  end: { readonly status: DeliveryStatus; readonly fault: string; readonly now: Date },
): Promise<void> {
  const sql = `update "webhook_deliveries" set "status" = ?2, "fault" = ?3, "finishedAt" = ?4, "updatedAt" = ?4 where "id" = ?1`
  await database.prepare(sql).bind(id, end.status, end.fault, end.now.toISOString()).run()
}

/**
 * Lets one caller try an open circuit whose time is over.
 * @param until nobody else tries before
 * @returns false when somebody else does
 */
export async function claimProbe(database: D1Database, endpointId: string, now: Date, until: Date): Promise<boolean> {
  const sql = `update "webhook_endpoints" set "openUntil" = ?3 where "id" = ?1 and "openUntil" <= ?2`
  const { meta } = await database.prepare(sql).bind(endpointId, now.toISOString(), until.toISOString()).run()
  return meta.changes === 1
}

const saveDelivery = `update "webhook_deliveries" set "status" = ?2, "attempts" = "attempts" + 1, "request" = ?3, "responseStatus" = ?4,
    "response" = ?5, "fault" = ?6, "milliseconds" = ?7, "finishedAt" = ?8, "updatedAt" = ?9 where "id" = ?1`

function saved(database: D1Database, attempt: Attempt): D1PreparedStatement {
  const { id, now, status, request, responseStatus, response, fault, milliseconds } = attempt
  const at = now.toISOString()
  const finished = status === "pending" ? null : at
  return database
    .prepare(saveDelivery)
    .bind(id, status, request, responseStatus, response, fault, milliseconds, finished, at)
}

/** Keeps an attempt that arrived: the circuit closes, and the endpoint is as good as new. One batch. */
export async function keepArrival(database: D1Database, attempt: Attempt): Promise<void> {
  const closed = `update "webhook_endpoints" set "failures" = 0, "failingSince" = null, "openUntil" = null
    where "id" = ?1 and ("failures" > 0 or "failingSince" is not null or "openUntil" is not null)`
  await database.batch([saved(database, attempt), database.prepare(closed).bind(attempt.endpointId)])
}

/**
 * Keeps an attempt that failed and counts it against the endpoint. One batch.
 * @returns how the endpoint stands after it; null when it was deleted meanwhile
 */
export async function keepFailure(
  database: D1Database,
  attempt: Attempt,
  { after, until, isProbe }: Opening,
): Promise<{ readonly failures: number; readonly failingSince: string } | null> {
  // What was under way when the circuit opened counts, but does not hold it open for longer.
  const counted = `update "webhook_endpoints" set "failures" = "failures" + 1, "failingSince" = coalesce("failingSince", ?2),
      "openUntil" = case when "failures" + 1 >= ?3 and (?5 = 1 or coalesce("openUntil", '') <= ?2) then ?4 else "openUntil" end
    where "id" = ?1 returning "failures", "failingSince"`
  const [, endpoint] = await database.batch<{ failures: number; failingSince: string }>([
    saved(database, attempt),
    database
      .prepare(counted)
      .bind(attempt.endpointId, attempt.now.toISOString(), after, until.toISOString(), isProbe ? 1 : 0),
  ])
  return endpoint?.results[0] ?? null
}

/** Removes what an owner's endpoints were sent, for an account that is gone for good. */
export async function removeDeliveriesOf(database: D1Database, ownerId: string): Promise<void> {
  await database.prepare('delete from "webhook_deliveries" where "ownerId" = ?').bind(ownerId).run()
}

/** Ids of an owner's endpoints. */
export async function endpointsOf(database: D1Database, ownerId: string): Promise<readonly string[]> {
  const sql = 'select "id" from "webhook_endpoints" where "ownerId" = ? order by "id"'
  const { results } = await primary(database).prepare(sql).bind(ownerId).all<{ id: string }>()
  return results.map(({ id }) => id)
}

/** Removes deliveries that are older than an instant, oldest first. @returns how many */
export async function removeOldDeliveries(database: D1Database, before: Date, limit: number): Promise<number> {
  const sql = `delete from "webhook_deliveries" where "row_key" in
    (select "row_key" from "webhook_deliveries" where "createdAt" < ?1 order by "createdAt" limit ${limit})`
  const { meta } = await database.prepare(sql).bind(before.toISOString()).run()
  return meta.changes
}
