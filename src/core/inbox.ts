/** Notifications: what an operation or a job has to say to a person, kept in the person's own object and mailed when nobody looks. */
import type { Ids } from "./context.ts"
import { jobMessage } from "./job-message.ts"
import type { JsonObject } from "./json.ts"
import type { Message } from "./outbox.ts"
import type { Principal } from "./principal.ts"

/** What is said. */
export interface Notification {
  /** A word for programs: `"task.assigned"`. */
  readonly kind: string
  /** One line. */
  readonly title: string
  readonly body?: string
  /** Where it leads: a path of the application, or an address. */
  readonly url?: string
  /** For programs. */
  readonly data?: JsonObject
}

/** A notification as it stands in the inbox. Instants are milliseconds since 1970. */
export interface Notice {
  readonly id: string
  readonly at: number
  readonly kind: string
  readonly title: string
  readonly body: string | null
  readonly url: string | null
  readonly data: JsonObject | null
  readonly readAt: number | null
}

/** A page of the inbox, newest first. */
export interface InboxPage {
  readonly items: readonly Notice[]
  /** How many are not read, in all. */
  readonly unread: number
  /** Behind which notification the next page begins; null: there is none. */
  readonly next: string | null
}

/** Names of the engine's jobs that bring a notification, and that mail it when nobody has seen it. */
export const inboxJobs = { deliver: "inbox.deliver", mail: "inbox.mail" } as const

/** How long a notification may stay unseen before it is mailed. */
export const unseenSeconds = 15 * 60

/** Preference of the person: `"unseen"` (the default when there is none) or `"never"`. */
export const mailPreference = "inbox.mail"

/** Bounds of what is said. */
export const notificationBounds = { kind: 80, title: 200, body: 2000, url: 2000, dataBytes: 4096 } as const

function checkBounds({ kind, title, body = "", url = "", data = {} }: Notification): void {
  const { dataBytes, ...lengths } = notificationBounds
  for (const [name, value] of Object.entries({ kind, title, body, url }))
    if (value.length > lengths[name as keyof typeof lengths])
      throw new Error(`A notification's ${name} has at most ${lengths[name as keyof typeof lengths]} characters`)
  if (kind === "" || title === "") throw new Error("A notification has a kind and a title")
  if (JSON.stringify(data).length > dataBytes) throw new Error(`A notification's data has at most ${dataBytes} bytes`)
}

/**
 * A notification as the two jobs that it is: its delivery, and the letter for when nobody looks.
 * @throws Error for one that is longer than an inbox takes
 */
export function notificationMessages(
  call: { readonly principal: Principal; readonly requestId: string; readonly ids: Ids; readonly now: Date },
  userId: string,
  notification: Notification,
): { readonly id: string; readonly messages: readonly Message[] } {
  checkBounds(notification)
  const id = call.ids.mint("notice")
  const said = Object.fromEntries(Object.entries(notification).filter(([, value]) => value !== undefined))
  const later = new Date(call.now.getTime() + unseenSeconds * 1000)
  return {
    id,
    messages: [
      jobMessage(
        call,
        inboxJobs.deliver,
        { userId, id, notification: said },
        { key: userId, notBefore: null, run: null },
      ),
      jobMessage(call, inboxJobs.mail, { userId, id }, { key: null, notBefore: later, run: null }),
    ],
  }
}

/** A notification as it goes out: instants in RFC 3339. */
export function shownNotice({ at, readAt, ...rest }: Notice) {
  return { ...rest, at: new Date(at).toISOString(), readAt: readAt === null ? null : new Date(readAt).toISOString() }
}
