/** The engine's own tables. drizzle-kit reads them together with the app's; triggers and full-text tables are added by migrate:new. */
import { sql } from "drizzle-orm"
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core"
import { enumeration, instant, json, personal, record, secret } from "../core/column.ts"

/** People. Sessions, factors and keys live in each user's own object; here stands what must be joined. */
export const userTable = sqliteTable("users", {
  ...record("user"),
  email: personal(text()).notNull().unique(),
  name: personal(text()).notNull(),
  /** Application-wide roles, a JSON list of words. */
  roles: json().notNull(),
  status: enumeration(["active", "disabled"]).notNull().default("active"),
})

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
  ],
)

/** Stored answers of writes that carried an idempotency key. */
export const idempotencyTable = sqliteTable(
  "idempotency",
  {
    key: text().notNull(),
    inputHash: text().notNull(),
    answer: text().notNull(),
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
