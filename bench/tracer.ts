/**
 * Stands in front of the built Worker in a set-up run and writes down what it sends to D1: the statements, how they were sent and the rows
 * that they read. `GET /bench/trace` gives what was written since the last time. Copied beside the bundle, so it imports nothing else.
 */
import worker from "../src/index.ts"

export * from "../src/index.ts"

/** One round trip. */
export interface Trip {
  readonly how: "batch" | "all" | "first" | "run" | "raw"
  readonly statements: readonly { readonly sql: string; readonly binds: readonly (string | number | null)[] }[]
  rowsRead: number
  rowsWritten: number
  /** Rows of each statement, as D1 gave them. */
  results: unknown[][]
}

let trips: Trip[] = []

type Prepared = { sql: string; binds: readonly unknown[]; statement: D1PreparedStatement }
const originals = new WeakMap<object, Prepared>()

function record(how: Trip["how"], prepared: readonly Prepared[], results: readonly D1Result[]): void {
  const trip: Trip = {
    how,
    statements: prepared.map(({ sql, binds }) => ({ sql, binds }) as Trip["statements"][number]),
    rowsRead: 0,
    rowsWritten: 0,
    results: [],
  }
  for (const result of results) {
    trip.rowsRead += result.meta?.rows_read ?? 0
    trip.rowsWritten += result.meta?.rows_written ?? 0
    trip.results.push((result.results ?? []) as unknown[])
  }
  trips.push(trip)
}

function watchStatement(sql: string, statement: D1PreparedStatement, binds: readonly unknown[]): D1PreparedStatement {
  const original = { sql, binds, statement }
  const watched = {
    bind: (...values: unknown[]) => watchStatement(sql, statement.bind(...values), values),
    async all() {
      const result = await statement.all()
      record("all", [original], [result])
      return result
    },
    async run() {
      const result = await statement.run()
      record("run", [original], [result])
      return result
    },
    async first(column?: string) {
      const result = await statement.all<Record<string, unknown>>()
      record("first", [original], [result])
      const row = result.results[0] ?? null
      return row && column !== undefined ? row[column] : row
    },
    async raw(options?: { columnNames?: false }) {
      const result = await statement.all<Record<string, unknown>>()
      record("raw", [original], [result])
      return statement.raw(options)
    },
  } as unknown as D1PreparedStatement
  originals.set(watched, original)
  return watched
}

function watchDatabase<D extends D1Database | D1DatabaseSession>(database: D): D {
  return {
    prepare: (sql: string) => watchStatement(sql, database.prepare(sql), []),
    async batch(statements: D1PreparedStatement[]) {
      const prepared = statements.map((statement) => originals.get(statement) as Prepared)
      const results = await database.batch(prepared.map(({ statement }) => statement))
      record("batch", prepared, results)
      return results
    },
    withSession: (constraint?: string) => watchDatabase((database as D1Database).withSession(constraint)),
    getBookmark: () => (database as D1DatabaseSession).getBookmark(),
  } as unknown as D
}

const environments = new WeakMap<object, object>()

export default {
  async fetch(request: Request, env: { DB: D1Database }, context: ExecutionContext): Promise<Response> {
    if (new URL(request.url).pathname === "/bench/trace") {
      const taken = trips
      trips = []
      return Response.json(taken)
    }
    let watched = environments.get(env)
    if (!watched) {
      watched = { ...env, DB: watchDatabase(env.DB) }
      environments.set(env, watched)
    }
    return (worker as { fetch(request: Request, env: object, context: ExecutionContext): Promise<Response> }).fetch(
      request,
      watched,
      context,
    )
  },
}
