/** What may be done to a record, and why. */
import { beforeAll, describe, expect, it } from "vitest"
import { anonymous } from "../../src/core/principal.ts"
import { ada, admin, bob, eve, fillTables, get, models, task1, tasks } from "./reads-data.ts"
import { by, idOf, open, root } from "./reads-fixture.ts"

beforeAll(fillTables)

describe("permits", () => {
  it("says in one read whether an action is allowed", async () => {
    const { reader, client } = open(models)
    expect(await reader.permits("tasks", task1, "read", by(ada))).toBe(true)
    expect(client.cost.trips).toBe(1)
    expect(await reader.permits("tasks", task1, "update", by(ada))).toBe(false)
    expect(await reader.permits("tasks", task1, "delete", by(ada))).toBe(false)
    expect(await reader.permits("tasks", task1, "delete", by(root))).toBe(true)
    expect(await reader.permits("tasks", idOf("task", 99), "read", by(root))).toBe(false)
  })
})

describe("explain", () => {
  it("names the rule, the SQL, the index and the rows read", async () => {
    const { reader } = open(models)
    const told = await reader.explain("comments", idOf("comment", 1), "read", by(ada))
    expect(told).toMatchObject({ resource: "comments", allowed: true, outcome: "true", action: "read" })
    expect(String(told.sql)).toContain('"reads_tasks"')
    expect(JSON.stringify(told.queryPlan)).toContain("USING")
    expect(told.rowsRead).toBeGreaterThan(1)
    expect(await reader.explain("comments", idOf("comment", 0), "read", by(ada))).toMatchObject({
      allowed: false,
      outcome: "false",
      rule: "hidden",
    })
    expect(await reader.explain("tasks", task1, "read", by(eve))).toMatchObject({ allowed: false, outcome: "false" })
    expect(await reader.explain("tasks", task1, "delete", by(ada))).toMatchObject({
      allowed: false,
      sql: "false",
      rowsRead: 0,
    })
    await expect(reader.explain("tasks", idOf("task", 99), "read", by(ada))).rejects.toMatchObject({
      code: "NOT_FOUND",
    })
  })

  it("agrees with what is read, for everybody and every record", async () => {
    for (const principal of [ada, bob, eve, admin, anonymous, root]) {
      for (const { id } of tasks) {
        const told = await open(models).reader.explain("tasks", id, "read", by(principal))
        expect(told.allowed).toBe(told.outcome === "true")
        expect(told.allowed).toBe((await get(principal, id)).row !== null)
      }
    }
  })
})
