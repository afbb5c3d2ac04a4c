/** The engine's own tables. drizzle-kit reads them together with the app's; triggers and full-text tables are added by migrate:new. */
import { sql } from "drizzle-orm"
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core"
import * as z from "zod"
import { enumeration, instant, json, personal, record, reference, secret } from "../core/column.ts"

export * from "./schema-telling.ts"

/** People. Sessions, factors and keys live in each user's own object; here stands what must be joined. */
export const userTable = sqliteTable(
  "users",
  {
    ...record("user"),
    /** Lower case. None for service accounts, and for people who are gone. */
    email: personal(text({ length: 254 })).unique(),
    name: personal(text({ length: 100 })).notNull(),
    /** Application-wide roles, a JSON list of words. */
    roles: json(z.array(z.string().max(64)).max(20)).notNull(),
    /** deleting: comes back by signing in until `deleteAfter`. deleted: a stub, so that what refers to it stays whole. */
    status: enumeration(["active", "disabled", "deleting", "deleted"]).notNull().default("active"),
    kind: enumeration(["person", "service"]).notNull().default("person"),
    emailVerifiedAt: instant(),
    deleteAfter: instant(),
    /** Argon2id as PHC text, sealed and bound to the id. */
    passwordSealed: secret(text()),
  },
  (table) => [
    index("users_by_creation").on(table.createdAt, table.id),
    index("users_by_status").on(table.status, table.createdAt, table.id),
    index("users_by_end").on(table.deleteAfter),
  ],
)

/** Names and scopes of API keys; what proves one is in its owner's object. */
export const apiKeyTable = sqliteTable(
  "api_keys",
  {
    ...record("apikey"),
    /** The user or service account that the key acts for. */
    ownerId: reference("user")
      .notNull()
      .references(() => userTable.id),
    /** The service account whose key it is; null for a person's own. */
    serviceAccountId: reference("service").references(() => serviceAccountTable.id),
    name: text({ length: 100 }).notNull(),
    scopes: json(z.array(z.string().max(80)).max(50)).notNull(),
    expiresAt: instant().notNull(),
    revokedAt: instant(),
    createdBy: reference("user")
      .notNull()
      .references(() => userTable.id),
  },
  (table) => [
    index("api_keys_by_owner").on(table.ownerId, table.createdAt, table.id),
    index("api_keys_by_service_account").on(table.serviceAccountId, table.createdAt, table.id),
  ],
)

/** Programs that an organization, or whatever the application names, owns: users without address and password. */
export const serviceAccountTable = sqliteTable(
  "service_accounts",
  {
    ...record("service"),
    /** Id of the owner, a record of the resource that `accounts.serviceAccounts` names. */
    ownerId: text({ length: 100 }).notNull(),
    /** Under which it acts: memberships and shares name this id. */
    userId: reference("user")
      .notNull()
      .references(() => userTable.id),
    name: text({ length: 100 }).notNull(),
    createdBy: reference("user")
      .notNull()
      .references(() => userTable.id),
  },
  (table) => [
    index("service_accounts_by_owner").on(table.ownerId, table.createdAt, table.id),
    uniqueIndex("service_accounts_by_user").on(table.ownerId, table.userId),
  ],
)

/** Who people are elsewhere: an issuer and its subject, of one person each. Never looked up by the address, which moves on. */
export const identityTable = sqliteTable(
  "identities",
  {
    ...record("identity"),
    userId: reference("user")
      .notNull()
      .references(() => userTable.id),
    /** Name of the provider by which it came. */
    provider: text({ length: 31 }).notNull(),
    issuer: text({ length: 300 }).notNull(),
    subject: personal(text({ length: 255 })).notNull(),
    /** As the provider told it last; proves nothing here. */
    email: personal(text({ length: 254 })),
    lastUsedAt: instant().notNull(),
  },
  (table) => [
    uniqueIndex("identities_by_subject").on(table.issuer, table.subject),
    index("identities_by_user").on(table.userId, table.createdAt, table.id),
  ],
)

