/**
 * Bindings whose jobs are a test's own: an outbox beside the real one, a queue that hands out what it was given when the test says so, and a feed
 * that nobody wakes. For tests that break a binding, hold the clock, or declare jobs of their own.
 */
import { env } from "cloudflare:workers"
import { type Ticket, ticketDue } from "../../src/database/leases.ts"
import { ownTable } from "./tables.ts"

/** A database that calls its tables otherwise. */
function renamedDatabase(database: D1Database, renamed: (sql: string) => string): D1Database {
  type Session = Pick<D1Database, "prepare" | "batch">
  const over = (session: Session) => ({
    prepare: (sql: string) => session.prepare(renamed(sql)),
    batch: (statements: D1PreparedStatement[]) => session.batch(statements),
  })
  return {
    ...over(database),
    withSession: (bookmark: never) => {
      const session = database.withSession(bookmark)
      return { ...over(session as unknown as Session), getBookmark: () => session.getBookmark() }
    },
  } as unknown as D1Database
}

/** A row of the outbox as it stands in D1. */
export interface JobRow {
  readonly id: string
  readonly topic: string
  readonly subject: string
  readonly payload: string
  readonly createdAt: string
  readonly dueAt: string
  readonly notBefore: string | null
  readonly attempts: number
  readonly lastError: string | null
}

/** The bindings, and what the test knows of them. */
export interface Apart {
  readonly change: { readonly DB: D1Database; readonly JOBS: Queue; readonly FEED: DurableObjectNamespace }
  /** What was sent to the queue and not taken out. */
  readonly queued: Ticket[]
  /** How often the feed was poked. */
  pokes(): number
  rows(): Promise<readonly JobRow[]>
  /** Changes all rows behind the outbox's back. */
  alter(set: string, ...values: unknown[]): Promise<void>
  /** Takes up what was sent and what is due and has it run, until nothing is. */
  drain(served: { consume(tickets: readonly Ticket[]): Promise<void> }, now?: () => Date): Promise<void>
}

/**
 * Makes them.
 * @param database under the outbox of the test
 * @param onEnd for hooks, which are no test that could finish
 */
export async function apart(
  database: D1Database = env.DB,
  onEnd?: (undo: () => Promise<void>) => void,
): Promise<Apart> {
  const { name, renamed } = await ownTable("outbox", onEnd)
  const queued: Ticket[] = []
  let pokes = 0
  const feed = { poke: async () => void pokes++ }
  const DB = renamedDatabase(database, renamed)
  const own = renamedDatabase(env.DB, renamed)
  return {
    change: {
      DB,
      JOBS: { sendBatch: async (all: { body: Ticket }[]) => void queued.push(...all.map(({ body }) => body)) } as never,
      FEED: { getByName: () => feed } as never,
    },
    queued,
    pokes: () => pokes,
    rows: async () =>
      (await env.DB.prepare(`select * from "${name}" order by "id"`).all()).results as unknown as JobRow[],
    alter: async (set, ...values) =>
      void (await env.DB.prepare(`update "${name}" set ${set}`)
        .bind(...values)
        .run()),
    async drain(served, now = () => new Date()) {
      for (;;) {
        if (queued.length > 0) await served.consume(queued.splice(0))
        const at = now()
        const tickets = await ticketDue(own, at, new Date(at.getTime() + 60_000), 100)
        if (tickets.length === 0) return
        await served.consume(tickets)
      }
    },
  }
}

/** What a test that died left behind is nobody's to wait for. */
const recentMs = 10_000

/** Ends when no job of the real outbox is due that was wanted just now and not tried. */
export async function jobsDone(): Promise<void> {
  const sql = `select 1 from "outbox" where "topic" = 'job' and "lastError" is null and "notBefore" is null
    and "createdAt" > ?1 and "createdAt" <= ?2 limit 1`
  for (let turn = 0; turn < 300; turn++) {
    const now = Date.now()
    const waiting = await env.DB.prepare(sql)
      .bind(new Date(now - recentMs).toISOString(), new Date(now).toISOString())
      .first()
    if (waiting === null) return
    await scheduler.wait(10)
  }
}
