/** Demo data: three people, two organizations, four projects, sixty tasks. The same ids on every machine, so that documentation can quote them. */
import { userTable } from "selvage"
import { commentTable } from "./comments.ts"
import { memberTable, organizationTable } from "./organizations.ts"
import { projectMemberTable, projectTable } from "./projects.ts"
import { shareTable } from "./shares.ts"
import { taskTable } from "./tasks.ts"

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
const day = 24 * 60 * 60 * 1000

/** The id of the n-th seeded record of a kind. */
export function seedId(prefix: string, n: number): string {
  const tail = `${alphabet[Math.floor(n / 1024) % 32]}${alphabet[Math.floor(n / 32) % 32]}${alphabet[n % 32]}`
  return `${prefix}_01kaj7000000000000000000${tail.slice(1)}`
}

const people = [
  { name: "Ada Lovelace", email: "ada@example.com", roles: "[]" },
  { name: "Ben Okafor", email: "ben@example.com", roles: "[]" },
  { name: "Cleo Admin", email: "cleo@example.com", roles: '["admin"]' },
]
const user = (n: number) => seedId("user", n)
const titles = ["Draft the outline", "Review the contract", "Fix the login page", "Call the supplier", "Measure the queue", "Translate the guide"]
const statuses = ["open", "doing", "done"]

/** The rows, in the form in which they are stored, parents before children. */
export function seeds(now: Date) {
  const at = (daysAgo: number) => new Date(now.getTime() - daysAgo * day).toISOString()
  const stamps = (daysAgo: number) => ({ version: 1, createdAt: at(daysAgo), updatedAt: at(daysAgo) })
  const organizationOf = (project: number) => seedId("org", Math.floor(project / 2))
  const tasks = Array.from({ length: 60 }, (_, n) => ({
    id: seedId("task", n),
    ...stamps(60 - n),
    organizationId: organizationOf(n % 4),
    projectId: seedId("project", n % 4),
    title: `${titles[n % titles.length]} (${n + 1})`,
    body: n % 3 === 0 ? "Everything that is needed stands in the shared folder." : null,
    status: statuses[n % 7 === 0 ? 2 : n % 2],
    priority: 1 + (n % 4),
    estimateHours: n % 5 === 0 ? 1.5 + n / 4 : null,
    dueAt: n % 2 === 0 ? at(-n) : null,
    assigneeId: n % 4 === 0 ? user(n % 8 === 0 ? 0 : 1) : null,
    internalNote: n % 10 === 0 ? "Only administrators see this." : null,
    createdBy: user(n % 2),
  }))
  const projectRoles = [
    [0, 0, "admin"], [0, 1, "editor"], [1, 0, "viewer"], [2, 1, "admin"], [3, 1, "admin"], [2, 0, "viewer"],
  ] as const
  return [
    { table: userTable, rows: people.map((person, n) => ({ id: user(n), ...stamps(90), ...person, status: "active" })) },
    { table: organizationTable, rows: ["Analytical Engines", "Harbour Works"].map((name, n) => ({ id: seedId("org", n), ...stamps(80), name, createdBy: user(n) })) },
    {
      table: memberTable,
      rows: [[0, 0, "owner"], [0, 1, "member"], [1, 1, "owner"]].map(([org, who, role], n) => ({
        id: seedId("member", n), ...stamps(80), organizationId: seedId("org", Number(org)), userId: user(Number(who)), role,
      })),
    },
    {
      table: projectTable,
      rows: ["Launch", "Research", "Pier", "Crane"].map((name, n) => ({
        id: seedId("project", n), ...stamps(70 - n), organizationId: organizationOf(n), name, description: `All about ${name.toLowerCase()}`, archived: 0, createdBy: user(n < 2 ? 0 : 1),
      })),
    },
    {
      table: projectMemberTable,
      rows: projectRoles.map(([project, who, role], n) => ({
        id: seedId("pmember", n), ...stamps(70), organizationId: organizationOf(project), projectId: seedId("project", project), userId: user(who), role,
      })),
    },
    { table: taskTable, rows: tasks },
    {
      table: commentTable,
      rows: tasks.slice(0, 20).map((task, n) => ({
        id: seedId("comment", n), ...stamps(30 - n), organizationId: task.organizationId, taskId: task.id, authorId: user(n % 2), body: "Looks good to me.",
      })),
    },
    {
      table: shareTable,
      rows: [3, 7, 11].map((n) => ({
        id: seedId("share", n), ...stamps(10), organizationId: organizationOf(n % 4), taskId: seedId("task", n), userId: user(0), level: n === 3 ? "edit" : "view", createdBy: user(1),
      })),
    },
  ]
}
