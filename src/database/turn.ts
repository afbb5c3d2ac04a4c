/** What a turn of the feed has to know before it does anything, in one statement: most turns find that there is nothing to do. */

/** The state of the log, the outbox and the endpoints. */
export interface TurnFacts {
  /** Sequence of the newest event; 0 for a log without any. */
  readonly newest: number
  /** When the first job is due; null: none waits. */
  readonly jobDueAt: Date | null
  /** Whether any webhook is enabled. */
  readonly hasEndpoints: boolean
  /** The nouns of the newest events, newest first; `recentMax` of them where the log has as many. */
  readonly recent: readonly string[]
}

/** How many events a turn looks at to know whether somebody wants them. */
export const recentMax = 20

const sql =
  'select coalesce((select max("sequence") from "events"), 0) as "newest", ' +
  // The plus keeps it on the index by time: the first row of it is the answer.
  `(select min("dueAt") from "outbox" where +"topic" = 'job') as "jobDueAt", ` +
  `exists (select 1 from "webhook_endpoints" where "status" = 'enabled') as "hasEndpoints", ` +
  `(select json_group_array("resource") from (select "resource" from "events" order by "sequence" desc limit ${recentMax})) as "recent"`

/** Reads it, from the primary. One statement. */
export async function readTurn(database: D1Database): Promise<TurnFacts> {
  const row = await database
    .withSession("first-primary")
    .prepare(sql)
    .first<{ newest: number; jobDueAt: string | null; hasEndpoints: number; recent: string }>()
  return {
    newest: row?.newest ?? 0,
    jobDueAt: row?.jobDueAt ? new Date(row.jobDueAt) : null,
    hasEndpoints: row?.hasEndpoints === 1,
    recent: JSON.parse(row?.recent ?? "[]"),
  }
}
