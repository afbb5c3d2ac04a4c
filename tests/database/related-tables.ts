/** What the tests of related records declare: writers, their books, reviews and loans of those; with keys that may be null and rights on every side. */
import { env } from "cloudflare:workers"
import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core"
import { boolean, int32, record, reference } from "../../src/core/column.ts"
import { compileModel, type Models } from "../../src/core/model.ts"
import type { GetPlan, ListPlan } from "../../src/core/plan.ts"
import { any, can, is, me, nobody, not, role } from "../../src/core/policy.ts"
import type { Row } from "../../src/core/ports.ts"
import type { Principal } from "../../src/core/principal.ts"
import { resource } from "../../src/core/registry.ts"
import { countOf, existsOf, many, one } from "../../src/core/resource.ts"
import { by, createTable, database, listOf, open } from "./reads-fixture.ts"

/** The binding SEED draws other cases. */
export const seed = Number((env as { SEED?: string }).SEED ?? 20261121)

const writerTable = sqliteTable("reads_writers", {
  ...record("writer"),
  name: text().notNull().unique(),
  nick: text(),
  email: text().unique(),
  hidden: boolean().notNull().default(false),
})
const bookTable = sqliteTable(
  "reads_books",
  {
    ...record("book"),
    slug: text().notNull().unique(),
    number: integer().unique(),
    writerId: reference("writer"),
    ownerId: reference("user"),
    year: int32(),
    draft: boolean().notNull().default(false),
  },
  (t) => [
    index("reads_books_by_writer").on(t.writerId, t.createdAt, t.id),
    index("reads_books_by_owner").on(t.ownerId, t.createdAt, t.id),
  ],
)
const reviewTable = sqliteTable(
  "reads_reviews",
  {
    ...record("review"),
    bookId: reference("book"),
    reviewerId: reference("user").notNull(),
    stars: int32(),
    secret: boolean().notNull().default(false),
  },
  (t) => [index("reads_reviews_by_book").on(t.bookId, t.createdAt, t.id)],
)
const loanTable = sqliteTable(
  "reads_loans",
  { ...record("loan"), bookId: reference("book").notNull(), borrowerId: reference("user").notNull() },
  (t) => [index("reads_loans_by_book").on(t.bookId, t.createdAt, t.id)],
)
const marginTable = sqliteTable(
  "reads_margins",
  { ...record("margin"), bookId: reference("book").notNull(), line: int32().notNull() },
  (t) => [index("reads_margins_by_book").on(t.bookId, t.createdAt, t.id)],
)

const closed = { create: nobody(), update: nobody(), delete: nobody() }

const resources = [
  resource("writers", {
    table: writerTable,
    tenant: "none",
    policy: { ...closed, read: not(is("hidden", true)) },
    fields: { email: { read: role("admin") } },
    relations: { books: many("books", "writerId", { onDelete: "clear" }) },
    computed: { bookCount: countOf("books") },
  }),
  resource("books", {
    table: bookTable,
    tenant: "none",
    policy: { ...closed, read: any(is("draft", false), is("ownerId", me)) },
    relations: {
      writer: one("writers", "writerId"),
      reviews: many("reviews", "bookId", { onDelete: "clear" }),
      loans: many("loans", "bookId", { onDelete: "delete" }),
      margins: many("margins", "bookId", { onDelete: "delete" }),
    },
    computed: {
      reviewCount: countOf("reviews"),
      bestCount: countOf("reviews", is("stars", 3)),
      isReviewed: existsOf("reviews"),
      isMine: existsOf("reviews", is("reviewerId", me)),
      loanCount: countOf("loans"),
      marginCount: countOf("margins"),
    },
  }),
  resource("reviews", {
    table: reviewTable,
    tenant: "none",
    policy: { ...closed, read: any(is("secret", false), is("reviewerId", me)) },
    relations: { book: one("books", "bookId") },
  }),
  resource("loans", {
    table: loanTable,
    tenant: "none",
    policy: { ...closed, read: not(nobody()) },
    // Who has borrowed what is between the library and the borrower.
    fields: { bookId: { read: any(role("admin"), is("borrowerId", me)) } },
    relations: { book: one("books", "bookId") },
  }),
  resource("margins", {
    table: marginTable,
    tenant: "none",
    policy: { ...closed, read: can("read", "bookId") },
    relations: { book: one("books", "bookId") },
  }),
]

export const models: Models = new Map(resources.map((declared) => [declared.name, compileModel(declared as never)]))

/** Makes the tables anew, empty. */
export async function makeTables(): Promise<void> {
  const statements = resources.flatMap(({ table }) => createTable(table))
  await database.batch(statements.map((sql) => database.prepare(sql)))
}

/** One record in one trip. */
export async function get(principal: Principal, plan: Partial<GetPlan> & Pick<GetPlan, "id">): Promise<Row | null> {
  const { reader, client } = open(models)
  const base = { kind: "get" as const, resource: "books", fields: ["id"], expand: {} }
  const row = await reader.get({ ...base, ...plan }, by(principal))
  if (client.cost.trips !== 1) throw new Error(`A get took ${client.cost.trips} trips`)
  return row
}

/** One page in one trip. */
export async function list(principal: Principal, plan: Partial<ListPlan> = {}) {
  const { reader, client } = open(models)
  const page = await reader.list(listOf({ resource: "books", fields: ["id"], ...plan }), by(principal))
  if (client.cost.trips !== 1) throw new Error(`A page took ${client.cost.trips} trips`)
  return { ...page, rowsRead: client.cost.rowsRead }
}
