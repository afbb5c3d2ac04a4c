/** Several writes at once: all of them or none, in one trip and a handful of statements, and the refused one by its place. */
import { beforeAll, describe, expect, it } from "vitest"
import { system } from "../../src/core/principal.ts"
import {
  batchOf,
  counts,
  create,
  eventsOf,
  makeTables,
  mint,
  problemOf,
  remove,
  seeder,
  send,
  stored,
  team,
  update,
  user,
  write,
  written,
} from "./writes-world.ts"

beforeAll(makeTables)

const titles = (n: number) => Array.from({ length: n }, (_, i) => `card ${i}`)

describe("a batch", () => {
  it("of 100 creates is three statements and one read of the rows, in one trip, each with its event", async () => {
    const { editor, boardId, teamId } = await team()
    const sent = await send(
      batchOf(
        editor,
        titles(100).map((title) => create("cards", { boardId, title })),
      ),
    )
    expect([sent.trips, sent.statements.length]).toEqual([1, 4])
    const rows = sent.outcome.kind === "committed" ? sent.outcome.rows : []
    expect(rows.map((row) => row?.title)).toEqual(titles(100))
    expect(await eventsOf(String(rows[99]?.id))).toMatchObject([
      { change: "created", tenant: teamId, after: { title: "card 99", teamId, createdBy: editor.id } },
    ])
  })

  it("of 100 updates with differing fields stays a handful, and each row gets only what was given", async () => {
    const { editor, boardId } = await team()
    const rows = await write(editor, ...titles(100).map((title, n) => create("cards", { boardId, title, rank: n })))
    const patches = rows.map((row, n) =>
      update("cards", String(row?.id), n % 2 === 0 ? { title: `even ${n}` } : { rank: n + 1000, done: true }),
    )
    const sent = await send(batchOf(editor, patches))
    expect([sent.trips, sent.statements.length]).toEqual([1, 4])
    const after = sent.outcome.kind === "committed" ? sent.outcome.rows : []
    expect(after[10]).toMatchObject({ title: "even 10", rank: 10, done: false, version: 2 })
    expect(after[11]).toMatchObject({ title: "card 11", rank: 1011, done: true, version: 2 })
    expect((await eventsOf(String(rows[11]?.id)))[1]).toMatchObject({
      changed: ["rank", "done"],
      before: { rank: 11 },
      after: { rank: 1011, title: "card 11", version: 2 },
    })
    expect(sent.rowsRead).toBeLessThan(2500)
  })

  it("of 100 deletes takes what belongs to them along, in one trip", async () => {
    const { editor, admin, boardId } = await team()
    const rows = await write(editor, ...titles(100).map((title) => create("cards", { boardId, title })))
    const [remark] = await write(editor, create("remarks", { cardId: String(rows[42]?.id), body: "hm" }))
    const sent = await send(
      batchOf(
        admin,
        rows.map((row) => remove("cards", String(row?.id))),
      ),
    )
    expect(sent.trips).toBe(1)
    expect(sent.statements.length).toBeLessThan(15)
    expect(await stored("w_remarks", String(remark?.id))).toBeNull()
    expect((await eventsOf(String(remark?.id))).map((event) => event.change)).toEqual(["created", "deleted"])
    for (const n of [0, 99])
      expect((await eventsOf(String(rows[n]?.id))).map((event) => event.change)).toEqual(["created", "deleted"])
  })

  it("names the refused record of a set by its place, and writes nothing of the others", async () => {
    const { editor, boardId } = await team()
    const other = await team()
    const before = await counts()
    const wanted = titles(30).map((title, n) =>
      create("cards", { boardId: n === 17 || n === 23 ? other.boardId : boardId, title }),
    )
    const problem = await problemOf(send(batchOf(editor, wanted, { operation: "cards.batch" })))
    expect(problem.code).toBe("PERMISSION_DENIED")
    expect(problem.options.violations).toMatchObject([{ path: "/records/17", code: "permission_denied" }])
    expect(await counts()).toEqual(before)
  })

  it("names the refused update and delete of a set, invisible and visible apart", async () => {
    const { editor, admin, boardId } = await team()
    const rows = await write(editor, ...titles(5).map((title) => create("cards", { boardId, title })))
    const ids = rows.map((row) => String(row?.id))
    const before = await counts()
    const absent = ids.map((id, n) => update("cards", n === 3 ? mint("card") : id, { title: "y" }))
    expect(
      (await problemOf(send(batchOf(editor, absent, { operation: "cards.batch" })))).options.violations,
    ).toMatchObject([{ path: "/records/3", code: "not_found" }])
    const stale = ids.map((id, n) => update("cards", id, { title: "y" }, n === 2 ? 7 : 1))
    const mismatch = await problemOf(send(batchOf(editor, stale, { operation: "cards.batch" })))
    expect([mismatch.options.type, mismatch.options.violations?.[0]?.path]).toEqual(["version-mismatch", "/records/2"])
    const deletes = await problemOf(
      send(
        batchOf(
          editor,
          ids.map((id) => remove("cards", id)),
          { operation: "cards.batch" },
        ),
      ),
    )
    expect([deletes.code, deletes.options.violations?.[0]?.path]).toEqual(["PERMISSION_DENIED", "/records/0"])
    const some = ids.map((id, n) => remove("cards", n === 4 ? mint("card") : id))
    expect(
      (await problemOf(send(batchOf(admin, some, { operation: "cards.batch" })))).options.violations,
    ).toMatchObject([{ path: "/records/4", code: "not_found" }])
    expect(await counts()).toEqual(before)
  })

  it("rolls back everything when one of several different writes is refused", async () => {
    const { editor, boardId } = await team()
    const card = await written(editor, create("cards", { boardId, title: "x" }))
    const before = await counts()
    const wanted = [
      create("cards", { boardId, title: "new" }),
      update("cards", String(card.id), { title: "changed" }),
      create("remarks", { cardId: String(card.id), body: "b" }),
      remove("cards", String(card.id)),
    ]
    const problem = await problemOf(send(batchOf(editor, wanted)))
    expect([problem.code, problem.options.violations]).toEqual(["PERMISSION_DENIED", undefined])
    expect(await counts()).toEqual(before)
    expect((await stored("w_cards", String(card.id)))?.title).toBe("x")
  })

  it("checks a field's write rule record by record", async () => {
    const { editor, boardId } = await team()
    const wanted = [
      create("cards", { boardId, title: "a" }),
      create("cards", { boardId, title: "b", note: "n", ownerId: editor.id }),
      create("cards", { boardId, title: "c" }),
    ]
    expect((await write(editor, ...wanted)).map((row) => row?.note)).toEqual([undefined, "n", undefined])
    const bad = [...wanted, create("cards", { boardId, title: "d", note: "n" })]
    const problem = await problemOf(send(batchOf(editor, bad, { operation: "cards.batch" })))
    expect(problem.options.violations?.[0]?.path).toBe("/records/3")
  })

  it("lets later writes stand on earlier ones, and shows rows as they are at the end", async () => {
    const founder = user()
    const [teamId, boardId] = [mint("team"), mint("board")]
    const rows = await write(
      founder,
      create("teams", { name: "New" }, undefined, teamId),
      create("seats", { teamId, userId: founder.id, role: "admin" }, system("founding")),
      create("boards", { teamId, name: "First" }, undefined, boardId),
      create("cards", { boardId, title: "x" }),
    )
    expect(rows.map((row) => row !== null)).toEqual([true, true, true, true])
    expect(rows[3]).toMatchObject({ teamId })
  })

  it("keeps the order of writes to one record", async () => {
    const { editor, boardId } = await team()
    const card = await written(editor, create("cards", { boardId, title: "x" }))
    const id = String(card.id)
    const rows = await write(editor, update("cards", id, { title: "a" }), update("cards", id, { title: "b" }))
    expect(rows.map((row) => [row?.title, row?.version])).toEqual([
      ["b", 3],
      ["b", 3],
    ])
    expect((await eventsOf(id)).map((event) => (event.after as { title: string }).title)).toEqual(["x", "a", "b"])
  })

  it("finds a parent that the same set creates", async () => {
    const { editor, boardId } = await team()
    const first = mint("card")
    const rows = await write(
      editor,
      create("cards", { boardId, title: "p" }, undefined, first),
      create("cards", { boardId, title: "c", parentId: first }),
    )
    expect(rows[1]?.parentId).toBe(first)
  })
})

