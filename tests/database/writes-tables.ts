/** The tables and models of a small world: teams with seats, boards in teams, cards on boards, and every kind of relation and column that a writer meets. */
import { env } from "cloudflare:workers"
import { getTableConfig, index, integer, real, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core"
import {
  boolean,
  date,
  enumeration,
  instant,
  int32,
  int64,
  json,
  personal,
  record,
  reference,
  secret,
} from "../../src/core/column.ts"
import { compileModel, type Models } from "../../src/core/model.ts"
import { any, anyone, can, is, me, memberOf, role, signedIn } from "../../src/core/policy.ts"
import { resource } from "../../src/core/registry.ts"
import { countOf, existsOf, immutable, many, one, own, parent, stamp } from "../../src/core/resource.ts"

export const database = (env as unknown as { DB: D1Database }).DB

const teamTable = sqliteTable("w_teams", { ...record("team"), name: text().notNull(), createdBy: reference("user") })
const seatTable = sqliteTable(
  "w_seats",
  {
    ...record("seat"),
    teamId: reference("team")
      .notNull()
      .references(() => teamTable.id),
    userId: reference("user").notNull(),
    role: enumeration(["viewer", "editor", "admin"]).notNull().default("viewer"),
  },
  (table) => [uniqueIndex("w_seats_once").on(table.teamId, table.userId)],
)
const boardTable = sqliteTable(
  "w_boards",
  {
    ...record("board"),
    teamId: reference("team")
      .notNull()
      .references(() => teamTable.id),
    name: text().notNull(),
    createdBy: reference("user").notNull(),
  },
  (table) => [uniqueIndex("w_boards_by_name").on(table.teamId, table.name)],
)
const cardTable = sqliteTable(
  "w_cards",
  {
    ...record("card"),
    teamId: reference("team").notNull(),
    boardId: reference("board")
      .notNull()
      .references(() => boardTable.id),
    parentId: reference("card"),
    title: text().notNull(),
    status: enumeration(["open", "done"]).notNull().default("open"),
    rank: int32().notNull().default(2),
    size: integer(),
    big: int64(),
    weight: real(),
    done: boolean().notNull().default(false),
    day: date(),
    dueAt: instant(),
    extra: json(),
    email: personal(text()),
    pin: secret(text()),
    code: text().unique(),
    hidden: text().unique(),
    note: text(),
    ownerId: reference("user"),
    createdBy: reference("user").notNull(),
  },
  (table) => [index("w_cards_by_board").on(table.boardId), index("w_cards_by_parent").on(table.parentId)],
)
const remarkTable = sqliteTable(
  "w_remarks",
  {
    ...record("remark"),
    teamId: reference("team"),
    cardId: reference("card")
      .notNull()
      .references(() => cardTable.id),
    body: text().notNull(),
  },
  (table) => [index("w_remarks_by_card").on(table.cardId)],
)
const labelTable = sqliteTable("w_labels", {
  ...record("label"),
  boardId: reference("board")
    .notNull()
    .references(() => boardTable.id),
})
const noteTable = sqliteTable("w_notes", {
  ...record("note"),
  boardId: reference("board").references(() => boardTable.id),
  teamId: reference("team"),
})
const authorTable = sqliteTable("w_authors", { ...record("author"), userId: reference("user").notNull().unique() })
const pageTable = sqliteTable("w_pages", {
  ...record("page"),
  authorId: reference("author", () => authorTable.id).notNull(),
  body: text().notNull(),
})

const editors = memberOf("teams", "teamId", "editor")

export const declared = [
  resource("teams", {
    table: teamTable,
    tenant: "id",
    policy: {
      read: memberOf("teams", "id"),
      create: signedIn(),
      update: memberOf("teams", "id", "admin"),
      delete: memberOf("teams", "id", "admin"),
    },
    fields: { createdBy: stamp(me) },
    members: {
      resource: "seats",
      record: "teamId",
      user: "userId",
      role: "role",
      roles: ["viewer", "editor", "admin"],
    },
    relations: {
      seats: many("seats", "teamId", { onDelete: "delete" }),
      boards: many("boards", "teamId", { onDelete: "delete" }),
    },
  }),
  resource("seats", {
    table: seatTable,
    tenant: "teamId",
    policy: {
      read: memberOf("teams", "teamId"),
      create: memberOf("teams", "teamId", "admin"),
      update: memberOf("teams", "teamId", "admin"),
      delete: is("userId", me),
    },
  }),
  resource("boards", {
    table: boardTable,
    tenant: "teamId",
    policy: {
      read: memberOf("teams", "teamId"),
      create: editors,
      update: editors,
      delete: memberOf("teams", "teamId", "admin"),
    },
    fields: { createdBy: stamp(me), teamId: immutable() },
    relations: {
      cards: many("cards", "boardId", { onDelete: "delete" }),
      labels: many("labels", "boardId", { onDelete: "refuse" }),
      notes: many("notes", "boardId", { onDelete: "clear" }),
    },
    computed: { cardCount: countOf("cards"), hasMine: existsOf("cards", is("ownerId", me)) },
  }),
  resource("cards", {
    table: cardTable,
    tenant: "teamId",
    policy: {
      read: any(is("ownerId", me), memberOf("teams", "teamId")),
      create: editors,
      update: any(is("ownerId", me), editors),
      delete: memberOf("teams", "teamId", "admin"),
    },
    fields: {
      teamId: stamp(parent("boardId", "teamId")),
      createdBy: stamp(me),
      hidden: { read: role("auditor"), write: role("auditor") },
      note: { read: is("ownerId", me), write: is("ownerId", me) },
    },
    relations: {
      board: one("boards", "boardId"),
      remarks: many("remarks", "cardId", { onDelete: "delete" }),
      children: many("cards", "parentId", { onDelete: "delete" }),
    },
  }),
  resource("remarks", {
    table: remarkTable,
    tenant: "teamId",
    policy: {
      read: can("read", "cardId"),
      create: can("read", "cardId"),
      update: can("update", "cardId"),
      delete: can("update", "cardId"),
    },
    fields: { teamId: stamp(parent("cardId", "teamId")) },
    relations: { card: one("cards", "cardId") },
  }),
  resource("labels", {
    table: labelTable,
    tenant: "none",
    policy: { read: anyone(), create: anyone(), update: anyone(), delete: anyone() },
  }),
  resource("notes", {
    table: noteTable,
    tenant: "teamId",
    policy: { read: anyone(), create: anyone(), update: anyone(), delete: anyone() },
  }),
  resource("authors", {
    table: authorTable,
    tenant: "none",
    policy: { read: anyone(), create: anyone(), update: is("userId", me), delete: anyone() },
  }),
  resource("pages", {
    table: pageTable,
    tenant: "none",
    policy: {
      read: anyone(),
      create: signedIn(),
      update: can("update", "authorId"),
      delete: can("update", "authorId"),
    },
    fields: { authorId: stamp(own("authors", "userId")) },
    relations: { author: one("authors", "authorId") },
  }),
]

export const models: Models = new Map(declared.map((each) => [each.name, compileModel(each as never)]))

/** Makes the tables anew. Children go first, for foreign keys cannot be turned off. */
export async function makeTables(): Promise<void> {
  const tables = declared.map((each) => each.table)
  const statements = [...tables].reverse().map((table) => `drop table if exists "${getTableConfig(table).name}"`)
  for (const table of tables) {
    const config = getTableConfig(table)
    const columns = config.columns.map((column) => {
      const words = [`"${column.name}" ${column.getSQLType()}`]
      if (column.primary) words.push("primary key")
      if (column.notNull && !column.primary) words.push("not null")
      if (column.isUnique) words.push("unique")
      const key = config.foreignKeys.map((each) => each.reference()).find((each) => each.columns[0] === column)
      if (key) words.push(`references "${getTableConfig(key.foreignTable).name}" ("id")`)
      return words.join(" ")
    })
    statements.push(`create table "${config.name}" (${columns.join(", ")})`)
    for (const each of config.indexes) {
      const names = each.config.columns.map((column) => `"${(column as { name: string }).name}"`).join(", ")
      statements.push(
        `create ${each.config.unique ? "unique " : ""}index "${each.config.name}" on "${config.name}" (${names})`,
      )
    }
  }
  await database.batch(statements.map((sql) => database.prepare(sql)))
}
