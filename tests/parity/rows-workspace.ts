/** Rows: records of the workspace: pages, expansions, denials, conflicts, replays. */
import { type DoorName, foreignId, organizationId, personOf, projectId, strangerOf } from "./people.ts"
import { anyId, specimenRows, stamps } from "./rows-specimens.ts"
import type { Kept, Row } from "./table.ts"

const someTask = "task_01kb5t8q3cf4n9r7x2m6w0zyad"

/** One project for each door, so that their pages are alike. */
const inProject = ({ project = "" }: Kept) => ({
  filter: { projectId: project },
  sort: ["createdAt"],
  fields: ["title"],
})
const taskOf = (project: string, title: string, door: DoorName) => ({
  ...stamps,
  organizationId,
  projectId: project,
  title,
  body: null,
  status: "open",
  priority: 3,
  estimateHours: null,
  dueAt: null,
  assigneeId: null,
  createdBy: personOf(door),
})
const created = (title: string, keep: string): Row => ({
  name: `creates the task ${title}`,
  operation: "tasks.create",
  input: ({ project = "" }) => ({ projectId: project, title, priority: 3 }),
  value: ({ project = "" }, door) => taskOf(project, title, door),
  events: { "tasks created": 1 },
  limits: ["tasks.create/principal", "default/principal"],
  keep: { [keep]: "id" },
})

const projectOf = (door: DoorName) => ({
  ...stamps,
  organizationId,
  name: `Parity of ${door}`,
  description: "Größe",
  archived: false,
  createdBy: personOf(door),
})
const comment = ({ second = "" }: Kept, door: DoorName) => ({
  ...stamps,
  organizationId,
  taskId: second,
  authorId: personOf(door),
  body: "Once",
})

const pages: readonly Row[] = [
  {
    name: "creates a project, which is organization's by name",
    operation: "projects.create",
    input: (_, door) => ({ organizationId, name: `Parity of ${door}`, description: "Größe" }),
    value: (_, door) => projectOf(door),
    events: { "projects created": 1, "project_members created": 1 },
    limits: ["projects.create/organization", "default/principal"],
    keep: { project: "id" },
  },
  {
    name: "the same name once more is a conflict",
    operation: "projects.create",
    input: (_, door) => ({ organizationId, name: `Parity of ${door}` }),
    code: "ALREADY_EXISTS",
    limits: ["projects.create/organization", "default/principal"],
  },
  created("first", "first"),
  created("second", "second"),
  created("third", "third"),
  {
    name: "a page, with how many there are",
    operation: "tasks.list",
    input: (kept) => ({ ...inProject(kept), limit: 2, count: true }),
    value: ({ first = "", second = "" }) => ({
      items: [
        { id: first, title: "first" },
        { id: second, title: "second" },
      ],
      nextCursor: anyId,
      count: 3,
      countCapped: false,
    }),
    keep: { cursor: "nextCursor" },
  },
  {
    name: "the next page, which is the last",
    operation: "tasks.list",
    input: (kept) => ({ ...inProject(kept), limit: 2, cursor: kept.cursor ?? "" }),
    value: ({ third = "" }) => ({ items: [{ id: third, title: "third" }], nextCursor: null }),
  },
  {
    name: "a stranger's page is empty",
    actor: "stranger",
    operation: "tasks.list",
    input: (kept) => inProject(kept),
    value: { items: [], nextCursor: null },
  },
  {
    name: "a page beyond the bound",
    operation: "tasks.list",
    input: (kept) => ({ ...inProject(kept), limit: 1000 }),
    code: "INVALID_ARGUMENT",
    paths: ["/limit"],
  },
  {
    name: "a cursor that was made up",
    operation: "tasks.list",
    input: (kept) => ({ ...inProject(kept), cursor: "bm9uc2Vuc2U" }),
    code: "INVALID_ARGUMENT",
    paths: ["/cursor"],
  },
  {
    name: "an id that is none",
    operation: "tasks.get",
    input: { id: "task_nonsense" },
    code: "INVALID_ARGUMENT",
    paths: ["/id"],
  },
  { name: "an id that never was", operation: "tasks.get", input: { id: someTask }, code: "NOT_FOUND" },
  {
    name: "completes a task, which is a change and a comment",
    operation: "tasks.complete",
    input: ({ first = "" }) => ({ id: first, note: "Done." }),
    value: ({ project = "" }, door) => ({
      ...taskOf(project, "first", door),
      version: 2,
      status: "done",
    }),
    events: { "tasks updated": 1, "comments created": 1 },
  },
  {
    name: "completing it again fails, and nothing is written",
    operation: "tasks.complete",
    input: ({ first = "" }) => ({ id: first }),
    code: "FAILED_PRECONDITION",
  },
  {
    name: "expands what belongs to it",
    operation: "tasks.get",
    input: ({ first = "" }) => ({ id: first, fields: ["title"], expand: { project: true, comments: true } }),
    value: (kept, door) => ({
      id: kept.first ?? "",
      title: "first",
      project: { ...projectOf(door), id: kept.project ?? "" },
      comments: [{ ...comment({ second: kept.first ?? "" }, door), body: "Done." }],
    }),
  },
  {
    name: "figures of a project",
    operation: "tasks.aggregate",
    input: ({ project = "" }) => ({
      filter: { projectId: project },
      count: true,
      sum: ["priority"],
      groupBy: ["status"],
    }),
    value: {
      groups: [
        { group: { status: "done" }, count: 1, sum: { priority: 3 } },
        { group: { status: "open" }, count: 2, sum: { priority: 6 } },
      ],
    },
  },
  {
    name: "a stranger completes nothing",
    actor: "stranger",
    operation: "tasks.complete",
    input: ({ second = "" }) => ({ id: second }),
    code: "NOT_FOUND",
  },
  {
    name: "a task is assigned to members alone",
    operation: "tasks.assign",
    input: ({ second = "" }, door) => ({ id: second, userId: strangerOf(door) }),
    code: "FAILED_PRECONDITION",
  },
]

