/** Rows read, as D1 counts them: bounded by the page and the grants, whatever lies behind the page. */
import { beforeAll, describe, expect, it } from "vitest"
import type { Models } from "../../src/core/model.ts"
import type { ListPlan } from "../../src/core/plan.ts"
import type { Row } from "../../src/core/ports.ts"
import { by, createTables, database, eq, idOf, insert, listOf, open, user, world } from "./reads-fixture.ts"

const me0 = user(0)

async function page(plan: Partial<ListPlan>, models: Models = world()): Promise<{ items: Row[]; rowsRead: number }> {
  const { reader, client } = open(models)
  const answer = await reader.list(listOf(plan), by(me0))
  expect(client.cost.trips).toBe(1)
  return { items: answer.items as Row[], rowsRead: client.cost.rowsRead }
}

describe("rows read, 100 organizations of 10 projects of 100 tasks, 12 memberships and 35 shares", () => {
  beforeAll(async () => {
    await createTables()
    await database
      .prepare(
        `insert into "reads_tasks" ("id", "version", "createdAt", "updatedAt", "organizationId", "projectId", "title", "done", "priority")
         with recursive c(n) as (select 0 union all select n + 1 from c where n < 99999)
         select printf('task_%026d', n), 1, printf('2026-01-01T%08d', (n * 7919) % 1000000), '2026', printf('org_%026d', n / 1000),
           printf('project_%026d', n / 1000 * 10 + n % 10), 'title ' || n, 0, n % 50 from c`,
      )
      .run()
    const member = (project: number) => ({
      id: idOf("member", project),
      organizationId: idOf("org", Math.floor(project / 10)),
      projectId: idOf("project", project),
      userId: me0.id,
      role: "editor",
    })
    const projects = Array.from({ length: 1000 }, (_, n) => n)
    await insert(
      "projects",
      projects.map((n) => ({
        id: idOf("project", n),
        organizationId: idOf("org", Math.floor(n / 10)),
        name: `project ${n}`,
      })),
    )
    await insert(
      "members",
      Array.from({ length: 12 }, (_, n) => member(n)),
    )
    const shared = [...Array.from({ length: 30 }, (_, n) => 50_000 + n), ...Array.from({ length: 5 }, (_, n) => n)]
    await insert(
      "shares",
      shared.map((task, n) => ({ id: idOf("share", n), taskId: idOf("task", task), userId: me0.id, level: "view" })),
    )
  })

  const cases: readonly {
    readonly name: string
    readonly plan: Partial<ListPlan>
    readonly most: number
    readonly length: number
  }[] = [
    { name: "everything that I may see", plan: {}, most: 300, length: 20 },
    {
      name: "everything, oldest first",
      plan: { sort: [{ field: "createdAt", descending: false }] },
      most: 300,
      length: 20,
    },
    { name: "a project of mine", plan: { filter: eq("projectId", idOf("project", 3)) }, most: 300, length: 20 },
    {
      name: "a project of mine, with its organization",
      plan: { filter: { op: "and", of: [eq("organizationId", idOf("org", 0)), eq("projectId", idOf("project", 3))] } },
      most: 21 + 12 + 35 + 2,
      length: 20,
    },
    {
      name: "an organization of mine",
      plan: { filter: eq("organizationId", idOf("org", 0)) },
      most: 21 + 12 + 35 + 2,
      length: 20,
    },
    {
      name: "an organization where little is mine",
      plan: { filter: eq("organizationId", idOf("org", 50)) },
      most: 600,
      length: 20,
    },
    {
      name: "an organization where nothing is mine",
      plan: { filter: eq("organizationId", idOf("org", 70)) },
      most: 600,
      length: 0,
    },
    {
      name: "words in an organization of mine, found 11 times in all",
      plan: { q: "title 9999", filter: eq("organizationId", idOf("org", 9)) },
      most: 100,
      length: 0,
    },
    { name: "words, found 11 times in all", plan: { q: "title 9999" }, most: 100, length: 0 },
    { name: "assigned to me", plan: { filter: eq("assigneeId", me0.id) }, most: 60, length: 0 },
  ]

  for (const { name, plan, most, length } of cases) {
    it(`${name}: at most ${most}`, async () => {
      const { items, rowsRead } = await page(plan)
      console.log(`rows read: ${name}: ${rowsRead}`)
      expect(items.length).toBe(length)
      expect(rowsRead).toBeLessThanOrEqual(most)
    })
  }

  describe("where several indexes begin with columns that the filter names", () => {
    const models: Models = new Map(
      [...world()].map(([name, model]) => {
        const byProject = { name: "reads_tasks_by_project", columns: ["projectId", "createdAt", "id"], unique: false }
        const others = model.indexes.filter((index) => index.name !== byProject.name)
        return [name, name === "tasks" ? { ...model, indexes: [...others, byProject] } : model]
      }),
    )

    beforeAll(async () => {
      await database.batch([
        database.prepare('drop index "reads_tasks_by_project"'),
        database.prepare('create index "reads_tasks_by_project" on "reads_tasks" ("projectId", "createdAt", "id")'),
      ])
    })

    const project = eq("projectId", idOf("project", 3))
    const organization = eq("organizationId", idOf("org", 0))
    const narrow: readonly (readonly [string, Partial<ListPlan>])[] = [
      ["a project", { filter: project }],
      ["organization and project", { filter: { op: "and", of: [organization, project] } }],
      ["project and organization", { filter: { op: "and", of: [project, organization] } }],
      ["and a status", { filter: { op: "and", of: [organization, eq("status", "open"), project] } }],
      [
        "and a range",
        { filter: { op: "and", of: [organization, { op: "gte", field: "priority", value: 0 }, project] } },
      ],
      [
        "oldest first",
        { filter: { op: "and", of: [organization, project] }, sort: [{ field: "createdAt", descending: false }] },
      ],
    ]
    for (const [name, plan] of narrow) {
      it(`${name}: at most 70`, async () => {
        const { items, rowsRead } = await page(plan, models)
        console.log(`rows read: ${name}: ${rowsRead}`)
        expect(items.length).toBe(20)
        expect(rowsRead).toBeLessThanOrEqual(70)
      })
    }
  })
})
