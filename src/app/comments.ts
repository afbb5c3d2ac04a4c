/** Comments on tasks. Whoever reads the task reads and writes its comments; authors change their own. */
import {
  all,
  any,
  can,
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
  text,
  userTable,
} from "selvage"
import { organizationTable } from "./organizations.ts"
import { taskTable } from "./tasks.ts"

export const commentTable = sqliteTable(
  "comments",
  {
    ...record("comment"),
    organizationId: reference("org")
      .notNull()
      .references(() => organizationTable.id),
    taskId: reference("task")
      .notNull()
      .references(() => taskTable.id),
    authorId: reference("user")
      .notNull()
      .references(() => userTable.id),
    body: text({ length: 10_000 }).notNull(),
  },
  (table) => [
    index("comments_by_task").on(table.taskId, table.createdAt, table.id),
    index("comments_by_author").on(table.authorId, table.createdAt, table.id),
    index("comments_by_organization").on(table.organizationId, table.createdAt, table.id),
  ],
)

const author = rule("the author", is("authorId", me))

export const comments = resource("comments", {
  table: commentTable,
  tenant: "organizationId",
  summary: "What somebody says about a task",
  policy: {
    read: can("read", "taskId"),
    create: can("read", "taskId"),
    update: all(author, can("read", "taskId")),
    delete: any(author, can("delete", "taskId")),
  },
  fields: { organizationId: stamp(parent("taskId", "organizationId")), taskId: immutable(), authorId: stamp(me) },
  relations: { task: one("tasks", "taskId") },
  filter: ["taskId", "authorId", "organizationId"],
})
