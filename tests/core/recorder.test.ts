/** What a handler reads and wants written: in order, with ids at once, with the versions that the decision stands on. */
import { anonymous, callerId, system } from "selvage"
import { describe, expect, test } from "vitest"
import { Pending } from "../../src/core/changes.ts"
import { limits } from "../../src/core/limits.ts"
import type { GetPlan, ListPlan } from "../../src/core/plan.ts"
import type { Reading, Row, Store } from "../../src/core/ports.ts"
import { recorder } from "../../src/core/recorder.ts"
import { ada, noteId, notes, now, registry, teamId, teams } from "./fixture.ts"

function recording(rows: readonly Row[] = []) {
  const plans: { plan: GetPlan | ListPlan; reading: Reading }[] = []
  const store = {
    get: async (plan: GetPlan, reading: Reading) => {
      plans.push({ plan, reading })
      return rows.find((row) => row.id === plan.id) ?? null
    },
    withSecrets: async (_: string, __: string, id: string) => rows.find((row) => row.id === id) ?? null,
    list: async (plan: ListPlan, reading: Reading) => {
      plans.push({ plan, reading })
      return { items: rows, nextCursor: "next" }
    },
  } as unknown as Store
  let minted = 0
  const ids = { mint: (prefix: string) => `${prefix}_${++minted}` }
  return {
    ...recorder({ models: registry.models, store, ids, principal: ada, now, requestId: "r-1" }),
    plans,
    self: recorder({ models: registry.models, store, ids, principal: ada, now, requestId: "r-1" }),
  }
}

test("writes stand in the order in which they were wanted, guarded by the caller", () => {
  const { changes, writes } = recording()
  const made = changes.create(notes, { teamId, title: "One" })
  const changed = changes.update(notes, noteId, { title: "Two" })
  changes.delete(notes, noteId)
  expect(made).toBeInstanceOf(Pending)
  expect([made.id, made.index, changed.id, changed.index]).toEqual(["note_1", 0, noteId, 1])
  expect(writes).toEqual([
    { kind: "create", resource: "notes", id: "note_1", values: { teamId, title: "One" }, as: ada },
    { kind: "update", resource: "notes", id: noteId, values: { title: "Two" }, version: null, as: ada },
    { kind: "delete", resource: "notes", id: noteId, version: null, as: ada },
  ])
})

test("a stated system guards what is written as it, and nothing else", () => {
  const { changes, writes } = recording()
  changes.as(system("nightly")).delete(notes, noteId)
  changes.delete(notes, noteId)
  expect(writes.map((write) => write.as)).toEqual([{ kind: "system", reason: "nightly" }, ada])
})

test("an id may be given when this call minted it, for its own resource; a stated system brings any", () => {
  const { changes, ids, writes } = recording()
  const id = ids.mint("note")
  expect(changes.create(notes, { id, teamId, title: "One" }).id).toBe(id)
  const foreign = [noteId, ids.mint("team"), "", recording().ids.mint("other")]
  for (const other of foreign)
    expect(() => changes.create(notes, { id: other, teamId, title: "Two" })).toThrow("only the system chooses an id")
  changes.as(system("import")).create(notes, { id: noteId, teamId, title: "Three" })
  expect(writes.map((write) => write.id)).toEqual([id, noteId])
})

test("a number is made of the chance in a new id, exactly", () => {
  const call = { models: registry.models, store: {} as Store, principal: ada, now, requestId: "r-1" }
  const numberOf = (id: string) => recorder({ ...call, ids: { mint: () => id } }).ids.number()
  expect(numberOf("number_01kaj7000000000000zzzzzzzzzz")).toBe(2 ** 50 - 1)
  expect(numberOf("number_01kaj700000000000000000010")).toBe(32)
  expect(numberOf("number_01kaj7000000000000h000000000")).toBe(17 * 32 ** 9)
})

test("the caller's id is a user's own, and nobody's otherwise", () => {
  expect(callerId(ada)).toBe(ada.kind === "user" ? ada.id : "")
  for (const other of [anonymous, system("nightly", "user_1")])
    expect(() => callerId(other)).toThrow(expect.objectContaining({ code: "UNAUTHENTICATED" }))
})

test("a version holds for the writes that it is named for", () => {
  const { checkedChanges, changes, writes } = recording()
  checkedChanges(3).update(notes, noteId, { title: "a" })
  checkedChanges(4).as(system("x")).delete(notes, noteId)
  changes.delete(notes, noteId)
  expect(writes.map((write) => "version" in write && write.version)).toEqual([3, 4, null])
})

