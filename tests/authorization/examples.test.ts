/** The third oracle: cases that a person decided, which both interpreters must decide in the same way. */
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { evaluate } from "../../src/authorization/memory.ts"
import { bind } from "../../src/authorization/statement.ts"
import {
  after,
  all,
  any,
  anyone,
  before,
  type Condition,
  can,
  compare,
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
  shared,
  signedIn,
} from "../../src/core/policy.ts"
import type { Row } from "../../src/core/ports.ts"
import { anonymous, type Principal, system } from "../../src/core/principal.ts"
import { clear, compiledFor, complete, database, facts, store, world } from "./fixture.ts"

const at = new Date("2026-11-20T10:00:00.000Z")
const ada: Principal = {
  kind: "user",
  id: "user_ada",
  roles: ["support"],
  attributes: { team: "red", level: 2, trusted: true, quota: "9007199254740993" },
}
const bob: Principal = { kind: "user", id: "user_bob", roles: [], attributes: { level: "2", team: "5", quota: "lots" } }

type Example = readonly [who: Principal, may: string, condition: Condition, row: Row, expected: boolean | null]

const examples: readonly Example[] = [
  [anonymous, "passes what is open to anyone", anyone(), {}, true],
  [ada, "passes nothing that is open to nobody", nobody(), {}, false],
  [anonymous, "is not signed in", signedIn(), {}, false],
  [ada, "is signed in", signedIn(), {}, true],
  [system("nightly repair"), "passes what nobody passes", nobody(), {}, true],
  [ada, "holds a role of the application", role("support"), {}, true],
  [bob, "does not hold the role", role("support"), {}, false],
  [anonymous, "holds no role, and that is known", not(role("banned")), {}, true],
  [ada, "owns the row", is("ownerId", me), { ownerId: "user_ada" }, true],
  [bob, "does not own the row", is("ownerId", me), { ownerId: "user_ada" }, false],
  [ada, "cannot own a row without an owner: unknown", is("ownerId", me), { ownerId: null }, null],
  [ada, "does not pass a negation of the unknown", not(is("ownerId", me)), { ownerId: null }, null],
  [anonymous, "has no id to compare", is("ownerId", me), { ownerId: "user_ada" }, null],
  [anonymous, "has no id, under not either", not(is("ownerId", me)), { ownerId: "user_ada" }, null],
  [anonymous, "has no id that differs", isNot("ownerId", me), { ownerId: "user_ada" }, null],
  [
    ada,
    "lacks an attribute: a denial blocks",
    deny("other region", is("title", mine("region"))),
    { title: "eu" },
    null,
  ],
  [ada, "has a prototype, but not its properties", is("title", mine("constructor")), { title: "x" }, null],
  [ada, "has the team of the row", is("title", mine("team")), { title: "red" }, true],
  [bob, "has text where a number is compared", compare("rank", "lte", mine("level")), { rank: 1 }, null],
  [ada, "has a number that suffices", compare("rank", "lte", mine("level")), { rank: 2 }, true],
  [ada, "has a number that does not suffice", compare("rank", "lt", mine("level")), { rank: 2 }, false],
  [bob, "has a word where an int64 is compared: not zero", is("big", mine("quota")), { big: "0" }, null],
  [ada, "compares int64 beyond doubles, exactly", is("big", mine("quota")), { big: "9007199254740992" }, false],
  [ada, "compares int64 as numbers, not as text", compare("big", "gt", "9"), { big: "10" }, true],
  [ada, "finds the largest int64", is("big", "9223372036854775807"), { big: "9223372036854775807" }, true],
  [ada, "cannot compare with 2^63", compare("big", "lt", "9223372036854775808"), { big: "1" }, null],
  [ada, "compares a flag", is("done", true), { done: true }, true],
  [ada, "compares a flag with an attribute", is("done", mine("trusted")), { done: false }, false],
  [ada, "compares whole numbers with fractions", compare("rank", "gt", 2.5), { rank: 3 }, true],
  [ada, "does not round a fraction", is("rank", 2.5), { rank: 2 }, false],
  [ada, "takes -0 for 0", is("price", -0), { price: 0 }, true],
  [ada, "tells neighbouring doubles apart", is("price", 0.3), { price: 0.30000000000000004 }, false],
  [ada, "orders text by UTF-8 bytes", compare("title", "gt", "\uffff"), { title: "😀" }, true],
  [ada, "does not normalize text", is("title", "e\u0301"), { title: "\u00e9" }, false],
  [ada, "reads text beyond NUL", is("title", "a\u0000b"), { title: "a\u0000c" }, false],
  [ada, "finds text with NUL in a list", oneOf("title", ["x", "a\u0000b"]), { title: "a\u0000b" }, true],
  [ada, "finds a double in a list", oneOf("price", [1e300, 6.02214076e23, 0.1]), { price: 0.1 }, true],
  [
    ada,
    "finds a double beyond 2^53 in a list",
    oneOf("price", [7661113222954456000]),
    { price: 7661113222954456000 },
    true,
  ],
  [ada, "finds an int64 in a list", oneOf("big", ["9007199254740993"]), { big: "9007199254740992" }, false],
  [ada, "finds nothing in an empty list, NULL included", not(oneOf("title", [])), { title: null }, true],
  [ada, "cannot tell whether NULL is in a list", oneOf("title", ["x"]), { title: null }, null],
  [ada, "cannot exclude a value without a form in the column", not(oneOf("rank", [1, "one"])), { rank: 2 }, null],
  [ada, "knows that NULL is NULL", isNull("title"), { title: null }, true],
  [ada, "knows that text is not NULL", not(isNull("title")), { title: "" }, true],
  [ada, "comes before the deadline", after("dueAt", now), { dueAt: "2026-11-20T10:00:00.001Z" }, true],
  [ada, "is too late at the very instant", after("dueAt", now), { dueAt: "2026-11-20T10:00:00.000Z" }, false],
  [ada, "takes a date for its first instant", before("day", now), { day: "2026-11-20" }, true],
  [ada, "cannot compare a number with now", before("rank", now), { rank: 1 }, null],
  [ada, "is an editor of the space", memberOf("spaces", "spaceId", "editor"), { spaceId: "space_1" }, true],
  [ada, "is no admin of the space", memberOf("spaces", "spaceId", "admin"), { spaceId: "space_1" }, false],
  [ada, "has a role that the resource does not declare", memberOf("spaces", "spaceId"), { spaceId: "space_2" }, false],
  [bob, "is no member, and that is known", not(memberOf("spaces", "spaceId")), { spaceId: "space_1" }, true],
  [bob, "is no member of what is not named: unknown", not(memberOf("spaces", "spaceId")), { spaceId: null }, null],
  [anonymous, "is not even a known non-member", not(memberOf("spaces", "spaceId")), { spaceId: "space_1" }, null],
  [bob, "sees a shared record at a higher level", shared("view"), { id: "item_shared" }, true],
  [bob, "may not edit at a lower level", shared("edit"), { id: "item_shared" }, false],
  [ada, "inherits from the folder", can("read", "folderId"), { folderId: "folder_1" }, true],
  [bob, "is refused by the folder", can("read", "folderId"), { folderId: "folder_1" }, false],
  [ada, "inherits nothing from an absent folder", can("read", "folderId"), { folderId: "folder_9" }, false],
  [ada, "inherits the unknown", not(can("read", "folderId")), { folderId: "folder_2" }, null],
  [ada, "inherits nothing known from no folder", not(can("read", "folderId")), { folderId: null }, null],
  [ada, "passes any, though one part is unknown", any(is("title", mine("region")), signedIn()), { title: "eu" }, true],
  [ada, "fails all, though one part is unknown", all(is("title", mine("region")), nobody()), { title: "eu" }, false],
  [ada, "does not pass all with an unknown part", all(is("title", mine("region")), signedIn()), { title: "eu" }, null],
  [ada, "passes an empty all", all(), {}, true],
  [ada, "fails an empty any", any(), {}, false],
]

