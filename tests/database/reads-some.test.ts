/**
 * Filters on related records: `some` holds where a record stands behind the relation that the reader may see and that fulfils the inner
 * filter. Compared with a nested loop over the same rows in memory, on random rows, readers and filters.
 */
import fc from "fast-check"
import { beforeAll, describe, expect, it } from "vitest"
import type { Filter } from "../../src/core/plan.ts"
import { anonymous, type Principal } from "../../src/core/principal.ts"
import { by, database, eq, idOf, insert, open, user } from "./reads-fixture.ts"
import { list, makeTables, models, seed } from "./related-tables.ts"

type Name = "writers" | "books" | "reviews"
type Stored = Record<string, string | number | null>
type World = Readonly<Record<Name, readonly Stored[]>>

const readers: readonly Principal[] = [user(1), user(2), anonymous]
const idOfReader = (reader: Principal) => (reader.kind === "user" ? reader.id : null)

/** The relations, as the nested loop walks them: from a column of mine to a column of theirs. */
const relations: Readonly<Record<Name, Readonly<Record<string, { to: Name; mine: string; theirs: string }>>>> = {
  writers: { books: { to: "books", mine: "id", theirs: "writerId" } },
  books: {
    writer: { to: "writers", mine: "writerId", theirs: "id" },
    reviews: { to: "reviews", mine: "id", theirs: "bookId" },
  },
  reviews: { book: { to: "books", mine: "bookId", theirs: "id" } },
}

function isVisible(name: Name, row: Stored, reader: Principal): boolean {
  const me = idOfReader(reader)
  if (name === "writers") return row.hidden === 0
  if (name === "books") return row.draft === 0 || (me !== null && row.ownerId === me)
  return row.secret === 0 || (me !== null && row.reviewerId === me)
}

/** What a filter says of a row, as SQL means it: null is unknown. */
function holds(filter: Filter, name: Name, row: Stored, reader: Principal, world: World): boolean | null {
  const of = (inner: Filter) => holds(inner, name, row, reader, world)
  switch (filter.op) {
    case "and":
    case "or": {
      const parts = filter.of.map(of)
      const deciding = filter.op === "or"
      return parts.includes(deciding) ? deciding : parts.includes(null) ? null : !deciding
    }
    case "not": {
      const inner = of(filter.of)
      return inner === null ? null : !inner
    }
    case "some": {
      const { to, mine, theirs } = relations[name][filter.relation] as { to: Name; mine: string; theirs: string }
      return world[to].some(
        (other) =>
          other[theirs] !== null &&
          other[theirs] === row[mine] &&
          isVisible(to, other, reader) &&
          (filter.of === null || holds(filter.of, to, other, reader, world) === true),
      )
    }
    case "isNull":
      return (row[filter.field] === null) === filter.value
    case "in":
      // In nothing is nothing, not even NULL.
      if (filter.values.length === 0) return false
      return row[filter.field] === null ? null : filter.values.includes(row[filter.field] as never)
    default: {
      const value = row[filter.field] as number | null
      if (value === null) return null
      return filter.op === "eq" ? value === filter.value : filter.op === "gt" && value > Number(filter.value)
    }
  }
}

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null, freq: 3 })
const flag = fc.constantFrom(0, 0, 1)
const small = fc.integer({ min: 1, max: 3 })
const person = fc.constantFrom(idOf("user", 1), idOf("user", 2))
// One id more than there are rows: nothing stands behind it.
const of = (prefix: string, rows: number) => fc.integer({ min: 0, max: rows }).map((n) => idOf(prefix, n))

const worlds: fc.Arbitrary<World> = fc
  .record({
    writers: fc.array(fc.record({ hidden: flag }), { maxLength: 4 }),
    books: fc.array(
      fc.record({ writerId: maybe(of("writer", 4)), ownerId: maybe(person), year: maybe(small), draft: flag }),
      {
        maxLength: 7,
      },
    ),
    reviews: fc.array(
      fc.record({ bookId: maybe(of("book", 7)), reviewerId: person, stars: maybe(small), secret: flag }),
      { maxLength: 12 },
    ),
  })
  .map(({ writers, books, reviews }) => ({
    writers: writers.map((row, n) => ({ id: idOf("writer", n), name: `writer ${n}`, ...row })),
    books: books.map((row, n) => ({ id: idOf("book", n), slug: `book ${n}`, ...row })),
    reviews: reviews.map((row, n) => ({ id: idOf("review", n), ...row })),
  }))

