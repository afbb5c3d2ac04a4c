/** Organizations and who belongs to them. Whoever creates one becomes its owner; only owners make or unmake owners. */
import {
  all,
  any,
  enumeration,
  idSchema,
  immutable,
  index,
  is,
  isNot,
  many,
  me,
  memberOf,
  one,
  operation,
  post,
  put,
  record,
  reference,
  resource,
  role,
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

export const organizationTable = sqliteTable(
  "organizations",
  {
    ...record("org"),
    name: text({ length: 100 }).notNull(),
    plan: enumeration(["free", "team"]).notNull().default("free"),
    createdBy: reference("user")
      .notNull()
      .references(() => userTable.id),
  },
  (table) => [
    index("organizations_by_creation").on(table.createdAt, table.id),
    index("organizations_by_name").on(table.name, table.id),
  ],
)

export const memberTable = sqliteTable(
  "members",
  {
    ...record("member"),
    organizationId: reference("org")
      .notNull()
      .references(() => organizationTable.id),
    userId: reference("user")
      .notNull()
      .references(() => userTable.id),
    role: enumeration(["member", "admin", "owner"]).notNull().default("member"),
  },
  (table) => [
    uniqueIndex("members_once").on(table.organizationId, table.userId),
    index("members_by_user").on(table.userId, table.organizationId, table.role),
    index("members_by_organization").on(table.organizationId, table.createdAt, table.id),
    index("members_by_user_creation").on(table.userId, table.createdAt, table.id),
  ],
)

export const organizations = resource("organizations", {
  table: organizationTable,
  tenant: "id",
  summary: "A company, a club, a family: what owns projects",
  policy: {
    read: memberOf("organizations", "id"),
    create: signedIn(),
    update: memberOf("organizations", "id", "admin"),
    delete: memberOf("organizations", "id", "owner"),
  },
  fields: { createdBy: stamp(me), plan: { write: role("admin") } },
  relations: {
    members: many("members", "organizationId", { onDelete: "delete" }),
    invitations: many("invitations", "organizationId", { onDelete: "delete" }),
    projects: many("projects", "organizationId", { onDelete: "refuse" }),
    // Their keys must end first.
    serviceAccounts: many("service_accounts", "ownerId", { onDelete: "refuse" }),
  },
  members: {
    resource: "members",
    record: "organizationId",
    user: "userId",
    role: "role",
    roles: ["member", "admin", "owner"],
  },
  sort: ["name"],
  operations: ["list", "get", "update", "delete", "watch"],
})

const isAdmin = all(memberOf("organizations", "organizationId", "admin"), isNot("role", "owner"))
const isOwner = memberOf("organizations", "organizationId", "owner")
const manages = any(rule("admins manage members", isAdmin), rule("owners manage everybody", isOwner))

export const members = resource("members", {
  table: memberTable,
  tenant: "organizationId",
  summary: "A user's place in an organization",
  policy: {
    read: any(rule("my own", is("userId", me)), rule("fellow members", memberOf("organizations", "organizationId"))),
    create: manages,
    update: manages,
    delete: any(rule("leaving", is("userId", me)), manages),
  },
  fields: { organizationId: immutable(), userId: immutable() },
  relations: { organization: one("organizations", "organizationId") },
  filter: ["organizationId", "userId", "role"],
})

export const createOrganization = operation("organizations.create", {
  kind: "mutation",
  summary: "Create an organization and become its owner",
  input: z.strictObject({ name: z.string().min(1).max(100) }).meta({ id: "OrganizationCreate" }),
  output: organizations.schema,
  policy: signedIn(),
  rest: post("/organizations", 201),
  handle({ input, principal, changes }) {
    const organization = changes.create(organizations, input)
    const userId = principal.kind === "user" ? principal.id : ""
    // The creator has no role yet that could grant one, so the application gives the first.
    changes
      .as(system("the creator owns the organization", userId))
      .create(members, { organizationId: organization.id, userId, role: "owner" })
    return organization
  },
})

export const setPlan = operation("organizations.setPlan", {
  kind: "mutation",
  summary: "Put an organization on a plan, which limits go by",
  input: z.strictObject({ id: idSchema("org"), plan: z.enum(["free", "team"]) }).meta({ id: "OrganizationPlanChange" }),
  output: z.object({ id: z.string(), plan: z.string() }).meta({ id: "OrganizationPlanChanged" }),
  policy: role("admin"),
  credential: "session",
  rest: put("/organizations/{id}/plan"),
  handle({ input: { id, plan }, principal, changes }) {
    const userId = principal.kind === "user" ? principal.id : ""
    // Whoever administers the application sells plans, and need not belong to the organization.
    changes.as(system("an administrator of the application sets the plan", userId)).update(organizations, id, { plan })
    return { id, plan }
  },
})
