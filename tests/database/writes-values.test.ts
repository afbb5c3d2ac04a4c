/** Values through a write and back: each kind keeps its storage class and its exact value, alone and in a set. */
import { beforeAll, describe, expect, it } from "vitest"
import type { Row } from "../../src/core/ports.ts"
import { create, database, eventsOf, makeTables, team, update, write, written } from "./writes-world.ts"

beforeAll(makeTables)

const values: Row = {
  title: "a\u0000b 😀 é \"'$?1 \u2028",
  rank: -2_147_483_648,
  size: 9_007_199_254_740_991,
  big: "9223372036854775807",
  weight: 0.1 + 0.2,
  done: true,
  day: "2026-02-28",
  dueAt: "2026-11-21T10:00:00.123Z",
  extra: { list: [1, 1.5, null, true, "x\u0000y"], deep: { "a.b": "😀" } },
  email: "12345",
}

async function types(id: string): Promise<Record<string, unknown> | null> {
  const columns = ["title", "rank", "size", "big", "weight", "done", "day", "extra", "email", "version", "createdAt"]
  return await database
    .prepare(`select ${columns.map((key) => `typeof("${key}") as "${key}"`).join(", ")} from w_cards where id = ?1`)
    .bind(id)
    .first()
}

const classes = {
  title: "text",
  rank: "integer",
  size: "integer",
  big: "integer",
  weight: "real",
  done: "integer",
  day: "text",
  extra: "text",
  email: "text",
  version: "integer",
  createdAt: "text",
}

describe("values", () => {
  it("come back exactly from a create and stand so in the event", async () => {
    const { editor, boardId } = await team()
    const row = await written(editor, create("cards", { boardId, ...values }))
    expect(row).toMatchObject(values)
    expect(await types(String(row.id))).toEqual(classes)
    const [event] = await eventsOf(String(row.id))
    expect(event?.after).toMatchObject({ ...values, email: null })
  })

  it("come back exactly from an update", async () => {
    const { editor, boardId } = await team()
    const made = await written(editor, create("cards", { boardId, title: "x" }))
    expect(await written(editor, update("cards", String(made.id), values))).toMatchObject(values)
    expect(await types(String(made.id))).toEqual(classes)
    const [, event] = await eventsOf(String(made.id))
    expect(event?.after).toMatchObject({ ...values, email: null })
  })

  it("come back exactly from sets", async () => {
    const { editor, boardId } = await team()
    const rows = await write(
      editor,
      create("cards", { boardId, ...values }),
      create("cards", { boardId, title: "plain" }),
    )
    expect(rows[0]).toMatchObject(values)
    expect(rows[1]).toMatchObject({ title: "plain", rank: 2, weight: null, done: false, extra: null, big: null })
    expect(await types(String(rows[0]?.id))).toEqual(classes)
    const [a, b] = await write(
      editor,
      update("cards", String(rows[0]?.id), { weight: 5, done: false }),
      update("cards", String(rows[1]?.id), values),
    )
    expect(a).toMatchObject({ ...values, weight: 5, done: false })
    expect(b).toMatchObject(values)
    expect(await types(String(rows[0]?.id))).toEqual(classes)
    expect(await types(String(rows[1]?.id))).toEqual(classes)
    const [, event] = await eventsOf(String(rows[1]?.id))
    expect(event).toMatchObject({ after: { ...values, email: null }, before: { title: "plain" } })
    expect(event?.changed).toEqual(Object.keys(values))
  })

  it("keeps every double in a set", async () => {
    const { editor, boardId } = await team()
    const bits = new DataView(new ArrayBuffer(8))
    const doubles = Array.from({ length: 90 }, () => {
      crypto.getRandomValues(new Uint8Array(bits.buffer))
      const value = bits.getFloat64(0)
      return Number.isFinite(value) ? value : 1 / 3
    })
    const all = [...doubles, 5e-324, Number.MAX_VALUE, -0.1, 1e21, 2 ** 53 + 2, 0, -1]
    const rows = await write(editor, ...all.map((weight, n) => create("cards", { boardId, title: String(n), weight })))
    expect(rows.map((row) => row?.weight)).toEqual(all)
  })

  it("keeps an int64 exact beyond 2^53", async () => {
    const { editor, boardId } = await team()
    const numbers = ["-9223372036854775808", "9007199254740993", "0", "-1"]
    const rows = await write(editor, ...numbers.map((big) => create("cards", { boardId, title: "x", big })))
    expect(rows.map((row) => row?.big)).toEqual(numbers)
  })
})
