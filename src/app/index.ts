/** The workspace: organizations with invitations, projects, tasks, comments, shares. Your back end: one file a noun, listed here. */
import { app } from "selvage"
import { comments } from "./comments.ts"
import { acceptInvitation, createInvitation, invitations, revokeInvitation } from "./invitations.ts"
import { createOrganization, members, organizations, setPlan } from "./organizations.ts"
import { createProject, projectMembers, projects } from "./projects.ts"
import protoLock from "./proto.lock.json" with { type: "json" }
import { shares } from "./shares.ts"
import { assignTask, completeTask, tasks } from "./tasks.ts"

export default app({
  title: "Workspace",
  resources: [organizations, members, invitations, projects, projectMembers, tasks, comments, shares],
  operations: [
    createOrganization,
    setPlan,
    createInvitation,
    acceptInvitation,
    revokeInvitation,
    createProject,
    assignTask,
    completeTask,
  ],
  protoLock,
  organizations: { resource: "organizations", plan: "plan" },
  usage: {
    read: "update",
    lower: "delete",
    warn: "admin",
    budgets: { organization: { rowsRead: 5_000_000, rowsWritten: 100_000 } },
  },
  log: { tenant: { resource: "organizations", action: "delete" } },
  accounts: { serviceAccounts: { owner: "organizations", role: "admin" } },
})
