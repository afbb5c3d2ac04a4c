/** Deletions and the log: what stands in it of a row that is gone, of personal and of secret values, and that it cannot be changed. */
import { beforeAll, describe, expect, it } from "vitest"
import {
  batchOf,
  counts,
  create,
  database,
  eventsOf,
  makeTables,
  mint,
  problemOf,
  remove,
  send,
  stored,
  team,
  update,
  user,
  write,
  written,
} from "./writes-world.ts"

beforeAll(makeTables)

describe("delete", () => {
  it("logs the row as it was and answers nothing, in one trip and two statements", async () => {
    const { teamId } = await team()
    const id = mint("seat")
    const leaver = user()
    await write(
      { kind: "system", reason: "seat" },
      create("seats", { teamId, userId: leaver.id, role: "viewer" }, undefined, id),
    )
    const sent = await send(batchOf(leaver, [remove("seats", id)]))
    expect([sent.trips, sent.statements.length, sent.outcome]).toEqual([1, 2, { kind: "committed", rows: [null] }])
    expect(await stored("w_seats", id)).toBeNull()
    const [, event] = await eventsOf(id)
    expect(event).toMatchObject({
      change: "deleted",
      tenant: teamId,
      after: null,
      changed: [],
      before: { id, role: "viewer", version: 1 },
    })
  })

  it("is refused without the right or the version", async () => {
    const { editor, admin, boardId } = await team()
    const id = String((await written(editor, create("cards", { boardId, title: "x" }))).id)
    const before = await counts()
    expect((await problemOf(send(batchOf(editor, [remove("cards", id)])))).code).toBe("PERMISSION_DENIED")
    expect((await problemOf(send(batchOf(user(), [remove("cards", id)])))).code).toBe("NOT_FOUND")
    expect((await problemOf(send(batchOf(admin, [remove("cards", id, 9)])))).options.type).toBe("version-mismatch")
    expect(await counts()).toEqual(before)
    await write(admin, remove("cards", id, 1))
    expect(await stored("w_cards", id)).toBeNull()
  })
})

describe("the log", () => {
  it("cannot be changed", async () => {
    await expect(database.prepare("update events set actor = 'x'").run()).rejects.toThrow("append-only")
    await expect(database.prepare("delete from events").run()).rejects.toThrow("append-only")
  })

  it("names personal columns as changed without their value, and knows nothing of secret ones", async () => {
    const { editor, boardId } = await team()
    const row = await written(
      editor,
      create("cards", { boardId, title: "x", email: "ada@private.example", pin: "1234-secret" }),
    )
    const id = String(row.id)
    expect(row).toMatchObject({ email: "ada@private.example" })
    await write(editor, update("cards", id, { email: "ada@other.example", pin: "5678-secret" }))
    expect((await stored("w_cards", id))?.pin).toBe("5678-secret")
    const events = await eventsOf(id)
    expect(events.map((event) => event.changed)).toEqual([["boardId", "title", "email"], ["email"]])
    expect(events.map((event) => (event.after as { email: unknown }).email)).toEqual([null, null])
    expect(JSON.stringify(events)).not.toMatch(/private\.example|other\.example|secret|pin/)
  })
})
