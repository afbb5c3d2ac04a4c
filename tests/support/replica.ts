/** A database whose replica stands still: what a client meets when it reads at a location that has not heard of a write yet. */
import { env } from "cloudflare:workers"
import { onTestFinished } from "vitest"

/** The binding, and what was asked of it. */
export interface Replicated {
  readonly change: { readonly DB: D1Database }
  /** Where the sessions were opened, in order: `primary`, or `replica`. */
  readonly opened: ("primary" | "replica")[]
}

/**
 * A replica that shows tables as they are now, whatever happens on the primary. D1's bookmarks grow with time and are compared as text, so a
 * session that asks for a later one goes to the primary, as the platform has it wait or go there.
 */
export async function withLaggingReplica(...tables: string[]): Promise<Replicated> {
  const suffix = crypto.randomUUID().replaceAll("-", "")
  const copyOf = (table: string) => `${table}_${suffix}`
  for (const table of tables) {
    await env.DB.prepare(`create table "${copyOf(table)}" as select * from "${table}"`).run()
    onTestFinished(async () => void (await env.DB.prepare(`drop table "${copyOf(table)}"`).run()))
  }
  const copied = (sql: string) =>
    tables.reduce((text, table) => text.replaceAll(`"${table}"`, `"${copyOf(table)}"`), sql)
  const standing = env.DB.withSession("first-primary")
  await standing.prepare("select 1").run()
  const stands = standing.getBookmark() ?? ""
  const opened: ("primary" | "replica")[] = []
  const withSession = (start: string) => {
    const isReplica = start === "first-unconstrained" || (start !== "first-primary" && start <= stands)
    opened.push(isReplica ? "replica" : "primary")
    const session = env.DB.withSession(isReplica ? "first-primary" : start)
    return {
      prepare: (sql: string) => session.prepare(isReplica ? copied(sql) : sql),
      batch: (statements: D1PreparedStatement[]) => session.batch(statements),
      getBookmark: () => (isReplica ? stands : session.getBookmark()),
    }
  }
  const DB = { prepare: (sql: string) => env.DB.prepare(sql), batch: env.DB.batch.bind(env.DB), withSession }
  return { change: { DB: DB as unknown as D1Database }, opened }
}
