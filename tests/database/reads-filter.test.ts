/** Filters: every operator as SQL means it, under the policy, and no word about fields that one may not read. */
import { beforeAll, describe, expect, it } from "vitest"
import { limits } from "../../src/core/limits.ts"
import type { Filter } from "../../src/core/plan.ts"
import { anyone, type Policy, role } from "../../src/core/policy.ts"
import { anonymous, type Principal } from "../../src/core/principal.ts"
import { ada, admin, eve, fillTables, models, task1 } from "./reads-data.ts"
import { at, by, eq, idOf, listOf, open, world } from "./reads-fixture.ts"

beforeAll(fillTables)

async function ids(principal: Principal, filter: Filter | null): Promise<readonly unknown[]> {
  const { reader, client } = open(models)
  const page = await reader.list(listOf({ filter }), by(principal))
  expect(client.cost.trips).toBe(principal.kind === "anonymous" ? 0 : 1)
  return page.items.map((row) => Number(String(row.id).slice(5)))
}

describe("filters", () => {
  const field = (
    name: string,
    op: "ne" | "lt" | "lte" | "gt" | "gte" | "contains" | "startsWith",
    value: string | number | boolean,
  ): Filter => ({
    op,
    field: name,
    value,
  })
  const cases: readonly [string, Filter, number[]][] = [
    ["eq", eq("status", "open"), [3, 2, 1]],
    ["eq of a number", eq("priority", 3), [1]],
    ["eq of an int64, exactly", eq("big", "9007199254740993"), [1]],
    ["not its neighbour", eq("big", "9007199254740992"), []],
    ["the least int64", eq("big", "-9223372036854775808"), [3]],
    ["eq of a boolean", eq("done", true), [1]],
    ["eq of a double", eq("estimate", 0.1), [1]],
    ["ne skips NULL, as SQL does", field("priority", "ne", 5), [1]],
    ["lt", field("priority", "lt", 5), [1]],
    ["lte", field("priority", "lte", 5), [3, 1]],
    ["gt", field("priority", "gt", 3), [3]],
    ["gte of an instant", field("dueAt", "gte", at(5)), [1]],
    ["in", { op: "in", field: "priority", values: [3, 5, 8] }, [3, 1]],
    ["in of int64", { op: "in", field: "big", values: ["9007199254740993"] }, [1]],
    ["in of doubles", { op: "in", field: "estimate", values: [0.1, 0.2] }, [1]],
    ["in of booleans", { op: "in", field: "done", values: [true] }, [1]],
    ["in of nothing", { op: "in", field: "priority", values: [] }, []],
    ["contains takes % for a character", field("title", "contains", "50%"), [1]],
    ["contains _", field("title", "contains", "_"), []],
    ["startsWith", field("title", "startsWith", "No"), [2]],
    ["startsWith beyond the BMP", field("title", "startsWith", "Other \u{1F600}"), [3]],
    ["startsWith nothing", field("title", "startsWith", ""), [3, 2, 1]],
    ["startsWith the last of all characters", field("title", "startsWith", "\u{10FFFF}"), []],
    ["isNull", { op: "isNull", field: "priority", value: true }, [2]],
    ["is not null", { op: "isNull", field: "priority", value: false }, [3, 1]],
    ["not keeps NULL out", { op: "not", of: eq("priority", 5) }, [1]],
    ["or", { op: "or", of: [eq("priority", 5), eq("title", "Nothing")] }, [3, 2]],
    ["and of nothing", { op: "and", of: [] }, [3, 2, 1]],
    ["or of nothing", { op: "or", of: [] }, []],
    ["text that looks like SQL", eq("title", "' or 1=1 --"), []],
    ["a lone surrogate", eq("title", "\ud800"), []],
  ]
  for (const [name, filter, expected] of cases) {
    it(name, async () => {
      expect(await ids(admin, filter)).toEqual(expected)
    })
  }

  it("stays shallow enough for SQLite with 50 terms, nested", async () => {
    const many: Filter = {
      op: "or",
      of: Array.from({ length: limits.filterTermsMax }, (_, n) => ({ op: "not", of: eq("priority", n) })),
    }
    expect(await ids(ada, many)).toEqual([1])
    expect(await ids(ada, { op: "and", of: [many, { op: "isNull", field: "assigneeId", value: false }] })).toEqual([1])
  })

  it("narrows the policy, never widens it", async () => {
    expect(await ids(ada, { op: "or", of: [eq("status", "open"), { op: "not", of: eq("status", "open") }] })).toEqual([
      2, 1,
    ])
    expect(await ids(ada, eq("organizationId", idOf("org", 2)))).toEqual([])
    expect(await ids(eve, null)).toEqual([])
    expect(await ids(anonymous, null)).toEqual([])
  })

  it("does not know a field that the principal may not read in every row, nor one that does not exist, nor a secret", async () => {
    const refused = { code: "INVALID_ARGUMENT", options: { violations: [{ code: "unknown_field" }] } }
    for (const name of ["internalNote", "assigneeNote", "pin", "nonsense", "rowKey"]) {
      const { reader, client } = open(models)
      await expect(reader.list(listOf({ filter: eq(name, "x") }), by(ada))).rejects.toMatchObject(refused)
      await expect(
        reader.list(listOf({ filter: { op: "isNull", field: name, value: true } }), by(ada)),
      ).rejects.toMatchObject(refused)
      await expect(reader.list(listOf({ sort: [{ field: name, descending: true }] }), by(ada))).rejects.toMatchObject(
        refused,
      )
      expect(client.cost.trips).toBe(0)
    }
    expect(await ids(admin, eq("internalNote", "secret plan"))).toEqual([1])
    // The statement that the administrator's call left in the cache is not the one that others get.
    await expect(ids(ada, eq("internalNote", "secret plan"))).rejects.toMatchObject(refused)
  })
})

describe("a policy that inherits", () => {
  it("is asked once for a page of one parent, not once a row", async () => {
    const { reader, client } = open(models)
    const plan = listOf({ resource: "comments", fields: ["id"], filter: eq("taskId", task1), limit: 10 })
    const page = await reader.list(plan, by(ada))
    expect(page.items.length).toBe(10)
    expect(client.cost.trips).toBe(1)
    // 10 and one more are shown, 6 of those passed over are hidden; the parent and its grants once.
    expect(client.cost.rowsRead).toBeLessThanOrEqual(11 + 6 + 5)
    expect((await open(models).reader.list(plan, by(eve))).items).toEqual([])
  })
})

describe("a policy without drivers", () => {
  it("is a plain scan with the same answer", async () => {
    const rules: Policy["read"][] = [anyone(), role("admin")]
    for (const [n, rule] of rules.entries()) {
      const page = await open(world(rule)).reader.list(listOf(), by(ada))
      expect(page.items.length).toBe(n === 0 ? 3 : 0)
    }
  })
})
