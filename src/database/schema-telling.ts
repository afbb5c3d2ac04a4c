/**
 * The engine's tables for what happens after a commit: seals of the log, jobs that failed for good, schedules, progress, webhooks. What must be
 * joined or survive lives here; cursors of readers live in the objects that read.
 */
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core"
import * as z from "zod"
import { enumeration, instant, json, record, reference, secret } from "../core/column.ts"

/** Closed parts of the log, each with the hash of the one before: what `npm run audit:verify` goes by. Nothing is ever removed from here. */
export const logSegmentTable = sqliteTable(
  "log_segments",
  {
    /** Sequence of the segment's first event. */
    first: integer().notNull(),
    /** Sequence of its last event; the next segment begins behind it. */
    last: integer().notNull(),
    events: integer().notNull(),
    /** SHA-256 of the hash of the segment before and of the events' canonical lines, hex. */
    hash: text().notNull(),
    /** HMAC-SHA256 of the hash under KEK, with the id of the ring's key before it: who can write here but has no secret cannot make it. */
    seal: text().notNull(),
    sealedAt: instant().notNull(),
    /** Where the events stand in the archive; null: only here. */
    archive: text(),
    archivedAt: instant(),
    /** Set in the batch that removes the events; the trigger lets only such events go. */
    prunedAt: instant(),
  },
  (table) => [primaryKey({ columns: [table.first] }), uniqueIndex("log_segments_by_last").on(table.last)],
)

/** Jobs that were given up. The message stands here as it stood in the outbox, so that it can be tried again. */
export const deadLetterTable = sqliteTable(
  "dead_letters",
  {
    ...record("dead"),
    job: text({ length: 100 }).notNull(),
    /** What it was ordered by. */
    key: text({ length: 300 }).notNull(),
    /** Id of the message: its effects carry it. */
    messageId: text({ length: 100 }).notNull(),
    /** Whom the job acted for. */
    onBehalfOf: reference("user"),
    attempts: integer().notNull(),
    /** Code of the last problem. */
    code: text({ length: 40 }).notNull(),
    /** Why, for the operator; without addresses and tokens. */
    lastError: text({ length: 500 }).notNull(),
    enqueuedAt: instant().notNull(),
    replayedAt: instant(),
    payload: secret(text()).notNull(),
  },
  (table) => [
    index("dead_letters_by_creation").on(table.createdAt, table.id),
    index("dead_letters_by_job").on(table.job, table.createdAt, table.id),
  ],
)

/** Progress of the jobs that are declared as tracked: a record that can be watched. */
export const jobRunTable = sqliteTable(
  "job_runs",
  {
    ...record("run"),
    job: text({ length: 100 }).notNull(),
    /** Who wanted it. */
    ownerId: reference("user"),
    status: enumeration(["queued", "running", "done", "failed"]).notNull().default("queued"),
    /** 0 to 100. */
    percent: integer().notNull().default(0),
    note: text({ length: 500 }),
    finishedAt: instant(),
  },
  (table) => [
    index("job_runs_by_creation").on(table.createdAt, table.id),
    index("job_runs_by_owner").on(table.ownerId, table.createdAt, table.id),
  ],
)

/** When each schedule was last turned into a job: twice the same minute is once. */
export const scheduleTable = sqliteTable(
  "schedules",
  { name: text().notNull(), lastAt: instant().notNull() },
  (table) => [primaryKey({ columns: [table.name] })],
)

/** Where somebody wants to be told. */
export const webhookEndpointTable = sqliteTable(
  "webhook_endpoints",
  {
    ...record("endpoint"),
    ownerId: reference("user").notNull(),
    /** Only what happens in this tenant. Null: resources without a tenant. */
    tenantId: text({ length: 100 }),
    url: text({ length: 2000 }).notNull(),
    description: text({ length: 200 }),
    /** Types of events, `tasks.created` or `tasks.*`. */
    events: json(z.array(z.string().max(120)).min(1).max(50)).notNull(),
    status: enumeration(["enabled", "disabled"]).notNull().default("enabled"),
    /** Why it is disabled, when the engine did it. */
    disabledReason: text({ length: 200 }),
    /** Since when nothing arrived; null: the last delivery did. */
    failingSince: instant(),
    /** Deliveries in a row that failed. */
    failures: integer().notNull().default(0),
    /** The circuit is open until then: nothing is tried. */
    openUntil: instant(),
    /** Sealed under KEK. */
    secretSealed: secret(text()).notNull(),
    /** The one before, which still signs beside it until `previousUntil`. */
    previousSealed: secret(text()),
    previousUntil: instant(),
  },
  (table) => [
    index("webhook_endpoints_by_owner").on(table.ownerId, table.createdAt, table.id),
    index("webhook_endpoints_by_tenant").on(table.status, table.tenantId),
  ],
)

/** What was sent to whom and what came back. Written by the engine without events: it is a log of its own. */
export const webhookDeliveryTable = sqliteTable(
  "webhook_deliveries",
  {
    ...record("delivery"),
    endpointId: reference("endpoint").notNull(),
    ownerId: reference("user").notNull(),
    /** `webhook-id` of Standard Webhooks: the id of the event, the same in every attempt. */
    eventId: text({ length: 100 }).notNull(),
    sequence: integer().notNull(),
    type: text({ length: 120 }).notNull(),
    resource: text({ length: 100 }).notNull(),
    recordId: text({ length: 100 }).notNull(),
    /** skipped: the owner may not see the record. */
    status: enumeration(["pending", "delivered", "failed", "skipped"]).notNull().default("pending"),
    attempts: integer().notNull().default(0),
    /** The body of the last attempt. */
    request: text({ length: 65_536 }),
    responseStatus: integer(),
    /** The first 4 KiB. */
    response: text({ length: 4096 }),
    /** What went wrong without an answer. */
    fault: text({ length: 300 }),
    milliseconds: integer(),
    finishedAt: instant(),
  },
  (table) => [
    uniqueIndex("webhook_deliveries_once").on(table.endpointId, table.eventId),
    index("webhook_deliveries_by_owner").on(table.ownerId, table.createdAt, table.id),
    index("webhook_deliveries_by_endpoint").on(table.endpointId, table.createdAt, table.id),
    index("webhook_deliveries_by_status").on(table.status, table.createdAt, table.id),
    index("webhook_deliveries_by_creation").on(table.createdAt, table.id),
  ],
)
