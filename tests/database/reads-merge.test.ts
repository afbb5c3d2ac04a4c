/** "Everything that I may see": the merge gives what a plain look at every row would give, in order, page by page. */
import fc from "fast-check"
import { beforeAll, describe, expect, it } from "vitest"
import type { Filter } from "../../src/core/plan.ts"
import { all, any, deny, is, me, memberOf, oneOf, type Policy, role, shared } from "../../src/core/policy.ts"
import { at, createTables, database, eq, idOf, insert, listOf, pages, user, world } from "./reads-fixture.ts"

const me0 = user(0)

interface Task {
  readonly n: number
  readonly organization: number
  readonly project: number
  readonly assignee: number | null
  readonly second: number
  readonly status: "open" | "closed"
}

interface Grant {
  readonly project: number
  readonly role: string
}

interface World {
  readonly tasks: readonly Task[]
  readonly members: readonly Grant[]
  readonly shares: readonly { readonly task: number; readonly level: string }[]
}

/** Projects 0 to 8; three an organization. */
const organizationOf = (project: number) => Math.floor(project / 3)

const worlds: fc.Arbitrary<World> = fc.record({
  tasks: fc
    .array(
      fc.record({
        project: fc.nat(8),
        assignee: fc.option(fc.nat(2)),
        second: fc.nat(12),
        status: fc.constantFrom("open" as const, "closed" as const),
      }),
      { minLength: 20, maxLength: 60 },
    )
    .map((list) => list.map((task, n) => ({ ...task, n, organization: organizationOf(task.project) }))),
  members: fc.uniqueArray(
    fc.record({ project: fc.nat(8), role: fc.constantFrom("viewer", "editor", "admin", "unheard-of") }),
    {
      selector: (grant) => grant.project,
      minLength: 1,
      maxLength: 6,
    },
  ),
  shares: fc.uniqueArray(fc.record({ task: fc.nat(59), level: fc.constantFrom("view", "edit", "none") }), {
    selector: (s) => s.task,
    maxLength: 12,
  }),
})

async function fill(world: World): Promise<void> {
  await database.batch(
    ["projects", "tasks", "members", "shares"].map((name) => database.prepare(`delete from "reads_${name}"`)),
  )
  await insert(
    "projects",
    Array.from({ length: 9 }, (_, n) => ({
      id: idOf("project", n),
      organizationId: idOf("org", organizationOf(n)),
      name: `project ${n}`,
    })),
  )
  await insert(
    "tasks",
    world.tasks.map((task) => ({
      id: idOf("task", task.n),
      organizationId: idOf("org", task.organization),
      projectId: idOf("project", task.project),
      assigneeId: task.assignee === null ? null : idOf("user", task.assignee),
      title: `task ${task.n % 7}`,
      status: task.status,
      done: 0,
      createdAt: at(task.second),
    })),
  )
  await insert(
    "members",
    world.members.map((grant, n) => ({
      id: idOf("member", n),
      organizationId: idOf("org", organizationOf(grant.project)),
      projectId: idOf("project", grant.project),
      userId: me0.id,
      role: grant.role,
    })),
  )
  await insert(
    "shares",
    world.shares.map((share, n) => ({
      id: idOf("share", n),
      taskId: idOf("task", share.task),
      userId: me0.id,
      level: share.level,
    })),
  )
}