test("values are checked and brought into their stored form; undefined is not given", () => {
  const { changes, writes } = recording()
  changes.create(notes, {
    teamId,
    title: "a",
    dueAt: "2026-01-01T01:00:00+01:00",
    ownerId: undefined as never,
    token: "sesame",
  })
  expect(writes[0]).toMatchObject({
    values: { teamId, title: "a", dueAt: "2026-01-01T00:00:00.000Z", token: "sesame" },
  })
  expect(Object.keys((writes[0] as { values: object }).values)).not.toContain("ownerId")
  expect(() => changes.update(notes, noteId, { title: "x".repeat(21) })).toThrow(
    expect.objectContaining({ code: "INVALID_ARGUMENT" }),
  )
  expect(() => changes.update(notes, noteId, { rank: 2 ** 40 })).toThrow(
    expect.objectContaining({ code: "INVALID_ARGUMENT" }),
  )
})

test("a column that does not exist is the handler's fault, not the caller's", () => {
  const { changes } = recording()
  expect(() => changes.create(notes, { nope: 1 } as never)).toThrow("create of notes: no column nope")
  expect(() => changes.update(notes, noteId, { rowKey: 1 } as never)).toThrow("no column rowKey")
})

test("no more records than a batch takes", () => {
  const { changes, writes } = recording()
  for (let n = 0; n < limits.batchRecordsMax; n++) changes.delete(notes, noteId)
  expect(() => changes.delete(notes, noteId)).toThrow(`At most ${limits.batchRecordsMax} records a call`)
  expect(writes).toHaveLength(limits.batchRecordsMax)
})

test("the decision stands on each row that was read, once, at the version read first", async () => {
  const rows: Row[] = [{ id: noteId, version: 3, title: "a" }]
  const { self } = recording(rows)
  await self.read.get(notes, noteId)
  expect(self.decidedOn).toEqual([{ resource: "notes", id: noteId, version: 3 }])
  // What was decided on the first reading is stale now, whatever the second one said.
  rows[0] = { id: noteId, version: 4 }
  await self.read.find(notes, noteId)
  expect(self.decidedOn).toEqual([{ resource: "notes", id: noteId, version: 3 }])
})

describe("whether a secret holds", () => {
  const row = { id: noteId, version: 3, title: "a", token: "sesame" }
  test.each([
    ["sesame", true],
    ["sesamf", false],
    ["Sesame", false],
    ["sesam", false],
    ["sesamee", false],
    ["", false],
  ])("%j: %s", async (value, holds) => {
    expect(await recording([row]).self.read.matchesSecret(notes, noteId, "token", value)).toBe(holds)
  })

  test("is a decision on the record's version, and says nothing of the column's value", async () => {
    const { self } = recording([row])
    await self.read.matchesSecret(notes, noteId, "token", "no")
    expect(self.decidedOn).toEqual([{ resource: "notes", id: noteId, version: 3 }])
  })

  test("is false without a record and without a value, and asks for a column that is secret", async () => {
    expect(await recording().self.read.matchesSecret(notes, noteId, "token", "sesame")).toBe(false)
    const { read } = recording([{ ...row, token: null }]).self
    for (const value of ["", "null"]) expect(await read.matchesSecret(notes, noteId, "token", value)).toBe(false)
    await expect(read.matchesSecret(notes, noteId, "title", "a")).rejects.toThrow("no secret column title")
  })
})

test("and on each row of a list", async () => {
  const { self } = recording([
    { id: noteId, version: 3 },
    { id: "note_2", version: 1 },
  ])
  await self.read.list(notes)
  expect(self.decidedOn.map(({ id, version }) => [id, version])).toEqual([
    [noteId, 3],
    ["note_2", 1],
  ])
})

test("a row without a version decides nothing", async () => {
  const { self } = recording([{ id: noteId }])
  await self.read.get(notes, noteId)
  expect(self.decidedOn).toEqual([])
})

test("get refuses what is absent; find says null", async () => {
  const { read } = recording()
  await expect(read.get(notes, noteId)).rejects.toMatchObject({ code: "NOT_FOUND" })
  expect(await read.find(notes, noteId)).toBeNull()
})

test("reads ask for every field, as the caller or as a stated system", async () => {
  const { read, plans } = recording([{ id: teamId, version: 1 }])
  await read.get(teams, teamId)
  await read.as(system("nightly")).find(teams, teamId)
  expect(plans.map(({ reading }) => reading.principal)).toEqual([ada, { kind: "system", reason: "nightly" }])
  expect(plans[0]?.plan.fields).toEqual(["id", "version", "createdAt", "updatedAt", "name"])
})

test("lists are bounded and newest first unless said otherwise", async () => {
  const { read, plans } = recording()
  expect(await read.list(notes)).toEqual({ items: [], nextCursor: "next" })
  await read.list(notes, {
    limit: 3,
    cursor: "c",
    sort: [{ field: "rank", descending: false }],
    filter: { op: "eq", field: "rank", value: 1 },
  })
  expect(plans[0]?.plan).toMatchObject({
    limit: limits.pageSizeDefault,
    cursor: null,
    filter: null,
    sort: [{ field: "createdAt", descending: true }],
  })
  expect(plans[1]?.plan).toMatchObject({ limit: 3, cursor: "c", filter: { field: "rank" }, sort: [{ field: "rank" }] })
})
