/** `changes.read` and the plans of a handler: where the record stands in the answer, the first time and again, and what is the handler's fault. */
import { Problem } from "selvage"
import { describe, expect, test } from "vitest"
import * as z from "zod"
import { handlerGet, handlerGroups, handlerList } from "../../src/core/handler-plans.ts"
import type { Json } from "../../src/core/json.ts"
import { limits } from "../../src/core/limits.ts"
import type { Models } from "../../src/core/model.ts"
import { models as related } from "../database/related-tables.ts"
import { callOf, noteId, notes, registry, registryWith } from "./fixture.ts"
import { finish, row } from "./operations.ts"

const shown = z.object({ title: z.string() })
const held = z.object({ note: shown.nullable(), list: z.array(z.unknown()).optional(), deep: z.unknown().optional() })
const fresh = { id: noteId, version: 4, title: "fresh" }

/** Calls a mutation whose handler is given; the batch's reads answer `reads`. */
const calling = (
  handle: unknown,
  reads: readonly (typeof fresh | null)[],
  more: object = {},
  output: z.ZodType = held,
) =>
  callOf(registryWith(finish({ handle, output })), "notes.finish", {
    input: { id: noteId },
    commits: [{ kind: "committed", rows: [row], reads }],
    ...more,
  })

type Given = { changes: { read(...of: unknown[]): unknown; update(...of: unknown[]): unknown } }

describe("a record that is read after the changes", () => {
  test("stands where the handler put it: at the root, as a property, in a list, deep", async () => {
    const at = (place: (note: unknown) => unknown) =>
      calling(({ changes }: Given) => place(changes.read(notes, noteId)), [fresh], {}, z.unknown())
    expect((await at((note) => note)).output).toEqual(fresh)
    expect((await at((note) => ({ note }))).output).toEqual({ note: fresh })
    expect((await at((note) => [1, note])).output).toEqual([1, fresh])
    expect((await at((note) => ({ "a/b": [{ "~": note }] }))).output).toEqual({ "a/b": [{ "~": fresh }] })
  })

  test("is one of several, beside the rows of writes", async () => {
    const { output, batches } = await calling(
      ({ changes }: Given) => {
        const written = changes.update(notes, noteId, { title: "b" })
        return { note: changes.read(notes, noteId), list: [changes.read(notes, "note_2"), written] }
      },
      [fresh, null],
    )
    expect(output).toEqual({ note: { title: "fresh" }, list: [null, row] })
    expect(batches[0]?.reads.map(({ id }) => id)).toEqual([noteId, "note_2"])
    expect(batches[0]?.writes).toHaveLength(1)
  })

  test("is null when the caller may not see it, and a fault where the output takes no null", async () => {
    const invisible = ({ changes }: Given) => ({ note: changes.read(notes, noteId) })
    expect((await calling(invisible, [null])).output).toEqual({ note: null })
    expect((await calling(invisible, [null], {}, z.object({ note: shown }))).problem?.code).toBe("INTERNAL")
  })

  test("is sent without any write, too", async () => {
    const { output, batches } = await calling(({ changes }: Given) => ({ note: changes.read(notes, noteId) }), [fresh])
    expect([output, batches.length]).toEqual([{ note: { title: "fresh" } }, 1])
  })

  test("guards nothing: only what was read before is decided on", async () => {
    const { batches } = await calling(
      ({ changes }: Given) => ({ note: changes.read(notes, noteId), list: [changes.update(notes, noteId, {})] }),
      [fresh],
    )
    expect(batches[0]?.decidedOn).toEqual([])
  })
})

