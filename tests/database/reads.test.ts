/** Reads of one record: one trip, the policy of every side, masks, expansions; and the session that they run in. */
import { beforeAll, describe, expect, it } from "vitest"
import type { Selection } from "../../src/core/plan.ts"
import type { Row } from "../../src/core/ports.ts"
import { anonymous } from "../../src/core/principal.ts"
import { openClient } from "../../src/database/client.ts"
import { ada, admin, allFields, bob, eve, fillTables, get, models, task1, tasks } from "./reads-data.ts"
import { at, by, database, idOf, open, root, user } from "./reads-fixture.ts"

beforeAll(fillTables)

describe("get", () => {
  it("gives the wire form of every kind of column, in one trip", async () => {
    const { row, cost } = await get(admin, task1)
    const { pin: _, assigneeNote: __, ...visible } = tasks[0] as Row
    expect(row).toEqual({ ...visible, done: true, labels: { a: [1, null, "x"] }, version: 1, updatedAt: at(0) })
    expect(cost.trips).toBe(1)
    expect(cost.rowsRead).toBe(1)
  })

  it("gives NULL as null", async () => {
    const { row } = await get(ada, idOf("task", 2))
    expect(row).toMatchObject({ done: false, labels: null, big: null, dueAt: null, priority: null })
  })

  it("hides what no rule shows: another tenant's record is as absent as none", async () => {
    expect((await get(ada, idOf("task", 3))).row).toBeNull()
    expect((await get(ada, idOf("task", 77))).row).toBeNull()
    expect((await get(eve, task1)).row).toBeNull()
    expect((await get(anonymous, task1)).row).toBeNull()
    expect((await get(bob, idOf("task", 3))).row).not.toBeNull()
  })

  it("leaves masked fields out, by principal and by row, and never selects secrets", async () => {
    expect(Object.keys((await get(ada, task1)).row ?? {})).not.toContain("internalNote")
    expect(Object.keys((await get(ada, task1)).row ?? {})).not.toContain("assigneeNote")
    expect((await get(bob, task1)).row).toMatchObject({ assigneeNote: "for bob" })
    expect(Object.keys((await get(bob, idOf("task", 3))).row ?? {})).not.toContain("assigneeNote")
    expect((await get(root, task1)).row).toMatchObject({ internalNote: "secret plan", assigneeNote: "for bob" })
    expect(Object.keys((await get(root, task1)).row ?? {})).not.toContain("pin")
    await expect(get(root, task1, { fields: ["pin"] })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" })
  })

  it("does not hand the next principal the statement of the one before", async () => {
    expect((await get(admin, idOf("task", 3))).row).not.toBeNull()
    expect((await get(user(9), idOf("task", 3))).row).toBeNull()
    expect((await get(ada, task1)).row).not.toBeNull()
    expect((await get(eve, task1)).row).toBeNull()
  })

  it("takes an id for what it is: a value", async () => {
    for (const id of ["' or 1=1 --", "?1", '"', "task_\u0000"]) expect((await get(ada, id)).row).toBeNull()
  })
})

describe("expand", () => {
  const comments = { resource: "comments", fields: ["id", "text", "hidden"], expand: {}, limit: 5 }
  const project = { resource: "projects", fields: ["id", "name"], expand: {}, limit: 20 }

  it("brings both sides in the same trip, the many newest first and bounded, each under its own policy", async () => {
    const { row, cost } = await get(ada, task1, { expand: { comments, project } })
    expect(cost.trips).toBe(1)
    expect(row?.project).toEqual({ id: idOf("project", 1), name: "project 1" })
    const shown = [29, 28, 26, 25, 23].map((n) => ({ id: idOf("comment", n), text: `comment ${n}`, hidden: false }))
    expect(row?.comments).toEqual(shown)
    expect(cost.rowsRead).toBeLessThan(22)
  })

  it("shows an invisible one side as null, and no comments of an invisible task", async () => {
    const { row } = await get(bob, task1, { expand: { project } })
    expect(row?.project).toBeNull()
    expect((await get(bob, idOf("task", 3), { expand: { comments, project } })).row).toMatchObject({
      comments: [],
      project: null,
    })
  })

  it("goes three deep, and keeps masks inside", async () => {
    const inner = {
      resource: "tasks",
      fields: ["id", "internalNote", "assigneeNote", "labels", "done", "big"],
      expand: { project },
      limit: 20,
    }
    const expand = { comments: { ...comments, limit: 1, expand: { task: inner } } }
    const { row, cost } = await get(bob, task1, { fields: ["id"], expand })
    expect(cost.trips).toBe(1)
    expect(row).toEqual({
      id: task1,
      comments: [
        {
          id: idOf("comment", 29),
          text: "comment 29",
          hidden: false,
          task: {
            id: task1,
            assigneeNote: "for bob",
            labels: { a: [1, null, "x"] },
            done: true,
            big: "9007199254740993",
            project: null,
          },
        },
      ],
    })
  })

  it("carries rows of more columns than a function takes arguments", async () => {
    const { reader } = open(models)
    const fields = [...(models.get("wide")?.columns.keys() ?? [])]
    const plan = {
      kind: "get",
      resource: "wide",
      id: idOf("wide", 1),
      fields,
      expand: { task: { resource: "tasks", fields: allFields, expand: {}, limit: 20 } },
    } as const
    const row = await reader.get(plan, by(ada))
    expect(row).toMatchObject({ c0: 0, c39: 39, task: { id: task1, title: "Write the 50% plan" } })
  })

  it("refuses an unknown relation and a fourth level", async () => {
    await expect(get(ada, task1, { expand: { nobody: project } })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" })
    const task = (expand: Selection["expand"]) => ({ resource: "tasks", fields: ["id"], expand, limit: 20 })
    const deep = {
      comments: { ...comments, expand: { task: task({ comments: { ...comments, expand: { task: task({}) } } }) } },
    }
    await expect(get(ada, task1, { expand: deep })).rejects.toMatchObject({
      options: { violations: [{ code: "too_deep" }] },
    })
  })
})

describe("a session", () => {
  it("refuses a bookmark that D1 never gave, and takes its own", async () => {
    for (const bookmark of [
      "",
      "first-primary",
      "x".repeat(64),
      "00000000-00000007-00000000-0000000000000000000000000000000Z",
    ]) {
      expect(() => openClient(database, { bookmark, fresh: false })).toThrow(
        expect.objectContaining({ code: "INVALID_ARGUMENT" }),
      )
    }
    const client = openClient(database, { bookmark: null, fresh: true })
    expect(client.bookmark()).toBeNull()
    await client.all({ sql: "select 1", binds: [] })
    const bookmark = client.bookmark()
    expect(bookmark).not.toBeNull()
    const next = openClient(database, { bookmark, fresh: false })
    await next.batch([
      { sql: "select ?1 as a", binds: ["x"] },
      { sql: "select 2 as a", binds: [] },
    ])
    expect(next.cost.trips).toBe(1)
  })

  it("counts a trip that failed, and tells nothing of SQL", async () => {
    const broken = new Map([...models].map(([name, model]) => [name, { ...model, table: "no_such_table" }]))
    const { reader, client } = open(broken)
    const failure = reader.get({ kind: "get", resource: "tasks", id: task1, fields: ["id"], expand: {} }, by(root))
    await expect(failure).rejects.toMatchObject({ code: "INTERNAL" })
    await expect(failure).rejects.not.toThrow(/table|select/)
    expect(client.cost.trips).toBe(1)
  })
})
