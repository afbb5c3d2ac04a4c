/**
 * Demo data: three people, two organizations, four projects, sixty tasks. The same ids on every machine, so that documentation can quote them.
 * Nobody is an administrator and nobody has a password here: there is no default account.
 */
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
  { name: "Cleo Marsh", email: "cleo@example.com", roles: "[]" },
]
const titles = [
  "Draft the outline",
  "Review the contract",
  "Fix the login page",
  "Call the supplier",
  "Measure the queue",
  "Translate the guide",
]
const statuses = ["open", "doing", "done"]

const user = (n: number) => seedId("user", n)
const organizationOf = (project: number) => seedId("org", Math.floor(project / 2))

/** Instants counted back from now, so that the demo is never out of date. */
function calendar(now: Date) {
  const at = (daysAgo: number) => new Date(now.getTime() - daysAgo * day).toISOString()
  return { at, stamps: (daysAgo: number) => ({ version: 1, createdAt: at(daysAgo), updatedAt: at(daysAgo) }) }
}

type Calendar = ReturnType<typeof calendar>

function organizations({ stamps }: Calendar) {
  const names = ["Analytical Engines", "Harbour Works"]
  const places = [
    [0, 0, "owner"],
    [0, 1, "member"],
    [1, 1, "owner"],
  ] as const
  return [
    {
      table: organizationTable,
      rows: names.map((name, n) => ({
        id: seedId("org", n),
        ...stamps(80),
        name,
        plan: n === 0 ? "team" : "free",
        createdBy: user(n),
      })),
    },
    {
      table: memberTable,
      rows: places.map(([org, who, role], n) => ({
        id: seedId("member", n),
        ...stamps(80),
        organizationId: seedId("org", org),
        userId: user(who),
        role,
      })),
    },
  ]
}

function projects({ stamps }: Calendar) {
  const places = [
    [0, 0, "admin"],
    [0, 1, "editor"],
    [1, 0, "viewer"],
    [2, 1, "admin"],
    [3, 1, "admin"],
    [2, 0, "viewer"],
  ] as const
  return [
    {
      table: projectTable,
      rows: ["Launch", "Research", "Pier", "Crane"].map((name, n) => ({
        id: seedId("project", n),
        ...stamps(70 - n),
        organizationId: organizationOf(n),
        name,
        description: `All about ${name.toLowerCase()}`,
        archived: 0,
        createdBy: user(n < 2 ? 0 : 1),
      })),
    },
    {
      table: projectMemberTable,
      rows: places.map(([project, who, role], n) => ({
        id: seedId("pmember", n),
        ...stamps(70),
        organizationId: organizationOf(project),
        projectId: seedId("project", project),
        userId: user(who),
        role,
      })),
    },
  ]
}

function tasks({ at, stamps }: Calendar) {
  return Array.from({ length: 60 }, (_, n) => ({
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
}

function comments({ stamps }: Calendar) {
  return Array.from({ length: 20 }, (_, n) => ({
    id: seedId("comment", n),
    ...stamps(30 - n),
    organizationId: organizationOf(n % 4),
    taskId: seedId("task", n),
    authorId: user(n % 2),
    body: "Looks good to me.",
  }))
}

/** Tasks of the project "Crane", which Ada is no member of, shared with her. */
function shares({ stamps }: Calendar) {
  return [3, 7, 11].map((n) => ({
    id: seedId("share", n),
    ...stamps(10),
    organizationId: organizationOf(n % 4),
    taskId: seedId("task", n),
    userId: user(0),
    level: n === 3 ? "edit" : "view",
    createdBy: user(1),
  }))
}

/** The rows, in the form in which they are stored, parents before children. */
export function seeds(now: Date) {
  const dates = calendar(now)
  return [
    {
      table: userTable,
      rows: people.map((person, n) => ({ id: user(n), ...dates.stamps(90), ...person, status: "active" })),
    },
    ...organizations(dates),
    ...projects(dates),
    { table: taskTable, rows: tasks(dates) },
    { table: commentTable, rows: comments(dates) },
    { table: shareTable, rows: shares(dates) },
  ]
}
