/**
 * The jobs behind `changes.notify`: one brings the notification to the person's object, one mails it a quarter of an hour later when nobody has seen
 * it. Both know it by its id, so a repetition changes nothing.
 */
import * as z from "zod"
import { inboxJobs, notificationBounds } from "../core/inbox.ts"
import { type Job, job } from "../core/job.ts"
import type { Mail } from "../core/outbox.ts"
import { system } from "../core/principal.ts"
import type { Flow } from "./account.ts"
import { ask } from "./objects.ts"
import { users } from "./resources.ts"

const { kind, title, body, url } = notificationBounds

const delivery = z.strictObject({
  userId: z.string().max(100),
  id: z.string().max(100),
  notification: z.strictObject({
    kind: z.string().min(1).max(kind),
    title: z.string().min(1).max(title),
    body: z.string().max(body).optional(),
    url: z.string().max(url).optional(),
    data: z.record(z.string(), z.json()).optional(),
  }),
})

const unseen = z.strictObject({ userId: z.string().max(100), id: z.string().max(100) })

/** A letter for a notification that nobody has seen. */
function unseenMail(
  to: string,
  application: string,
  notice: { title: string; body: string | null },
  link: string | null,
): Mail {
  return {
    to,
    subject: notice.title,
    paragraphs: [
      ...(notice.body === null ? [] : [notice.body]),
      `You get this because nobody has looked at it in ${application}; say there that you want no letters, and none comes.`,
    ],
    ...(link === null ? {} : { action: { label: "Look at it", url: link } }),
  }
}

/** An address of the web: a path of the application is completed, another application's scheme is left out. */
function absolute(url: string | null, origin: string): string | null {
  if (url === null || !URL.canParse(url, origin)) return null
  const { protocol, href } = new URL(url, origin)
  return protocol === "https:" || protocol === "http:" ? href : null
}

/** The jobs of the inbox. */
export function inboxJobParts({ ports }: Pick<Flow, "ports">): readonly Job[] {
  const deliver = job(inboxJobs.deliver, {
    summary: "Brings a notification to its inbox",
    input: delivery,
    key: ({ userId }) => userId,
    handle: async ({ input }) => {
      await ask(() =>
        ports()
          .objects.user(input.userId)
          .notify(input.id, input.notification as never),
      )
    },
  })
  const mail = job(inboxJobs.mail, {
    summary: "Mails a notification that nobody has seen",
    input: unseen,
    handle: async ({ input, read, send }) => {
      const answer = await ask(() => ports().objects.user(input.userId).unseenNotice(input.id))
      const notice = answer?.notice ?? null
      if (notice === null) return
      const person = await read.as(system("address for a notification")).find(users, input.userId)
      if (!person?.email || person.status !== "active" || person.emailVerifiedAt === null) return
      await send(unseenMail(person.email, ports().title, notice, absolute(notice.url, ports().origin)))
    },
  })
  return [deliver as unknown as Job, mail as unknown as Job]
}
