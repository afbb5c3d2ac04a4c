/**
 * What live delivery judges in memory is what a list's SQL selects: random filters over random rows, and random policies with grants and records
 * above them loaded as live delivery loads them.
 */
import { env } from "cloudflare:workers"
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { checkWatchFilter, filterOutcome } from "../../src/authorization/filter.ts"
import { dependenciesOf, judge, type Standing, unwatchable } from "../../src/authorization/judge.ts"
import { bind, parameters } from "../../src/authorization/statement.ts"
import { modelOf } from "../../src/core/model.ts"
import type { Filter } from "../../src/core/plan.ts"
import { any, before, can, now as clock, is, me, memberOf, nobody, role, shared } from "../../src/core/policy.ts"
import type { Row } from "../../src/core/ports.ts"
import type { Principal, Scalar } from "../../src/core/principal.ts"
import { compileFilter, filterShape } from "../../src/database/filter.ts"
import { loadParents, loadStanding } from "../../src/database/standing.ts"
import * as arbitrary from "./arbitraries.ts"
import { clear, compiledFor, complete, database, type Rows, selection, store, world } from "./fixture.ts"
import { pools, texts } from "./pools.ts"

/** The binding SEED draws other cases. */
const seed = Number((env as { SEED?: string }).SEED ?? 20261121)
const now = arbitrary.instant
const ada: Principal = { kind: "user", id: "user_ada", roles: [] }

let rows: Rows

beforeAll(async () => {
  rows = complete(fc.sample(arbitrary.database, { seed, numRuns: 1 })[0] as Rows)
  await store(rows)
})

afterAll(clear)

const columns = Object.entries(pools.items ?? {})
const textual = columns.filter(([name]) => ["title", "status", "folderId", "ownerId", "dueAt", "day"].includes(name))

/** Filters as `parseFilter` lets them through: values of the column's own kind. */
const filter = fc.letrec<{ node: Filter }>((tie) => ({
  node: fc.oneof(
    { depthSize: "small", maxDepth: 4, withCrossShrink: true },
    {
      weight: 6,
      arbitrary: fc.constantFrom(...columns).chain(([field, pool]) =>
        fc.record({
          op: fc.constantFrom("eq", "ne", "lt", "lte", "gt", "gte"),
          field: fc.constant(field),
          value: fc.constantFrom(...(pool as Scalar[])),
        }),
      ) as fc.Arbitrary<Filter>,
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom(...columns).chain(([field, pool]) =>
        fc.record({
          op: fc.constant("in"),
          field: fc.constant(field),
          values: fc.array(fc.constantFrom(...(pool as Scalar[])), { maxLength: 4 }),
        }),
      ) as fc.Arbitrary<Filter>,
    },
    {
      weight: 3,
      arbitrary: fc.constantFrom(...textual).chain(([field, pool]) =>
        fc.record({
          op: fc.constantFrom("contains", "startsWith"),
          field: fc.constant(field),
          value: fc
            .constantFrom(...(pool as string[]), ...texts)
            .chain((one) => fc.nat({ max: one.length }).map((end) => one.slice(0, end).toWellFormed())),
        }),
      ) as fc.Arbitrary<Filter>,
    },
    {
      weight: 2,
      arbitrary: fc.record({
        op: fc.constant("isNull"),
        field: fc.constantFrom(...columns.map(([field]) => field)),
        value: fc.boolean(),
      }) as fc.Arbitrary<Filter>,
    },
    {
      weight: 3,
      arbitrary: fc.record({
        op: fc.constantFrom("and", "or"),
        of: fc.array(tie("node"), { maxLength: 3 }),
      }) as fc.Arbitrary<Filter>,
    },
    { weight: 2, arbitrary: fc.record({ op: fc.constant("not"), of: tie("node") }) as fc.Arbitrary<Filter> },
  ),
})).node

