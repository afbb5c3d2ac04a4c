/** How surely a caller is known: freshness to the millisecond, restriction, and what is said to whoever is turned away. */
import { describe, expect, test } from "vitest"
import { checkFreshness, checkRestriction, freshSeconds, stepUpNeeded } from "../../src/core/assurance.ts"
import { anonymous, type Principal, system } from "../../src/core/principal.ts"
import { Problem } from "../../src/core/problem.ts"

const provedAt = Date.UTC(2030, 0, 1)
const ada: Principal = { kind: "user", id: "user_1", roles: [], session: "session_1", authTime: provedAt }
const at = (milliseconds: number) => new Date(provedAt + milliseconds)

function thrownBy(run: () => void): Problem | null {
  try {
    run()
  } catch (thrown) {
    if (thrown instanceof Problem) return thrown
    throw thrown
  }
  return null
}

test.each([
  ["90s", 90],
  ["10m", 600],
  ["1h", 3600],
] as const)("%s are %i seconds", (text, seconds) => expect(freshSeconds(text)).toBe(seconds))

test.each(["10", "m", "0m", "-1m", "1.5m", "10 m", "1d", "999999s", ""])("%j is no time", (text) => {
  expect(() => freshSeconds(text as never)).toThrow(/is not a time such as "10m"/)
})

describe("a proof", () => {
  const check = (principal: Principal, now: Date) => thrownBy(() => checkFreshness({ fresh: "10m" }, principal, now))

  test("holds to the end of its time and not beyond", () => {
    expect(check(ada, at(600_000))).toBeNull()
    expect(check(ada, at(600_001))).toMatchObject({
      code: "UNAUTHENTICATED",
      message: expect.stringContaining("the last 10 minutes: call auth.stepUp"),
      options: {
        type: "insufficient-user-authentication",
        maxAgeSeconds: 600,
        violations: [{ path: "", code: "insufficient_user_authentication" }],
      },
    })
  })

  test("is what keys, tokens of others and nobody have none of; the system needs none", () => {
    const { authTime: _, ...key } = ada
    expect(check(key, at(0))?.code).toBe("UNAUTHENTICATED")
    expect(check(anonymous, at(0))?.code).toBe("UNAUTHENTICATED")
    expect(check(system("a job"), at(10 ** 9))).toBeNull()
  })

  test("is asked for where the operation says so, and nowhere else", () => {
    expect(thrownBy(() => checkFreshness({}, ada, at(10 ** 9)))).toBeNull()
  })

  test("is asked for in plain words", () => {
    expect([60, 90, 3600, 1].map((seconds) => /last ([^:]*):/.exec(stepUpNeeded(seconds).message)?.[1])).toEqual([
      "1 minute",
      "90 seconds",
      "60 minutes",
      "1 second",
    ])
  })
})

test("a session that may only enrol does what is meant for it; whoever is not restricted, everything", () => {
  const restricted: Principal = { ...ada, restricted: "enrolment" }
  expect(thrownBy(() => checkRestriction({}, restricted))).toMatchObject({
    code: "PERMISSION_DENIED",
    message: expect.stringContaining("factors.enrolTotp"),
    options: { violations: [{ path: "", code: "second_factor_required" }] },
  })
  expect(thrownBy(() => checkRestriction({ enrolment: true }, restricted))).toBeNull()
  for (const principal of [ada, anonymous, system("a job")])
    expect(thrownBy(() => checkRestriction({}, principal))).toBeNull()
})