const once = (name: string, title: string): Row => ({
  name,
  operation: "comments.create",
  input: ({ second = "" }) => ({ taskId: second, body: title }),
  idempotencyKey: "the same call",
})

const replays: readonly Row[] = [
  {
    ...once("creates once under a key", "Once"),
    value: comment,
    events: { "comments created": 1 },
    keep: { comment: "id" },
  },
  {
    ...once("the same key and input is the same answer, and nothing is written", "Once"),
    value: (kept, door) => ({ ...comment(kept, door), id: kept.comment ?? "" }),
    replayed: true,
  },
  { ...once("the same key with another input is refused", "Twice"), code: "FAILED_PRECONDITION" },
]

const read = { operation: "tasks.get", input: ({ second = "" }: Kept) => ({ id: second }) }

const callers: readonly Row[] = [
  { ...read, name: "nobody reads nothing", actor: "nobody", code: "UNAUTHENTICATED" },
  { ...read, name: "an expired token is no token", actor: "owner, with an expired token", code: "UNAUTHENTICATED" },
  {
    ...read,
    name: "a scope that does not reach",
    actor: "owner, who may only read comments",
    code: "PERMISSION_DENIED",
  },
  {
    name: "a scope to read does not write",
    actor: "owner, who may only read comments",
    operation: "comments.create",
    input: ({ second = "" }) => ({ taskId: second, body: "no" }),
    code: "PERMISSION_DENIED",
  },
  {
    name: "what only administrators may do is refused",
    operation: "users.setRoles",
    input: (_, door) => ({ id: personOf(door), roles: ["admin"] }),
    code: "PERMISSION_DENIED",
  },
  {
    name: "another organization is not to be seen, whoever owns this one",
    operation: "organizations.get",
    input: { id: foreignId },
    code: "NOT_FOUND",
  },
  {
    name: "a project to which nobody belongs is its organization's owner's to read",
    operation: "projects.get",
    input: { id: projectId, fields: ["name"] },
    value: { id: projectId, name: "Parity" },
  },
]

/** Rows in their order. */
export const workspaceRows: readonly Row[] = [...specimenRows, ...pages, ...replays, ...callers]
