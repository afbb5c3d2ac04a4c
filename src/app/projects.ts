/** Projects of an organization, and who works on them. Whoever creates one administers it. */
import {
  any,
  boolean,
  enumeration,
  idSchema,
  immutable,
  index,
  is,
  many,
  me,
  memberOf,
  one,
  operation,
  parent,
  post,
  record,
  reference,
  resource,
  rule,
  signedIn,
  sqliteTable,
  stamp,
  system,
  text,
  uniqueIndex,
  userTable,
} from "selvage"
import * as z from "zod"
import { organizationTable } from "./organizations.ts"

export const projectTable = sqliteTable(
  "projects",
  {
    ...record("project"),
    organizationId: reference("org")
      .notNull()
      .references(() => organizationTable.id),
    name: text({ length: 100 }).notNull(),
    description: text({ length: 5000 }),
    archived: boolean().notNull().default(false),
    createdBy: reference("user")
      .notNull()
      .references(() => userTable.id),
  },
  (table) => [
    uniqueIndex("projects_by_name").on(table.organizationId, table.name),
    index("projects_by_organization").on(table.organizationId, table.createdAt, table.id),
    index("projects_by_archived").on(table.organizationId, table.archived, table.createdAt, table.id),
  ],
)

export const projectMemberTable = sqliteTable(
  "project_members",
  {
    ...record("pmember"),
    organizationId: reference("org")
      .notNull()
      .references(() => organizationTable.id),
    projectId: reference("project")
      .notNull()
      .references(() => projectTable.id),
    userId: reference("user")
      .notNull()
      .references(() => userTable.id),
    role: enumeration(["viewer", "editor", "admin"]).notNull().default("viewer"),
  },
  (table) => [
    uniqueIndex("project_members_once").on(table.projectId, table.userId),
    index("project_members_by_user").on(table.userId, table.projectId, table.role, table.organizationId),
    index("project_members_by_project").on(table.projectId, table.createdAt, table.id),
    index("project_members_by_organization").on(table.organizationId, table.createdAt, table.id),
    index("project_members_by_user_creation").on(table.userId, table.createdAt, table.id),
  ],
)

const organizationAdmin = rule(
  "administrators of the organization",
  memberOf("organizations", "organizationId", "admin"),
)

export const projects = resource("projects", {
  table: projectTable,
  tenant: "organizationId",
  summary: "A project: what holds tasks",
  policy: {
    read: any(organizationAdmin, rule("project members", memberOf("projects", "id"))),
    create: memberOf("organizations", "organizationId"),
    update: any(organizationAdmin, memberOf("projects", "id", "admin")),
    delete: any(organizationAdmin, memberOf("projects", "id", "admin")),
  },
  fields: { organizationId: immutable(), createdBy: stamp(me) },
  relations: {
    organization: one("organizations", "organizationId"),
    tasks: many("tasks", "projectId", { onDelete: "delete" }),
    members: many("project_members", "projectId", { onDelete: "delete" }),
  },
  members: {
    resource: "project_members",
    record: "projectId",
    user: "userId",
    role: "role",
    roles: ["viewer", "editor", "admin"],
  },
  filter: ["organizationId", "archived", "name"],
  sort: ["name"],
  operations: ["list", "get", "update", "delete", "aggregate", "watch"],
})

const manages = any(
  organizationAdmin,
  rule("administrators of the project", memberOf("projects", "projectId", "admin")),
)

export const projectMembers = resource("project_members", {
  table: projectMemberTable,
  tenant: "organizationId",
  summary: "A user's place in a project",
  policy: {
    read: any(is("userId", me), memberOf("projects", "projectId"), organizationAdmin),
    create: manages,
    update: manages,
    delete: any(rule("leaving", is("userId", me)), manages),
  },
  fields: { organizationId: stamp(parent("projectId", "organizationId")), projectId: immutable(), userId: immutable() },
  relations: { project: one("projects", "projectId") },
  filter: ["projectId", "userId", "role", "organizationId"],
})

export const createProject = operation("projects.create", {
  kind: "mutation",
  summary: "Create a project and administer it",
  input: z
    .strictObject({
      organizationId: idSchema("org"),
      name: z.string().min(1).max(100),
      description: z.string().max(5000).optional(),
    })
    .meta({ id: "ProjectCreate" }),
  output: projects.schema,
  policy: signedIn(),
  organization: "organizationId",
  limit: { per: "organization", rate: { free: "60/m", team: "600/m" } },
  rest: post("/projects", 201),
  handle({ input, principal, changes }) {
    const { description, ...rest } = input
    const project = changes.create(projects, description === undefined ? rest : { ...rest, description })
    const userId = principal.kind === "user" ? principal.id : ""
    // The creator has no role yet that could grant one, so the application gives the first.
    changes
      .as(system("the creator administers the project", userId))
      .create(projectMembers, { projectId: project.id, userId, role: "admin" })
    return project
  },
})
