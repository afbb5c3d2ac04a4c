/** Reads of the log by sequence, for those who follow it: in order, a page at a time, from the primary. */
import type { Event } from "../core/event.ts"

type Raw = Omit<Event, "before" | "after" | "changed"> & {
  before: string | null
  after: string | null
  changed: string
}

/** What to follow. */
export interface Stretch {
  /** Events behind this sequence. */
  readonly after: number
  /** Up to this one; the end of the log when left out. */
  readonly upTo?: number
  readonly limit: number
  readonly resource?: string
  readonly tenant?: string | null
}

/** The columns of an event, in the order of the canonical line. */
export const eventColumns =
  '"sequence", "id", "at", "actor", "impersonator", "reason", "operation", "resource", "record", "change", "tenant", "before", "after", "changed", "requestId"'

/** An event as it stands in D1, with its JSON opened. */
export function openEvent(raw: Record<string, unknown>): Event {
  const { before, after, changed, ...rest } = raw as unknown as Raw
  return {
    ...rest,
    before: before === null ? null : JSON.parse(before),
    after: after === null ? null : JSON.parse(after),
    changed: JSON.parse(changed),
  }
}

/** A page of the log, oldest first. One statement. */
export async function readLog(database: D1Database, stretch: Stretch): Promise<readonly Event[]> {
  const { after, upTo = Number.MAX_SAFE_INTEGER, limit, resource, tenant } = stretch
  const where = ['"sequence" > cast(?1 as integer)', '"sequence" <= cast(?2 as integer)']
  const binds: (string | number)[] = [after, upTo, limit]
  if (resource !== undefined) where.push(`"resource" = ?${binds.push(resource)}`)
  if (tenant !== undefined && tenant !== null) where.push(`"tenant" = ?${binds.push(tenant)}`)
  const sql = `select ${eventColumns} from "events" where ${where.join(" and ")} order by "sequence" limit cast(?3 as integer)`
  const { results } = await database
    .withSession("first-primary")
    .prepare(sql)
    .bind(...binds)
    .all<Record<string, unknown>>()
  return results.map(openEvent)
}

/** Instant of the event behind a sequence; null when there is none. */
export async function firstAfter(database: D1Database, sequence: number): Promise<string | null> {
  const row = await database
    .prepare('select "at" from "events" where "sequence" > cast(? as integer) order by "sequence" limit 1')
    .bind(sequence)
    .first<{ at: string }>()
  return row?.at ?? null
}

/**
 * Sequence of the oldest event that still stands in D1, had it one of its own: from here on the log is whole. Whoever follows it and stands
 * further back has missed what was pruned, and has to begin anew.
 */
export async function oldestKept(database: D1Database): Promise<number> {
  const row = await database
    .withSession("first-primary")
    .prepare(
      `select case when (${firstPrunedSql}) is null then 1 ` +
        'else coalesce((select min("sequence") from "events"), (select max("last") + 1 from "log_segments")) end "oldest"',
    )
    .first<{ oldest: number }>()
  return row?.oldest ?? 1
}

/** When the first segment was pruned; segments go in their order, so NULL says that nothing is gone. */
const firstPrunedSql = 'select "prunedAt" from "log_segments" order by "first" limit 1'

/** SQL of the instant since which nothing was pruned; NULL when nothing ever was. */
export const keptSinceSql =
  `select case when (${firstPrunedSql}) is not null then coalesce((select "at" from "events" order by "sequence" limit 1), ` +
  '(select "sealedAt" from "log_segments" order by "last" desc limit 1)) end "since"'
