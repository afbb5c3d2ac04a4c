/** A D1 database in Miniflare to try migrations on: begun with some tables, changed to others. */
import { generateSQLiteDrizzleJson, generateSQLiteMigration } from "drizzle-kit/api"
import { convertV4MiniflareOptions, Miniflare } from "miniflare"
import { expect } from "vitest"
import { presentState } from "../../scripts/migration.ts"
import { additions, type Searchable } from "../../src/database/additions.ts"
import { drift } from "../../src/database/drift.ts"
import { breakpoint, completeMigration, statementsOf } from "../../src/database/migrations.ts"

type Tables = Record<string, import("drizzle-orm/sqlite-core").SQLiteTable>
type Snapshot = Awaited<ReturnType<typeof generateSQLiteDrizzleJson>>

export class Workshop {
  #miniflare: Miniflare | undefined
  #database: D1Database | undefined
  #snapshot: Snapshot | undefined

  async open(): Promise<void> {
    const databases = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`DB${n}`, `workshop-${n}`]))
    this.#miniflare = new Miniflare(
      convertV4MiniflareOptions({
        modules: true,
        script: "export default {}",
        cf: false,
        d1Databases: databases,
        // Failing migrations are part of the tests; the runtime need not tell them as well.
        handleStructuredLogs: () => {},
      }),
    )
    await this.empty()
  }

  async close(): Promise<void> {
    await this.#miniflare?.dispose()
  }

  #next = 0

  /** Turns to a database that holds nothing. */
  async empty(): Promise<void> {
    this.#database = (await this.#miniflare?.getD1Database(`DB${this.#next++}`)) as unknown as D1Database
    this.#snapshot = await generateSQLiteDrizzleJson({})
  }

  get database(): D1Database {
    if (!this.#database) throw new Error("The workshop is closed")
    return this.#database
  }

  /** Runs statements as one batch, as a migration runs. */
  async run(statements: readonly string[]): Promise<void> {
    await this.database.batch(statements.map((statement) => this.database.prepare(statement)))
  }

  readonly rows = async (sql: string): Promise<Record<string, unknown>[]> =>
    (await this.database.prepare(sql).all()).results

  /** An empty database with these tables. */
  async begin(tables: Tables, resources: readonly Searchable[]): Promise<void> {
    await this.empty()
    await this.change(tables, resources)
  }

  /** What drizzle-kit writes for the change to these tables. */
  async generate(tables: Tables): Promise<string> {
    const target = await generateSQLiteDrizzleJson(tables, this.#snapshot?.id)
    return (await generateSQLiteMigration(this.#snapshot as Snapshot, target)).join(`\n${breakpoint}\n`)
  }

  /** Changes the database to these tables, as `npm run migrate:new` and `npm run migrate` do. Gives the migration. */
  async change(tables: Tables, resources: readonly Searchable[], generated?: string): Promise<string> {
    const sql = generated ?? (await this.generate(tables))
    const migration = completeMigration(sql, await presentState(this.rows), additions(resources))
    await this.run(statementsOf(migration))
    this.#snapshot = await generateSQLiteDrizzleJson(tables, this.#snapshot?.id)
    expect(await drift(this.rows, Object.values(tables), resources)).toEqual({ missing: [], unexpected: [] })
    return migration
  }
}
