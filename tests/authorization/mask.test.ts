/** Field masks: who reads and who writes a field, and which fields may be filtered and sorted by. */
import { describe, expect, test } from "vitest"
import { fieldReadable, fieldWritable, foldedReadable } from "../../src/authorization/mask.ts"
import { parameters } from "../../src/authorization/statement.ts"
import { modelOf } from "../../src/core/model.ts"
import { can, is, me, mine, not, role } from "../../src/core/policy.ts"
import { anonymous, type Principal, system } from "../../src/core/principal.ts"
import { world } from "./fixture.ts"

const admin: Principal = { kind: "user", id: "user_ada", roles: ["admin"] }
const bob: Principal = { kind: "user", id: "user_bob", roles: [] }
const models = world(
  { folders: { read: role("admin") } },
  {
    price: { read: role("admin") },
    rank: { read: is("ownerId", me), write: role("admin") },
    size: { read: not(is("status", mine("region"))) },
    big: { read: can("read", "folderId") },
    title: { write: is("ownerId", me) },
  },
)
const model = modelOf(models, "items")
const scope = (principal: Principal) => ({ models, model, alias: "t", parameters: parameters(), principal })

describe("a field", () => {
  test("without a rule is read and written by those who read and write the record", () => {
    expect(fieldReadable("day", scope(bob))).toBe(true)
    expect(fieldWritable("day", scope(bob))).toBe(true)
  })

  test("with a role is read by that role, in no row by others", () => {
    expect(fieldReadable("price", scope(admin))).toBe(true)
    expect(fieldReadable("price", scope(bob))).toBe(false)
    expect(fieldReadable("price", scope(anonymous))).toBe(false)
  })

  test("with a rule on the row is read in some rows, written by its own rule", () => {
    expect(fieldReadable("rank", scope(bob))).toBe('("t"."ownerId" = ?1)')
    expect(fieldReadable("rank", scope(anonymous))).toBe(false)
    expect(fieldWritable("rank", scope(bob))).toBe(false)
    expect(fieldWritable("title", scope(bob))).toBe('("t"."ownerId" = ?1)')
  })

  test("that is secret is read by nobody, the system included", () => {
    expect(fieldReadable("pin", scope(system("repair")))).toBe(false)
    expect(fieldReadable("nothing", scope(system("repair")))).toBe(false)
    expect(fieldWritable("nothing", scope(system("repair")))).toBe(false)
  })
})

describe("folded masks", () => {
  const fold = (principal: Principal) => Object.fromEntries(foldedReadable(model, principal, models))

  test("an admin reads the price always, and inherits by the row", () => {
    expect(fold(admin)).toMatchObject({ price: "always", rank: "row", big: "row", size: "never", day: "always" })
  })

  test("others never read the price, nor what an absent attribute or a closed parent guards", () => {
    expect(fold(bob)).toMatchObject({ price: "never", rank: "row", big: "never", size: "never", day: "always" })
  })

  test("the system reads every field but secrets", () => {
    expect(new Set(foldedReadable(model, system("repair"), models).values())).toEqual(new Set(["always"]))
    expect(foldedReadable(model, system("repair"), models).has("pin")).toBe(false)
  })

  test("without the models, what inherits depends on the row", () => {
    expect(foldedReadable(model, bob).get("big")).toBe("row")
  })
})
