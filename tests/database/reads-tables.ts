/** What the tests of reading declare: organizations, projects, tasks, comments, shares, in tables of their own. */
import { index, integer, real, sqliteTable, text } from "drizzle-orm/sqlite-core"
import { boolean, enumeration, instant, int32, int64, json, record, reference, secret } from "../../src/core/column.ts"
import {
  all,
  any,
  anyone,
  can,
  deny,
  is,
  me,
  memberOf,
  nobody,
  type Policy,
  role,
  shared,
} from "../../src/core/policy.ts"
import { resource } from "../../src/core/registry.ts"
import { countOf, many, one, parent, stamp } from "../../src/core/resource.ts"

const organizationTable = sqliteTable("reads_organizations", { ...record("org"), name: text().notNull() })
const seatTable = sqliteTable(
  "reads_seats",
  {
    ...record("seat"),
    organizationId: reference("org").notNull(),
    userId: reference("user").notNull(),
    role: text().notNull(),
  },
  (t) => [index("reads_seats_by_user").on(t.userId, t.organizationId, t.role)],
)
const projectTable = sqliteTable(
  "reads_projects",
  { ...record("project"), organizationId: reference("org").notNull(), name: text().notNull() },
  (t) => [index("reads_projects_by_organization").on(t.organizationId, t.createdAt, t.id)],
)
const memberTable = sqliteTable(
  "reads_members",
  {
    ...record("member"),
    organizationId: reference("org").notNull(),
    projectId: reference("project").notNull(),
    userId: reference("user").notNull(),
    role: text().notNull(),
  },
  (t) => [index("reads_members_by_user").on(t.userId, t.projectId, t.role)],
)
export const taskTable = sqliteTable(
  "reads_tasks",
  {
    ...record("task"),
    organizationId: reference("org").notNull(),
    projectId: reference("project").notNull(),
    assigneeId: reference("user"),
    title: text().notNull(),
    body: text(),
    status: enumeration(["open", "closed"]).notNull().default("open"),
    priority: int32(),
    estimate: real(),
    big: int64(),
    done: boolean().notNull().default(false),
    dueAt: instant(),
    labels: json(),
    internalNote: text(),
    assigneeNote: text(),
    pin: secret(text()),
  },
  (t) => [
    index("reads_tasks_by_organization").on(t.organizationId, t.createdAt, t.id),
    index("reads_tasks_by_project").on(t.organizationId, t.projectId, t.createdAt, t.id),
    index("reads_tasks_by_assignee").on(t.assigneeId, t.createdAt, t.id),
    index("reads_tasks_by_priority").on(t.organizationId, t.priority, t.id),
    index("reads_tasks_by_title").on(t.organizationId, t.title, t.id),
  ],
)
const shareTable = sqliteTable(
  "reads_shares",
  {
    ...record("share"),
    taskId: reference("task").notNull(),
    userId: reference("user").notNull(),
    level: text().notNull(),
  },
  (t) => [index("reads_shares_by_user").on(t.userId, t.taskId, t.level)],
)
const commentTable = sqliteTable(
  "reads_comments",
  {
    ...record("comment"),
    taskId: reference("task").notNull(),
    authorId: reference("user").notNull(),
    text: text().notNull(),
    hidden: boolean().notNull().default(false),
  },
  (t) => [index("reads_comments_by_task").on(t.taskId, t.createdAt, t.id)],
)
const wideTable = sqliteTable("reads_wide", {
  ...record("wide"),
  ...Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`c${n}`, integer()])),
  taskId: reference("task"),
})

/** All tables, in the order of their making. */
export const tables = [
  organizationTable,
  seatTable,
  projectTable,
  memberTable,
  taskTable,
  shareTable,
  commentTable,
  wideTable,
]
const closed: Policy = { read: nobody(), create: nobody(), update: nobody(), delete: nobody() }

/** The resources over them. */
export const resources = [
  resource("organizations", {
    table: organizationTable,
    tenant: "none",
    policy: { ...closed, read: memberOf("organizations", "id") },
    members: {
      resource: "seats",
      record: "organizationId",
      user: "userId",
      role: "role",
      roles: ["guest", "member", "owner"],
    },
  }),
  resource("seats", { table: seatTable, tenant: "organizationId", policy: closed }),
  resource("projects", {
    table: projectTable,
    tenant: "organizationId",
    policy: { ...closed, read: memberOf("projects", "id") },
    relations: {
      organization: one("organizations", "organizationId"),
      tasks: many("tasks", "projectId", { onDelete: "refuse" }),
    },
    computed: { taskCount: countOf("tasks") },
    members: {
      resource: "members",
      record: "projectId",
      user: "userId",
      role: "role",
      roles: ["viewer", "editor", "admin"],
    },
  }),
  resource("members", {
    table: memberTable,
    tenant: "organizationId",
    policy: closed,
    fields: { organizationId: stamp(parent("projectId", "organizationId")) },
    relations: { project: one("projects", "projectId") },
  }),
  resource("tasks", {
    table: taskTable,
    tenant: "organizationId",
    policy: {
      ...closed,
      read: any(role("admin"), memberOf("projects", "projectId"), shared("view"), is("assigneeId", me)),
      update: any(memberOf("projects", "projectId", "editor"), shared("edit")),
    },
    fields: {
      organizationId: stamp(parent("projectId", "organizationId")),
      internalNote: { read: role("admin") },
      assigneeNote: { read: is("assigneeId", me) },
    },
    relations: { project: one("projects", "projectId"), comments: many("comments", "taskId", { onDelete: "delete" }) },
    shares: { resource: "shares", record: "taskId", user: "userId", role: "level", roles: ["view", "edit"] },
    filter: [
      "organizationId",
      "projectId",
      "assigneeId",
      "status",
      "priority",
      "title",
      "dueAt",
      "big",
      "done",
      "estimate",
      "internalNote",
    ],
    sort: ["priority", "title"],
    search: ["title", "body", "internalNote"],
  }),
  resource("shares", { table: shareTable, tenant: "none", policy: closed }),
  resource("comments", {
    table: commentTable,
    tenant: "none",
    policy: { ...closed, read: all(can("read", "taskId"), deny("hidden", is("hidden", true))) },
    relations: { task: one("tasks", "taskId") },
    filter: ["taskId"],
  }),
  resource("wide", {
    table: wideTable,
    tenant: "none",
    policy: { ...closed, read: anyone() },
    relations: { task: one("tasks", "taskId") },
  }),
]
