/** What is told beside an answer, apart from any door: limits of calls that are answered together, and waits. */
import { describe, expect, test } from "vitest"
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
    const told = limitsTogether([
      [limit("one/organization", 5, 0, "org_a")],
      [limit("one/organization", 4, 0, "org_b")],
    ])
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
