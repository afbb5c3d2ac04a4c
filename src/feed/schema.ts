/** The tables inside the feed object. Versioned like those of users' objects: a step is run once and never edited after a release. */

const steps = [
  [
    `create table "cursors" ("reader" text primary key, "sequence" integer not null) strict`,
    `create table "topics" ("name" text primary key, "resource" text not null, "tenant" text, "record" text) strict`,
    `create index "topics_by_resource" on "topics" ("resource", "tenant")`,
    `create table "audience" ("userId" text not null, "object" text not null, primary key ("userId", "object")) strict, without rowid`,
  ],
] as const

/**
 * Brings a feed object to this code's tables.
 * @throws Error when the object is newer than the code
 */
export function migrateFeed(storage: DurableObjectStorage): void {
  const { sql } = storage
  storage.transactionSync(() => {
    sql.exec('create table if not exists "steps" ("done" integer not null) strict')
    const done = Number(sql.exec('select max("done") "done" from "steps"').toArray()[0]?.done ?? 0)
    if (done > steps.length) throw new Error(`The feed's schema is ${done}, newer than this code (${steps.length})`)
    for (const step of steps.slice(done)) for (const statement of step) sql.exec(statement)
    if (done < steps.length) sql.exec('insert into "steps" values (?)', steps.length)
  })
}
