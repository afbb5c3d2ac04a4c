/** The words of a read become a plan; what is unknown, undeclared or too much is refused before any I/O, every fault at once. */
import { describe, expect, test } from "vitest"
import { faults } from "../../src/core/faults.ts"
import type { JsonObject } from "../../src/core/json.ts"
import { limits } from "../../src/core/limits.ts"
import { Problem } from "../../src/core/problem.ts"
import { parseFilter, parseSort, selectExpand, selectFields, selectionCost } from "../../src/core/selection.ts"
import { getPlan, listPlan } from "../../src/core/verbs.ts"
import { noteId, noteModel, registry, teamId, teamModel } from "./fixture.ts"

const { models } = registry

/** Violations as `path code`. */
function faultsOf(work: () => unknown): string[] {
  try {
    work()
  } catch (thrown) {
    if (thrown instanceof Problem) return (thrown.options.violations ?? []).map((one) => `${one.path} ${one.code}`)
    throw thrown
  }
  return []
}

function filterOf(wire: unknown) {
  const found = faults()
  const filter = parseFilter(noteModel, wire as JsonObject, found)
  found.throwIfAny()
  return filter
}

describe("fields", () => {
  test("stand in declaration order, once, always with the id; secret columns do not exist", () => {
    const found = faults()
    expect(selectFields(noteModel, ["title", "status", "title"], "/fields", found)).toEqual(["id", "title", "status"])
    expect(selectFields(noteModel, undefined, "/fields", found)).toEqual([...noteModel.columns.keys()])
    found.throwIfAny()
    expect(faultsOf(() => listPlan(models, noteModel, { fields: ["nope", "token", "rowKey"] }))).toEqual([
      "/fields/0 unknown_field",
      "/fields/1 unknown_field",
      "/fields/2 unknown_field",
    ])
  })
})

describe("expand", () => {
  const expand = (wanted: unknown) =>
    faultsOf(() => getPlan(models, teamModel, { id: teamId, expand: wanted as JsonObject }))

  test("takes true or options, at each level", () => {
    const plan = getPlan(models, teamModel, {
      id: teamId,
      expand: { notes: { fields: ["title"], limit: 3, expand: { team: true } } },
    })
    expect(plan.expand.notes).toMatchObject({
      resource: "notes",
      fields: ["id", "title"],
      limit: 3,
      expand: { team: { resource: "teams", limit: limits.expandPageSize } },
    })
  })

  test.each<[string, unknown, string[]]>([
    ["an unknown relation", { nope: true }, ["/expand/nope unknown_relation"]],
    ["a name of the prototype", { constructor: true }, ["/expand/constructor unknown_relation"]],
    ["a name with a slash", { "a/b": true }, ["/expand/a~1b unknown_relation"]],
    ["false", { notes: false }, ["/expand/notes invalid_type"]],
    ["a list", { notes: [] }, ["/expand/notes invalid_type"]],
    ["an unknown option", { notes: { filter: {} } }, ["/expand/notes/filter unknown_field"]],
    ["a limit of nothing", { notes: { limit: 0 } }, ["/expand/notes/limit out_of_range"]],
    ["a limit beyond the page", { notes: { limit: limits.pageSizeMax + 1 } }, ["/expand/notes/limit out_of_range"]],
    ["half a record", { notes: { limit: 1.5 } }, ["/expand/notes/limit out_of_range"]],
    ["fields that are no list", { notes: { fields: "title" } }, ["/expand/notes/fields invalid_type"]],
    [
      "an unknown field deep inside",
      { notes: { expand: { team: { fields: ["x"] } } } },
      ["/expand/notes/expand/team/fields/0 unknown_field"],
    ],
    [
      "a fourth level",
      { notes: { expand: { team: { expand: { notes: { expand: { team: true } } } } } } },
      ["/expand/notes/expand/team/expand/notes/expand/team too_deep"],
    ],
  ])("refuses %s", (_, wanted, told) => expect(expand(wanted)).toEqual(told))

  test("costs the rows that it may touch at worst", () => {
    const cost = (wanted: unknown) =>
      selectionCost(
        models,
        teamModel,
        selectExpand(models, teamModel, wanted as JsonObject, { path: "", depth: 0 }, faults()),
      )
    expect(cost({})).toBe(1)
    expect(cost({ notes: { limit: 10 } })).toBe(11)
    expect(cost({ notes: { limit: 10, expand: { team: true } } })).toBe(21)
    expect(cost({ notes: { limit: 10 }, seats: { limit: 5 } })).toBe(16)
  })

  test("is refused where a page of it costs too much, and taken just below", () => {
    const most = limits.planCostMax / limits.pageSizeMax - 1
    const wanted = (limit: number) => ({
      limit: limits.pageSizeMax,
      expand: { notes: { limit: limits.pageSizeMax }, seats: { limit } },
    })
    expect(faultsOf(() => listPlan(models, teamModel, wanted(most - limits.pageSizeMax)))).toEqual([])
    expect(faultsOf(() => listPlan(models, teamModel, wanted(most - limits.pageSizeMax + 1)))).toEqual([
      "/expand too_costly",
    ])
  })
})

