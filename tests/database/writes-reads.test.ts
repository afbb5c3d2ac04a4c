/** Records read in the batch that wrote: as they are after it, for the caller and nobody else; and read anew when a key answers again. */
import { beforeAll, describe, expect, it } from "vitest"
import type { GetPlan } from "../../src/core/plan.ts"
import type { IdempotencyRecord } from "../../src/core/ports.ts"
import { system } from "../../src/core/principal.ts"
import {
  batchOf,
  counts,
  create,
  database,
  makeTables,
  mint,
  now,
  problemOf,
  remove,
  type Sent,
  send,
  team,
  update,
  user,
  written,
} from "./writes-world.ts"

beforeAll(makeTables)

const boardPlan = (id: string, more: Partial<GetPlan> = {}): GetPlan => ({
  kind: "get",
  resource: "boards",
  id,
  fields: ["name", "version", "cardCount", "hasMine"],
  expand: {},
  ...more,
})
const cardPlan = (id: string, more: Partial<GetPlan> = {}): GetPlan => ({
  ...boardPlan(id),
  resource: "cards",
  fields: ["title", "hidden", "note"],
  ...more,
})
const readOf = ({ outcome }: Sent, n = 0) => (outcome.kind === "committed" ? outcome.reads[n] : outcome.kind)

describe("a record that is read after the writes", () => {
  it("shows them, with what is computed and expanded, in the same trip", async () => {
    const { editor, boardId } = await team()
    const cards = { resource: "cards", fields: ["title"], expand: {}, limit: 5 }
    const wanted = [
      create("cards", { boardId, title: "mine", ownerId: editor.id }),
      create("cards", { boardId, title: "nobody's" }),
      update("boards", boardId, { name: "Renamed" }),
    ]
    const sent = await send(batchOf(editor, wanted, { reads: [boardPlan(boardId, { expand: { cards } })] }))
    expect(sent.trips).toBe(1)
    expect(readOf(sent)).toMatchObject({ name: "Renamed", version: 2, cardCount: 2, hasMine: true })
    const { cards: found } = readOf(sent) as { cards: { title: string }[] }
    expect(found.map(({ title }) => title).sort()).toEqual(["mine", "nobody's"])
  })

  it("is the caller's to see, also where a system wrote", async () => {
    const { viewer, boardId, editor } = await team()
    const root = system("the test writes for somebody", viewer.id)
    const id = mint("card")
    const values = { boardId, title: "a", hidden: mint("hidden"), note: "n", ownerId: editor.id }
    const sent = await send(
      batchOf(viewer, [create("cards", values, root, id)], { reads: [cardPlan(id), boardPlan(boardId)] }),
    )
    // Neither the auditor's column nor the owner's.
    expect(readOf(sent)).toEqual({ title: "a" })
    expect(readOf(sent, 1)).toMatchObject({ cardCount: 1, hasMine: false })
  })

  it("is null when the caller may not see it, when it is gone, and when there was none", async () => {
    const { boardId, admin } = await team()
    const stranger = user()
    const theirs = await send(batchOf(stranger, [create("teams", { name: "Mine" })], { reads: [boardPlan(boardId)] }))
    expect(readOf(theirs)).toBeNull()
    const gone = await send(
      batchOf(admin, [remove("boards", boardId)], { reads: [boardPlan(boardId), boardPlan(mint("board"))] }),
    )
    expect([readOf(gone), readOf(gone, 1)]).toEqual([null, null])
  })

  it("is seen by a right that the batch itself has given, and not by one that it has taken", async () => {
    const { admin, viewer, boardId, teamId } = await team()
    const newcomer = user()
    const seat = create("seats", { teamId, userId: newcomer.id, role: "viewer" }, system("an invitation was taken"))
    expect(readOf(await send(batchOf(newcomer, [seat], { reads: [boardPlan(boardId)] })))).toMatchObject({
      name: "Board",
    })
    const { results } = await database
      .prepare('select id from w_seats where "userId" = ?1')
      .bind(viewer.id)
      .all<{ id: string }>()
    const leaving = remove("seats", String(results[0]?.id))
    expect(readOf(await send(batchOf(viewer, [leaving], { reads: [boardPlan(boardId)] })))).toBeNull()
    expect(readOf(await send(batchOf(admin, [], { reads: [boardPlan(boardId)] })))).toMatchObject({ name: "Board" })
  })

  it("is found by a natural key that the batch itself has given", async () => {
    const { editor, boardId } = await team()
    const code = mint("code")
    const wanted = create("cards", { boardId, title: "coded", code })
    const sent = await send(batchOf(editor, [wanted], { reads: [cardPlan(code, { key: "code" })] }))
    expect(readOf(sent)).toEqual({ title: "coded" })
  })

  it("comes with the rows of the writes, each in its place", async () => {
    const { editor, boardId } = await team()
    const id = mint("card")
    const wanted = [create("cards", { boardId, title: "a" }, undefined, id), update("cards", id, { title: "b" })]
    const { outcome } = await send(batchOf(editor, wanted, { reads: [boardPlan(boardId), cardPlan(id)] }))
    expect(outcome).toMatchObject({
      kind: "committed",
      rows: [
        { id, title: "b" },
        { id, title: "b" },
      ],
      reads: [{ cardCount: 1 }, { title: "b" }],
    })
  })

  it("changes nothing of a refusal: nothing is written, nothing is read", async () => {
    const { viewer, boardId } = await team()
    const before = await counts()
    const batch = batchOf(viewer, [create("cards", { boardId, title: "a" })], { reads: [boardPlan(boardId)] })
    expect((await problemOf(send(batch))).code).toBe("PERMISSION_DENIED")
    expect(await counts()).toEqual(before)
  })
})

describe("under a key", () => {
  const keyed = (key: string, reads: IdempotencyRecord["reads"]): IdempotencyRecord => ({
    key,
    inputHash: "input",
    answer: { board: null, more: 1 },
    pendings: [],
    reads,
    expiresAt: new Date(now.getTime() + 60_000).toISOString(),
  })

  it("the record is not stored: the second answer says what to read, and writes nothing", async () => {
    const { editor, boardId } = await team()
    const key = mint("key")
    const plan = boardPlan(boardId)
    const batch = () =>
      batchOf(editor, [create("cards", { boardId, title: "once" })], {
        reads: [plan],
        idempotency: keyed(key, [{ at: "/board", plan }]),
      })
    const first = await send(batch())
    expect(readOf(first)).toMatchObject({ name: "Board", cardCount: 1 })
    await written(editor, update("boards", boardId, { name: "Since" }))
    const before = await counts()
    const again = await send(batch())
    expect(again.outcome).toEqual({
      kind: "replayed",
      answer: { board: null, more: 1 },
      reads: [{ at: "/board", plan }],
    })
    expect(await counts()).toEqual(before)
    const stored = await database.prepare('select * from idempotency where "key" = ?1').bind(key).first()
    expect(JSON.stringify(stored)).not.toMatch(/Since|cardCount":\d/)
  })
})
