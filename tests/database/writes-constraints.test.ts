/** What the database refuses, in words that a caller may hear: its own fields by name, nobody's data, no SQL. */
import { beforeAll, describe, expect, it } from "vitest"
import { Problem } from "../../src/core/problem.ts"
import { databaseProblem, faultOf } from "../../src/database/constraint.ts"
import {
  batchOf,
  counts,
  create,
  makeTables,
  mint,
  models,
  problemOf,
  seeder,
  send,
  team,
  update,
  user,
  write,
  written,
} from "./writes-world.ts"

beforeAll(makeTables)

const quiet = /w_|SQL|constraint|select|insert|D1|\?1/i

function outward(problem: Problem): string {
  return JSON.stringify({ message: problem.message, ...problem.options, cause: undefined })
}

describe("a unique violation", () => {
  it("names the field that the caller gave, without the tenant and without the other row", async () => {
    const { editor, teamId } = await team()
    await write(editor, create("boards", { teamId, name: "Taken" }))
    const before = await counts()
    const problem = await problemOf(send(batchOf(editor, [create("boards", { teamId, name: "Taken" })])))
    expect(problem.code).toBe("ALREADY_EXISTS")
    expect(problem.options.violations).toEqual([
      { path: "/name", code: "already_exists", message: "This name is taken" },
    ])
    expect(outward(problem)).not.toMatch(quiet)
    expect(await counts()).toEqual(before)
  })

  it("names no field that the caller may not read", async () => {
    const { editor, boardId } = await team()
    const hidden = mint("h")
    await write({ ...editor, roles: ["auditor"] }, create("cards", { boardId, title: "x", hidden }))
    const byAuditor = await problemOf(
      send(batchOf({ ...editor, roles: ["auditor"] }, [create("cards", { boardId, title: "y", hidden })])),
    )
    expect(byAuditor.options.violations).toMatchObject([{ path: "/hidden" }])
    const writable = await problemOf(
      send(batchOf(editor, [create("cards", { boardId, title: "y", hidden, createdBy: editor.id }, seeder)])),
    )
    expect([writable.code, writable.options.violations]).toEqual(["ALREADY_EXISTS", undefined])
    expect(outward(writable)).not.toContain("hidden")
  })

  it("says the same for a row of another tenant as for one's own", async () => {
    const mine = await team()
    const theirs = await team()
    const code = mint("c")
    await write(theirs.editor, create("cards", { boardId: theirs.boardId, title: "secret title", code }))
    const problem = await problemOf(
      send(batchOf(mine.editor, [create("cards", { boardId: mine.boardId, title: "y", code })])),
    )
    expect(problem.options.violations).toEqual([
      { path: "/code", code: "already_exists", message: "This code is taken" },
    ])
    expect(outward(problem)).not.toContain("secret title")
    expect(outward(problem)).not.toContain(theirs.teamId)
  })

  it("stands at the place of the field in the operation's input", async () => {
    const { editor, boardId, teamId } = await team()
    await write(editor, create("boards", { teamId, name: "Taken" }))
    const path = async (operation: string, ...wanted: Parameters<typeof batchOf>[1]) =>
      (await problemOf(send(batchOf(editor, wanted, { operation })))).options.violations?.[0]?.path
    expect(await path("boards.update", update("boards", boardId, { name: "Taken" }))).toBe("/patch/name")
    expect(await path("boards.batch", create("boards", { teamId, name: "Taken" }))).toBe("/records/0/values/name")
    expect(await path("boards.batch", update("boards", boardId, { name: "Taken" }))).toBe("/records/0/patch/name")
    expect(
      await path("boards.batch", create("boards", { teamId, name: "a" }), create("boards", { teamId, name: "a" })),
    ).toBe("/records")
  })

  it("is not told to somebody who may not write at all", async () => {
    const { viewer, editor, teamId } = await team()
    await write(editor, create("boards", { teamId, name: "Taken" }))
    expect((await problemOf(send(batchOf(viewer, [create("boards", { teamId, name: "Taken" })])))).code).toBe(
      "PERMISSION_DENIED",
    )
    expect((await problemOf(send(batchOf(user(), [create("boards", { teamId, name: "Taken" })])))).code).toBe(
      "PERMISSION_DENIED",
    )
  })
})