describe("sort", () => {
  const sorted = (names: readonly string[]) => faultsOf(() => listPlan(models, noteModel, { sort: names }))

  test("is newest first when nothing is said", () => {
    expect(parseSort(noteModel, [], faults())).toEqual([{ field: "createdAt", descending: true }])
    expect(parseSort(noteModel, ["-dueAt", "rank"], faults())).toEqual([
      { field: "dueAt", descending: true },
      { field: "rank", descending: false },
    ])
  })

  test.each<[string, string[], string[]]>([
    ["an unknown field", ["nope"], ["/sort/0 unknown_field"]],
    ["a secret one", ["token"], ["/sort/0 unknown_field"]],
    ["one that is not declared", ["title"], ["/sort/0 not_sortable"]],
    ["one twice, in two directions", ["rank", "-rank"], ["/sort/1 duplicate"]],
    ["too many", ["createdAt", "dueAt", "rank", "status"], ["/sort too_many"]],
  ])("refuses %s", (_, names, told) => expect(sorted(names)).toEqual(told))
})

describe("filter", () => {
  test("reads a value as eq, null as isNull, members of one object as and", () => {
    expect(filterOf({ status: "open" })).toEqual({ op: "eq", field: "status", value: "open" })
    expect(filterOf({ rank: null })).toEqual({ op: "isNull", field: "rank", value: true })
    expect(filterOf({ rank: { ne: null } })).toEqual({ op: "isNull", field: "rank", value: false })
    expect(filterOf({ rank: { gte: 1, lt: 5 }, status: "done" })).toEqual({
      op: "and",
      of: [
        { op: "gte", field: "rank", value: 1 },
        { op: "lt", field: "rank", value: 5 },
        { op: "eq", field: "status", value: "done" },
      ],
    })
    expect(filterOf({ not: { or: [{ rank: 1 }, { title: { startsWith: "a" } }] } })).toEqual({
      op: "not",
      of: {
        op: "or",
        of: [
          { op: "eq", field: "rank", value: 1 },
          { op: "startsWith", field: "title", value: "a" },
        ],
      },
    })
    expect(filterOf({ rank: { in: [1, 2] } })).toEqual({ op: "in", field: "rank", values: [1, 2] })
  })

  test("brings instants into the form in which they are stored", () => {
    expect(filterOf({ dueAt: { lt: "2026-01-01T01:00:00+01:00" } })).toMatchObject({
      value: "2026-01-01T00:00:00.000Z",
    })
  })

  const nested = (depth: number): unknown => (depth === 0 ? { rank: 1 } : { not: nested(depth - 1) })
  test.each<[string, unknown, string[]]>([
    ["an unknown field", { nope: 1 }, ["/filter/nope unknown_field"]],
    ["a secret field", { token: "x" }, ["/filter/token unknown_field"]],
    ["a name of the prototype", { toString: 1 }, ["/filter/toString unknown_field"]],
    ["a field that is not declared", { weight: 1 }, ["/filter/weight not_filterable"]],
    ["an unknown operator", { rank: { like: 1 } }, ["/filter/rank/like unknown_operator"]],
    ["a value of another kind", { rank: "high" }, ["/filter/rank invalid_value"]],
    ["a number beyond 32 bits", { rank: 2 ** 40 }, ["/filter/rank invalid_value"]],
    ["a word that is not of the list", { status: "lost" }, ["/filter/status invalid_value"]],
    ["an id of another kind", { teamId: noteId }, ["/filter/teamId invalid_value"]],
    ["a null in a comparison", { rank: { lt: null } }, ["/filter/rank/lt invalid_value"]],
    ["isNull of a word", { rank: { isNull: "yes" } }, ["/filter/rank/isNull invalid_type"]],
    ["a list that is none", { rank: { in: 1 } }, ["/filter/rank/in invalid_type"]],
    ["a list with another kind in it", { rank: { in: [1, "x"] } }, ["/filter/rank/in/1 invalid_value"]],
    [
      "a list that is too long",
      { rank: { in: Array.from({ length: limits.filterListMax + 1 }, () => 1) } },
      ["/filter/rank/in invalid_type"],
    ],
    ["contains on what is no text", { status: { contains: "o" } }, ["/filter/status/contains not_filterable"]],
    [
      "contains of a text that is too long",
      { title: { contains: "x".repeat(201) } },
      ["/filter/title/contains invalid_value"],
    ],
    ["a JSON column", { bag: { eq: 1 } }, ["/filter/bag/eq not_filterable"]],
    ["or of no list", { or: {} }, ["/filter/or invalid_type"]],
    ["not of a value", { not: 1 }, ["/filter/not invalid_type"]],
    ["a value in a list of filters", { and: [1] }, ["/filter/and/0 invalid_type"]],
    ["nine levels", nested(9), [`/filter${"/not".repeat(9)} too_deep`]],
    [
      "too many terms",
      { or: Array.from({ length: limits.filterTermsMax + 1 }, () => ({ rank: 1 })) },
      ["/filter too_many"],
    ],
    ["far too many terms", { or: Array.from({ length: 1000 }, () => ({ rank: 1 })) }, ["/filter/or too_many"]],
  ])("refuses %s", (_, wire, told) => expect(faultsOf(() => filterOf(wire))).toEqual(told))

  test("takes as many terms and levels as it says", () => {
    expect(
      faultsOf(() => filterOf({ or: Array.from({ length: limits.filterTermsMax }, () => ({ rank: 1 })) })),
    ).toEqual([])
    expect(faultsOf(() => filterOf(nested(8)))).toEqual([])
  })
})

test("all faults of a list are told at once, none of them with the value", () => {
  const input = { fields: ["a"], expand: { b: true }, sort: ["c"], filter: { d: 1, rank: "top-secret" } }
  expect(faultsOf(() => listPlan(models, noteModel, input))).toEqual([
    "/fields/0 unknown_field",
    "/expand/b unknown_relation",
    "/filter/d unknown_field",
    "/filter/rank invalid_value",
    "/sort/0 unknown_field",
  ])
  expect(() => listPlan(models, noteModel, input)).toThrow(/and 4 more/)
  expect(() => listPlan(models, noteModel, input)).not.toThrow(/top-secret/)
})

test("words are refused where nothing can be searched", () => {
  expect(faultsOf(() => listPlan(models, teamModel, { q: "x" }))).toEqual(["/q not_searchable"])
  expect(listPlan(models, noteModel, { q: "x" }).q).toBe("x")
})

test("long names come back cut", () => {
  expect(() => listPlan(models, noteModel, { fields: ["x".repeat(10_000)] })).toThrow(
    new RegExp(`"${"x".repeat(40)}…"`),
  )
})
