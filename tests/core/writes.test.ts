/** What is committed for a call, and how it is answered: keys, versions, batches, figures. */
import { type Changes, Problem } from "selvage"
import { describe, expect, test } from "vitest"
import * as z from "zod"
import type { Json } from "../../src/core/json.ts"
import { anonymous, callOf, noteId, notes, registry, registryWith, teamId } from "./fixture.ts"
import { finish, row, say } from "./operations.ts"

describe("an idempotency key", () => {
  const keyed = { input: { id: noteId }, rows: { [noteId]: row }, idempotencyKey: "k" }

  test("is stored hashed with its owner and operation, beside the answer with its holes", async () => {
    const both = finish({
      async handle({ changes }: { changes: { create(...given: unknown[]): unknown } }) {
        const note = changes.create(notes, { teamId, title: "b" })
        return { note, more: [1, note] }
      },
    })
    const { batches } = await callOf(registryWith(both), "notes.finish", {
      ...keyed,
      commits: [{ kind: "committed", reads: [], rows: [row] }],
    })
    expect(batches[0]?.idempotency).toEqual({
      key: 'hash(["user_01kaj700000000000000000000","notes.finish","k"])',
      inputHash: `hash({"id":"${noteId}"})`,
      answer: { note: null, more: [1, null] },
      pendings: [
        { at: "/note", write: 0 },
        { at: "/more/1", write: 0 },
      ],
      reads: [],
      expiresAt: "2026-11-22T12:00:00.000Z",
    })
  })

  test("of another caller is another key", async () => {
    const other = await callOf(registryWith(finish()), "notes.finish", {
      ...keyed,
      principal: { kind: "user", id: "user_2", roles: [] },
    })
    expect(other.batches[0]?.idempotency?.key).toContain("user_2")
  })

  const then = { note: { id: noteId, title: "then" } }

  test("that was used answers as it did, and nothing runs twice", async () => {
    const { output, facts, observed } = await callOf(registryWith(finish()), "notes.finish", {
      ...keyed,
      commits: [{ kind: "replayed", reads: [], answer: then }],
    })
    expect([output, facts.replayed]).toEqual([then, true])
    expect(observed.map((one) => one.kind)).toEqual(["replayed", "call"])
  })

  test("that was used answers as it did although the handler refuses now", async () => {
    const refusing = finish({ handle: () => Promise.reject(new Problem("FAILED_PRECONDITION", "done already")) })
    const replayed = await callOf(registryWith(refusing), "notes.finish", {
      ...keyed,
      replay: { answer: then },
    })
    expect(replayed.output).toEqual(then)
    const fresh = await callOf(registryWith(refusing), "notes.finish", keyed)
    expect(fresh.problem?.code).toBe("FAILED_PRECONDITION")
  })

  describe("of an operation that shows part of a record", () => {
    const part = finish({ output: z.object({ note: z.object({ title: z.string() }) }) })
    const answered = (answer: Json) =>
      callOf(registryWith(part), "notes.finish", { ...keyed, commits: [{ kind: "replayed", reads: [], answer }] })

    test("shows the same part when it answers again", async () => {
      expect((await answered({ note: { ...row, title: "then" }, more: 1 })).output).toEqual({ note: { title: "then" } })
      const refusing = finish({ output: part.output, handle: () => Promise.reject(new Problem("ABORTED", "no")) })
      const replay = { answer: { note: { ...row, title: "then" } } }
      expect((await callOf(registryWith(refusing), "notes.finish", { ...keyed, replay })).output).toEqual({
        note: { title: "then" },
      })
    })

    test("answers that it is not there, where it is not there any more", async () => {
      for (const note of [null, { id: noteId }]) {
        const { problem, output, facts } = await answered({ note })
        expect([problem?.code, output, facts.replayed]).toEqual(["NOT_FOUND", undefined, true])
      }
    })
  })

  test("does not open what the caller may not call", async () => {
    const { problem, asked } = await callOf(registryWith(finish()), "notes.finish", {
      ...keyed,
      principal: anonymous,
      replay: { answer: "then" },
    })
    expect(problem?.code).toBe("UNAUTHENTICATED")
    expect(asked).not.toContain("replay")
  })

  test("of a query means nothing", async () => {
    expect((await callOf(registryWith(say()), "notes.say", { idempotencyKey: "" })).output).toEqual({ said: "hello" })
  })
})

