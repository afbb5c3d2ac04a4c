/** Figures and words: aggregates under the policy, full-text search that takes text for text, and the cache of statements. */
import fc from "fast-check"
import { beforeAll, describe, expect, it } from "vitest"
import type { AggregatePlan } from "../../src/core/plan.ts"
import type { Principal } from "../../src/core/principal.ts"
import { successor } from "../../src/database/filter.ts"
import { matchExpression } from "../../src/database/fulltext.ts"
import { statementCache } from "../../src/database/statement-cache.ts"
import { at, by, createTables, eq, idOf, insert, listOf, open, root, user, world } from "./reads-fixture.ts"

const models = world()
const ada = user(1)
const admin = user(9, { roles: ["admin"] })

const rows = [
  {
    n: 1,
    project: 1,
    title: "Sail the boat",
    body: "wind and water",
    status: "open",
    priority: 1,
    estimate: 0.5,
    big: "9223372036854775000",
    note: "kraken",
  },
  {
    n: 2,
    project: 1,
    title: "Paint the boat",
    body: "blue colour",
    status: "closed",
    priority: 3,
    estimate: null,
    big: "700",
    note: null,
  },
  {
    n: 3,
    project: 1,
    title: "Naïve café",
    body: null,
    status: "open",
    priority: null,
    estimate: 1.5,
    big: null,
    note: null,
  },
  {
    n: 4,
    project: 2,
    title: "Sail elsewhere",
    body: "hidden boat",
    status: "open",
    priority: 50,
    estimate: 9,
    big: "5",
    note: null,
  },
]

beforeAll(async () => {
  await createTables()
  await insert("members", [
    {
      id: idOf("member", 1),
      organizationId: idOf("org", 1),
      projectId: idOf("project", 1),
      userId: ada.id,
      role: "viewer",
    },
  ])
  await insert(
    "tasks",
    rows.map(({ n, project, note, ...row }) => ({
      ...row,
      id: idOf("task", n),
      organizationId: idOf("org", project),
      projectId: idOf("project", project),
      internalNote: note,
      done: n % 2,
      createdAt: at(n),
    })),
  )
})

const figures = async (plan: Partial<AggregatePlan>, principal: Principal = ada) => {
  const { reader, client } = open(models)
  const whole: AggregatePlan = {
    kind: "aggregate",
    resource: "tasks",
    filter: null,
    q: null,
    measures: [{ fn: "count", field: null }],
    groupBy: [],
    limit: 100,
    ...plan,
  }
  const answer = await reader.aggregate(whole, by(principal))
  expect(client.cost.trips).toBeLessThanOrEqual(1)
  return answer
}

describe("aggregates", () => {
  it("count only what the principal sees", async () => {
    expect(await figures({})).toEqual([{ count: 3 }])
    expect(await figures({}, root)).toEqual([{ count: 4 }])
    expect(await figures({}, user(5))).toEqual([{ count: 0 }])
    expect(await figures({ filter: eq("status", "open") })).toEqual([{ count: 2 }])
    expect(await figures({ filter: eq("projectId", idOf("project", 2)) })).toEqual([{ count: 0 }])
  })

  it("sum, average, least and greatest", async () => {
    const measures: AggregatePlan["measures"] = [
      { fn: "sum", field: "priority" },
      { fn: "avg", field: "estimate" },
      { fn: "min", field: "title" },
      { fn: "max", field: "createdAt" },
      { fn: "sum", field: "big" },
      { fn: "max", field: "big" },
      { fn: "count", field: "estimate" },
    ]
    expect(await figures({ measures })).toEqual([
      {
        sum_priority: 4,
        avg_estimate: 1,
        min_title: "Naïve café",
        max_createdAt: at(3),
        sum_big: "9223372036854775700",
        max_big: "9223372036854775000",
        count_estimate: 2,
      },
    ])
  })

  it("group, in order, up to the limit", async () => {
    expect(await figures({ groupBy: ["status"] }, root)).toEqual([
      { status: "closed", count: 1 },
      { status: "open", count: 3 },
    ])
    expect(await figures({ groupBy: ["done", "status"], limit: 2 }, root)).toEqual([
      { done: false, status: "closed", count: 1 },
      { done: false, status: "open", count: 1 },
    ])
    expect(await figures({ groupBy: ["status"] }, user(5))).toEqual([])
  })

  it("refuse what has no figure, and what is not readable", async () => {
    const bad: [Partial<AggregatePlan>, string][] = [
      [{ measures: [{ fn: "sum", field: "title" }] }, "not_aggregable"],
      [{ measures: [{ fn: "min", field: "labels" }] }, "not_aggregable"],
      [{ measures: [{ fn: "max", field: "internalNote" }] }, "unknown_field"],
      [{ measures: [{ fn: "count", field: "assigneeNote" }] }, "unknown_field"],
      [{ measures: [{ fn: "max", field: "pin" }] }, "unknown_field"],
      [{ groupBy: ["internalNote"] }, "unknown_field"],
      [{ groupBy: ["labels"] }, "not_groupable"],
      [{ filter: eq("internalNote", "kraken") }, "unknown_field"],
    ]
    for (const [plan, code] of bad)
      await expect(figures(plan)).rejects.toMatchObject({ options: { violations: [{ code }] } })
    expect(await figures({ measures: [{ fn: "max", field: "internalNote" }] }, admin)).toEqual([
      { max_internalNote: "kraken" },
    ])
  })

  it("tell of a sum that no 64-bit number holds", async () => {
    await insert("tasks", [{ ...taskLike(90), big: "9223372036854775000" }])
    await expect(figures({ measures: [{ fn: "sum", field: "big" }] }, root)).rejects.toMatchObject({
      code: "OUT_OF_RANGE",
    })
  })
})