/** The policies under test, each with the same rule written in JavaScript. */
const policies: readonly {
  readonly name: string
  readonly read: Policy["read"]
  readonly sees: (task: Task, w: World) => boolean
}[] = [
  {
    name: "member, shared or assigned",
    read: any(role("admin"), memberOf("projects", "projectId"), shared("view"), is("assigneeId", me)),
    sees: (task, w) =>
      member(task, w, ["viewer", "editor", "admin"]) || share(task, w, ["view", "edit"]) || task.assignee === 0,
  },
  {
    name: "member only",
    read: memberOf("projects", "projectId", "editor"),
    sees: (task, w) => member(task, w, ["editor", "admin"]),
  },
  {
    name: "open ones of a member, shared for editing",
    read: any(all(memberOf("projects", "projectId"), is("status", "open")), shared("edit")),
    sees: (task, w) =>
      (member(task, w, ["viewer", "editor", "admin"]) && task.status === "open") || share(task, w, ["edit"]),
  },
  {
    name: "a refusal over everything",
    read: all(
      any(memberOf("projects", "projectId"), oneOf("assigneeId", [me0.id, idOf("user", 1)])),
      deny("closed", is("status", "closed")),
    ),
    sees: (task, w) =>
      (member(task, w, ["viewer", "editor", "admin"]) || task.assignee === 0 || task.assignee === 1) &&
      task.status === "open",
  },
  {
    name: "four ways, each with an index of its own",
    read: any(
      memberOf("projects", "projectId", "admin"),
      is("assigneeId", me),
      is("assigneeId", idOf("user", 2)),
      is("organizationId", idOf("org", 2)),
    ),
    sees: (task, w) =>
      member(task, w, ["admin"]) || task.assignee === 0 || task.assignee === 2 || task.organization === 2,
  },
  {
    name: "five ways, which are too many to merge",
    read: any(
      memberOf("projects", "projectId"),
      shared("view"),
      is("assigneeId", me),
      is("assigneeId", idOf("user", 2)),
      is("organizationId", idOf("org", 2)),
    ),
    sees: (task, w) =>
      member(task, w, ["viewer", "editor", "admin"]) ||
      share(task, w, ["view", "edit"]) ||
      task.assignee === 0 ||
      task.assignee === 2 ||
      task.organization === 2,
  },
]

function member(task: Task, w: World, roles: readonly string[]): boolean {
  return w.members.some((grant) => grant.project === task.project && roles.includes(grant.role))
}

function share(task: Task, w: World, levels: readonly string[]): boolean {
  return w.shares.some((given) => given.task === task.n && levels.includes(given.level))
}

const filters: readonly { readonly filter: Filter | null; readonly keeps: (task: Task) => boolean }[] = [
  { filter: null, keeps: () => true },
  { filter: eq("organizationId", idOf("org", 1)), keeps: (task) => task.organization === 1 },
  { filter: eq("projectId", idOf("project", 2)), keeps: (task) => task.project === 2 },
  { filter: eq("assigneeId", me0.id), keeps: (task) => task.assignee === 0 },
  { filter: eq("status", "open"), keeps: (task) => task.status === "open" },
  {
    filter: { op: "and", of: [eq("organizationId", idOf("org", 0)), { op: "not", of: eq("status", "open") }] },
    keeps: (task) => task.organization === 0 && task.status === "closed",
  },
]

beforeAll(createTables)

describe("the merge", () => {
  it("gives what a look at every row gives, in order, over all pages", async () => {
    const seen = { visible: 0, hidden: 0, pages: 0 }
    await fc.assert(
      fc.asyncProperty(
        worlds,
        fc.constantFrom(...policies),
        fc.constantFrom(...filters),
        fc.boolean(),
        fc.integer({ min: 1, max: 7 }),
        async (given, policy, { filter, keeps }, descending, limit) => {
          await fill(given)
          const kept = given.tasks.filter(keeps)
          const expected = kept
            .filter((task) => policy.sees(task, given))
            .sort((a, b) => a.second - b.second || a.n - b.n)
          if (descending) expected.reverse()
          const plan = listOf({ filter, limit, sort: [{ field: "createdAt", descending }] })
          const found = await pages(world(policy.read), plan, me0)
          expect(found.items.map((row) => row.id)).toEqual(expected.map((task) => idOf("task", task.n)))
          seen.visible += expected.length
          seen.hidden += kept.length - expected.length
          seen.pages += found.pages
        },
      ),
      { numRuns: 180 },
    )
    expect(seen.visible).toBeGreaterThan(400)
    expect(seen.hidden).toBeGreaterThan(400)
    expect(seen.pages).toBeGreaterThan(250)
  }, 60_000)
})