describe("memory agrees with SQL", { timeout: 60_000 }, () => {
  test("on which rows a filter takes, and which its negation", async () => {
    const models = world()
    const model = modelOf(models, "items")
    const tally = { taken: 0, left: 0, unknown: 0 }
    const statementOf = (of: Filter): D1PreparedStatement => {
      const slots = parameters()
      const scope = { models, model, alias: "t", parameters: slots, principal: ada }
      const values: (string | number | null)[] = []
      filterShape(of, model, values as never, models)
      const { sql } = compileFilter(of, scope)
      return database
        .prepare(`select "id" from "authz_items" as "t" where ${sql}`)
        .bind(...bind(slots.slots, { principal: ada, now, values: values as never }))
    }
    const drawn = fc.sample(filter, { seed, numRuns: 1500 })
    for (let at = 0; at < drawn.length; at += 100) {
      const some = drawn.slice(at, at + 100).flatMap((of): Filter[] => [of, { op: "not", of }])
      const answers = await database.batch<{ id: string }>(some.map(statementOf))
      for (const [n, of] of some.entries()) {
        const expected = (rows.items ?? []).filter((row) => {
          const outcome = filterOutcome(of, model, row)
          tally[outcome === null ? "unknown" : outcome ? "taken" : "left"]++
          return outcome === true
        })
        const found = answers[n]?.results.map(({ id }) => id).sort()
        expect(expected.map(({ id }) => String(id)).sort(), JSON.stringify(of)).toEqual(found)
      }
    }
    console.log(`filters, seed ${seed}: ${JSON.stringify(tally)}`)
    const all = tally.taken + tally.left + tally.unknown
    expect(Math.min(tally.taken, tally.left) / all).toBeGreaterThan(0.2)
    expect(tally.unknown / all).toBeGreaterThan(0.03)
  })

  test("on which rows a policy shows, with grants and records above loaded as for live delivery", async () => {
    const drawn = fc.sample(arbitrary.decision, { seed, numRuns: 400 })
    const tally = { shown: 0, hidden: 0, inherited: 0, granted: 0 }
    for (const { policy, above, principal } of drawn) {
      const models = world({
        items: { read: policy, update: policy, create: policy },
        folders: { read: above.folders[0], update: above.folders[1] },
        spaces: { read: above.spaces[0], update: above.spaces[1] },
      })
      const model = modelOf(models, "items")
      const images = rows.items ?? []
      const standing = await loadStanding(database, models, model, principal)
      const parents = await loadParents(database, models, model, images)
      const { predicate, slots } = compiledFor(policy, principal, { models })
      const { results } = await selection(predicate, slots, principal, now).all<{ id: string }>()
      const seen = images.filter((image) =>
        judge({ models, model, now, standing, parents, filter: null, fields: ["id"] }, image),
      )
      expect(seen.map(({ id }) => String(id)).sort()).toEqual(results.map(({ id }) => id).sort())
      tally.shown += seen.length
      tally.hidden += images.length - seen.length
      const { lookups, parents: inherited } = dependenciesOf(models, model)
      if (inherited.size > 0) tally.inherited++
      if (lookups.length > 0) tally.granted++
    }
    console.log(`policies, seed ${seed}: ${JSON.stringify(tally)}`)
    expect(Math.min(tally.shown, tally.hidden)).toBeGreaterThan(1500)
    expect(Math.min(tally.inherited, tally.granted)).toBeGreaterThan(60)
  })
})

const nothing: Standing = { sequence: 0, principal: ada, isActive: true, grants: new Map() }
const item = { id: "item_1", ownerId: "user_ada", title: "One", price: 5 } as Row

describe("judging", () => {
  const models = world(
    { items: { read: is("ownerId", me) } },
    { price: { read: role("admin") }, title: { read: is("status", "open") } },
  )
  const base = {
    models,
    model: modelOf(models, "items"),
    now,
    standing: nothing,
    parents: new Map(),
    filter: null,
    fields: ["id", "title", "price"],
  }

  test("leaves out what the reader may not read, by role and by row", () => {
    expect(judge(base, item)).toEqual({ id: "item_1" })
    expect(judge(base, { ...item, status: "open" })).toEqual({ id: "item_1", title: "One" })
    const admin = { ...nothing, principal: { ...ada, roles: ["admin"] } as Principal }
    expect(judge({ ...base, standing: admin }, item)).toEqual({ id: "item_1", price: 5 })
  })

  test("shows nothing to an account that is not active, of no image, and against the filter", () => {
    expect(judge({ ...base, standing: { ...nothing, isActive: false } }, item)).toBeNull()
    expect(judge(base, null)).toBeNull()
    expect(judge({ ...base, filter: { op: "eq", field: "title", value: "Two" } }, item)).toBeNull()
    expect(judge(base, { ...item, ownerId: "user_bob" })).toBeNull()
  })

  test("a masked field cannot be filtered by: it is refused like one that there is not", () => {
    for (const field of ["price", "title", "pin"]) {
      const watch = () =>
        checkWatchFilter(models, "items", ada, { op: "not", of: { op: "isNull", field, value: true } })
      expect(watch, field).toThrow(
        expect.objectContaining({
          code: "INVALID_ARGUMENT",
          options: expect.objectContaining({
            violations: [expect.objectContaining({ path: `/filter/${field}`, code: "unknown_field" })],
          }),
        }),
      )
    }
    checkWatchFilter(models, "items", ada, { op: "eq", field: "status", value: "open" })
  })
})

describe("what a judgement depends on", () => {
  test("grants by their resource, records above with the columns that decide", () => {
    const models = world({
      items: { read: any(shared("view"), can("update", "folderId")) },
      folders: { update: any(is("ownerId", me), can("read", "spaceId")) },
      spaces: { read: memberOf("spaces", "id", "editor") },
    })
    const { grants, parents } = dependenciesOf(models, modelOf(models, "items"))
    expect([...grants].sort()).toEqual(["seats", "shares"])
    expect([...parents].map(([name, columns]) => [name, [...columns].sort()])).toEqual([
      ["folders", ["ownerId", "spaceId"]],
      ["spaces", ["id"]],
    ])
  })

  test("a policy that reads the clock or a secret cannot be watched, wherever it stands", () => {
    const open = world({ items: { read: is("status", "open") } })
    expect(unwatchable(open, modelOf(open, "items"))).toBeNull()
    const timed = world({
      items: { read: can("read", "folderId") },
      folders: { read: any(nobody(), before("id", clock)) },
    })
    expect(unwatchable(timed, modelOf(timed, "items"))).toContain("folders reads the clock")
    const secret = world({ items: { read: is("pin", "1234") } })
    expect(unwatchable(secret, modelOf(secret, "items"))).toContain("pin, which is secret")
  })
})