function taskLike(n: number) {
  return {
    id: idOf("task", n),
    organizationId: idOf("org", 3),
    projectId: idOf("project", 3),
    title: `other ${n}`,
    done: 0,
    createdAt: at(n),
  }
}

describe("words", () => {
  const search = async (q: string, principal: Principal = ada) => {
    const { reader, client } = open(models)
    const page = await reader.list(listOf({ q, count: true }), by(principal))
    expect(client.cost.trips).toBeLessThanOrEqual(1)
    expect(page.count).toBe(page.items.length)
    return page.items.map((row) => Number(String(row.id).slice(5)))
  }

  it("find rows that hold all of them, the last as a beginning, in the order of the list, under the policy", async () => {
    expect(await search("boat")).toEqual([2, 1])
    expect(await search("boat", root)).toEqual([4, 2, 1])
    expect(await search("boat wat")).toEqual([1])
    expect(await search("wat boat")).toEqual([])
    expect(await search("SAIL")).toEqual([1])
    expect(await search("naive cafe")).toEqual([3])
    expect(await search("the")).toEqual([2, 1])
  })

  it("search no column that the principal may not read", async () => {
    expect(await search("kraken")).toEqual([])
    expect(await search("kraken", admin)).toEqual([1])
    expect(await search("internalNote:kraken")).toEqual([])
  })

  it("take operators, quotes and columns for text", async () => {
    const attempts = [
      "sail OR paint",
      "boat NOT paint",
      "title:sail",
      '"',
      '""',
      'sail" OR "paint',
      "NEAR(sail boat)",
      "sail*paint",
      "^sail",
      "{title}:sail",
      "-paint",
      "(",
      "sail ) OR (paint",
      "'; drop table x --",
    ]
    for (const q of attempts) expect(await search(q), q).not.toContain(4)
    expect(await search("boat NOT paint")).toEqual([])
    expect(await search("sail OR paint")).toEqual([])
  })

  it("never make an error of any text", async () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }),
      fc.string({
        unit: fc.constantFrom('"', "*", ":", "(", ")", "^", "-", "{", "}", "a", " ", "\0", "é"),
        maxLength: 20,
      }),
    )
    await fc.assert(
      fc.asyncProperty(text, async (q) => {
        await search(q.split(/\s+/).slice(0, 10).join(" "))
      }),
      { numRuns: 150 },
    )
  }, 60_000)

  it("of punctuation alone match nothing; too many are refused", async () => {
    expect(await search("!!! ---")).toEqual([])
    expect(matchExpression(" ")).toBeNull()
    expect(() => matchExpression("a ".repeat(17))).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }))
  })

  it("find after a change what is there now", async () => {
    await insert("tasks", [{ ...taskLike(91), projectId: idOf("project", 1), title: "zebra" }])
    expect(await search("zebra")).toEqual([91])
  })
})

describe("successor", () => {
  it("is above everything that begins so, and nothing is between, as SQLite compares", () => {
    const bytes = (text: string) =>
      [...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, "0")).join("")
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (prefix, more) => {
        const upper = successor(prefix)
        if (upper !== null) expect(bytes(prefix + more) < bytes(upper)).toBe(true)
      }),
    )
    expect(successor("ab")).toBe("ac")
    expect(successor("a\ud7ff")).toBe("a\ue000")
    expect(successor("a\u{10ffff}")).toBe("b")
    expect(successor("")).toBeNull()
  })
})

describe("the cache of statements", () => {
  it("is bounded and keeps what is used", () => {
    const cache = statementCache(10)
    cache.set("busy", 1)
    for (let n = 0; n < 1000; n++) {
      cache.set(`strange ${n}`, n)
      expect(cache.get("busy")).toBe(1)
    }
    expect(cache.size()).toBeLessThanOrEqual(20)
    expect(cache.get("strange 3")).toBeUndefined()
  })
})
