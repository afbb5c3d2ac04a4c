/** The engine's own tables. drizzle-kit reads them together with the app's; triggers and full-text tables are added by migrate:new. */
import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core"
import { enumeration, instant, json, personal, record } from "../core/column.ts"

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
