/** A declaration from which something private could reach a cache is refused, by name and with the cure. */
import {
  anyone,
  app,
  can,
  countOf,
  deny,
  existsOf,
  index,
  is,
  many,
  me,
  nobody,
  not,
  on,
  one,
  operation,
  record,
  reference,
  resource,
  role,
  rule,
  signedIn,
  sqliteTable,
  text,
} from "selvage"
import { describe, expect, test } from "vitest"
import * as z from "zod"
import { constantOf } from "../../src/core/caching.ts"
import { all, any } from "../../src/core/policy.ts"
import { buildRegistry } from "../../src/core/registry.ts"
import { touchableOf } from "../../src/core/tags.ts"

const itemTable = sqliteTable(
  "items",
  { ...record("item"), name: text({ length: 20 }).notNull(), ownerId: reference("user"), listId: reference("listing") },
  (table) => [
    index("items_by_creation").on(table.createdAt, table.id),
    index("items_by_owner").on(table.ownerId, table.createdAt, table.id),
    index("items_by_list").on(table.listId, table.createdAt, table.id),
  ],
)
const listTable = sqliteTable("listings", { ...record("listing"), ownerId: reference("user") }, (table) => [
  index("listings_by_creation").on(table.createdAt, table.id),
  index("listings_by_owner").on(table.ownerId, table.createdAt, table.id),
])

const open = { read: anyone(), create: signedIn(), update: signedIn(), delete: signedIn() }
const cache = { public: "60s", swr: "10m" } as const

function build(items: object = {}, lists: object = {}, ...operations: ReturnType<typeof operation>[]) {
  const item = resource("items", {
    table: itemTable,
    tenant: "none",
    policy: open,
    relations: { list: one("listings", "listId") },
    ...items,
  })
  const list = resource("listings", {
    table: listTable,
    tenant: "none",
    policy: open,
    cache,
    relations: { items: many("items", "listId", { onDelete: "delete" }) },
    ...lists,
  })
  return buildRegistry(app({ title: "Declared", resources: [item, list], operations }))
}

const query = (more: object) =>
  operation("items.search", {
    kind: "query",
    input: z.strictObject({ id: z.string().optional() }),
    output: z.object({}),
    policy: anyone(),
    cache: { ...cache, tags: ["items"] },
    handle: () => ({}),
    ...more,
  })

describe("of a resource", () => {
  test.each([
    ["a policy that asks for a session", { policy: { ...open, read: signedIn() } }, "not anyone() may read it"],
    ["a policy over rows", { policy: { ...open, read: is("ownerId", me) } }, "not anyone() may read it"],
    [
      "a policy that is anyone() or the owner, with an exception",
      { policy: { ...open, read: all(anyone(), deny("not to guests", role("guest"))) } },
      "not anyone() may read it",
    ],
    ["a field that not all may read", { fields: { ownerId: { read: role("admin") } } }, "its field ownerId"],
    [
      "a count of what not all may read",
      { computed: { itemCount: countOf("items") } },
      "computed field itemCount shows",
      { policy: { ...open, read: is("ownerId", me) } },
    ],
    [
      "a computed field about the caller",
      { computed: { mine: existsOf("items", is("ownerId", me)) } },
      "computed field mine depends on who asks",
    ],
    [
      "a computed field that inherits",
      { computed: { seen: existsOf("items", can("read", "listId")) } },
      "computed field seen depends on who asks",
    ],
  ] as [string, object, string, object?][])("%s is refused", (_, lists, fault, items = {}) => {
    const cure = "open that, or take cache away"
    expect(() => build(items, lists)).toThrow(
      new RegExp(`^Resource listings: it cannot be cached.*${fault.replace(/[()]/g, "\\$&")}.*${cure}`),
    )
  })

  test.each([["0s"], ["60"], ["1w"], ["2d"], ["86401s"], ["-5s"], ["1.5h"], [""]])(
    "a time of %s is refused",
    (text) => {
      expect(() => build({}, { cache: { public: text } })).toThrow(
        /^Resource listings: cache\.public is ".*"; give "1s" to "1d"/,
      )
      expect(() => build({}, { cache: { public: "1d", swr: text } })).toThrow(/cache\.swr/)
    },
  )

  test("what is the same for all, however it is said, is taken", () => {
    const read = any(rule("everybody", anyone()), is("ownerId", me))
    const registry = build(
      {},
      {
        policy: { ...open, read },
        fields: { ownerId: { read: not(nobody()) } },
        computed: { itemCount: countOf("items") },
      },
    )
    const caching = registry.operations.get("listings.get")?.caching
    expect(caching).toEqual({ freshMs: 60_000, staleMs: 600_000, audience: "everybody", tags: null })
    expect(registry.operations.get("listings.create")?.caching).toBeNull()
    expect(registry.operations.get("items.get")?.caching).toBeNull()
  })
})

describe("of an operation", () => {
  const cached = { ...cache, tags: ["items"] }
  const itemsResource = resource("items", { table: itemTable, tenant: "none", policy: open })
  test.each([
    ["a mutation", { kind: "mutation" }, "a mutation cannot be cached; only a query can"],
    ["a subscription", { kind: "subscription" }, "a subscription cannot be cached"],
    ["what is confidential", { confidential: true }, "it is confidential, so nothing of it may be kept"],
    ["what asks for a session", { credential: "session" }, "it asks for a session"],
    ["what not anyone() may call", { policy: signedIn() }, "its policy is not anyone()"],
    ["a right to a record", { policy: on(itemsResource, "read") }, "its policy is not anyone()"],
    ["no tags", { cache: { ...cached, tags: [] } }, "cache.tags is empty; name the resources"],
    ["an unknown tag", { cache: { ...cached, tags: ["items", "ghosts"] } }, "cache.tags names ghosts"],
    ["no time", { cache: { ...cached, public: "soon" } }, 'cache.public is "soon"'],
    ["one of the engine's", { engine: async () => ({}), handle: undefined }, "an operation of the engine has no cache"],
  ])("%s is refused", (_, more, fault) => {
    expect(() => build({}, {}, query(more) as never)).toThrow(`Operation items.search: ${fault}`)
  })

  test("a query that anyone() may call is taken, for callers who are nobody", () => {
    const registry = build({}, {}, query({}) as never)
    const caching = registry.operations.get("items.search")?.caching
    expect(caching).toMatchObject({ audience: "anonymous", tags: new Set(["items"]) })
  })
})

test("a condition folds to what it is for every row and caller, or to nothing", () => {
  const unknown = is("ownerId", me)
  expect(
    [
      anyone(),
      nobody(),
      not(nobody()),
      rule("r", anyone()),
      any(unknown, anyone()),
      all(unknown, nobody()),
      all(),
      any(),
    ].map(constantOf),
  ).toEqual([true, false, true, true, true, false, true, false])
  for (const one of [
    unknown,
    signedIn(),
    role("a"),
    all(unknown, anyone()),
    any(unknown, nobody()),
    not(unknown),
    can("read", "listId"),
  ])
    expect(constantOf(one)).toBeNull()
})

test("changes are heard of where a kept answer shows them, and nowhere else", () => {
  const of = (registry: ReturnType<typeof build>) => [
    ...touchableOf(registry.models, registry.operations.values(), registry.organizations).resources,
  ]
  expect(of(build({}, { cache: undefined }))).toEqual([])
  expect(of(build())).toEqual(["listings"])
  expect(of(build({}, { computed: { itemCount: countOf("items") } }))).toEqual(["listings", "items"])
  expect(of(build({}, { cache: undefined }, query({}) as never))).toEqual(["items"])
})
