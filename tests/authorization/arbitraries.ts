/** Random policies, principals and rows, as fast-check draws them. */
import fc from "fast-check"
import type { Action, Comparison, Condition, Value } from "../../src/core/policy.ts"
import type { Row } from "../../src/core/ports.ts"
import type { Principal, Scalar } from "../../src/core/principal.ts"

import { doubles, everything, longs, pools, spaces, states, texts, users, wholes } from "./pools.ts"

const comparisons: readonly Comparison[] = ["eq", "ne", "lt", "lte", "gt", "gte"]
const attributes = ["id", "team", "level", "quota", "flag", "none"]
const actions: readonly Action[] = ["read", "update"]

export const instant = new Date("2026-11-20T10:00:00.000Z")

/** A value for a column: mostly of its own pool, sometimes of a foreign kind. */
function scalar(pool: readonly Scalar[]): fc.Arbitrary<Scalar> {
  return fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...pool) },
    { weight: 1, arbitrary: fc.constantFrom(...everything) },
  )
}

function value(pool: readonly Scalar[]): fc.Arbitrary<Value> {
  return fc.oneof(
    { weight: 6, arbitrary: scalar(pool).map((one): Value => ({ from: "literal", value: one })) },
    {
      weight: 3,
      arbitrary: fc.constantFrom(...attributes).map((attribute): Value => ({ from: "principal", attribute })),
    },
    { weight: 1, arbitrary: fc.constant<Value>({ from: "now" }) },
  )
}

function onColumn(resource: string): fc.Arbitrary<Condition> {
  const columns = fc.constantFrom(...Object.entries(pools[resource] ?? {}))
  return fc.oneof(
    {
      weight: 8,
      arbitrary: columns.chain(([column, pool]) =>
        fc.record({
          kind: fc.constant("compare" as const),
          column: fc.constant(column),
          op: fc.constantFrom(...comparisons),
          value: value(pool),
        }),
      ),
    },
    {
      weight: 3,
      arbitrary: columns.chain(([column, pool]) =>
        fc.record({
          kind: fc.constant("in" as const),
          column: fc.constant(column),
          values: fc.array(scalar(pool), { maxLength: 5 }),
        }),
      ),
    },
    { weight: 2, arbitrary: columns.map(([column]): Condition => ({ kind: "null", column })) },
  )
}

function onPrincipal(): fc.Arbitrary<Condition> {
  return fc.oneof(
    fc.boolean().map((fixed): Condition => ({ kind: "always", value: fixed })),
    fc.constant<Condition>({ kind: "signedIn" }),
    fc.constantFrom("admin", "support").map((name): Condition => ({ kind: "role", role: name })),
  )
}

function inheriting(...columns: string[]): fc.Arbitrary<Condition> {
  return fc.record({
    kind: fc.constant("can" as const),
    action: fc.constantFrom(...actions),
    column: fc.constantFrom(...columns),
  })
}

const inSpace = fc
  .constantFrom(null, "viewer", "editor", "admin")
  .map((role): Condition => ({ kind: "member", resource: "spaces", column: "spaceId", role }))
const grantedItem = fc
  .constantFrom("view", "comment", "edit")
  .chain((level) =>
    fc.constantFrom<Condition>(
      { kind: "shared", level },
      { kind: "member", resource: "items", column: "id", role: level },
    ),
  )

/** Trees over the leaves, as deep as policies are. */
function tree(leaf: fc.Arbitrary<Condition>): fc.Arbitrary<Condition> {
  return fc.letrec<{ node: Condition }>((tie) => ({
    node: fc.oneof(
      { depthSize: "small", maxDepth: 4, withCrossShrink: true },
      { weight: 3, arbitrary: leaf },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constantFrom("all" as const, "any" as const),
          of: fc.array(tie("node"), { maxLength: 4 }),
        }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("not" as const), of: tie("node") }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant("rule" as const), name: fc.constant("named"), of: tie("node") }),
      },
    ),
  })).node
}

const weighted = (...of: readonly (readonly [number, fc.Arbitrary<Condition>])[]): fc.Arbitrary<Condition> =>
  tree(fc.oneof(...of.map(([weight, arbitrary]) => ({ weight, arbitrary }))))