describe("other constraints", () => {
  it("a missing value is an invalid argument at its field", async () => {
    const { editor, boardId } = await team()
    const problem = await problemOf(send(batchOf(editor, [create("cards", { boardId })])))
    expect(problem.code).toBe("INVALID_ARGUMENT")
    expect(problem.options.violations).toMatchObject([{ path: "/title", code: "required" }])
    const card = await written(editor, create("cards", { boardId, title: "x" }))
    const cleared = await problemOf(send(batchOf(editor, [update("cards", String(card.id), { title: null })])))
    expect(cleared.options.violations).toMatchObject([{ path: "/title", code: "required" }])
  })

  it("a reference to nothing is a failed precondition, also where the tenant comes from it", async () => {
    const { teamId } = await team()
    const key = await problemOf(
      send(batchOf(seeder, [create("seats", { teamId: mint("team"), userId: mint("user") })])),
    )
    expect(key.code).toBe("FAILED_PRECONDITION")
    expect(outward(key)).not.toMatch(quiet)
    const stamped = await problemOf(
      send(batchOf(seeder, [create("cards", { boardId: mint("board"), title: "x", createdBy: mint("user") })])),
    )
    expect([stamped.code, stamped.options.violations?.[0]?.path]).toEqual(["FAILED_PRECONDITION", "/boardId"])
    expect(teamId).toBeTruthy()
  })

  it("texts of D1 map to codes, and their words stay inside", () => {
    const cases: [string, string][] = [
      [
        "D1_ERROR: UNIQUE constraint failed: w_boards.teamId, w_boards.name: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)",
        "ALREADY_EXISTS",
      ],
      [
        "D1_ERROR: UNIQUE constraint failed: index 'w_lower': SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)",
        "ALREADY_EXISTS",
      ],
      [
        "D1_ERROR: UNIQUE constraint failed: events.id: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)",
        "INTERNAL",
      ],
      [
        "D1_ERROR: NOT NULL constraint failed: w_cards.title: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_NOTNULL)",
        "INVALID_ARGUMENT",
      ],
      ["D1_ERROR: NOT NULL constraint failed: events.actor: SQLITE_CONSTRAINT", "INTERNAL"],
      [
        "D1_ERROR: CHECK constraint failed: a > 1: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_CHECK)",
        "INVALID_ARGUMENT",
      ],
      [
        "D1_ERROR: FOREIGN KEY constraint failed: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_FOREIGNKEY)",
        "FAILED_PRECONDITION",
      ],
      ["D1_ERROR: string or blob too big: SQLITE_TOOBIG", "INVALID_ARGUMENT"],
      ["Network connection lost.", "UNAVAILABLE"],
      ["D1_ERROR: D1 DB is overloaded. Requests queued for too long.", "UNAVAILABLE"],
      ["D1_ERROR: storage caused object to be reset", "UNAVAILABLE"],
      ["D1_ERROR: no such table: w_cards: SQLITE_ERROR", "INTERNAL"],
    ]
    for (const [text, code] of cases) {
      const problem = databaseProblem(new Error(text), models)
      expect([text, problem.code]).toEqual([text, code])
      expect(problem.options.cause).toBeInstanceOf(Error)
      expect(outward(problem)).not.toMatch(quiet)
    }
    const own = new Problem("NOT_FOUND", "x")
    expect(databaseProblem(own, models)).toBe(own)
    expect(
      faultOf(new Error("D1_ERROR: guard:write:3: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_TRIGGER)")),
    ).toEqual({ kind: "guard", name: "guard:write:3" })
    expect(faultOf(new Error("UNIQUE constraint failed: t.guard:write:3")).kind).toBe("unique")
  })
})
