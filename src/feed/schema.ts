/** The tables inside the feed object and inside topics. */
import { migrateObject } from "../database/object-steps.ts"

const feedSteps = [
  [
    `create table "cursors" ("reader" text primary key, "sequence" integer not null) strict`,
    `create table "topics" ("name" text primary key, "resource" text not null, "tenant" text, "record" text) strict`,
    `create index "topics_by_resource" on "topics" ("resource", "tenant")`,
    `create table "audience" ("userId" text not null, "object" text not null, primary key ("userId", "object")) strict, without rowid`,
  ],
  [
    `create table "owed" ("kind" text not null, "name" text not null, "sequence" integer not null, "tries" integer not null, "dueAt" integer not null,
      primary key ("kind", "name")) strict, without rowid`,
    `create index "topics_by_record" on "topics" ("resource", "record") where "record" is not null`,
  ],
] as const

const topicSteps = [
  [
    `create table "watchers" ("object" text primary key, "epoch" integer not null, "behind" integer not null, "tries" integer not null,
      "dueAt" integer not null) strict`,
    `create table "attending" ("object" text primary key) strict`,
    `create table "address" ("only" integer primary key check ("only" = 1), "value" text not null, "open" integer not null) strict`,
  ],
] as const

/**
 * Brings a feed object to this code's tables.
 * @throws Error when the object is newer than the code
 */
export function migrateFeed(storage: DurableObjectStorage): void {
  migrateObject(storage, feedSteps)
}

/** The same for a topic. */
export function migrateTopic(storage: DurableObjectStorage): void {
  migrateObject(storage, topicSteps)
}