describe("a decision", () => {
  it("is stale when a row that it stands on has changed, and nothing is written", async () => {
    const { editor, boardId } = await team()
    const [a, b] = await write(
      editor,
      create("cards", { boardId, title: "a" }),
      create("cards", { boardId, title: "b" }),
    )
    await write(editor, update("cards", String(a?.id), { title: "changed" }))
    const before = await counts()
    const read = (version: number) => ({ decidedOn: [{ resource: "cards", id: String(a?.id), version }] })
    const other = [update("cards", String(b?.id), { title: "c" })]
    expect((await send(batchOf(editor, other, read(1)))).outcome).toEqual({ kind: "stale" })
    const same = [
      create("remarks", { cardId: String(b?.id), body: "x" }),
      update("cards", String(a?.id), { title: "c" }),
    ]
    expect((await send(batchOf(editor, same, read(1)))).outcome).toEqual({ kind: "stale" })
    expect((await send(batchOf(editor, [update("cards", String(a?.id), { title: "c" })], read(1)))).outcome).toEqual({
      kind: "stale",
    })
    expect(await counts()).toEqual(before)
    expect((await send(batchOf(editor, other, read(2)))).outcome.kind).toBe("committed")
    const sent = await send(batchOf(editor, [update("cards", String(a?.id), { title: "d" })], read(2)))
    expect([sent.outcome.kind, sent.statements.length]).toEqual(["committed", 2])
  })

  it("is stale, not denied, when the row is gone; denied, not stale, when the row stands as it was read", async () => {
    const { editor, viewer, admin, boardId } = await team()
    const card = await written(editor, create("cards", { boardId, title: "a" }))
    const decidedOn = [{ resource: "cards", id: String(card.id), version: 1 }]
    expect(
      (await problemOf(send(batchOf(viewer, [update("cards", String(card.id), { title: "c" })], { decidedOn })))).code,
    ).toBe("PERMISSION_DENIED")
    await write(admin, remove("cards", String(card.id)))
    expect(
      (await send(batchOf(editor, [update("cards", String(card.id), { title: "c" })], { decidedOn }))).outcome,
    ).toEqual({ kind: "stale" })
  })

  it("of 50 at once on one row is written once; the others are stale", async () => {
    const { editor, boardId } = await team()
    const card = await written(editor, create("cards", { boardId, title: "a" }))
    const decidedOn = [{ resource: "cards", id: String(card.id), version: 1 }]
    const wanted = [
      create("remarks", { cardId: String(card.id), body: "done" }),
      update("cards", String(card.id), { status: "done" }),
    ]
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => send(batchOf(editor, wanted, { decidedOn }))))
    expect(outcomes.filter(({ outcome }) => outcome.kind === "committed")).toHaveLength(1)
    expect(outcomes.filter(({ outcome }) => outcome.kind === "stale")).toHaveLength(49)
    expect((await eventsOf(String(card.id))).map((event) => event.change)).toEqual(["created", "updated"])
  })
})