describe("letters", () => {
  const mail = { to: "a@example.com", subject: "Hello", paragraphs: [] }
  const sending = (count: number) =>
    finish({
      async handle({ changes }: { changes: Changes }) {
        for (let n = 0; n < count; n++) changes.mail(mail)
        return { note: changes.update(notes, noteId, { status: "done" }) }
      },
    })

  test("are counted against their sender before anything is committed", async () => {
    const options = { input: { id: noteId }, commits: [{ kind: "committed" as const, reads: [], rows: [row] }] }
    const { asked } = await callOf(registryWith(sending(2)), "notes.finish", options)
    expect(asked.slice(-3)).toEqual(["limitLetters", "2 letters of user_01kaj700000000000000000000", "commit"])
    const silent = await callOf(registryWith(sending(0)), "notes.finish", options)
    expect(silent.asked.join()).not.toContain("limitLetters")
  })

  test("beyond the limit are refused with the change that wanted them", async () => {
    const refuse = { limitLetters: new Problem("RESOURCE_EXHAUSTED", "Too many requests", { retryAfterSeconds: 60 }) }
    const { problem, batches } = await callOf(registryWith(sending(1)), "notes.finish", {
      input: { id: noteId },
      refuse,
    })
    expect(problem?.code).toBe("RESOURCE_EXHAUSTED")
    expect(batches).toEqual([])
  })
})

describe("the standard writes", () => {
  test("guard with the version of the input before that of the transport", async () => {
    const update = (input: object) =>
      callOf(registry, "notes.update", { input: { id: noteId, patch: { title: "b" }, ...input }, expectedVersion: 2 })
    expect((await update({})).batches[0]?.writes).toMatchObject([{ version: 2 }])
    expect((await update({ version: 7 })).batches[0]?.writes).toMatchObject([{ version: 7 }])
    expect(
      (await callOf(registry, "notes.delete", { input: { id: noteId }, expectedVersion: 5 })).batches[0]?.writes,
    ).toMatchObject([{ kind: "delete", version: 5 }])
  })

  test("a batch takes a record once, and wants every change to say something", async () => {
    const batch = (...records: object[]) => callOf(registry, "notes.batch", { input: { records } as never })
    const twice = await batch({ op: "update", id: noteId, patch: { title: "a" } }, { op: "delete", id: noteId })
    expect(twice.problem?.options.violations).toMatchObject([{ path: "/records/1/id", code: "duplicate" }])
    expect((await batch({ op: "update", id: noteId, patch: {} })).problem?.options.violations).toMatchObject([
      { path: "/records/0/patch", code: "required" },
    ])
    const mixed = await batch(
      { op: "create", values: { teamId, title: "a" } },
      { op: "delete", id: noteId, version: 2 },
    )
    expect(mixed.batches[0]?.writes).toMatchObject([{ kind: "create" }, { kind: "delete", version: 2 }])
  })

  test("give the row where it was promised, and the id of one that went out of sight", async () => {
    const create = (rows: readonly (typeof row | null)[]) =>
      callOf(registry, "notes.create", {
        input: { teamId, title: "a" },
        commits: [{ kind: "committed", reads: [], rows }],
      })
    expect((await create([row])).output).toEqual(row)
    expect((await create([null])).output).toEqual({ id: "note_01kaj700000000000000000001" })
  })
})

describe("figures", () => {
  const figures = (input: object) => callOf(registry, "notes.aggregate", { input: input as never })
  test("stand under their function and field", async () => {
    expect((await figures({ sum: ["rank"], count: true })).output).toEqual({ groups: [{ count: 2, sum: { rank: 5 } }] })
    expect((await figures({ groupBy: ["status"], count: true })).output).toEqual({
      groups: [{ group: { status: null }, count: 2 }],
    })
  })
  test.each<[object, string]>([
    [{ sum: ["title"] }, "/sum/0 not_measurable"],
    [{ avg: ["nope"] }, "/avg/0 unknown_field"],
    [{ max: ["done"] }, "/max/0 not_measurable"],
    [{ groupBy: ["weight"] }, "/groupBy/0 not_groupable"],
    [{ groupBy: ["token"] }, "/groupBy/0 unknown_field"],
  ])("%j is refused", async (input, told) => {
    const [violation] = (await figures(input)).problem?.options.violations ?? []
    expect(`${violation?.path} ${violation?.code}`).toBe(told)
  })
})
