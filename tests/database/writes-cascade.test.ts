/** Deletions are told: what goes with a record goes row by row through the log; what stands in the way refuses. */
import { beforeAll, describe, expect, it } from "vitest"
import {
  batchOf,
  counts,
  create,
  database,
  eventsOf,
  instantText,
  makeTables,
  mint,
  problemOf,
  remove,
  seeder,
  send,
  stored,
  team,
  write,
  written,
} from "./writes-world.ts"

beforeAll(makeTables)

async function changes(id: string): Promise<unknown[]> {
  return (await eventsOf(id)).map((event) => event.change)
}

describe("deleting a record with relations", () => {
  it("deletes, nested, children first, and clears, each row with its event, in one trip", async () => {
    const { admin, editor, boardId, teamId } = await team()
    const card = String((await written(editor, create("cards", { boardId, title: "c", email: "a@b.example" }))).id)
    const [remark, second] = await write(
      editor,
      create("remarks", { cardId: card, body: "1" }),
      create("remarks", { cardId: card, body: "2" }),
    )
    const note = String((await written(seeder, create("notes", { boardId, teamId }))).id)
    const sent = await send(batchOf(admin, [remove("boards", boardId)]))
    expect(sent.trips).toBe(1)
    for (const id of [card, String(remark?.id), String(second?.id), boardId])
      expect(await changes(id)).toEqual(["created", "deleted"])
    for (const [table, id] of [
      ["w_cards", card],
      ["w_remarks", String(remark?.id)],
      ["w_boards", boardId],
    ] as const)
      expect(await stored(table, id)).toBeNull()
    expect(await stored("w_notes", note)).toMatchObject({ boardId: null, teamId, version: 2, updatedAt: instantText })
    const [, cleared] = await eventsOf(note)
    expect(cleared).toMatchObject({
      change: "updated",
      changed: ["boardId"],
      actor: admin.id,
      tenant: teamId,
      before: { boardId, version: 1 },
      after: { boardId: null, version: 2, teamId },
    })
    const [, gone] = await eventsOf(card)
    expect(gone).toMatchObject({
      change: "deleted",
      actor: admin.id,
      tenant: teamId,
      operation: "test.write",
      requestId: "req_1",
      after: null,
      before: { id: card, title: "c", email: null },
    })
    const order = await Promise.all(
      [String(remark?.id), card, boardId].map(async (id) => Number((await eventsOf(id)).at(-1)?.sequence)),
    )
    expect(order).toEqual([...order].sort((a, b) => a - b))
  })

  it("asks for the right before the grants that give it are gone", async () => {
    const { admin, editor, teamId, boardId } = await team()
    const card = String((await written(editor, create("cards", { boardId, title: "c" }))).id)
    const before = await counts()
    expect((await problemOf(send(batchOf(editor, [remove("teams", teamId)])))).code).toBe("PERMISSION_DENIED")
    expect(await counts()).toEqual(before)
    await write(admin, remove("teams", teamId))
    expect(await stored("w_teams", teamId)).toBeNull()
    expect(await changes(card)).toEqual(["created", "deleted"])
    const seats = await database
      .prepare('select count(*) as n from w_seats where "teamId" = ?1')
      .bind(teamId)
      .first("n")
    expect(seats).toBe(0)
  })

  it("takes a tree of its own kind along, to the leaves", async () => {
    const { admin, editor, boardId } = await team()
    const [root, child, leaf, beside] = [mint("card"), mint("card"), mint("card"), mint("card")]
    const card = (id: string, parentId: string | null) =>
      create("cards", { boardId, title: id, parentId }, undefined, id)
    await write(editor, card(root, null), card(child, root), card(leaf, child), card(beside, null))
    const remark = String((await written(editor, create("remarks", { cardId: leaf, body: "x" }))).id)
    await write(admin, remove("cards", root))
    for (const id of [root, child, leaf, remark]) expect(await changes(id)).toEqual(["created", "deleted"])
    expect(await stored("w_cards", beside)).not.toBeNull()
  })

  it("is refused while a relation says so, and nothing goes", async () => {
    const { admin, editor, boardId } = await team()
    await write(editor, create("cards", { boardId, title: "c" }))
    await write(seeder, create("labels", { boardId }))
    const before = await counts()
    const problem = await problemOf(send(batchOf(admin, [remove("boards", boardId)])))
    expect([problem.code, problem.message]).toEqual(["FAILED_PRECONDITION", "Records in labels still belong to it"])
    expect((await problemOf(send(batchOf(editor, [remove("boards", boardId)])))).code).toBe("PERMISSION_DENIED")
    expect(await counts()).toEqual(before)
  })

  it("is refused beyond the bound of a relation, and done at the bound", async () => {
    const { admin, editor, boardId, teamId } = await team()
    const card = String((await written(editor, create("cards", { boardId, title: "c" }))).id)
    const fill = (from: number, to: number) =>
      database
        .prepare(
          `insert into w_remarks ("id", "version", "createdAt", "updatedAt", "teamId", "cardId", "body") ` +
            `with recursive n(i) as (select cast(?1 as integer) union all select i + 1 from n where i < cast(?2 as integer)) select ?3 || i, 1, ?4, ?4, ?5, ?3, 'x' from n`,
        )
        .bind(from, to, card, instantText, teamId)
        .run()
    await fill(1, 1001)
    const before = await counts()
    const problem = await problemOf(send(batchOf(admin, [remove("cards", card)])))
    expect([problem.code, problem.message]).toEqual([
      "FAILED_PRECONDITION",
      "Too many records in remarks belong to it; delete some of them first",
    ])
    expect(await counts()).toEqual(before)
    await database.prepare("delete from w_remarks where id = ?1").bind(`${card}1`).run()
    await write(admin, remove("cards", card))
    expect(await stored("w_cards", card)).toBeNull()
    const ids = await database
      .prepare("select count(*) as n, count(distinct id) as d, min(length(id)) as l from events where before like ?1")
      .bind(`%"cardId":"${card}"%`)
      .first()
    expect(ids).toEqual({ n: 1000, d: 1000, l: 32 })
  })

  it("guards the version of the root", async () => {
    const { admin, boardId } = await team()
    const before = await counts()
    expect((await problemOf(send(batchOf(admin, [remove("boards", boardId, 4)])))).options.type).toBe(
      "version-mismatch",
    )
    expect(await counts()).toEqual(before)
    await write(admin, remove("boards", boardId, 1))
  })
})
