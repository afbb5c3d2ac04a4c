/** Reads by what is related: computed fields, natural keys, offsets with exact counts. One trip each, under the rights of both sides. */
import { beforeAll, describe, expect, it } from "vitest"
import { anonymous, type Principal } from "../../src/core/principal.ts"
import { at, by, createTables, database, idOf, insert, open, user, world } from "./reads-fixture.ts"
import { get, list, makeTables, models } from "./related-tables.ts"

const ada = user(1)
const ben = user(2)
const admin = user(9, { roles: ["admin"] })
const [open1, draft2, bare3] = [1, 2, 3].map((n) => idOf("book", n)) as [string, string, string]

beforeAll(async () => {
  await makeTables()
  await insert("writers", [
    { id: idOf("writer", 1), name: "Woolf", nick: "V", email: "w@x.example", hidden: 0 },
    { id: idOf("writer", 2), name: "Ghost", nick: "G", hidden: 1 },
  ])
  await insert("books", [
    { id: open1, slug: "waves", number: 9007199254740991, writerId: idOf("writer", 1), ownerId: ada.id, draft: 0 },
    { id: draft2, slug: "draft", number: 7, writerId: idOf("writer", 1), ownerId: ada.id, draft: 1 },
    { id: bare3, slug: "bare's", writerId: null, draft: 0 },
  ])
  await insert("reviews", [
    { id: idOf("review", 1), bookId: open1, reviewerId: ada.id, stars: 3, secret: 0 },
    { id: idOf("review", 2), bookId: open1, reviewerId: ben.id, stars: 3, secret: 1 },
    { id: idOf("review", 3), bookId: open1, reviewerId: ben.id, stars: 1, secret: 0 },
    { id: idOf("review", 4), bookId: draft2, reviewerId: ben.id, stars: 2, secret: 1 },
    { id: idOf("review", 5), bookId: null, reviewerId: ben.id, stars: 3, secret: 0 },
  ])
  await insert("loans", [
    { id: idOf("loan", 1), bookId: open1, borrowerId: ben.id },
    { id: idOf("loan", 2), bookId: open1, borrowerId: ada.id },
    { id: idOf("loan", 3), bookId: open1, borrowerId: ada.id },
  ])
  await insert("margins", [
    { id: idOf("margin", 1), bookId: open1, line: 1 },
    { id: idOf("margin", 2), bookId: draft2, line: 2 },
  ])
})

