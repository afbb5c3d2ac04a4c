/** Pages: every order over 500 rows gives each row once; a cursor serves the query and the principal that it was made for. */
import fc from "fast-check"
import { beforeAll, describe, expect, it } from "vitest"
import type { ListPlan, SortKey } from "../../src/core/plan.ts"
import type { Row } from "../../src/core/ports.ts"
import {
  at,
  by,
  createTables,
  database,
  eq,
  idOf,
  insert,
  listOf,
  open,
  pages,
  root,
  user,
  world,
} from "./reads-fixture.ts"

const models = world()
const ada = user(1)
const rows = Array.from({ length: 500 }, (_, n) => ({
  id: idOf("task", n),
  organizationId: idOf("org", n % 2),
  projectId: idOf("project", n % 4),
  assigneeId: n % 5 === 0 ? ada.id : null,
  title: `title ${(n * 7) % 11}`,
  priority: n % 3 === 0 ? null : n % 7,
  estimate: n % 4 === 0 ? null : (n % 9) / 7,
  big: n % 6 === 0 ? null : String(9007199254740990n + BigInt(n % 13)),
  done: n % 2,
  createdAt: at(n % 40),
}))

beforeAll(async () => {
  await createTables()
  await insert(
    "projects",
    [0, 1, 2, 3].map((n) => ({ id: idOf("project", n), organizationId: idOf("org", n % 2), name: `project ${n}` })),
  )
  await insert("tasks", rows)
  await insert(
    "members",
    [0, 1].map((n) => ({
      id: idOf("member", n),
      organizationId: idOf("org", n),
      projectId: idOf("project", n),
      userId: ada.id,
      role: "viewer",
    })),
  )
})

const sortable = ["createdAt", "title", "priority", "estimate", "big", "done"]
const sorts: fc.Arbitrary<SortKey[]> = fc
  .uniqueArray(fc.constantFrom(...sortable), { minLength: 1, maxLength: 3 })
  .chain((fields) =>
    fc.tuple(...fields.map((field) => fc.record({ field: fc.constant(field), descending: fc.boolean() }))),
  )

async function plain(sort: readonly SortKey[], where = "1"): Promise<unknown[]> {
  const last = sort.at(-1)?.descending ? "desc" : "asc"
  const order = [...sort.map((key) => `"${key.field}" ${key.descending ? "desc" : "asc"}`), `"id" ${last}`].join(", ")
  const { results } = await database.prepare(`select "id" from "reads_tasks" where ${where} order by ${order}`).all()
  return results.map((row) => row.id)
}

describe("keyset pages", () => {
  it("give every row once, in the order of a plain select, whatever the keys, NULLs and directions", async () => {
    await fc.assert(
      fc.asyncProperty(sorts, fc.integer({ min: 37, max: 100 }), fc.boolean(), async (sort, limit, all) => {
        const fields = all ? ["id", ...sortable] : ["id"]
        const found = await pages(models, listOf({ sort, limit, fields }), root)
        expect(found.items.map((row) => row.id)).toEqual(await plain(sort))
        expect(found.pages).toBe(Math.ceil(500 / limit))
        expect(Object.keys(found.items[0] as Row).sort()).toEqual([...fields].sort())
      }),
      { numRuns: 60 },
    )
  }, 60_000)

  it("do so under a policy and a filter too", async () => {
    const mine = `("projectId" in ('${idOf("project", 0)}', '${idOf("project", 1)}') or "assigneeId" = '${ada.id}')`
    const filters = [
      { filter: null, where: mine },
      { filter: eq("organizationId", idOf("org", 1)), where: `${mine} and "organizationId" = '${idOf("org", 1)}'` },
      { filter: eq("done", true), where: `${mine} and "done" = 1` },
    ]
    await fc.assert(
      fc.asyncProperty(
        sorts,
        fc.integer({ min: 11, max: 100 }),
        fc.constantFrom(...filters),
        async (sort, limit, { filter, where }) => {
          const found = await pages(models, listOf({ sort, limit, filter }), ada)
          expect(found.items.map((row) => row.id)).toEqual(await plain(sort, where))
        },
      ),
      { numRuns: 60 },
    )
  }, 60_000)

  it("are the same pages by offset, whatever leads to the rows", async () => {
    const mine = `("projectId" in ('${idOf("project", 0)}', '${idOf("project", 1)}') or "assigneeId" = '${ada.id}')`
    const narrowed = `${mine} and "organizationId" = '${idOf("org", 1)}'`
    for (const { filter, where } of [
      { filter: null, where: mine },
      { filter: eq("organizationId", idOf("org", 1)), where: narrowed },
      { filter: eq("assigneeId", ada.id), where: `"assigneeId" = '${ada.id}'` },
    ]) {
      const visible = await plain([{ field: "createdAt", descending: true }], where)
      for (const offset of [0, 1, 9, 60, visible.length - 3, visible.length]) {
        const { reader, client } = open(models)
        const page = await reader.list(listOf({ filter, offset, limit: 10, count: "exact" }), by(ada))
        expect(page.items.map(({ id }) => id)).toEqual(visible.slice(offset, offset + 10))
        expect([page.count, client.cost.trips]).toEqual([visible.length, 1])
      }
    }
  })

  it("sort by the id alone", async () => {
    const found = await pages(models, listOf({ sort: [{ field: "id", descending: false }], limit: 100 }), root)
    expect(found.items.map((row) => row.id)).toEqual(rows.map((row) => row.id))
  })

  it("end with a full page without a cursor to an empty one", async () => {
    const found = await pages(models, listOf({ limit: 100 }), root)
    expect(found.pages).toBe(5)
  })
})

