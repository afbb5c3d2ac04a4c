/** Shares: one task, one user, a level. Whoever may change the task may share it. */
import {
  any,
  can,
  enumeration,
  immutable,
  index,
  is,
  me,
  one,
  parent,
  record,
  reference,
  resource,
  rule,
  sqliteTable,
  stamp,
  uniqueIndex,
  userTable,
} from "selvage"
import { organizationTable } from "./organizations.ts"
import { taskTable } from "./tasks.ts"

export const shareTable = sqliteTable(
  "shares",
  {
    ...record("share"),
    organizationId: reference("org")
      .notNull()
      .references(() => organizationTable.id),
    taskId: reference("task")
      .notNull()
      .references(() => taskTable.id),
    userId: reference("user")
      .notNull()
      .references(() => userTable.id),
    level: enumeration(["view", "edit"]).notNull().default("view"),
    createdBy: reference("user")
      .notNull()
      .references(() => userTable.id),
  },
  (table) => [
    uniqueIndex("shares_once").on(table.taskId, table.userId),
    index("shares_by_user").on(table.userId, table.taskId, table.level),
    index("shares_by_task").on(table.taskId, table.createdAt, table.id),
    index("shares_by_organization").on(table.organizationId, table.createdAt, table.id),
  ],
)

export const shares = resource("shares", {
  table: shareTable,
  tenant: "organizationId",
  summary: "A task shared with a user",
  policy: {
    read: any(rule("shared with me", is("userId", me)), can("update", "taskId")),
    create: can("update", "taskId"),
    update: can("update", "taskId"),
    delete: any(rule("shared with me", is("userId", me)), can("update", "taskId")),
  },
  fields: {
    organizationId: stamp(parent("taskId", "organizationId")),
    taskId: immutable(),
    userId: immutable(),
    createdBy: stamp(me),
  },
  relations: { task: one("tasks", "taskId") },
  filter: ["taskId", "userId", "organizationId"],
})
