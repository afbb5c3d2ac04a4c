/** Letters as a job like any other: sent by what `send` is, tried again for a day, then given up, since the links in them are over. */
import * as z from "zod"
import { type Job, job } from "../core/job.ts"
import { mailJob } from "../core/outbox.ts"

const text = z.string().max(100_000)

const letter = z.strictObject({
  to: text.nullable(),
  subject: text,
  paragraphs: z.array(text),
  action: z.strictObject({ label: text, url: text }).optional(),
})

/** The engine's job behind `changes.mail`. */
export const sendLetter: Job = job(mailJob, {
  summary: "Sends a letter",
  input: letter,
  retry: { attempts: 100, firstSeconds: 5, maxSeconds: 3600 },
  lifeSeconds: 24 * 3600,
  handle: ({ input: { action, ...mail }, send }) => send(action === undefined ? mail : { ...mail, action }),
}) as Job
