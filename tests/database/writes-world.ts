/** A small world to write in: teams with seats, boards in teams, cards on boards, and every kind of relation and column that a writer meets. */
import { env } from "cloudflare:workers"
import { getTableConfig, index, integer, real, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core"
import type { Write } from "../../src/core/changes.ts"
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
import type { Json } from "../../src/core/json.ts"
import { compileModel, type Models } from "../../src/core/model.ts"
import { any, anyone, can, is, me, memberOf, role, signedIn } from "../../src/core/policy.ts"
import type { Batch, Committed, Row } from "../../src/core/ports.ts"
import { type Principal, system, type User } from "../../src/core/principal.ts"
import { Problem } from "../../src/core/problem.ts"
import { resource } from "../../src/core/registry.ts"
import { immutable, many, one, parent, stamp } from "../../src/core/resource.ts"
import { type Client, openClient, type Statement } from "../../src/database/client.ts"
import { openWriter } from "../../src/database/writer.ts"

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

const editors = memberOf("teams", "teamId", "editor")

const declared = [
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

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

/** A TypeID. */
export function mint(prefix: string): string {
  const random = crypto.getRandomValues(new Uint8Array(16))
  return `${prefix}_0${[...random].map((byte) => alphabet[byte & 31]).join("")}${[...random.slice(0, 9)].map((byte) => alphabet[byte >> 3]).join("")}`
}

export const now = new Date("2026-11-21T10:00:00.000Z")
export const instantText = now.toISOString()

/** A user of this world. */
export function user(roles: readonly string[] = [], id = mint("user")): User {
  return { kind: "user", id, roles }
}

export const seeder = system("seeding the world")

type Wanted = {
  readonly op: Write["kind"]
  readonly resource: string
  readonly id?: string
  readonly values?: Row
  readonly version?: number
  readonly as?: Principal
}

/** Wanted writes in short: `create("cards", {…})`. */
export const create = (name: string, values: Row, as?: Principal, id?: string): Wanted => ({
  op: "create",
  resource: name,
  values,
  ...(as ? { as } : {}),
  ...(id ? { id } : {}),
})
export const update = (name: string, id: string, values: Row, version?: number, as?: Principal): Wanted => ({
  op: "update",
  resource: name,
  id,
  values,
  ...(version === undefined ? {} : { version }),
  ...(as ? { as } : {}),
})
export const remove = (name: string, id: string, version?: number): Wanted => ({
  op: "delete",
  resource: name,
  id,
  ...(version === undefined ? {} : { version }),
})

/** A batch of wanted writes by a principal. */
export function batchOf(principal: Principal, wanted: readonly Wanted[], more: Partial<Batch> = {}): Batch {
  const writes = wanted.map((want): Write => {
    const as = want.as ?? principal
    const model = models.get(want.resource)
    const id = want.id ?? mint(model?.idPrefix ?? "x")
    if (want.op === "create") return { kind: "create", resource: want.resource, id, values: want.values ?? {}, as }
    const version = want.version ?? null
    if (want.op === "delete") return { kind: "delete", resource: want.resource, id, version, as }
    return { kind: "update", resource: want.resource, id, values: want.values ?? {}, version, as }
  })
  return {
    operation: "test.write",
    requestId: "req_1",
    principal,
    now,
    writes,
    decidedOn: [],
    required: [],
    idempotency: null,
    ...more,
  }
}

/** What a commit took. */
export interface Sent {
  readonly outcome: Committed
  readonly trips: number
  readonly statements: readonly Statement[]
  readonly rowsRead: number
}

/** Commits a batch and tells what it took. */
export async function send(batch: Batch): Promise<Sent> {
  const inner = openClient(database, { bookmark: null, fresh: true })
  const statements: Statement[] = []
  const client: Client = {
    ...inner,
    batch: (list) => {
      statements.push(...list)
      return inner.batch(list)
    },
  }
  const outcome = await openWriter({ client, models, ids: { mint } }).commit(batch)
  return { outcome, trips: inner.cost.trips, statements, rowsRead: inner.cost.rowsRead }
}

/** Commits wanted writes; their rows. */
export async function write(principal: Principal, ...wanted: readonly Wanted[]): Promise<readonly (Row | null)[]> {
  const { outcome } = await send(batchOf(principal, wanted))
  if (outcome.kind !== "committed") throw new Error(outcome.kind)
  return outcome.rows
}

/** One written row. */
export async function written(principal: Principal, wanted: Wanted): Promise<Row> {
  const [row] = await write(principal, wanted)
  if (!row) throw new Error("no row was answered")
  return row
}

/** The problem that a promise ends with. */
export async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  try {
    await promise
  } catch (thrown) {
    if (thrown instanceof Problem) return thrown
    throw thrown
  }
  throw new Error("nothing was refused")
}

/** A team with an admin, an editor, a viewer and a board. */
export async function team() {
  const [admin, editor, viewer] = [user(), user(), user()]
  const [row] = await write(seeder, create("teams", { name: "Team" }))
  const teamId = String(row?.id)
  const seats = [admin, editor, viewer].map((each, n) =>
    create("seats", { teamId, userId: each.id, role: ["admin", "editor", "viewer"][n] as Json }),
  )
  await write(seeder, ...seats)
  const board = await written(editor, create("boards", { teamId, name: "Board" }))
  return { teamId, admin, editor, viewer, boardId: String(board.id) }
}

/** A row as it is stored. */
export async function stored(table: string, id: string): Promise<Record<string, unknown> | null> {
  return await database.prepare(`select * from "${table}" where id = ?1`).bind(id).first()
}

/** The events of a record, oldest first. */
export async function eventsOf(id: string): Promise<Record<string, unknown>[]> {
  const { results } = await database.prepare("select * from events where record = ?1 order by sequence").bind(id).all()
  return results.map((row) => ({
    ...row,
    before: row.before === null ? null : JSON.parse(String(row.before)),
    after: row.after === null ? null : JSON.parse(String(row.after)),
    changed: JSON.parse(String(row.changed)),
  }))
}

/** How many rows each table holds, events and stored answers included: what must not move when a batch is refused. */
export async function counts(): Promise<Record<string, number>> {
  const tables = [...declared.map((each) => getTableConfig(each.table).name), "events", "idempotency", "guard"]
  const results = await database.batch(tables.map((name) => database.prepare(`select count(*) as n from "${name}"`)))
  return Object.fromEntries(tables.map((name, n) => [name, Number((results[n]?.results[0] as { n: number }).n)]))
}
