/** Operations of a test's own on the notes of the fixture: one that reads, one that decides. */
import { anyone, on, operation } from "selvage"
import * as z from "zod"
import { noteId, notes } from "./fixture.ts"

/** What `say` answers. */
export const answer = z.strictObject({ said: z.string() })

/** A note as the store gives it. */
export const row = { id: noteId, version: 3, title: "a" }

/** A query; any part of it can be another. */
export const say = (options: object = {}) =>
  operation("notes.say", {
    kind: "query",
    input: z.strictObject({ word: z.string().default("hello") }),
    output: answer,
    policy: anyone(),
    handle: ({ input }) => ({ said: input.word }),
    ...options,
  })

/** A mutation that reads a note and finishes it; any part of it can be another. */
export const finish = (options: object = {}) =>
  operation("notes.finish", {
    kind: "mutation",
    input: z.strictObject({ id: z.string() }),
    output: z.object({ note: notes.schema, more: z.array(z.unknown()).optional() }),
    policy: on(notes, "update"),
    async handle({ input, read, changes }) {
      await read.get(notes, input.id)
      return { note: changes.update(notes, input.id, { status: "done" }) }
    },
    ...options,
  })
