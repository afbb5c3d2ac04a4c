/** The workspace: organizations with invitations, projects, tasks, comments, shares. Your back end: one file a noun, listed here. */
import { app } from "selvage"
import { comments } from "./comments.ts"
import { acceptInvitation, createInvitation, invitations, revokeInvitation } from "./invitations.ts"
import { createOrganization, members, organizations } from "./organizations.ts"
import { createProject, projectMembers, projects } from "./projects.ts"
import { shares } from "./shares.ts"
import { assignTask, completeTask, tasks } from "./tasks.ts"

export default app({
  title: "Workspace",
  resources: [organizations, members, invitations, projects, projectMembers, tasks, comments, shares],
  operations: [
    createOrganization,
    createInvitation,
    acceptInvitation,
    revokeInvitation,
    createProject,
    assignTask,
    completeTask,
  ],
  organizations: { resource: "organizations" },
  log: { tenant: { resource: "organizations", action: "delete" } },
  accounts: { serviceAccounts: { owner: "organizations", role: "admin" } },
})
