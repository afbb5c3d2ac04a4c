/** Acting in the small world: who writes what, what it took, what is stored and logged afterwards. */
import { getTableConfig } from "drizzle-orm/sqlite-core"
import type { Write } from "../../src/core/changes.ts"
import type { Json } from "../../src/core/json.ts"
import type { Batch, Committed, Row } from "../../src/core/ports.ts"
import { type Principal, system, type User } from "../../src/core/principal.ts"
import { Problem } from "../../src/core/problem.ts"
import { type Client, openClient, type Statement } from "../../src/database/client.ts"
import { openWriter } from "../../src/database/writer.ts"
import { database, declared, makeTables, models } from "./writes-tables.ts"

export { database, makeTables, models }

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
    outbox: [],
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
  const first = (n: number): { n: number } => (results[n]?.results[0] ?? { n: -1 }) as { n: number }
  return Object.fromEntries(tables.map((name, n) => [name, first(n).n]))
}
