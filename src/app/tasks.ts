/** Tasks: who sees them, who changes them, and what completing one means. */
import {
  any,
  enumeration,
  idSchema,
  index,
  instant,
  int32,
  is,
  many,
  me,
  memberOf,
  on,
  one,
  operation,
  Problem,
  parent,
  post,
  put,
  real,
  record,
  reference,
  resource,
  role,
  rule,
  shared,
  sqliteTable,
  stamp,
  text,
  userTable,
} from "selvage"
import * as z from "zod"
import { comments } from "./comments.ts"
import { members, organizationTable } from "./organizations.ts"
import { projectTable } from "./projects.ts"

export const taskTable = sqliteTable(
  "tasks",
  {
    ...record("task"),
    organizationId: reference("org")
      .notNull()
      .references(() => organizationTable.id),
    projectId: reference("project")
      .notNull()
      .references(() => projectTable.id),
    title: text({ length: 200 }).notNull(),
    body: text({ length: 20_000 }),
    status: enumeration(["open", "doing", "done"]).notNull().default("open"),
    priority: int32().notNull().default(2),
    estimateHours: real(),
    dueAt: instant(),
    assigneeId: reference("user").references(() => userTable.id),
    internalNote: text({ length: 2000 }),
    createdBy: reference("user")
      .notNull()
      .references(() => userTable.id),
  },
  (table) => [
    index("tasks_by_organization").on(table.organizationId, table.createdAt, table.id),
    index("tasks_by_project").on(table.projectId, table.createdAt, table.id),
    index("tasks_by_assignee").on(table.assigneeId, table.createdAt, table.id),
    index("tasks_by_status").on(table.projectId, table.status, table.createdAt, table.id),
    index("tasks_by_priority").on(table.projectId, table.priority, table.createdAt, table.id),
    index("tasks_by_due").on(table.projectId, table.dueAt, table.id),
    index("tasks_by_rank").on(table.projectId, table.priority, table.id),
  ],
)

const organizationAdmin = rule(
  "administrators of the organization",
  memberOf("organizations", "organizationId", "admin"),
)
const assigned = rule("whoever it is assigned to", is("assigneeId", me))

export const tasks = resource("tasks", {
  table: taskTable,
  tenant: "organizationId",
  summary: "Something to be done in a project",
  policy: {
    read: any(
      organizationAdmin,
      rule("project members", memberOf("projects", "projectId")),
      assigned,
      rule("shared with me", shared("view")),
    ),
    create: any(organizationAdmin, rule("project editors", memberOf("projects", "projectId", "editor"))),
    update: any(
      organizationAdmin,
      rule("project editors", memberOf("projects", "projectId", "editor")),
      assigned,
      rule("shared for editing", shared("edit")),
    ),
    delete: any(organizationAdmin, rule("project administrators", memberOf("projects", "projectId", "admin"))),
  },
  fields: {
    organizationId: stamp(parent("projectId", "organizationId")),
    // Assigned or shared is not enough to take a task to another project, let alone to another organization.
    projectId: { write: any(organizationAdmin, memberOf("projects", "projectId", "editor")) },
    createdBy: stamp(me),
    internalNote: { read: role("admin"), write: role("admin") },
  },
  relations: {
    project: one("projects", "projectId"),
    comments: many("comments", "taskId", { onDelete: "delete" }),
    shares: many("shares", "taskId", { onDelete: "delete" }),
  },
  shares: { resource: "shares", record: "taskId", user: "userId", role: "level", roles: ["view", "edit"] },
  filter: ["organizationId", "projectId", "assigneeId", "status", "priority", "dueAt"],
  sort: ["dueAt", "priority"],
  search: ["title", "body"],
  limit: {
    create: { per: "principal", rate: "600/m", burst: 2000 },
    // A watch begins with a list of up to a thousand.
    // A watch begins with a list of up to a thousand.
    watch: { per: "principal", rate: "300/m", burst: 100 },
  },
})

export const assignTask = operation("tasks.assign", {
  kind: "mutation",
  summary: "Assign a task to a member of the organization, who is told",
  input: z.strictObject({ id: idSchema("task"), userId: idSchema("user") }).meta({ id: "TaskAssignment" }),
  output: tasks.schema,
  errors: ["FAILED_PRECONDITION"],
  policy: on(tasks, "update"),
  rest: put("/tasks/{id}/assignee"),
  async handle({ input, read, changes, principal }) {
    const task = await read.get(tasks, input.id)
    const terms = { organizationId: task.organizationId, userId: input.userId }
    const filter = {
      op: "and" as const,
      of: Object.entries(terms).map(([field, value]) => ({ op: "eq" as const, field, value })),
    }
    // Nobody is told by somebody who has nothing to do with them.
    const { items } = await read.list(members, { filter, limit: 1 })
    if (items.length === 0)
      throw new Problem("FAILED_PRECONDITION", "Only a member of the organization can be assigned")
    if (input.userId !== (principal.kind === "user" ? principal.id : null))
      changes.notify(input.userId, {
        kind: "task.assigned",
        title: `Assigned to you: ${task.title}`,
        data: { id: task.id },
      })
    return changes.update(tasks, task.id, { assigneeId: input.userId })
  },
})

export const completeTask = operation("tasks.complete", {
  kind: "mutation",
  summary: "Complete a task, once, and say so in a comment",
  input: z.strictObject({ id: idSchema("task"), note: z.string().max(2000).optional() }).meta({ id: "TaskCompletion" }),
  output: tasks.schema,
  errors: ["FAILED_PRECONDITION"],
  policy: on(tasks, "update"),
  rest: post("/tasks/{id}/completion"),
  async handle({ input, read, changes }) {
    const task = await read.get(tasks, input.id)
    if (task.status === "done") throw new Problem("FAILED_PRECONDITION", "The task is complete already")
    changes.create(comments, { taskId: task.id, body: input.note ?? "Completed." })
    return changes.update(tasks, task.id, { status: "done" })
  },
})
