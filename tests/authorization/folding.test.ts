/** What is decided before SQL exists, what travels as parameters, and that SQLite finds rows by index. */
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { rolesAtLeast } from "../../src/authorization/roles.ts"
import { every, some } from "../../src/authorization/sql.ts"
import { bind, parameters, principalShape, quote, usedSlots } from "../../src/authorization/statement.ts"
import {
  all,
  any,
  anyone,
  type Condition,
  can,
  deny,
  is,
  isNot,
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
} from "../../src/core/policy.ts"
import { anonymous, system, type User } from "../../src/core/principal.ts"
import type { Grants } from "../../src/core/resource.ts"
import { clear, compiledFor, complete, database, store, world } from "./fixture.ts"

const ada: User = { kind: "user", id: "user_ada", roles: ["admin"] }
const bob: User = { kind: "user", id: "user_bob", roles: [], attributes: { team: "red" } }
const compile = (condition: Condition, principal: Parameters<typeof compiledFor>[1], more = {}) => {
  const { predicate, slots } = compiledFor(condition, principal, more)
  return { predicate, slots: slots.slots }
}

describe("a policy folds before SQL exists", () => {
  test("an admin passes what the role opens, without SQL", () => {
    expect(compile(any(role("admin"), is("ownerId", me)), ada)).toEqual({ predicate: true, slots: [] })
  })

  test("others get the rest of the policy, and the text names no role of the application", () => {
    const { predicate, slots } = compile(any(role("admin"), all(not(role("banned")), is("ownerId", me))), bob)
    expect(predicate).toBe('("t"."ownerId" = ?1)')
    expect(slots).toEqual([{ from: "principal", attribute: "id" }])
    expect(JSON.stringify({ predicate, slots })).not.toMatch(/admin|banned/)
  })

  test("the system passes what nobody passes", () => {
    expect(compile(nobody(), system("repair"))).toEqual({ predicate: true, slots: [] })
  })

  test("an anonymous caller is turned away without SQL", () => {
    for (const condition of [signedIn(), is("ownerId", me), memberOf("spaces", "spaceId"), shared("view"), nobody()]) {
      expect(compile(condition, anonymous)).toEqual({ predicate: false, slots: [] })
    }
  })

  test("an absent attribute never grants, not under not, not in a denial", () => {
    const region = is("title", mine("region"))
    for (const condition of [
      region,
      not(region),
      not(not(region)),
      isNot("title", mine("region")),
      deny("elsewhere", region),
      rule("r", not(region)),
    ]) {
      expect(compile(condition, ada)).toEqual({ predicate: false, slots: [] })
    }
  })

  test("an absent id never grants, not under not", () => {
    for (const condition of [is("ownerId", me), memberOf("spaces", "spaceId"), shared("view")]) {
      expect(compile(not(condition), anonymous).predicate).toBe(false)
    }
  })

  test("a member has a role by the record, which travels as a parameter", () => {
    const { predicate, slots } = compile(memberOf("spaces", "spaceId", "editor"), ada)
    expect(predicate).toContain('"t"."spaceId" in (select')
    expect(predicate).not.toMatch(/editor|admin|exists/)
    expect(slots).toContainEqual({ from: "literal", value: '["editor","admin"]' })
  })

  test("an inherited policy folds through the parent", () => {
    const models = world({ folders: { read: role("admin") } })
    expect(compile(can("read", "folderId"), bob, { models }).predicate).toBe(false)
    expect(compile(can("read", "folderId"), ada, { models }).predicate).toContain("exists (select 1 from")
  })

  test("policies that inherit in a circle are refused", () => {
    const models = world({ folders: { read: can("read", "spaceId") }, spaces: { read: can("read", "id") } })
    expect(() => compile(can("read", "folderId"), bob, { models })).toThrow("no one() relation")
    const items = models.get("items")
    const circle = new Map(models).set("items", {
      ...items,
      relations: new Map([["self", { kind: "one", resource: "items", column: "folderId" }]]),
      policy: { read: can("read", "folderId") },
    } as never)
    expect(() => compile(can("read", "folderId"), bob, { models: circle, model: circle.get("items") })).toThrow(
      "in a circle",
    )
  })
})

describe("parameters", () => {
  test("a list travels as one, however long", () => {
    const { predicate, slots } = compile(
      oneOf(
        "title",
        Array.from({ length: 5_000 }, (_, n) => `title ${n}`),
      ),
      ada,
    )
    expect(predicate).toBe('("t"."title" in (select value from json_each(?1)))')
    expect(slots).toHaveLength(1)
  })

  test("equal ones share a place, and a value never stands in the text", () => {
    const { predicate, slots } = compile(
      all(is("title", "x'; --"), is("ownerId", me), isNot("folderId", me), isNot("status", "x'; --")),
      ada,
    )
    expect(slots).toEqual([
      { from: "literal", value: "x'; --" },
      { from: "principal", attribute: "id" },
    ])
    expect(predicate).not.toContain("--")
  })

  test("what folds away takes no place", () => {
    expect(compile(any(all(is("title", "a"), nobody()), isNull("title")), ada).slots).toEqual([])
    expect(compile(any(is("title", "a"), anyone()), ada).slots).toEqual([])
  })

  test("more than D1 takes are refused before any I/O", () => {
    const many = any(...Array.from({ length: 101 }, (_, n) => is("title", `t${n}`)))
    expect(() => compile(many, ada)).toThrow("more than 100 values")
  })

  test("are bound anew in each call: NULL for an attribute without a form in the column", () => {
    const slots = parameters()
    slots.add({ from: "principal", attribute: "quota", as: "int64" })
    slots.add({ from: "principal", attribute: "id" })
    slots.add({ from: "now" })
    slots.add({ from: "value", index: 1 })
    const call = { now: new Date(0), values: ["a", "b"] }
    const as = (quota: string) => bind(slots.slots, { ...call, principal: { ...ada, attributes: { quota } } })
    expect(as("007")).toEqual(["7", "user_ada", "1970-01-01T00:00:00.000Z", "b"])
    expect(as("lots")[0]).toBeNull()
    expect(bind(slots.slots, { ...call, principal: anonymous }).slice(0, 2)).toEqual([null, null])
    expect(() => bind(slots.slots, { ...call, values: [], principal: ada })).toThrow("needs value 1")
  })

  test("that no text needs any more are left out", () => {
    const slots = parameters()
    const first = slots.add({ from: "now" })
    const dropped = every(`("t"."title" = ${slots.add({ from: "literal", value: "x" })})`, false)
    expect(dropped).toBe(false)
    expect(usedSlots(`select ${first}`, slots.slots)).toEqual([{ from: "now" }])
  })

  test("an identifier cannot end its quotes", () => {
    expect(quote('a"; drop table b; --')).toBe('"a""; drop table b; --"')
  })
})