function terms(name: Name): fc.Arbitrary<Filter> {
  if (name === "writers") return fc.integer({ min: 0, max: 3 }).map((n) => eq("name", `writer ${n}`))
  const field = name === "books" ? "year" : "stars"
  return fc.oneof(
    small.map((n) => eq(field, n)),
    small.map((value): Filter => ({ op: "gt", field, value })),
    fc.array(small, { maxLength: 2 }).map((values): Filter => ({ op: "in", field, values })),
    fc.boolean().map((value): Filter => ({ op: "isNull", field, value })),
  )
}

function filters(name: Name, depth: number): fc.Arbitrary<Filter> {
  if (depth === 0) return terms(name)
  const deeper = filters(name, depth - 1)
  const several = fc.array(deeper, { maxLength: 3 })
  const some = Object.entries(relations[name]).map(([relation, { to }]) =>
    fc
      .option(filters(to, depth - 1), { nil: null, freq: 5 })
      .map((inner): Filter => ({ op: "some", relation, of: inner })),
  )
  return fc.oneof(
    { weight: 1, arbitrary: terms(name) },
    { weight: 2, arbitrary: deeper.map((inner): Filter => ({ op: "not", of: inner })) },
    { weight: 1, arbitrary: several.map((inner): Filter => ({ op: "and", of: inner })) },
    { weight: 1, arbitrary: several.map((inner): Filter => ({ op: "or", of: inner })) },
    ...some.map((arbitrary) => ({ weight: 6 / some.length, arbitrary })),
  )
}

const names = ["writers", "books", "reviews"] as const
const questions = fc
  .constantFrom(...names)
  .chain((name) =>
    fc.record({ name: fc.constant(name), filter: filters(name, 3), reader: fc.constantFrom(...readers) }),
  )

async function fill(world: World): Promise<void> {
  await database.batch(names.map((name) => database.prepare(`delete from "reads_${name}"`)))
  for (const name of names) if (world[name].length > 0) await insert(name, world[name])
}

async function ask({ name, filter, reader }: { name: Name; filter: Filter; reader: Principal }, offset: boolean) {
  const more = offset ? { offset: 0, count: "exact" as const } : {}
  const { items } = await list(reader, { resource: name, fields: ["id"], filter, limit: 50, ...more })
  return items.map(({ id }) => String(id)).sort()
}

describe("some", () => {
  beforeAll(makeTables)

  it("is what a nested loop over the visible rows finds", async () => {
    const tally = { found: 0, nothing: 0, everything: 0 }
    await fc.assert(
      fc.asyncProperty(worlds, fc.array(questions, { minLength: 12, maxLength: 12 }), async (world, asked) => {
        await fill(world)
        for (const [n, question] of asked.entries()) {
          const { name, filter, reader } = question
          const visible = world[name].filter((row) => isVisible(name, row, reader))
          const expected = visible
            .filter((row) => holds(filter, name, row, reader, world) === true)
            .map(({ id }) => String(id))
          expect(await ask(question, n % 2 === 0)).toEqual(expected.sort())
          if (visible.length > 0)
            tally[expected.length === 0 ? "nothing" : expected.length < visible.length ? "found" : "everything"]++
        }
      }),
      { seed, numRuns: 50 },
    )
    // Were one of them rare, the comparison would say little.
    for (const count of Object.values(tally)) expect(count).toBeGreaterThan(50)
  }, 60_000)
})

