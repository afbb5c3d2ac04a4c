/** A table of a test's own beside the real one in the same D1, for tests that must have it to themselves. */
import { env } from "cloudflare:workers"
import { onTestFinished } from "vitest"

/** An empty copy of a table; it goes when the test is over. */
export interface OwnTable {
  readonly name: string
  /** SQL text that names the copy where it named the table. */
  readonly renamed: (sql: string) => string
}

/**
 * Makes one, with the indexes of the original.
 * @param onEnd calls its argument when the table is not needed any more
 */
export async function ownTable(
  table: string,
  onEnd: (undo: () => Promise<void>) => void = onTestFinished,
): Promise<OwnTable> {
  const suffix = crypto.randomUUID().replaceAll("-", "")
  const name = `${table}_${suffix}`
  const { results } = await env.DB.prepare(
    "select type, name, sql from sqlite_schema where tbl_name = ? and sql is not null order by type desc",
  )
    .bind(table)
    .all<{ type: string; name: string; sql: string }>()
  for (const { name: own, sql } of results) {
    const copied = sql.replaceAll(`\`${table}\``, `\`${name}\``).replaceAll(`\`${own}\``, `\`${own}_${suffix}\``)
    await env.DB.prepare(copied).run()
  }
  onEnd(async () => void (await env.DB.prepare(`drop table "${name}"`).run()))
  return { name, renamed: (sql) => sql.replaceAll(`"${table}"`, `"${name}"`) }
}
