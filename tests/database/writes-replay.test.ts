/** A key makes a write happen once: the same answer again, the same key never for another input, and no row twice. */
import { beforeAll, describe, expect, it } from "vitest"
import type { Json } from "../../src/core/json.ts"
import type { Batch } from "../../src/core/ports.ts"
import { openClient } from "../../src/database/client.ts"
import { openWriter } from "../../src/database/writer.ts"
import {
  batchOf,
  counts,
  create,
  database,
  makeTables,
  mint,
  models,
  now,
  problemOf,
  remove,
  send,
  team,
  update,
  write,
  written,
} from "./writes-world.ts"

beforeAll(makeTables)

type Key = NonNullable<Batch["idempotency"]>

function keyed(key: string, more: Partial<Key> = {}): { idempotency: Key } {
  const expiresAt = new Date(now.getTime() + 60_000).toISOString()
  return {
    idempotency: { key, inputHash: "input", answer: null, pendings: [{ at: null, write: 0 }], expiresAt, ...more },
  }
}

describe("a write with a key", () => {
  it("answers the same when it comes again, in two trips, and writes nothing", async () => {
    const { editor, boardId } = await team()
    const key = mint("key")
    const wanted = () =>
      batchOf(
        editor,
        [
          create("cards", {
            boardId,
            title: "a\u0000😀",
            weight: 0.1 + 0.2,
            big: "9007199254740993",
            done: true,
            extra: { a: [1] },
            note: "n",
            ownerId: editor.id,
            email: "me@x.example",
            pin: "9-pin",
          }),
        ],
        keyed(key),
      )
    const first = await send(wanted())
    expect(first.trips).toBe(1)
    const row = first.outcome.kind === "committed" ? first.outcome.rows[0] : null
    const before = await counts()
    const again = await send(wanted())
    expect(again.trips).toBe(2)
    expect(again.outcome).toEqual({ kind: "replayed", answer: row })
    expect(await counts()).toEqual(before)
    const stored = await database
      .prepare('select answer from idempotency where "key" = ?1')
      .bind(key)
      .first<string>("answer")
    expect(stored).toContain("me@x.example")
    expect(stored).not.toContain("9-pin")
    expect(stored).not.toContain("hidden")
  })

  it("of which 20 come at once writes one row and answers all alike", async () => {
    const { editor, boardId } = await team()
    const key = mint("key")
    const before = await counts()
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () =>
        send(batchOf(editor, [create("cards", { boardId, title: "once" })], keyed(key))),
      ),
    )
    const answers = outcomes.map(({ outcome }) =>
      outcome.kind === "committed" ? outcome.rows[0] : outcome.kind === "replayed" ? outcome.answer : null,
    )
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    expect(outcomes.filter(({ outcome }) => outcome.kind === "committed")).toHaveLength(1)
    const after = await counts()
    expect([
      Number(after.w_cards) - Number(before.w_cards),
      Number(after.events) - Number(before.events),
      Number(after.idempotency) - Number(before.idempotency),
    ]).toEqual([1, 1, 1])
  })

  it("is refused for another input", async () => {
    const { editor, boardId } = await team()
    const key = mint("key")
    await send(batchOf(editor, [create("cards", { boardId, title: "a" })], keyed(key)))
    const before = await counts()
    const problem = await problemOf(
      send(batchOf(editor, [create("cards", { boardId, title: "b" })], keyed(key, { inputHash: "other" }))),
    )
    expect([problem.code, problem.options.type]).toEqual(["FAILED_PRECONDITION", "idempotency-key-reused"])
    expect(await counts()).toEqual(before)
  })

  it("replays though its guard, its version or a unique column would now refuse it", async () => {
    const { editor, admin, boardId, teamId } = await team()
    const card = await written(editor, create("cards", { boardId, title: "a" }))
    const id = String(card.id)
    const [up, del, board] = [mint("key"), mint("key"), mint("key")]
    const first = await send(batchOf(editor, [update("cards", id, { title: "b" }, 1)], keyed(up)))
    const row = first.outcome.kind === "committed" ? first.outcome.rows[0] : null
    expect((await send(batchOf(editor, [update("cards", id, { title: "b" }, 1)], keyed(up)))).outcome).toEqual({
      kind: "replayed",
      answer: row,
    })
    const name = mint("name")
    await send(batchOf(editor, [create("boards", { teamId, name })], keyed(board)))
    expect((await send(batchOf(editor, [create("boards", { teamId, name })], keyed(board)))).outcome).toMatchObject({
      kind: "replayed",
      answer: { name },
    })
    const deletion = { answer: { id } as Json, pendings: [] }
    await send(batchOf(admin, [remove("cards", id)], keyed(del, deletion)))
    expect((await send(batchOf(admin, [remove("cards", id)], keyed(del, deletion)))).outcome).toEqual({
      kind: "replayed",
      answer: { id },
    })
  })

  it("stores nothing when it is refused, and may be sent again", async () => {
    const { editor, viewer, boardId } = await team()
    const key = mint("key")
    const before = await counts()
    const refused = await problemOf(send(batchOf(viewer, [create("cards", { boardId, title: "a" })], keyed(key))))
    expect(refused.code).toBe("PERMISSION_DENIED")
    const absent = await problemOf(send(batchOf(editor, [update("cards", mint("card"), { title: "a" })], keyed(key))))
    expect(absent.code).toBe("NOT_FOUND")
    expect(await counts()).toEqual(before)
    expect((await send(batchOf(editor, [create("cards", { boardId, title: "a" })], keyed(key)))).outcome.kind).toBe(
      "committed",
    )
  })

  it("is free again when its time is over", async () => {
    const { editor, boardId } = await team()
    const key = mint("key")
    await send(batchOf(editor, [create("cards", { boardId, title: "a" })], keyed(key)))
    const later = new Date(now.getTime() + 120_000)
    const outcome = (
      await send(
        batchOf(editor, [create("cards", { boardId, title: "b" })], {
          ...keyed(key, { inputHash: "other", expiresAt: "2027-01-01T00:00:00.000Z" }),
          now: later,
        }),
      )
    ).outcome
    expect(outcome).toMatchObject({ kind: "committed", rows: [{ title: "b" }] })
    const replayed = await openWriter({
      client: openClient(database, { bookmark: null, fresh: true }),
      models,
      ids: { mint },
    }).replay(key, "other", later)
    expect(replayed?.answer).toMatchObject({ title: "b" })
  })

  it("puts rows where they were promised: properties, lists, several resources, rows out of sight", async () => {
    const { editor, boardId } = await team()
    const key = mint("key")
    const hidden = mint("seat")
    const other = await team()
    const pendings = [
      { at: "card", write: 0 },
      { at: "/list/1", write: 1 },
      { at: "/list/2", write: 2 },
      { at: "unseen", write: 3 },
    ]
    const answer = { card: null, list: ["first", null, null], unseen: null, rest: { a: 1 } }
    const card = mint("card")
    const wanted = () =>
      batchOf(
        editor,
        [
          create("cards", { boardId, title: "a" }, undefined, card),
          create("remarks", { cardId: card, body: "b" }),
          update("cards", card, { title: "c" }),
          create(
            "seats",
            { teamId: other.teamId, userId: mint("user"), role: "viewer" },
            { kind: "system", reason: "x" },
            hidden,
          ),
        ],
        keyed(key, { answer, pendings }),
      )
    const first = await send(wanted())
    const rows = first.outcome.kind === "committed" ? first.outcome.rows : []
    expect(rows[3]).toBeNull()
    const again = await send(wanted())
    expect(again.outcome).toEqual({
      kind: "replayed",
      answer: { card: rows[0], list: ["first", rows[1], rows[2]], unseen: { id: hidden }, rest: { a: 1 } },
    })
    expect(rows[0]).toMatchObject({ title: "c", version: 2 })
  })

  it("holds for a hundred rows", async () => {
    const { editor, boardId } = await team()
    const key = mint("key")
    const wanted = Array.from({ length: 100 }, (_, n) => create("cards", { boardId, title: `${n}` }))
    const pendings = wanted.map((_, n) => ({ at: `/records/${n}`, write: n }))
    const batch = batchOf(editor, wanted, keyed(key, { answer: { records: wanted.map(() => null) }, pendings }))
    const first = await send(batch)
    expect([first.trips, first.statements.length]).toEqual([1, 6])
    const rows = first.outcome.kind === "committed" ? first.outcome.rows : []
    expect((await send(batch)).outcome).toEqual({ kind: "replayed", answer: { records: rows } })
  })

  it("is unknown to others", async () => {
    const writer = openWriter({ client: openClient(database, { bookmark: null, fresh: true }), models, ids: { mint } })
    expect(await writer.replay(mint("key"), "input", now)).toBeNull()
    expect(await write({ kind: "system", reason: "nothing" })).toEqual([])
  })
})
