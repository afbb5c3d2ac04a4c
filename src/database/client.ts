/** One D1 session for one call: runs statements, counts what they cost. Refuses a malformed bookmark; D1's errors pass unchanged. */
import type { SqlValue } from "../authorization/statement.ts"
import type { Cost } from "../core/observation.ts"
import type { StoreSession } from "../core/ports.ts"
import { invalid } from "../core/problem.ts"

/** SQL text with the values of its `?n`. */
export interface Statement {
  readonly sql: string
  readonly binds: readonly SqlValue[]
}

/** A row as D1 gives it. */
export type RawRow = Record<string, unknown>

/** The database of one call. Each method is one round trip. */
export interface Client {
  /** Rows of one statement. */
  all(statement: Statement): Promise<readonly RawRow[]>
  /** Rows of several statements in one transaction: all of them or none. */
  batch(statements: readonly Statement[]): Promise<readonly (readonly RawRow[])[]>
  /** Where the session stands; null before the first trip. */
  bookmark(): string | null
  /** Sequence of the newest event that the oldest of the reads knows of; null: it was not asked for, or nothing was read. */
  position(): number | null
  /** What was spent so far, also by trips that failed. */
  readonly cost: Cost
}

/** How far the log has grown, as the reader's replica knows it. */
export const positionStatement: Statement = {
  sql: 'select coalesce(max("sequence"), 0) as "position" from "events"',
  binds: [],
}

/** What `positionStatement` answers. */
export function positionIn(rows: readonly RawRow[] | undefined): number {
  return Number(rows?.[0]?.position)
}

/** Four groups of hex: what D1 hands out. D1 itself takes any text, so the form is checked here. */
const bookmarkForm = /^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{32}$/

/**
 * Opens a session.
 * @param options.bookmark what the caller saw last; reads are at least as new. null: any replica will do
 * @param options.fresh reads go to the primary (when no bookmark says more)
 * @param options.positioned each read asks in the same trip how far the log had grown
 * @throws Problem INVALID_ARGUMENT at "/bookmark" when the bookmark is not one
 */
export function openClient(database: D1Database, options: StoreSession): Client {
  const { bookmark, fresh, positioned = false } = options
  if (bookmark !== null && !bookmarkForm.test(bookmark))
    throw invalid("/bookmark", "invalid_bookmark", "The bookmark is not one that this service gave")
  const session = database.withSession(bookmark ?? (fresh ? "first-primary" : "first-unconstrained"))
  const cost: Cost = { trips: 0, rowsRead: 0, rowsWritten: 0 }
  const prepare = (statement: Statement): D1PreparedStatement => {
    const prepared = session.prepare(statement.sql)
    return statement.binds.length === 0 ? prepared : prepared.bind(...statement.binds)
  }
  const count = (result: D1Result): readonly RawRow[] => {
    cost.rowsRead += result.meta.rows_read
    cost.rowsWritten += result.meta.rows_written
    return result.results as RawRow[]
  }
  let position: number | null = null
  const batch: Client["batch"] = async (statements) => {
    cost.trips += 1
    const results = await session.batch(statements.map(prepare))
    return results.map(count)
  }
  return {
    cost,
    batch,
    position: () => position,
    bookmark: () => session.getBookmark() ?? null,
    all: async (statement) => {
      if (positioned) {
        const [rows = [], log] = await batch([statement, positionStatement])
        position = Math.min(position ?? Number.POSITIVE_INFINITY, positionIn(log))
        return rows
      }
      cost.trips += 1
      return count(await prepare(statement).all())
    },
  }
}
