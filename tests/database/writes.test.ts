/** Single writes: what is stored, what is answered, what the log says, and what is refused to whom. */
import { beforeAll, describe, expect, it } from "vitest"
import { anonymous, system } from "../../src/core/principal.ts"
import {
  batchOf,
  counts,
  create,
  eventsOf,
  instantText,
  makeTables,
  mint,
  problemOf,
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

describe("create", () => {
  it("stores defaults, stamps and the parent's tenant, answers the row and logs it, in one trip and two statements", async () => {
    const { editor, boardId, teamId } = await team()
    const sent = await send(batchOf(editor, [create("cards", { boardId, title: "First", done: true })]))
    expect(sent.trips).toBe(1)
    expect(sent.statements).toHaveLength(2)
    const row = sent.outcome.kind === "committed" ? sent.outcome.rows[0] : null
    expect(row).toMatchObject({
      boardId,
      teamId,
      title: "First",
      status: "open",
      rank: 2,
      done: true,
      createdBy: editor.id,
      version: 1,
      createdAt: instantText,
      updatedAt: instantText,
      size: null,
    })
    expect(row).not.toHaveProperty("pin")
    expect(row).not.toHaveProperty("hidden")
    const [event, ...others] = await eventsOf(String(row?.id))
    expect(others).toEqual([])
    expect(event).toMatchObject({
      actor: editor.id,
      impersonator: null,
      reason: null,
      operation: "test.write",
      resource: "cards",
      change: "created",
      tenant: teamId,
      before: null,
      changed: ["boardId", "title", "done"],
      requestId: "req_1",
      at: instantText,
    })
    expect(event?.after).toEqual({ ...row, hidden: null, note: null, email: null })
    expect(String(event?.id)).toMatch(/^event_/)
  })

  it("is refused to a viewer, to a stranger and to nobody, and then nothing is written", async () => {
    const { viewer, boardId } = await team()
    const before = await counts()
    for (const who of [viewer, user(), anonymous]) {
      const problem = await problemOf(send(batchOf(who, [create("cards", { boardId, title: "No" })])))
      expect(problem.code).toBe("PERMISSION_DENIED")
    }
    expect(await counts()).toEqual(before)
  })

  it("stamps the caller's own record, found in the statement, for one record and for many", async () => {
    const [one, other] = [user(), user()]
    const [mine, theirs] = await write(
      seeder,
      create("authors", { userId: one.id }),
      create("authors", { userId: other.id }),
    )
    const sent = await send(batchOf(one, [create("pages", { body: "a" })]))
    expect(sent.trips).toBe(1)
    const rows = await write(one, create("pages", { body: "b" }), create("pages", { body: "c" }))
    expect(rows.map((row) => row?.authorId)).toEqual([mine?.id, mine?.id])
    const page = await written(other, create("pages", { body: "d" }))
    expect(page.authorId).toBe(theirs?.id)
    expect((await problemOf(write(one, update("pages", String(page.id), { body: "e" })))).code).toBe(
      "PERMISSION_DENIED",
    )
    const given = await problemOf(write(one, create("pages", { body: "f", authorId: String(theirs?.id) })))
    expect(given.options.violations).toMatchObject([{ path: "/authorId", code: "read_only" }])
    expect(await written(seeder, create("pages", { body: "g", authorId: String(mine?.id) }))).toMatchObject({
      body: "g",
    })
  })

  it("refuses who has no record of their own to stamp", async () => {
    const before = await counts()
    for (const principal of [user(), system("for nobody")])
      expect((await problemOf(write(principal, create("pages", { body: "a" })))).code).toBe("FAILED_PRECONDITION")
    expect(await counts()).toEqual(before)
  })

  it("refuses the engine's columns, unknown ones, stamps and values of another type", async () => {
    const { editor, boardId, teamId } = await team()
    const bad: [Record<string, never>, string, string][] = [
      [{ version: 7 } as never, "/version", "unknown_field"],
      [{ id: mint("card") } as never, "/id", "unknown_field"],
      [{ rowKey: 1 } as never, "/rowKey", "unknown_field"],
      [{ nonsense: 1 } as never, "/nonsense", "unknown_field"],
      [{ teamId } as never, "/teamId", "read_only"],
      [{ createdBy: user().id } as never, "/createdBy", "read_only"],
      [{ title: 5 } as never, "/title", "invalid_type"],
      [{ title: "\ud800" } as never, "/title", "invalid_type"],
      [{ done: 1 } as never, "/done", "invalid_type"],
      [{ big: "9.5" } as never, "/big", "invalid_type"],
    ]
    for (const [values, path, code] of bad) {
      const problem = await problemOf(send(batchOf(editor, [create("cards", { boardId, title: "x", ...values })])))
      expect([problem.code, problem.options.violations?.[0]?.path, problem.options.violations?.[0]?.code]).toEqual([
        "INVALID_ARGUMENT",
        path,
        code,
      ])
    }
  })

  it("binds a field's write rule only when the field is given", async () => {
    const { editor, boardId } = await team()
    const auditor = { ...editor, roles: ["auditor"] }
    expect(
      (await problemOf(send(batchOf(editor, [create("cards", { boardId, title: "x", hidden: mint("h") })])))).code,
    ).toBe("PERMISSION_DENIED")
    expect(await written(auditor, create("cards", { boardId, title: "x", hidden: mint("h") }))).toHaveProperty("hidden")
    expect(
      (await problemOf(send(batchOf(editor, [create("cards", { boardId, title: "x", note: "mine" })])))).code,
    ).toBe("PERMISSION_DENIED")
    expect(
      await written(editor, create("cards", { boardId, title: "x", note: "mine", ownerId: editor.id })),
    ).toMatchObject({ note: "mine" })
  })

  it("answers null when the writer may not see what it wrote, and masks by the caller, not by the system that wrote", async () => {
    const { boardId, viewer } = await team()
    const stranger = user()
    const byNobody = await send(
      batchOf(stranger, [create("cards", { boardId, title: "x" }, system("filing", stranger.id))]),
    )
    expect(byNobody.outcome).toEqual({ kind: "committed", reads: [], rows: [null] })
    const sent = await send(
      batchOf(viewer, [
        create("cards", { boardId, title: "x", hidden: mint("h"), createdBy: viewer.id }, system("filing")),
      ]),
    )
    const row = sent.outcome.kind === "committed" ? sent.outcome.rows[0] : null
    expect(row).toMatchObject({ title: "x" })
    expect(row).not.toHaveProperty("hidden")
    const [event] = await eventsOf(String(row?.id))
    expect(event).toMatchObject({ actor: "system", reason: "filing" })
  })

  it("tells who really acts when an administrator impersonates", async () => {
    const { editor, boardId } = await team()
    const row = await written({ ...editor, impersonator: "user_admin" }, create("cards", { boardId, title: "x" }))
    expect((await eventsOf(String(row.id)))[0]).toMatchObject({ actor: editor.id, impersonator: "user_admin" })
  })
})

describe("update", () => {
  it("logs before and after exactly, raises the version, in one trip and two statements", async () => {
    const { editor, boardId } = await team()
    const made = await written(editor, create("cards", { boardId, title: "Old", extra: { a: [1, null] } }))
    const later = new Date("2026-11-21T11:00:00.000Z")
    const sent = await send(
      batchOf(editor, [update("cards", String(made.id), { title: "New", done: true, extra: { b: "é" } })], {
        now: later,
      }),
    )
    expect([sent.trips, sent.statements.length]).toEqual([1, 2])
    const row = sent.outcome.kind === "committed" ? sent.outcome.rows[0] : null
    expect(row).toEqual({
      ...made,
      title: "New",
      done: true,
      extra: { b: "é" },
      version: 2,
      updatedAt: later.toISOString(),
    })
    const [, event, ...others] = await eventsOf(String(made.id))
    expect(others).toEqual([])
    const unseen = { hidden: null, note: null }
    expect(event).toMatchObject({ change: "updated", before: { ...made, ...unseen }, after: { ...row, ...unseen } })
    expect(event?.changed).toEqual(["title", "done", "extra"])
  })

  it("tells absent and invisible alike, visible but refused apart, and writes nothing", async () => {
    const { editor, viewer, boardId } = await team()
    const card = await written(editor, create("cards", { boardId, title: "x" }))
    const before = await counts()
    expect((await problemOf(send(batchOf(viewer, [update("cards", String(card.id), { title: "y" })])))).code).toBe(
      "PERMISSION_DENIED",
    )
    expect((await problemOf(send(batchOf(user(), [update("cards", String(card.id), { title: "y" })])))).code).toBe(
      "NOT_FOUND",
    )
    expect((await problemOf(send(batchOf(editor, [update("cards", mint("card"), { title: "y" })])))).code).toBe(
      "NOT_FOUND",
    )
    expect(await counts()).toEqual(before)
    expect((await stored("w_cards", String(card.id)))?.title).toBe("x")
  })

  it("does not let a row be moved out of what the actor may touch, nor into it", async () => {
    const mine = await team()
    const theirs = await team()
    const card = await written(mine.editor, create("cards", { boardId: mine.boardId, title: "x" }))
    const out = await problemOf(
      send(batchOf(mine.editor, [update("cards", String(card.id), { boardId: theirs.boardId })])),
    )
    expect(out.code).toBe("PERMISSION_DENIED")
    const foreign = await written(theirs.editor, create("cards", { boardId: theirs.boardId, title: "x" }))
    const into = await problemOf(
      send(batchOf(mine.editor, [update("cards", String(foreign.id), { boardId: mine.boardId })])),
    )
    expect(into.code).toBe("NOT_FOUND")
    const owner = user()
    const owned = await written(mine.editor, create("cards", { boardId: mine.boardId, title: "x", ownerId: owner.id }))
    expect((await problemOf(send(batchOf(owner, [update("cards", String(owned.id), { ownerId: null })])))).code).toBe(
      "PERMISSION_DENIED",
    )
    expect((await stored("w_cards", String(owned.id)))?.ownerId).toBe(owner.id)
  })

  it("lets a stamp follow the column that it is copied from, in the row and in the event", async () => {
    const { editor, boardId, teamId } = await team()
    const other = await team()
    const both = editor
    await write(
      { kind: "system", reason: "seat" },
      create("seats", { teamId: other.teamId, userId: both.id, role: "editor" }),
    )
    const card = await written(both, create("cards", { boardId, title: "x" }))
    expect(card.teamId).toBe(teamId)
    const moved = await written(both, update("cards", String(card.id), { boardId: other.boardId }))
    expect(moved.teamId).toBe(other.teamId)
    const [, event] = await eventsOf(String(card.id))
    expect(event).toMatchObject({ tenant: other.teamId, before: { teamId }, after: { teamId: other.teamId } })
    expect(event?.changed).toEqual(["boardId"])
  })

  it("checks a field's write rule before and after", async () => {
    const { editor, boardId } = await team()
    const card = await written(editor, create("cards", { boardId, title: "x", ownerId: user().id }))
    const id = String(card.id)
    expect((await problemOf(send(batchOf(editor, [update("cards", id, { note: "n" })])))).code).toBe(
      "PERMISSION_DENIED",
    )
    expect(
      (await problemOf(send(batchOf(editor, [update("cards", id, { note: "n", ownerId: editor.id })])))).code,
    ).toBe("PERMISSION_DENIED")
    await write(editor, update("cards", id, { ownerId: editor.id }))
    expect(
      (await problemOf(send(batchOf(editor, [update("cards", id, { note: "n", ownerId: user().id })])))).code,
    ).toBe("PERMISSION_DENIED")
    expect(await written(editor, update("cards", id, { note: "n" }))).toMatchObject({ note: "n" })
  })

  it("refuses what is immutable", async () => {
    const { editor, boardId, teamId } = await team()
    const problem = await problemOf(send(batchOf(editor, [update("boards", boardId, { teamId })])))
    expect(problem.options.violations?.[0]).toMatchObject({ path: "/teamId", code: "immutable" })
  })

  it("asks for the version that the caller named, and says so only then", async () => {
    const { editor, viewer, boardId } = await team()
    const id = String((await written(editor, create("cards", { boardId, title: "x" }))).id)
    await write(editor, update("cards", id, { title: "y" }, 1))
    const before = await counts()
    const problem = await problemOf(send(batchOf(editor, [update("cards", id, { title: "z" }, 1)])))
    expect([problem.code, problem.options.type]).toEqual(["FAILED_PRECONDITION", "version-mismatch"])
    expect((await problemOf(send(batchOf(viewer, [update("cards", id, { title: "z" }, 2)])))).code).toBe(
      "PERMISSION_DENIED",
    )
    expect((await problemOf(send(batchOf(user(), [update("cards", id, { title: "z" }, 1)])))).code).toBe("NOT_FOUND")
    expect(await counts()).toEqual(before)
  })

  it("answers null when the row goes out of the writer's sight", async () => {
    const { editor, boardId } = await team()
    const card = await written(editor, create("cards", { boardId, title: "x" }))
    const stranger = user()
    expect(
      await write(stranger, update("cards", String(card.id), { title: "y" }, undefined, system("fixing"))),
    ).toEqual([null])
  })
})
