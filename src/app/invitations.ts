/**
 * Invitations to an organization by e-mail. A letter holds a link that works once, for a week, for whoever brings it; of the letters to one
 * address the newest counts. A link that is over, used, revoked or made up is refused without telling which.
 */
import {
  enumeration,
  idSchema,
  immutable,
  index,
  instant,
  me,
  memberOf,
  on,
  one,
  operation,
  Problem,
  personal,
  post,
  record,
  reference,
  resource,
  rule,
  secret,
  signedIn,
  sqliteTable,
  stamp,
  system,
  text,
  uniqueIndex,
  userTable,
} from "selvage"
import * as z from "zod"
import { members, organizations, organizationTable } from "./organizations.ts"

const lifeMs = 7 * 24 * 3600 * 1000

export const invitationTable = sqliteTable(
  "invitations",
  {
    ...record("invitation"),
    organizationId: reference("org")
      .notNull()
      .references(() => organizationTable.id),
    /** Lower case. */
    email: personal(text({ length: 254 })).notNull(),
    role: enumeration(["member", "admin"]).notNull().default("member"),
    status: enumeration(["pending", "accepted", "revoked"]).notNull().default("pending"),
    expiresAt: instant().notNull(),
    invitedBy: reference("user")
      .notNull()
      .references(() => userTable.id),
    /** Of the secret in the letter; none when it is used up. */
    secretHash: secret(text()),
  },
  (table) => [
    uniqueIndex("invitations_once").on(table.organizationId, table.email),
    index("invitations_by_organization").on(table.organizationId, table.createdAt, table.id),
    index("invitations_by_status").on(table.organizationId, table.status, table.createdAt, table.id),
  ],
)

// Who may make somebody a member or an admin may invite them as such: admins, like in `members`. Nobody is invited as an owner.
const manages = rule("admins invite", memberOf("organizations", "organizationId", "admin"))

export const invitations = resource("invitations", {
  table: invitationTable,
  tenant: "organizationId",
  summary: "A letter that makes its receiver a member",
  policy: { read: manages, create: manages, update: manages, delete: manages },
  fields: { organizationId: immutable(), email: immutable(), invitedBy: stamp(me) },
  relations: { organization: one("organizations", "organizationId") },
  filter: ["organizationId", "status", "email"],
  operations: ["list", "get", "watch"],
})

export const createInvitation = operation("invitations.create", {
  kind: "mutation",
  summary: "Invite somebody by e-mail; an older invitation of the same address ends",
  input: z
    .strictObject({
      organizationId: idSchema("org"),
      email: z.email().max(254),
      role: z.enum(["member", "admin"]).default("member"),
    })
    .meta({ id: "InvitationCreate" }),
  output: invitations.schema,
  policy: signedIn(),
  organization: "organizationId",
  limit: { per: "organization", rate: { free: "30/h", team: "300/h" }, quota: { free: "100/d", team: "2000/d" } },
  rest: post("/invitations", 201),
  async handle({ input, read, changes, ids, secrets, link, now }) {
    const { organizationId, role } = input
    const email = input.email.toLowerCase()
    const organization = await read.get(organizations, organizationId)
    const { items: older } = await read.list(invitations, {
      filter: {
        op: "and",
        of: [
          { op: "eq", field: "organizationId", value: organizationId },
          { op: "eq", field: "email", value: email },
        ],
      },
    })
    for (const { id } of older) changes.delete(invitations, id)
    const id = ids.mint("invitation")
    const { text, hash } = await secrets.mint(id)
    const expiresAt = new Date(now.getTime() + lifeMs).toISOString()
    changes.mail({
      to: email,
      subject: `You are invited to ${organization.name}`,
      paragraphs: [
        `Somebody who runs ${organization.name} invites you to join. The link works once, within 7 days.`,
        "If you do not know what this is about, you can ignore this mail.",
      ],
      action: { label: "Accept the invitation", url: link("invitation", text) },
    })
    return changes.create(invitations, { id, organizationId, email, role, expiresAt, secretHash: hash })
  },
})

/** One refusal, whatever is wrong with the link. */
function invalidToken(): Problem {
  const violation = { path: "/token", code: "invalid_token", message: "The invitation is not valid any more" }
  return new Problem("INVALID_ARGUMENT", violation.message, { violations: [violation] })
}

export const acceptInvitation = operation("invitations.accept", {
  kind: "mutation",
  summary: "Become a member with the token from the letter",
  input: z.strictObject({ token: z.string().min(1).max(200) }).meta({ id: "InvitationAcceptance" }),
  output: members.schema,
  errors: ["FAILED_PRECONDITION"],
  policy: signedIn(),
  confidential: true,
  rest: post("/invitations/accept", 201),
  async handle({ input, principal, read, changes, secrets, now }) {
    const userId = principal.kind === "user" ? principal.id : ""
    const token = await secrets.read("invitation", input.token)
    if (!token || !(await read.matchesSecret(invitations, token.id, "secretHash", token.hash))) throw invalidToken()
    // The link proves the right: nobody reads invitations and gives places by their own before they are in.
    const byLink = system("the link of an invitation was presented", userId)
    const { id, organizationId, role, status, expiresAt } = await read.as(byLink).get(invitations, token.id)
    if (status !== "pending" || expiresAt <= now.toISOString()) throw invalidToken()
    const mine = await read.list(members, {
      filter: {
        op: "and",
        of: [
          { op: "eq", field: "organizationId", value: organizationId },
          { op: "eq", field: "userId", value: userId },
        ],
      },
    })
    // The link stays good: a member who opens it must not use up what was meant for another.
    if (mine.items.length > 0) throw new Problem("FAILED_PRECONDITION", "You are a member already")
    changes.as(byLink).update(invitations, id, { status: "accepted", secretHash: null })
    return changes.as(byLink).create(members, { organizationId, userId, role })
  },
})

export const revokeInvitation = operation("invitations.revoke", {
  kind: "mutation",
  summary: "Take an invitation back; its link ends",
  input: z.strictObject({ id: idSchema("invitation") }).meta({ id: "InvitationRevocation" }),
  output: invitations.schema,
  errors: ["FAILED_PRECONDITION"],
  policy: on(invitations, "update"),
  rest: post("/invitations/{id}/revoke"),
  async handle({ input, read, changes }) {
    const { id, status } = await read.get(invitations, input.id)
    if (status !== "pending") throw new Problem("FAILED_PRECONDITION", `The invitation is ${status} already`)
    return changes.update(invitations, id, { status: "revoked", secretHash: null })
  },
})
