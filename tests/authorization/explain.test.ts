/** A decision is explained by the rule that made it, and the explanation tells the same as the decision. */
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { trace } from "../../src/authorization/explain.ts"
import { evaluate } from "../../src/authorization/memory.ts"
import {
  all,
  any,
  anyone,
  type Condition,
  can,
  deny,
  is,
  me,
  memberOf,
  mine,
  nobody,
  not,
  role,
  rule,
} from "../../src/core/policy.ts"
import { anonymous, type Principal, system } from "../../src/core/principal.ts"
import * as arbitrary from "./arbitraries.ts"
import { complete, facts, type Rows, world } from "./fixture.ts"

const ada: Principal = { kind: "user", id: "user_ada", roles: [] }
const rows = complete({
  spaces: [{ id: "space_1" }],
  seats: [{ id: "seat_1", spaceId: "space_1", userId: "user_ada", role: "viewer" }],
  folders: [{ id: "folder_1", ownerId: "user_ada" }],
  items: [{ id: "item_1", spaceId: "space_1", folderId: "folder_1", ownerId: "user_bob", status: "closed" }],
})
const models = world({ folders: { read: rule("owner of the folder", is("ownerId", me)) } })
const explain = (condition: Condition, who: Principal = ada) => {
  const row = rows.items?.[0]
  if (!row) throw new Error("no row")
  return trace(condition, facts(models, rows, who, arbitrary.instant, row))
}

const policy = all(
  any(
    rule("owner", is("ownerId", me)),
    rule("editor", memberOf("spaces", "spaceId", "editor")),
    rule("member", memberOf("spaces", "spaceId")),
  ),
  deny("locked", is("status", "closed")),
)

describe("explain", () => {
  test("names the rule that granted, the first that holds", () => {
    expect(explain(policy.kind === "all" ? (policy.of[0] as Condition) : policy)).toMatchObject({
      allowed: true,
      rule: "member",
      condition: "member of spaces by spaceId",
    })
  })

  test("names the denial that refused, though another rule granted", () => {
    expect(explain(policy)).toMatchObject({
      allowed: false,
      outcome: "false",
      rule: "locked",
      condition: 'status eq "closed"',
    })
  })

  test("names the rule that is unknown", () => {
    const condition = all(anyone(), deny("elsewhere", is("title", mine("region"))))
    expect(explain(condition)).toMatchObject({
      allowed: false,
      outcome: "unknown",
      rule: "elsewhere",
      condition: "title eq the principal's region",
    })
  })

  test("goes up to the parent's rule", () => {
    expect(explain(can("read", "folderId"))).toMatchObject({ allowed: true, rule: "owner of the folder" })
  })

  test("stops where several parts decided together", () => {
    expect(explain(any(nobody(), role("admin")))).toMatchObject({ outcome: "false", rule: null, condition: "any of" })
  })

  test("shows the whole tree, with what was not needed for the decision", () => {
    expect(explain(any(anyone(), not(is("ownerId", me)))).tree).toEqual({
      condition: "any of",
      rule: null,
      outcome: "true",
      of: [
        { condition: "anyone", rule: null, outcome: "true", of: [] },
        {
          condition: "not",
          rule: null,
          outcome: "true",
          of: [{ condition: "ownerId eq the principal's id", rule: null, outcome: "false", of: [] }],
        },
      ],
    })
  })

  test("tells no value of the row", () => {
    expect(JSON.stringify(explain(policy))).not.toMatch(/user_bob|space_1|user_ada/)
  })

  test("says that the system passes, and that an anonymous caller's part is unknown", () => {
    expect(explain(nobody(), system("repair"))).toMatchObject({ allowed: true, condition: "the system passes" })
    expect(explain(is("ownerId", me), anonymous)).toMatchObject({ allowed: false, outcome: "unknown" })
  })

  test("agrees with the decision, whatever the policy", () => {
    const cases = fc.record({ one: arbitrary.decision, rows: arbitrary.database, at: fc.nat({ max: 23 }) })
    fc.assert(
      fc.property(cases, ({ one, rows: drawn, at }) => {
        const folders = { read: one.above.folders[0], update: one.above.folders[1] }
        const spaces = { read: one.above.spaces[0], update: one.above.spaces[1] }
        const world_ = world({ folders, spaces })
        const known = complete(drawn as Rows)
        const row = known.items?.[at]
        if (!row) return
        const given = facts(world_, known, one.principal, arbitrary.instant, row)
        const outcome = evaluate(one.policy, given)
        expect(trace(one.policy, given).outcome).toBe(outcome === null ? "unknown" : String(outcome))
      }),
      { seed: 20261120, numRuns: 200 },
    )
  })
})
