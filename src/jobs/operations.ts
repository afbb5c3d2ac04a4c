/** What administrators do with jobs that were given up. */
import * as z from "zod"
import type { Operation } from "../core/operation.ts"
import { jobSubject } from "../core/outbox.ts"
import { role } from "../core/policy.ts"
import { notFound, Problem } from "../core/problem.ts"
import { idSchema } from "../core/schema.ts"
import { deadLetters } from "./resources.ts"

const input = z.strictObject({ id: idSchema("dead") })
const output = z.object({ id: z.string(), messageId: z.string() }).meta({ id: "ReplayedDeadLetter" })

/** `dead_letters.replay`: back into the outbox, with all its attempts before it and under the same id; once. */
export const replayDeadLetter: Operation = {
  name: "dead_letters.replay",
  kind: "mutation",
  summary: "Try a job that was given up again",
  input,
  output,
  errors: ["FAILED_PRECONDITION"],
  policy: role("admin"),
  credential: "session",
  rest: { method: "POST", path: "/dead_letters/{id}/replay", status: 202 },
  engine: async ({ id }: z.output<typeof input>, { store, reading, write }) => {
    const found = await store.withSecrets(deadLetters.name, "id", id)
    if (found === null) throw notFound(deadLetters.name)
    if (found.replayedAt !== null) throw new Problem("FAILED_PRECONDITION", "It has been replayed already")
    const now = reading.now.toISOString()
    const messageId = String(found.messageId)
    await write(({ changes, decidedOn, resend }) => {
      changes.as({ kind: "system", reason: "a dead letter is replayed" }).update(deadLetters, id, { replayedAt: now })
      decidedOn(deadLetters.name, id, Number(found.version))
      resend({
        id: messageId,
        topic: "job",
        subject: jobSubject(String(found.job), String(found.key), messageId),
        payload: String(found.payload),
        createdAt: now,
        dueAt: now,
        notBefore: null,
      })
    })
    return { id, messageId }
  },
}