const spacePolicy = weighted(
  [6, onColumn("spaces")],
  [1, onPrincipal()],
  [1, fc.constant<Condition>({ kind: "member", resource: "spaces", column: "id", role: null })],
)
const folderPolicy = weighted([6, onColumn("folders")], [1, onPrincipal()], [2, inSpace], [2, inheriting("spaceId")])
const itemPolicy = weighted(
  [12, onColumn("items")],
  [1, onPrincipal()],
  [3, inSpace],
  [3, grantedItem],
  [4, inheriting("folderId", "spaceId")],
)

const user: fc.Arbitrary<Principal> = fc.record({
  kind: fc.constant("user" as const),
  id: fc.constantFrom(...users),
  roles: fc.subarray(["admin", "support"]),
  attributes: fc.record(
    {
      team: fc.constantFrom<Scalar>(...texts, ...states),
      level: fc.constantFrom<Scalar>(...wholes, ...doubles, "2"),
      quota: fc.constantFrom<Scalar>(...longs, 5, "lots"),
      flag: fc.constantFrom<Scalar>(true, false, 1, "true"),
    },
    { requiredKeys: [] },
  ),
})

/** One decision to compare: policies of the three resources, and who asks. */
export const decision = fc.record({
  policy: itemPolicy,
  above: fc.record({ folders: fc.tuple(folderPolicy, folderPolicy), spaces: fc.tuple(spacePolicy, spacePolicy) }),
  principal: fc.oneof(
    { weight: 9, arbitrary: user },
    { weight: 1, arbitrary: fc.constant<Principal>({ kind: "anonymous" }) },
  ),
})
export type Decision = typeof decision extends fc.Arbitrary<infer D> ? D : never

function nullable(pool: readonly Scalar[]): fc.Arbitrary<Scalar | null> {
  return fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom<Scalar | null>(...pool) },
    { weight: 1, arbitrary: fc.constant(null) },
  )
}

const itemColumns = Object.fromEntries(
  Object.entries(pools.items ?? {}).map(([column, pool]) => [column, nullable(pool)]),
)

/** New values for one to four columns of an item. */
export const patch: fc.Arbitrary<Row> = fc
  .subarray(Object.keys(itemColumns), { minLength: 1, maxLength: 4 })
  .chain((columns) =>
    fc.record(
      Object.fromEntries(columns.map((column) => [column, itemColumns[column] as fc.Arbitrary<Scalar | null>])),
    ),
  )

/** All values of a new item. */
export const item: fc.Arbitrary<Row> = fc.record(itemColumns)

function rowsOf(resource: string, count: number): fc.Arbitrary<Row[]> {
  const columns = Object.fromEntries(
    Object.entries(pools[resource] ?? {}).map(([column, pool]) => [column, nullable(pool)]),
  )
  const prefix = resource.slice(0, -1)
  return fc
    .array(fc.record(columns), { minLength: count, maxLength: count })
    .map((rows) => rows.map((row, n): Row => ({ id: `${prefix}_${n + 1}`, ...row })))
}

/** The whole database: 24 items, 4 folders, 3 spaces, who sits in a space, with whom an item is shared. */
export const database = fc.record({
  spaces: rowsOf("spaces", 3),
  folders: rowsOf("folders", 4),
  items: rowsOf("items", 24),
  seats: fc
    .uniqueArray(
      fc.record({
        spaceId: nullable(spaces),
        userId: fc.constantFrom(...users),
        role: fc.constantFrom("viewer", "editor", "admin", "ghost", null),
      }),
      {
        minLength: 6,
        maxLength: 8,
        selector: (seat) => `${seat.spaceId} ${seat.userId}`,
      },
    )
    .map((seats) => seats.map((seat, n): Row => ({ id: `seat_${n + 1}`, ...seat }))),
  shares: fc
    .uniqueArray(
      fc.record({
        itemId: fc.integer({ min: 1, max: 24 }),
        userId: fc.constantFrom(...users),
        level: fc.constantFrom("view", "comment", "edit"),
      }),
      {
        minLength: 20,
        maxLength: 24,
        selector: (share) => `${share.itemId} ${share.userId}`,
      },
    )
    .map((shares) =>
      shares.map((share, n): Row => ({ id: `share_${n + 1}`, ...share, itemId: `item_${share.itemId}` })),
    ),
})