describe("a required right", () => {
  const on = { kind: "on", resource: "cards", action: "update", idFrom: "id" } as const

  it("is asked first, whatever is written and by whom", async () => {
    const { editor, viewer, boardId } = await team()
    const card = await written(editor, create("cards", { boardId, title: "a" }))
    const before = await counts()
    const required = [{ on, id: String(card.id) }]
    const wanted = [create("remarks", { cardId: String(card.id), body: "b" }, seeder)]
    expect((await problemOf(send(batchOf(viewer, wanted, { required })))).code).toBe("PERMISSION_DENIED")
    expect((await problemOf(send(batchOf(user(), wanted, { required })))).code).toBe("NOT_FOUND")
    const bySystem = [update("cards", String(card.id), { title: "b" }, undefined, seeder)]
    expect((await problemOf(send(batchOf(viewer, bySystem, { required })))).code).toBe("PERMISSION_DENIED")
    expect(await counts()).toEqual(before)
    expect((await send(batchOf(editor, wanted, { required }))).outcome.kind).toBe("committed")
    expect((await send(batchOf(editor, [], { required }))).outcome).toEqual({ kind: "committed", reads: [], rows: [] })
  })

  it("is not granted by what the batch itself writes", async () => {
    const { editor, viewer, boardId, teamId } = await team()
    const stranger = user()
    const card = await written(editor, create("cards", { boardId, title: "a" }))
    const wanted = [
      create("seats", { teamId, userId: stranger.id, role: "editor" }, seeder),
      update("cards", String(card.id), { title: "b" }),
    ]
    expect((await problemOf(send(batchOf(stranger, wanted, { required: [{ on, id: String(card.id) }] })))).code).toBe(
      "NOT_FOUND",
    )
    expect(
      (
        await problemOf(
          send(
            batchOf(viewer, [update("cards", String(card.id), { title: "b" })], {
              required: [{ on, id: String(card.id) }],
            }),
          ),
        )
      ).code,
    ).toBe("PERMISSION_DENIED")
  })

  it("costs no statement when the write itself asks the same", async () => {
    const { editor, boardId } = await team()
    const card = await written(editor, create("cards", { boardId, title: "a" }))
    const sent = await send(
      batchOf(editor, [update("cards", String(card.id), { title: "b" })], { required: [{ on, id: String(card.id) }] }),
    )
    expect(sent.statements).toHaveLength(2)
  })
})
