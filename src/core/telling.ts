/** What a handler has to tell besides its changes: letters, notifications and jobs, as messages that commit with them. */
import type { Changes } from "./changes.ts"
import { notificationMessages } from "./inbox.ts"
import { jobMessage, onBehalfOf } from "./job-message.ts"
import type { Json } from "./json.ts"
import { type Message, mailJob } from "./outbox.ts"
import { type Principal, system } from "./principal.ts"
import { invalidAll } from "./problem.ts"
import { violationsOf } from "./validation.ts"

const tracking = system("progress of a job")

/** What fits into an index beside the job's name. */
const jobKeyLength = 200

/** What telling needs of its call. */
type Telling = Parameters<typeof notificationMessages>[0] & {
  send(...messages: readonly Message[]): void
  /** Makes the record of a tracked job. Gives its id. */
  startRun(values: Readonly<Record<string, Json>>, as: Principal): string
}

/** The part of `changes` that tells. */
export function telling(call: Telling): Pick<Changes, "mail" | "notify" | "enqueue"> {
  return {
    mail: (mail) => call.send(jobMessage(call, mailJob, { ...mail }, { key: null, notBefore: null, run: null })),
    notify: (userId, notification) => {
      const { id, messages } = notificationMessages(call, userId, notification)
      call.send(...messages)
      return id
    },
    enqueue: (job, input, { at = null } = {}) => {
      const parsed = job.input.safeParse(input)
      if (!parsed.success) throw invalidAll(violationsOf(parsed.error))
      const key = job.key(parsed.data)
      if (key !== null && (key === "" || key.length > jobKeyLength))
        throw new Error(`${job.name}: a key has 1 to ${jobKeyLength} characters`)
      const owner = onBehalfOf(call.principal)
      const run = job.tracked ? call.startRun({ job: job.name, ownerId: owner }, tracking) : null
      call.send(jobMessage(call, job.name, input as Json, { key, notBefore: at, run }))
      return { runId: run }
    },
  }
}
