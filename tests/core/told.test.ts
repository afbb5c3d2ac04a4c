/** What is told beside an answer, apart from any door: limits of calls that are answered together, waits, and what is on its way out. */
import { describe, expect, test } from "vitest"
import { checkDeprecations, type Deprecation, deprecationHeaders, deprecationText } from "../../src/core/deprecation.ts"
import type { ToldLimit } from "../../src/core/limit.ts"
import { limitHeaders, limitsTogether, retryHeaders } from "../../src/core/limit-fields.ts"

function limit(name: string, remaining: number, retryAfterSeconds = 0, organization: string | null = null): ToldLimit {
  const verdict = {
    admitted: retryAfterSeconds === 0,
    remaining,
    retryAfterSeconds,
    resetSeconds: 9,
    firm: false,
    local: false,
    grant: null,
  }
  return { name, tokens: 10, windowSeconds: 60, organization, verdict }
}

const shown = (limits: readonly ToldLimit[]) =>
  limits.map(({ name, organization, verdict }) => [name, organization, verdict.remaining])

describe("limits of calls that are answered together", () => {
  test("what counted several of them is told once, with what is left after all, the tightest first", () => {
    const first = [limit("tasks.create/principal", 3), limit("default/principal", 9)]
    const second = [limit("default/principal", 8)]
    expect(shown(limitsTogether([first, second]))).toEqual([
      ["tasks.create/principal", null, 3],
      ["default/principal", null, 8],
    ])
    expect(shown(limitsTogether([second, first]))).toEqual(shown(limitsTogether([first, second])))
  })
  test("one that refused stands before one that has less left", () => {
    expect(shown(limitsTogether([[limit("empty", 0)], [limit("refused", 2, 30)]]))[0]).toEqual(["refused", null, 2])
  })
  test("two organizations are two counts", () => {
    const told = limitsTogether([[limit("one/organization", 5, 0, "org_a")], [limit("one/organization", 4, 0, "org_b")]])
    expect(shown(told)).toEqual([
      ["one/organization", "org_b", 4],
      ["one/organization", "org_a", 5],
    ])
  })
  test("nothing counted, nothing told", () => expect(limitHeaders(limitsTogether([[], []]))).toEqual([]))
})

test("a wait is told in whole seconds, never too short, and no wait is not told", () => {
  expect(retryHeaders(0.2)).toEqual([["Retry-After", "1"]])
  expect(retryHeaders(undefined)).toEqual([])
  expect(retryHeaders(null)).toEqual([])
})

describe("what is deprecated", () => {
  const check = (deprecated: Deprecation) => {
    const operations = [{ name: "tasks.old", deprecated }, { name: "tasks.new" }]
    return () => checkDeprecations(new Map(operations.map((one) => [one.name, one])))
  }
  const full = { since: "2026-01-01", sunset: "2027-06-01", replacedBy: "tasks.new" }
  test("is told by two headers (RFC 9745, RFC 8594) and in a sentence", () => {
    expect(check(full)).not.toThrow()
    expect(deprecationHeaders({ name: "tasks.old", deprecated: full })).toEqual([
      ["Deprecation", "@1767225600"],
      ["Sunset", "Tue, 01 Jun 2027 00:00:00 GMT"],
    ])
    expect(deprecationText(full)).toBe("Deprecated since 2026-01-01; use tasks.new; it may end on 2027-06-01")
    expect(deprecationHeaders({ name: "tasks.new" })).toEqual([])
    expect(deprecationHeaders(null)).toEqual([])
  })
  test.each<[string, Deprecation, RegExp]>([
    ["a day that is none", { since: "2026-02-30" }, /Operation tasks\.old, deprecated: "2026-02-30" is no day/],
    ["an instant for a day", { since: "2026-01-01T00:00:00Z" }, /is no day/],
    ["a sunset that is none", { since: "2026-01-01", sunset: "soon" }, /"soon" is no day/],
    ["a sunset before its time", { since: "2026-01-02", sunset: "2026-01-01" }, /comes before 2026-01-02/],
    ["a successor that there is not", { since: "2026-01-01", replacedBy: "tasks.none" }, /replaced by tasks\.none/],
    ["itself for a successor", { since: "2026-01-01", replacedBy: "tasks.old" }, /replaced by tasks\.old/],
  ])("%s stops the start", (_, deprecated, fault) => expect(check(deprecated)).toThrow(fault))
})