describe("under a key", () => {
  const keyed = { idempotencyKey: "k" }
  const handle = ({ changes }: Given) => ({
    note: changes.read(notes, noteId),
    list: ["a", changes.read(notes, "note_2")],
  })

  test("its place and its plan are stored, and not the record", async () => {
    const { batches } = await calling(handle, [fresh, fresh], keyed)
    expect(batches[0]?.idempotency).toMatchObject({
      answer: { note: null, list: ["a", null] },
      pendings: [],
      reads: [
        { at: "/note", plan: { kind: "get", resource: "notes", id: noteId } },
        { at: "/list/1", plan: { id: "note_2" } },
      ],
    })
    expect(
      (await calling(({ changes }: Given) => changes.read(notes, noteId), [fresh], keyed, shown)).batches[0]
        ?.idempotency,
    ).toMatchObject({
      answer: null,
      reads: [{ at: null }],
    })
  })

  const plan = (id: string) => handlerGet(registry.models, "notes", id)
  const again = (
    answer: Json,
    reads: { at: string | null; plan: ReturnType<typeof plan> }[],
    output: z.ZodType = held,
  ) =>
    calling(handle, [], { ...keyed, rows: { [noteId]: fresh }, commits: [{ kind: "replayed", answer, reads }] }, output)

  test("the second answer shows it as it is now, wherever it stood", async () => {
    const places = { note: null, list: ["a", null], deep: { "a/b": [{ "~": null }] } }
    const reads = ["/note", "/list/1", "/deep/a~1b/0/~0"].map((at) => ({ at, plan: plan(noteId) }))
    const { output, asked, facts } = await again(places, reads)
    expect(output).toEqual({ note: { title: "fresh" }, list: ["a", fresh], deep: { "a/b": [{ "~": fresh }] } })
    expect(asked.filter((what) => what.startsWith("get"))).toHaveLength(3)
    expect(facts.replayed).toBe(true)
    expect((await again(null, [{ at: null, plan: plan(noteId) }], shown)).output).toEqual({ title: "fresh" })
  })

  test("and null, or that it is gone, when it is not to be seen any more", async () => {
    const reads = [{ at: "/note", plan: plan("note_2") }]
    expect((await again({ note: null }, reads)).output).toEqual({ note: null })
    expect((await again({ note: null }, reads, z.object({ note: shown }))).problem?.code).toBe("NOT_FOUND")
  })

  test("also when the handler refuses by now", async () => {
    const refusing = () => Promise.reject(new Problem("FAILED_PRECONDITION", "done already"))
    const replay = { answer: { note: null }, reads: [{ at: "/note", plan: plan(noteId) }] }
    const { output } = await calling(refusing, [], { ...keyed, rows: { [noteId]: fresh }, replay })
    expect(output).toEqual({ note: { title: "fresh" } })
  })
})

describe("a handler's plan is refused as the handler's fault", () => {
  const models: Models = related
  test.each([
    ["a column that is not unique", { nick: "V" }],
    ["a column that does not exist", { nope: "x" }],
    ["two columns", { name: "Woolf", nick: "V" }],
    ["no column", {}],
  ])("for a record by %s", (_, which) => {
    expect(() => handlerGet(models, "writers", which)).toThrow(/no unique column|one unique column/)
  })

  test("but not for a unique one, with what is selected of it", () => {
    expect(
      handlerGet(models, "writers", { name: "Woolf" }, { fields: ["nick"], expand: { books: { limit: 2 } } }),
    ).toMatchObject({
      kind: "get",
      key: "name",
      id: "Woolf",
      fields: ["id", "version", "nick"],
      expand: { books: { resource: "books", limit: 2 } },
    })
    expect(handlerGet(models, "books", "book_1").fields).toContain("reviewCount")
  })

  test("for unknown fields and relations, all of them told", () => {
    const wrong = () => handlerGet(models, "books", "book_1", { fields: ["nope"], expand: { nobody: true } })
    expect(wrong).toThrow(/\/fields\/0.*nope.*\/expand\/nobody/)
    expect(wrong).not.toThrow(Problem)
  })

  test("for an offset beside a cursor, and numbers that are no page", () => {
    expect(() => handlerList(models, "books", { offset: 1, cursor: "c" })).toThrow(/not both/)
    for (const limit of [0, -1, 1.5, Number.NaN, limits.pageSizeMax + 1])
      expect(() => handlerList(models, "books", { limit })).toThrow(/records a page/)
    for (const offset of [-1, 0.5, Number.NaN])
      expect(() => handlerList(models, "books", { offset })).toThrow(/passes over/)
    expect(handlerList(models, "books", { limit: limits.pageSizeMax, offset: 0 })).toMatchObject({
      offset: 0,
      cursor: null,
    })
    expect(handlerList(models, "books", {})).not.toHaveProperty("offset")
  })

  test("and reaches the operator, not the caller", async () => {
    const { problem } = await calling(({ changes }: Given) => changes.read(notes, { title: "a" }), [])
    expect(problem?.code).toBe("INTERNAL")
    expect(problem?.message).not.toContain("title")
  })
})

test("groups are counted, at most so many", () => {
  expect(handlerGroups("books", "year")).toMatchObject({
    kind: "aggregate",
    groupBy: ["year"],
    limit: limits.groupsMax,
  })
})