describe("the shape of a principal", () => {
  test("holds all that folding depends on, and no more", () => {
    const shape = (user: Partial<User>) => principalShape({ ...bob, ...user })
    expect(shape({ id: "user_eve", attributes: { team: "blue" } })).toBe(shape({}))
    expect(shape({ roles: ["b", "a", "b"] })).toBe(shape({ roles: ["a", "b"] }))
    const others = [
      shape({ roles: ["admin"] }),
      shape({ attributes: {} }),
      principalShape(anonymous),
      principalShape(system("x")),
    ]
    expect(new Set([shape({}), ...others]).size).toBe(5)
  })

  test("does not confuse names that hold separators", () => {
    expect(principalShape({ ...bob, roles: ["a,b"] })).not.toBe(principalShape({ ...bob, roles: ["a", "b"] }))
  })
})

describe("roles in a record", () => {
  const grants: Grants = { resource: "seats", record: "r", user: "u", role: "x", roles: ["viewer", "editor", "admin"] }

  test("include those below", () => {
    expect(rolesAtLeast(grants, "editor")).toEqual(["editor", "admin"])
    expect(rolesAtLeast(grants, null)).toEqual(["viewer", "editor", "admin"])
  })

  test("must be declared", () => {
    expect(() => rolesAtLeast(grants, "owner")).toThrow("No role owner")
  })
})

describe("SQLite", () => {
  beforeAll(() => store(complete({ items: [{ id: "item_1", title: "a", ownerId: "user_ada" }] })))

  afterAll(clear)

  const planOf = async (condition: Condition): Promise<string> => {
    const { predicate, slots } = compile(condition, ada)
    const binds = bind(slots, { principal: ada, now: new Date(), values: [] })
    const plan = await database
      .prepare(`explain query plan select "id" from "authz_items" as "t" where ${predicate}`)
      .bind(...binds)
      .all<{ detail: string }>()
    return plan.results.map((step) => step.detail).join("; ")
  }

  test("finds rows by index: own, of a space, shared, any of the three", async () => {
    expect(await planOf(is("ownerId", me))).toContain("USING INDEX authz_items_by_owner")
    expect(await planOf(memberOf("spaces", "spaceId"))).toContain("USING INDEX authz_items_by_space")
    expect(await planOf(memberOf("spaces", "spaceId"))).toMatch(/authz_seats_by_user \(userId=\?/)
    expect(await planOf(shared("edit"))).toMatch(/authz_items.*\(id=\?\)|t USING INDEX sqlite_autoindex/)
    const together = await planOf(any(is("ownerId", me), memberOf("spaces", "spaceId", "editor"), shared("view")))
    expect(together).toContain("MULTI-INDEX OR")
    expect(together).not.toContain("SCAN t")
  })

  test("takes a policy of 400 terms: trees are flat where they can be, and halved where they are long", async () => {
    let nested: Condition = is("title", "a")
    for (let n = 0; n < 300; n++) nested = any(all(signedIn(), nested), n % 2 ? isNull("title") : is("rank", n % 90))
    const wide = all(...Array.from({ length: 400 }, (_, n) => not(all(isNull("title"), is("rank", n % 90)))))
    for (const condition of [nested, wide]) {
      const { predicate, slots } = compile(condition, ada)
      const binds = bind(slots, { principal: ada, now: new Date(), values: [] })
      const sql = `select "id" from "authz_items" as "t" where ${predicate}`
      expect(
        (
          await database
            .prepare(sql)
            .bind(...binds)
            .all()
        ).results,
      ).toHaveLength(1)
    }
  })

  test("takes what callers join: a hundred predicates", async () => {
    const predicate = every(
      "(1)",
      some(...Array.from({ length: 300 }, (_, n) => `("t"."rank" = ${n})`), '("t"."title" is not null)'),
    )
    expect(
      (await database.prepare(`select "id" from "authz_items" as "t" where ${predicate}`).all()).results,
    ).toHaveLength(1)
  })

  test("knows the instant of the call, not its own", async () => {
    const { predicate, slots } = compile(is("createdAt", now), ada)
    const binds = bind(slots, { principal: ada, now: new Date("2026-01-01T00:00:00.000Z"), values: [] })
    const found = await database
      .prepare(`select "id" from "authz_items" as "t" where ${predicate}`)
      .bind(...binds)
      .all()
    expect(found.results).toHaveLength(1)
  })
})
