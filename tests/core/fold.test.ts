/** What a policy says of a principal before any row is known. UNKNOWN never passes, not even under not. */
import {
  after,
  all,
  anonymous,
  any,
  anyone,
  before,
  type Condition,
  can,
  deny,
  is,
  isNull,
  me,
  memberOf,
  mine,
  nobody,
  not,
  now,
  oneOf,
  role,
  rule,
  shared,
  signedIn,
  system,
} from "selvage"
import { describe, expect, test } from "vitest"
import { couldPass, needsNoRow } from "../../src/core/fold.ts"
import { hasRole, type Principal, principalId } from "../../src/core/principal.ts"
import { noteModel, registry } from "./fixture.ts"

const people: Record<string, Principal> = {
  anonymous,
  ada: { kind: "user", id: "user_1", roles: [] },
  admin: { kind: "user", id: "user_2", roles: ["admin"] },
  engineer: { kind: "user", id: "user_3", roles: [], attributes: { department: "engines" } },
}

/** Who could pass, of all four. */
const passing = (condition: Condition) =>
  Object.entries(people)
    .filter(([, who]) => couldPass(condition, who, null))
    .map(([name]) => name)
const everybody = ["anonymous", "ada", "admin", "engineer"]
const users = ["ada", "admin", "engineer"]

describe("who could pass", () => {
  test.each<[string, Condition, string[]]>([
    ["anyone()", anyone(), everybody],
    ["nobody()", nobody(), []],
    ["not nobody()", not(nobody()), everybody],
    ["signedIn()", signedIn(), users],
    ["not signedIn()", not(signedIn()), ["anonymous"]],
    ["role", role("admin"), ["admin"]],
    ["not role", not(role("admin")), ["anonymous", "ada", "engineer"]],
    ["a column of the row", is("status", "open"), everybody],
    ["not a column of the row", not(is("status", "open")), everybody],
    ["a list", oneOf("status", ["open"]), everybody],
    ["NULL", isNull("status"), everybody],
    ["an instant", all(before("at", now), after("at", now)), everybody],
    ["me", is("ownerId", me), users],
    ["not me", not(is("ownerId", me)), users],
    ["an attribute", is("department", mine("department")), ["engineer"]],
    ["not an attribute: absent stays unknown", not(is("department", mine("department"))), ["engineer"]],
    ["an attribute twice denied", not(not(is("department", mine("department")))), ["engineer"]],
    ["memberOf", memberOf("teams", "teamId"), users],
    ["not memberOf", not(memberOf("teams", "teamId")), users],
    ["shared", shared("view"), users],
    ["all", all(signedIn(), role("admin")), ["admin"]],
    ["any", any(role("admin"), is("department", mine("department"))), ["admin", "engineer"]],
    ["all of nothing", all(), everybody],
    ["any of nothing", any(), []],
    [
      "not all: one that is false suffices",
      not(all(role("admin"), is("x", mine("nope")))),
      ["anonymous", "ada", "engineer"],
    ],
    ["not any: every one must be false", not(any(role("admin"), is("x", mine("nope")))), []],
    ["a named rule", rule("admins", role("admin")), ["admin"]],
    ["a refusal that is known not to hold", all(signedIn(), deny("blocked", role("admin"))), ["ada", "engineer"]],
    ["a refusal that is unknown blocks", all(signedIn(), deny("elsewhere", is("x", mine("nope")))), []],
    ["an inherited right whose parent is not known here", can("read", "taskId"), everybody],
  ])("%s", (_, condition, names) => expect(passing(condition)).toEqual(names))

  test("what is inherited, as the parent's policy says", () => {
    const place = { model: noteModel, models: registry.models }
    const couldRead = (who: Principal) => couldPass(can("read", "teamId"), who, place)
    expect([couldRead(anonymous), couldRead(people.ada as Principal)]).toEqual([false, true])
    // An absent parent refuses, so that the opposite can hold for everybody.
    expect(couldPass(not(can("read", "teamId")), anonymous, place)).toBe(true)
  })

  test("the system passes whatever is said", () => {
    for (const condition of [nobody(), role("x"), not(anyone())])
      expect(couldPass(condition, system("nightly"), null)).toBe(true)
  })
})

describe("whether a row is needed", () => {
  test.each<[Condition, boolean]>([
    [anyone(), true],
    [all(signedIn(), any(role("a"), not(role("b"))), rule("r", nobody())), true],
    [all(signedIn(), is("ownerId", me)), false],
    [not(memberOf("teams", "id")), false],
    [rule("r", can("read", "x")), false],
    [isNull("x"), false],
  ])("%j", (condition, told) => expect(needsNoRow(condition)).toBe(told))
})

test("only users have an id, and the system has every role", () => {
  expect(Object.values(people).map(principalId)).toEqual([undefined, "user_1", "user_2", "user_3"])
  expect(principalId(system("x", "user_1"))).toBeUndefined()
  expect([hasRole(system("x"), "any"), hasRole(anonymous, "any"), hasRole(people.admin as Principal, "admin")]).toEqual(
    [true, false, true],
  )
})