describe("over rows that are known", () => {
  const [ada, ben, other] = [user(1), user(2), user(7)]
  const books = (filter: Filter, reader: Principal = ada) => ask({ name: "books", filter, reader }, false)
  const some = (relation: string, inner: Filter | null = null): Filter => ({ op: "some", relation, of: inner })
  const not = (inner: Filter): Filter => ({ op: "not", of: inner })
  const [first, second, third] = [0, 1, 2].map((n) => idOf("book", n)) as [string, string, string]

  beforeAll(async () => {
    await makeTables()
    await fill({
      writers: [
        { id: idOf("writer", 0), name: "Woolf", hidden: 0 },
        { id: idOf("writer", 1), name: "Ghost", hidden: 1 },
      ],
      books: [
        { id: first, slug: "a", writerId: idOf("writer", 0), draft: 0, year: 1 },
        { id: second, slug: "b", writerId: idOf("writer", 1), draft: 0, year: 2 },
        { id: third, slug: "c", writerId: null, draft: 0, year: null },
      ],
      reviews: [
        { id: idOf("review", 0), bookId: first, reviewerId: ben.id, stars: 5, secret: 1 },
        { id: idOf("review", 1), bookId: second, reviewerId: ben.id, stars: 3, secret: 0 },
        { id: idOf("review", 2), bookId: null, reviewerId: ada.id, stars: 4, secret: 0 },
      ],
    })
    await insert("loans", [{ id: idOf("loan", 1), bookId: first, borrowerId: ben.id }])
  })

  it("never matches a related record that the reader may not see", async () => {
    expect(await books(some("writer", eq("name", "Ghost")))).toEqual([])
    expect(await books(some("writer"))).toEqual([first])
    expect(await books(some("reviews", eq("stars", 5)))).toEqual([])
    expect(await books(some("reviews", eq("stars", 5)), ben)).toEqual([first])
    expect(await books(some("reviews", eq("stars", 5)), other)).toEqual([])
  })

  it("negated keeps records without a related one, and those whose key is null; a child of nobody confuses nobody", async () => {
    expect(await books(not(some("writer")))).toEqual([second, third])
    expect(await books(not(some("reviews")))).toEqual([first, third])
    expect(await books(not(some("reviews")), ben)).toEqual([third])
    expect(await books(not(not(some("writer"))))).toEqual([first])
  })

  it("stands beside and, or and other terms, whose values keep their places", async () => {
    const both: Filter = { op: "and", of: [eq("year", 2), some("reviews", eq("stars", 3)), eq("slug", "b")] }
    expect(await books(both)).toEqual([second])
    expect(await books({ op: "or", of: [both, some("writer", eq("name", "Woolf")), eq("year", 9)] })).toEqual([
      first,
      second,
    ])
  })

  it("goes there and back again", async () => {
    const loop = some("writer", some("books", some("writer", some("books", eq("slug", "a")))))
    expect(await books(loop)).toEqual([first])
    expect(
      await ask({ name: "reviews", filter: some("book", some("reviews", eq("stars", 3))), reader: other }, true),
    ).toEqual([idOf("review", 1)])
  })

  it("is counted and figured alike", async () => {
    const filter = some("reviews")
    expect(await list(ben, { filter, limit: 1, count: "exact" })).toMatchObject({ count: 2, items: [{}] })
    expect(await list(ben, { filter, limit: 1, count: true })).toMatchObject({ count: 2 })
    const plan = {
      kind: "aggregate",
      resource: "books",
      filter,
      q: null,
      measures: [{ fn: "count", field: null }],
    } as const
    const figures = (reader: Principal) => open(models).reader.aggregate({ ...plan, groupBy: [], limit: 1 }, by(reader))
    expect([await figures(ben), await figures(other)]).toEqual([[{ count: 2 }], [{ count: 1 }]])
  })

  it("gives pages with cursors that hold for its own values alone", async () => {
    const by3 = { filter: some("reviews", { op: "gt", field: "stars", value: 2 }), limit: 1 }
    const page = await list(ben, by3)
    expect((await list(ben, { ...by3, cursor: page.nextCursor })).items).toEqual([{ id: first }])
    const other4 = {
      filter: some("reviews", { op: "gt", field: "stars", value: 1 }),
      limit: 1,
      cursor: page.nextCursor,
    }
    await expect(list(ben, other4)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" })
  })

  it("does not know a relation or field that is not there, nor one that the reader may not read", async () => {
    const refused = { code: "INVALID_ARGUMENT", options: { violations: [{ code: "unknown_field" }] } }
    for (const filter of [some("nobody"), some("reviews", eq("nonsense", 1)), some("writer", eq("email", "x"))])
      await expect(books(filter)).rejects.toMatchObject(refused)
    // Whose loan it is stands in the column that leads to the book.
    await expect(books(some("loans"))).rejects.toMatchObject(refused)
    expect(await books(some("loans"), user(9, { roles: ["admin"] }))).toEqual([first])
  })
})