/** Who acted in whose name, and why. */
export const impersonationTable = sqliteTable(
  "impersonations",
  {
    ...record("impersonation"),
    userId: reference("user")
      .notNull()
      .references(() => userTable.id),
    administratorId: reference("user")
      .notNull()
      .references(() => userTable.id),
    /** The session in the user's object. */
    sessionId: reference("session").notNull(),
    reason: text({ length: 500 }).notNull(),
    expiresAt: instant().notNull(),
  },
  (table) => [
    index("impersonations_by_administrator").on(table.administratorId, table.createdAt, table.id),
    index("impersonations_by_user").on(table.userId, table.createdAt, table.id),
    index("impersonations_by_creation").on(table.createdAt, table.id),
  ],
)

/** What is still to be told outside: jobs, commands to objects. `database/outbox.ts` reads and clears it. */
export const outboxTable = sqliteTable(
  "outbox",
  {
    id: text().notNull(),
    topic: text().notNull(),
    subject: text().notNull(),
    /** Sealed. */
    payload: text().notNull(),
    createdAt: instant().notNull(),
    dueAt: instant().notNull(),
    /** A job for later: until then it stands in nobody's way. */
    notBefore: instant(),
    attempts: integer().notNull(),
    lastError: text(),
  },
  (table) => [
    primaryKey({ columns: [table.id] }),
    index("outbox_by_due").on(table.dueAt),
    index("outbox_by_subject").on(table.topic, table.subject, table.id),
  ],
)

/** Codes that make an administrator, once: SHA-256 of what an operator was shown. */
export const setupCodeTable = sqliteTable(
  "setup_codes",
  { hash: text().notNull(), expiresAt: instant().notNull() },
  (table) => [primaryKey({ columns: [table.hash] })],
)

/** The log: append-only by trigger. `core/event.ts` says what stands in it. */
export const eventTable = sqliteTable(
  "events",
  {
    sequence: integer().primaryKey({ autoIncrement: true }),
    id: text().notNull().unique(),
    at: instant().notNull(),
    actor: text().notNull(),
    impersonator: text(),
    reason: text(),
    operation: text().notNull(),
    resource: text().notNull(),
    record: text().notNull(),
    change: enumeration(["created", "updated", "deleted"]).notNull(),
    tenant: text(),
    before: text(),
    after: text(),
    changed: text().notNull(),
    requestId: text().notNull(),
  },
  (table) => [
    index("events_by_record").on(table.resource, table.record, table.sequence),
    index("events_by_tenant").on(table.tenant, table.sequence),
    index("events_by_actor").on(table.actor, table.sequence),
  ],
)

/** Stored answers of writes that carried an idempotency key. */
export const idempotencyTable = sqliteTable(
  "idempotency",
  {
    key: text().notNull(),
    inputHash: text().notNull(),
    answer: text().notNull(),
    /** Places of the answer that show records as they are now. */
    reads: text(),
    expiresAt: instant().notNull(),
  },
  (table) => [primaryKey({ columns: [table.key] }), index("idempotency_by_expiry").on(table.expiresAt)],
)

/** Always empty: inserting a name aborts the batch with that name (trigger `guard_abort`). */
export const guardTable = sqliteTable("guard", { name: text().notNull() })

/** Keys that access tokens are signed with. The private part is sealed under the key-encryption ring and bound to the kid. */
export const signingKeyTable = sqliteTable(
  "signing_keys",
  {
    /** Thumbprint of the public key (RFC 7638). */
    kid: text().notNull(),
    publicJwk: text().notNull(),
    sealedPrivate: secret(text()).notNull(),
    state: enumeration(["next", "current", "retired"]).notNull(),
    createdAt: instant().notNull(),
    activatedAt: instant(),
    retiredAt: instant(),
  },
  (table) => [
    primaryKey({ columns: [table.kid] }),
    // One signs and one is to follow, whoever rotates at the same moment.
    uniqueIndex("signing_keys_one_current").on(table.state).where(sql`"state" = 'current'`),
    uniqueIndex("signing_keys_one_next").on(table.state).where(sql`"state" = 'next'`),
  ],
)