const rows = complete({
  spaces: [{ id: "space_1" }, { id: "space_2" }],
  seats: [
    { id: "seat_1", spaceId: "space_1", userId: "user_ada", role: "editor" },
    { id: "seat_2", spaceId: "space_2", userId: "user_ada", role: "owner" },
    { id: "seat_3", spaceId: null, userId: "user_bob", role: "admin" },
  ],
  folders: [
    { id: "folder_1", ownerId: "user_ada" },
    { id: "folder_2", ownerId: null },
  ],
  shares: [{ id: "share_1", itemId: "item_shared", userId: "user_bob", level: "comment" }],
  items: examples
    .map(([, , , row], n) => ({ id: `item_${n}`, ...row }))
    .filter((row, n, every) => every.findIndex((r) => r.id === row.id) === n),
})
const models = world({ folders: { read: is("ownerId", me) } })

describe("worked examples", () => {
  beforeAll(() => store(rows))

  afterAll(clear)

  test.each(examples.map((example, n) => [name(example), example, n] as const))(
    "%s",
    async (_, [who, , condition, row, expected], n) => {
      const id = row.id ?? `item_${n}`
      const item = rows.items?.find((candidate) => candidate.id === id) as Row
      expect(evaluate(condition, facts(models, rows, who, at, item)), "in memory").toBe(expected)
      expect(await passes(condition, who, String(id)), "in SQL").toBe(expected === true)
      if (who.kind !== "system")
        expect(await passes(not(condition), who, String(id)), "in SQL, negated").toBe(expected === false)
    },
  )
})

async function passes(condition: Condition, who: Principal, id: string): Promise<boolean> {
  const { predicate, slots } = compiledFor(condition, who, { models })
  if (typeof predicate === "boolean") return predicate
  const binds = bind(slots.slots, { principal: who, now: at, values: [] })
  const found = await database
    .prepare(`select 1 from "authz_items" as "t" where "id" = ?${binds.length + 1} and ${predicate}`)
    .bind(...binds, id)
    .all()
  return found.results.length === 1
}

function name([who, may]: Example): string {
  return `${who.kind === "user" ? who.id.slice(5) : who.kind} ${may}`
}
