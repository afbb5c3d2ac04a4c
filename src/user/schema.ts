/** The tables inside a user's object and inside the hub. */
import { migrateObject } from "../database/object-steps.ts"

const userSteps = [
  [
    `create table "sessions" ("sid" text primary key, "seed" blob not null, "counter" integer not null, "rotatedAt" integer not null,
      "createdAt" integer not null, "lastSeenAt" integer not null, "idleMs" integer not null, "hardAt" integer not null,
      "accessUntil" integer not null, "authTime" integer not null, "amr" text not null, "label" text, "userAgent" text,
      "address" text, "device" text) strict`,
    `create table "devices" ("id" text primary key, "label" text, "firstAt" integer not null, "seenAt" integer not null) strict`,
    `create table "buckets" ("name" text primary key, "failures" integer not null, "lastAt" integer not null) strict`,
    `create table "tickets" ("id" text primary key, "bucket" text not null, "at" integer not null, "expiresAt" integer not null,
      "confirm" integer not null) strict`,
    `create index "tickets_by_bucket" on "tickets" ("bucket")`,
    `create table "tokens" ("purpose" text not null, "topic" text not null, "hash" text not null, "issuedAt" integer not null,
      "expiresAt" integer not null, "usedAt" integer, "data" text not null, primary key ("purpose", "topic")) strict`,
    `create table "keys" ("id" text primary key, "hash" text unique, "scopes" text not null, "createdAt" integer not null,
      "expiresAt" integer, "lastUsedAt" integer, "revokedAt" integer) strict`,
    `create table "preferences" ("name" text primary key, "value" text not null) strict`,
    `create table "events" ("sequence" integer primary key autoincrement, "id" text not null unique, "at" integer not null,
      "kind" text not null, "actor" text not null, "impersonator" text, "requestId" text not null, "fields" text not null,
      "personal" text not null, "pushed" integer not null) strict`,
    `create index "events_pending" on "events" ("sequence") where "pushed" = 0`,
    `create table "revocations" ("sequence" integer primary key autoincrement, "id" text not null, "belowEpoch" integer,
      "until" integer not null) strict`,
    `create table "commands" ("id" text primary key, "at" integer not null) strict`,
    `create table "account" ("only" integer primary key check ("only" = 1), "version" integer not null, "roles" text not null,
      "status" text not null) strict`,
  ],
  [
    `create table "notices" ("id" text primary key, "at" integer not null, "kind" text not null, "title" text not null, "body" text,
      "url" text, "data" text, "seenAt" integer, "readAt" integer,
      "mailedAt" integer) strict`,
  ],
  [
    // Sockets that end by the clock, and what each socket watches. The rest of a socket is in its attachment.
    `create table "sockets" ("id" text primary key, "until" integer not null) strict`,
    `create table "watches" ("id" integer primary key autoincrement, "socket" text not null, "plan" text not null, "topic" text not null,
      "isOpen" integer not null) strict`,
  ],
  [
    // A seed is sealed and a code hashed. A sign-in that waits for its second factor, by the hash of its ticket; challenges that have counted.
    `create table "factors" ("id" text primary key, "kind" text not null, "name" text not null, "createdAt" integer not null,
      "lastUsedAt" integer, "sealed" text, "step" integer, "credential" text unique, "publicKey" text, "counter" integer,
      "isSynced" integer, "transports" text) strict`,
    `create table "recovery_codes" ("hash" text primary key) strict`,
    `create table "pending" ("ticket" text primary key, "sid" text not null, "session" text not null, "createdAt" integer not null,
      "expiresAt" integer not null) strict`,
    `create table "challenges" ("hash" text primary key, "until" integer not null) strict`,
  ],
  [
    // Programs that the user has let in; what the OAuth provider keeps of them, by its own keys; and refresh tokens that were exchanged.
    `create table "grants" ("id" text primary key, "client" text not null, "name" text not null, "host" text, "record" text not null,
      "scopes" text not null, "resource" text not null, "createdAt" integer not null, "redeemedAt" integer, "lastUsedAt" integer,
      "expiresAt" integer not null, "hardAt" integer not null) strict`,
    `create table "oauth" ("key" text primary key, "grant" text not null, "value" text not null, "metadata" text,
      "expiresAt" integer not null) strict`,
    `create index "oauth_by_grant" on "oauth" ("grant")`,
    `create table "spent" ("hash" text primary key, "grant" text not null, "at" integer not null, "sealed" blob) strict`,
    `create index "spent_by_grant" on "spent" ("grant")`,
  ],
  [
    // The terms of a grant, and changes that wait for the user under them. An input is sealed: who holds the object alone cannot read it.
    `alter table "grants" add column "approval" integer not null default 0`,
    `alter table "grants" add column "rows" integer`,
    `create table "approvals" ("id" text primary key, "grant" text not null, "operation" text not null, "inputHash" text not null,
      "input" text not null, "state" text not null, "createdAt" integer not null, "expiresAt" integer not null) strict`,
    `create unique index "approvals_by_call" on "approvals" ("grant", "operation", "inputHash")`,
  ],
] as const

const hubSteps = [
  [
    `create table "revoked" ("id" text primary key, "belowEpoch" integer, "until" integer not null, "version" integer not null) strict`,
    `create index "revoked_by_version" on "revoked" ("version")`,
    `create index "revoked_by_until" on "revoked" ("until")`,
  ],
  [
    `create table "touched" ("noun" text not null, "record" text not null, "sequence" integer not null, "until" integer not null,
      "version" integer not null, primary key ("noun", "record")) strict, without rowid`,
    `create index "touched_by_version" on "touched" ("version")`,
  ],
] as const

/** Brings a user's object to this code's tables. Throws when the object is newer. */
export function migrateUser(storage: DurableObjectStorage): void {
  migrateObject(storage, userSteps)
}

/** The same for the hub. */
export function migrateHub(storage: DurableObjectStorage): void {
  migrateObject(storage, hubSteps)
}
