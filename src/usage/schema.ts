/** The tables inside the object of an account. */
import { migrateObject } from "../database/object-steps.ts"

const steps = [
  [
    `create table "days" ("day" text primary key, "calls" integer not null, "rowsRead" integer not null, "rowsWritten" integer not null,
      "estimate" integer not null) strict, without rowid`,
    `create table "reporters" ("reporter" text primary key, "number" integer not null, "at" integer not null) strict, without rowid`,
    // Who passed a mark, so that a report that is repeated is answered as it was the first time.
    `create table "marks" ("day" text not null, "what" text not null, "percent" integer not null, "budget" integer not null,
      "reporter" text not null, "number" integer not null, primary key ("day", "what", "percent")) strict, without rowid`,
    `create table "own" ("what" text primary key, "most" integer not null) strict, without rowid`,
  ],
] as const

/**
 * Brings an object to this code's tables.
 * @throws Error when the object is newer than the code
 */
export function migrateMeter(storage: DurableObjectStorage): void {
  migrateObject(storage, steps)
}
