/** A log in a database of its own: filled by rows, sealed, broken past its triggers, verified. */
import { applyD1Migrations } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { parseKeyRing } from "../../src/core/sealing.ts"
import { unpack } from "../../src/log/archive.ts"
import { sealLog } from "../../src/log/seal.ts"
import { type Verdict, verifyLog } from "../../src/log/verify.ts"

export const ring = parseKeyRing(env.KEK ?? "")

/** The clock of these logs: their events come a second apart from here on. */
export const began = Date.parse("2026-01-01T00:00:00.000Z")

/** When everything in a log of so many events is quiet. */
export const quiet = (events: number) => new Date(began + (events + 61) * 1000)

const triggers = ["events_no_update", "events_no_delete", "log_segments_no_update", "log_segments_no_delete"]

/** Empties the database, the log's counter included; its triggers stand again. */
export async function freshLog(database: D1Database): Promise<void> {
  await applyD1Migrations(database, env.TEST_MIGRATIONS)
  await unlocked(database, async () => {
    await database.batch(
      [
        'delete from "events"',
        'delete from "log_segments"',
        `delete from "sqlite_sequence" where "name" = 'events'`,
      ].map((sql) => database.prepare(sql)),
    )
  })
}

/** What somebody could do who has the database: the triggers are away meanwhile. */
export async function unlocked(database: D1Database, act: () => Promise<unknown>): Promise<void> {
  const { results } = await database
    .prepare(
      `select "name", "sql" from "sqlite_schema" where "type" = 'trigger' and "name" in (select "value" from json_each(?))`,
    )
    .bind(JSON.stringify(triggers))
    .all<{ name: string; sql: string }>()
  await database.batch(results.map(({ name }) => database.prepare(`drop trigger "${name}"`)))
  try {
    await act()
  } finally {
    await database.batch(results.map(({ sql }) => database.prepare(sql)))
  }
}

/** Appends events, a second apart. */
export async function append(database: D1Database, count: number, size = 10): Promise<void> {
  const from = (await database.prepare('select count(*) as n from "events"').first<number>("n")) ?? 0
  const rows = Array.from({ length: count }, (_, n) => ({
    id: `event_${from + n + 1}_${crypto.randomUUID()}`,
    at: new Date(began + (from + n) * 1000).toISOString(),
    after: JSON.stringify({ id: `task_${from + n}`, title: "ü".repeat(size) }),
  }))
  await database
    .prepare(
      'insert into "events" ("id", "at", "actor", "operation", "resource", "record", "change", "tenant", "after", "changed", "requestId") ' +
        `select "value" ->> 'id', "value" ->> 'at', 'user_a', 'tasks.create', 'tasks', 'task_x', 'created', null, "value" ->> 'after', '["title"]', 'r' from json_each(?)`,
    )
    .bind(JSON.stringify(rows))
    .run()
}

/** Appends events in segments of these sizes, each sealed when it was quiet. */
export async function sealedLog(database: D1Database, sizes: readonly number[]): Promise<void> {
  await freshLog(database)
  let total = 0
  for (const size of sizes) {
    await append(database, size)
    total += size
    await sealLog({ database, ring }, quiet(total))
  }
}

/** What `npm run audit:verify` would find. */
export function verify(database: D1Database, expected: Verdict["head"] = null, keys = ring): Promise<Verdict> {
  const source = {
    all: async (sql: string) => (await database.prepare(sql).all()).results,
    archived: async (name: string) => {
      const stored = await env.TEST_ARCHIVE.get(name)
      return stored === null ? null : unpack(stored.body)
    },
  }
  return verifyLog(source, keys, expected)
}

/** The bounds of the segments, in their order. */
export async function segmentsOf(database: D1Database) {
  const { results } = await database
    .prepare('select * from "log_segments" order by "first"')
    .all<{ first: number; last: number; events: number; hash: string; seal: string; prunedAt: string | null }>()
  return results
}
