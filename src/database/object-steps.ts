/**
 * The tables inside Durable Objects, brought up to date step by step. A step is run once and never edited after a release; an object that is newer than
 * the code is refused.
 */

/** Statements of each version, oldest first. */
export type ObjectSteps = readonly (readonly string[])[]

/**
 * Runs the steps that an object has not seen, all or none. Its version stands in the table `numbers`, under `schema`.
 * @throws Error when the object is newer than the code
 */
export function migrateObject(storage: DurableObjectStorage, steps: ObjectSteps): void {
  const { sql } = storage
  storage.transactionSync(() => {
    sql.exec(
      'create table if not exists "numbers" ("name" text primary key, "value" integer not null) strict, without rowid',
    )
    const done = Number(sql.exec(`select "value" from "numbers" where "name" = 'schema'`).toArray()[0]?.value ?? 0)
    if (done > steps.length) throw new Error(`The object's schema is ${done}, newer than this code (${steps.length})`)
    if (done === steps.length) return
    for (const step of steps.slice(done)) for (const statement of step) sql.exec(statement)
    sql.exec(`insert or replace into "numbers" values ('schema', ?)`, steps.length)
  })
}