describe("a cursor", () => {
  const first = async (plan: Partial<ListPlan> = {}, principal = ada) => {
    const { reader } = open(models)
    return (await reader.list(listOf({ limit: 3, ...plan }), by(principal))).nextCursor ?? ""
  }
  const use = (cursor: string, plan: Partial<ListPlan> = {}, principal = ada) =>
    open(models).reader.list(listOf({ limit: 3, ...plan, cursor }), by(principal))
  const refused = { code: "INVALID_ARGUMENT", options: { violations: [{ path: "/cursor", code: "invalid_cursor" }] } }

  it("is refused when it was changed, anywhere", async () => {
    const cursor = await first()
    expect((await use(cursor)).items.length).toBe(3)
    for (let n = 0; n < cursor.length; n++) {
      const other = cursor[n] === "A" ? "B" : "A"
      await expect(use(cursor.slice(0, n) + other + cursor.slice(n + 1))).rejects.toMatchObject(refused)
    }
    for (const wrong of [
      "",
      ".",
      "a.b",
      cursor.slice(0, -1),
      `${cursor}A`,
      `${cursor}=`,
      ` ${cursor}`,
      cursor.replace(".", ""),
    ]) {
      await expect(use(wrong)).rejects.toMatchObject(refused)
    }
  })

  it("is refused in another query and for another principal, but serves other fields and page sizes", async () => {
    const filter = eq("status", "open")
    const cursor = await first({ filter })
    await expect(use(cursor)).rejects.toMatchObject(refused)
    await expect(use(cursor, { filter: eq("status", "closed") })).rejects.toMatchObject(refused)
    await expect(use(cursor, { filter, sort: [{ field: "createdAt", descending: false }] })).rejects.toMatchObject(
      refused,
    )
    await expect(use(cursor, { filter, sort: [{ field: "title", descending: true }] })).rejects.toMatchObject(refused)
    await expect(use(cursor, { filter, q: "title" })).rejects.toMatchObject(refused)
    await expect(use(cursor, { filter }, user(2))).rejects.toMatchObject(refused)
    await expect(use(cursor, { filter }, root as never)).rejects.toMatchObject(refused)
    expect((await use(cursor, { filter, fields: ["id"], limit: 7 })).items.length).toBe(7)
  })

  it("is refused when it was signed with another secret", async () => {
    const cursor = await first()
    const { openReader } = await import("../../src/database/reader.ts")
    const { client } = open(models)
    const reader = openReader({ client, models, cursorSecret: "another secret" })
    await expect(reader.list(listOf({ limit: 3, cursor }), by(ada))).rejects.toMatchObject(refused)
    expect(client.cost.trips).toBe(0)
  })

  it("holds nothing of a field that its principal may not read", async () => {
    const cursor = await first({ sort: [{ field: "title", descending: true }] })
    const payload = atob((cursor.split(".")[0] ?? "").replaceAll("-", "+").replaceAll("_", "/"))
    expect(JSON.parse(payload)).toEqual([expect.stringMatching(/^title/), expect.stringMatching(/^task_/)])
  })
})

describe("count", () => {
  const count = async (plan: Partial<ListPlan>, principal = root as never) => {
    const { reader, client } = open(models)
    const page = await reader.list(listOf({ count: true, ...plan }), by(principal))
    expect(client.cost.trips).toBe(1)
    return page
  }

  it("comes in the same trip, exact below the cap, of the whole and not of the page", async () => {
    expect(await count({ limit: 2 })).toMatchObject({ count: 500, countCapped: false, items: { length: 2 } })
    expect(await count({ filter: eq("priority", 1) })).toMatchObject({
      count: rows.filter((row) => row.priority === 1).length,
      countCapped: false,
    })
    const visible = rows.filter(
      (row) => row.assigneeId === ada.id || ["0", "1"].includes(row.projectId.slice(-1)),
    ).length
    expect(await count({}, ada as never)).toMatchObject({ count: visible })
    const page = await count({ filter: eq("organizationId", idOf("org", 0)), limit: 2 }, ada as never)
    expect(page.items.length).toBe(2)
    expect(page.items[0]).toHaveProperty("title")
  })

  it("is zero with an empty page, and the same on every page", async () => {
    expect(await count({ filter: eq("priority", 999) })).toEqual({
      items: [],
      nextCursor: null,
      count: 0,
      countCapped: false,
    })
    expect(await count({}, user(77) as never)).toMatchObject({ items: [], count: 0 })
    const first = await count({ limit: 100 })
    expect(await count({ limit: 100, cursor: first.nextCursor })).toMatchObject({ count: 500 })
  })

  it("stops at a thousand and says so", async () => {
    await insert(
      "tasks",
      Array.from({ length: 501 }, (_, n) => ({ ...rows[0], id: idOf("task", 10_000 + n) })),
    )
    expect(await count({})).toMatchObject({ count: 1000, countCapped: true })
    await database.prepare(`delete from "reads_tasks" where "id" = ?1`).bind(idOf("task", 10_000)).run()
    expect(await count({})).toMatchObject({ count: 1000, countCapped: false })
    await database.prepare(`delete from "reads_tasks" where "id" >= ?1`).bind(idOf("task", 10_000)).run()
  })
})