describe("computed fields", () => {
  const figures = ["reviewCount", "bestCount", "isReviewed", "isMine"]
  const of = async (principal: Principal, id: string) => {
    const row = await get(principal, { id, fields: figures })
    return figures.map((key) => row?.[key])
  }

  it("count only what the reader may see", async () => {
    expect(await of(ada, open1)).toEqual([2, 1, true, true])
    expect(await of(ben, open1)).toEqual([3, 2, true, true])
    expect(await of(user(77), open1)).toEqual([2, 1, true, false])
    expect(await of(ada, draft2)).toEqual([0, 0, false, false])
    expect(await of(ada, bare3)).toEqual([0, 0, false, false])
  })

  it("are false and zero of one's own for nobody, who still counts what everybody may see", async () => {
    expect(await of(anonymous, open1)).toEqual([2, 1, true, false])
    expect(await of(anonymous, draft2)).toEqual([undefined, undefined, undefined, undefined])
  })

  it("come only when they are selected, under any alias and beside any column", async () => {
    expect(await get(ada, { id: open1, fields: ["id"] })).toEqual({ id: open1 })
    expect(await get(ada, { id: open1, fields: ["slug", "isMine", "draft"] })).toEqual({
      slug: "waves",
      isMine: true,
      draft: false,
    })
    await expect(get(ada, { id: open1, fields: ["nonsense"] })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" })
  })

  it("stand in lists, counted or not, with and without a merge", async () => {
    const fields = ["id", "reviewCount", "isMine"]
    const expected = [
      { id: bare3, reviewCount: 0, isMine: false },
      { id: open1, reviewCount: 3, isMine: true },
    ]
    expect((await list(ben, { fields })).items).toEqual(expected)
    expect(await list(ben, { fields, count: true })).toMatchObject({ items: expected, count: 2 })
    expect((await list(ben, { fields, offset: 1, count: "exact" })).items).toEqual(expected.slice(1))
    expect((await list(anonymous, { fields })).items).toEqual([
      { id: bare3, reviewCount: 0, isMine: false },
      { id: open1, reviewCount: 2, isMine: false },
    ])
  })

  it("stand in what is expanded, one and many, each for the reader", async () => {
    const books = { resource: "books", fields: ["slug", "reviewCount", "isMine"], expand: {}, limit: 10 }
    const writer = { resource: "writers", fields: ["name", "bookCount"], expand: { books }, limit: 1 }
    const row = await get(ben, { id: open1, fields: ["slug"], expand: { writer } })
    expect(row).toEqual({
      slug: "waves",
      writer: { name: "Woolf", bookCount: 1, books: [{ slug: "waves", reviewCount: 3, isMine: true }] },
    })
    const owner = await get(ada, {
      resource: "writers",
      id: idOf("writer", 1),
      fields: ["bookCount"],
      expand: { books },
    })
    expect(owner).toEqual({
      bookCount: 2,
      books: [
        { slug: "draft", reviewCount: 0, isMine: false },
        { slug: "waves", reviewCount: 2, isMine: true },
      ],
    })
  })

  it("do not count, through the parent, children that keep their parent's id from the reader", async () => {
    const loans = async (principal: Principal) =>
      (await get(principal, { id: open1, fields: ["loanCount"] }))?.loanCount
    expect([await loans(admin), await loans(ada), await loans(ben), await loans(anonymous)]).toEqual([3, 2, 1, 0])
  })

  it("count children that inherit their rights from the record that was read", async () => {
    const fields = ["marginCount"]
    expect(await get(anonymous, { id: open1, fields })).toEqual({ marginCount: 1 })
    expect(await get(ada, { id: draft2, fields })).toEqual({ marginCount: 1 })
    expect(await get(ben, { id: draft2, fields })).toBeNull()
  })

  it("do not hand the next reader the statement of the one before", async () => {
    for (const [principal, count] of [
      [ada, 2],
      [ben, 3],
      [anonymous, 2],
      [ada, 2],
    ] as const)
      expect(await get(principal, { id: open1, fields: ["reviewCount"] })).toEqual({ reviewCount: count })
  })
})

describe("a computed field of a tenant's record", () => {
  beforeAll(async () => {
    await createTables()
    const [org, project] = [idOf("org", 1), (n: number) => idOf("project", n)]
    const rows = <T>(length: number, row: (n: number) => T) => Array.from({ length }, (_, n) => row(n))
    await insert(
      "projects",
      rows(5, (n) => ({ id: project(n), organizationId: org, name: `${n}` })),
    )
    const member = { organizationId: org, userId: ada.id, role: "viewer" }
    await insert(
      "members",
      rows(2, (n) => ({ id: idOf("member", n), projectId: project(n), ...member })),
    )
    const task = { organizationId: org, title: "t", status: "open", done: 0 }
    await insert(
      "tasks",
      rows(500, (n) => ({ id: idOf("task", n), projectId: project(n % 5), ...task })),
    )
  })

  it("enters the index that the tenant leads, so that it costs what it counts", async () => {
    const { reader, client } = open(world())
    const plan = {
      kind: "get",
      resource: "projects",
      id: idOf("project", 1),
      fields: ["taskCount"],
      expand: {},
    } as const
    expect(await reader.get(plan, by(ada))).toEqual({ taskCount: 100 })
    expect(client.cost.rowsRead).toBeLessThan(120)
    expect(await reader.get({ ...plan, id: idOf("project", 3) }, by(ada))).toBeNull()
  })
})

describe("a natural key", () => {
  it("finds the record in one trip", async () => {
    expect(await get(ada, { key: "slug", id: "waves" })).toEqual({ id: open1 })
    expect(await get(ada, { key: "slug", id: "bare's" })).toEqual({ id: bare3 })
    expect(await get(ada, { resource: "writers", key: "name", id: "Woolf" })).toEqual({ id: idOf("writer", 1) })
  })

  it("of a number is exact", async () => {
    expect(await get(ada, { key: "number", id: "9007199254740991" })).toEqual({ id: open1 })
    for (const id of ["9007199254740990", "seven", "", "7 or 1=1"])
      expect(await get(ada, { key: "number", id })).toBeNull()
  })

  it("shows the invisible as little as the absent", async () => {
    expect(await get(ben, { key: "slug", id: "draft" })).toBeNull()
    expect(await get(anonymous, { key: "slug", id: "draft" })).toBeNull()
    expect(await get(ada, { key: "slug", id: "nothing" })).toBeNull()
    expect(await get(ada, { key: "slug", id: "draft" })).toEqual({ id: draft2 })
    expect(await get(ada, { resource: "writers", key: "name", id: "Ghost" })).toBeNull()
  })

  it("is not another key, nor the id, in the cache of statements", async () => {
    expect(await get(ada, { id: "waves" })).toBeNull()
    expect(await get(ada, { key: "slug", id: open1 })).toBeNull()
    expect(await get(ada, { id: open1 })).toEqual({ id: open1 })
  })

  it("that the reader may not read, or that does not exist, is refused before any trip", async () => {
    const refused = { code: "INVALID_ARGUMENT", options: { violations: [{ code: "unknown_field" }] } }
    const email = { resource: "writers", key: "email", id: "w@x.example" }
    const { reader, client } = open(models)
    for (const key of ["email", "rowKey", "nonsense"]) {
      const plan = { kind: "get", resource: "writers", key, id: "x", fields: ["id"], expand: {} } as const
      await expect(reader.get(plan, by(ada))).rejects.toMatchObject(refused)
    }
    expect(client.cost.trips).toBe(0)
    expect(await get(admin, email)).toEqual({ id: idOf("writer", 1) })
    await expect(get(ada, email)).rejects.toMatchObject(refused)
  })
})

describe("an offset", () => {
  beforeAll(async () => {
    const many = Array.from({ length: 1_205 }, (_, n) => ({
      id: idOf("book", 1_000 + n),
      slug: `many ${n}`,
      year: 1900 + (n % 5),
      ownerId: ben.id,
      draft: n % 241 === 0 ? 1 : 0,
      // So many of one instant that only the id tells them apart.
      createdAt: at(n % 3),
    }))
    await insert("books", many)
  })

  async function plain(where: string): Promise<unknown[]> {
    const sql = `select "id" from "reads_books" where ${where} order by "createdAt" desc, "id" desc`
    return (await database.prepare(sql).all()).results.map((row) => row.id)
  }

  it("passes over as many records, in a stable order, and gives no cursor", async () => {
    const visible = await plain(`"draft" = 0`)
    const found: unknown[] = []
    for (let offset = 0; offset < visible.length; offset += 97) {
      const page = await list(ada, { offset, limit: 97, filter: { op: "eq", field: "draft", value: false } })
      expect(page.nextCursor).toBeNull()
      found.push(...page.items.map(({ id }) => id))
    }
    expect(found).toEqual(visible)
  })

  it("passes over what the reader sees, not over what there is", async () => {
    for (const [principal, where] of [
      [anonymous, `"draft" = 0`],
      [ben, `("draft" = 0 or "ownerId" = '${ben.id}')`],
    ] as const) {
      const visible = await plain(where)
      const page = await list(principal, { offset: 1_195, limit: 20 })
      expect(page.items.map(({ id }) => id)).toEqual(visible.slice(1_195, 1_215))
    }
  })

  it("of zero is the first page; beyond the end there is none, and the count stays", async () => {
    const first = await list(anonymous, { limit: 5 })
    expect((await list(anonymous, { limit: 5, offset: 0 })).items).toEqual(first.items)
    expect(await list(anonymous, { offset: 50_000, count: "exact" })).toMatchObject({ items: [], count: 1_202 })
  })

  it("comes after the values of a filter, in any order", async () => {
    const sort = [{ field: "year", descending: false }]
    const sql = `select "id" from "reads_books" where "draft" = 0 and "year" > 1902 order by "year", "id" limit 3 offset 4`
    const expected = (await database.prepare(sql).all()).results
    const page = await list(anonymous, { sort, offset: 4, limit: 3, filter: { op: "gt", field: "year", value: 1902 } })
    expect(page.items).toEqual(expected)
  })

  it("is not the cursor's statement, nor one without", async () => {
    const page = await list(anonymous, { limit: 2 })
    const { items } = await list(anonymous, { limit: 2, offset: 2 })
    expect((await list(anonymous, { limit: 2, cursor: page.nextCursor })).items).toEqual(items)
    expect((await list(anonymous, { limit: 2 })).items).toEqual(page.items)
  })
})

describe("an exact count", () => {
  it("goes on where the usual one stops", async () => {
    expect(await list(anonymous, { limit: 1, count: "exact" })).toMatchObject({ count: 1_202, countCapped: false })
    expect(await list(anonymous, { limit: 1, count: true })).toMatchObject({ count: 1_000, countCapped: true })
    expect(await list(ben, { limit: 1, count: "exact" })).toMatchObject({ count: 1_207, items: [{}] })
    expect(await list(anonymous, { limit: 1, count: false })).not.toHaveProperty("count")
  })
})
