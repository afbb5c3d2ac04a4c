/** The stretch of the log that somebody missed: the events of some resources between two places, oldest first. Bounded by the caller. */
import type { Event } from "../core/event.ts"
import { openEvent } from "./log.ts"

/**
 * Events behind `after`, up to and with `upTo`, of these resources.
 * @param limit most events that are given; whoever gets as many has missed more than it wants to hear
 */
export async function readMissed(
  database: D1Database,
  stretch: {
    readonly after: number
    readonly upTo: number
    readonly resources: Iterable<string>
    readonly limit: number
  },
): Promise<readonly Event[]> {
  const { after, upTo, resources, limit } = stretch
  const { results } = await database
    .withSession("first-primary")
    .prepare(
      `select * from "events" where "sequence" > cast(?1 as integer) and "sequence" <= cast(?2 as integer)
         and "resource" in (select value from json_each(?3)) order by "sequence" limit cast(?4 as integer)`,
    )
    .bind(after, upTo, JSON.stringify([...resources]), limit)
    .all<Record<string, unknown>>()
  return results.map(openEvent)
}
