/** Letters: one adapter a way of sending them. */
import type { Mail } from "../../core/outbox.ts"
import { type CloudflareMail, sendByCloudflare } from "./cloudflare.ts"
import { type Mailbox, toMailbox } from "./mailbox.ts"

export type { Letter } from "./letter.ts"
export { readMailbox } from "./mailbox.ts"

/**
 * Sends a mail that has a recipient; one without was made so that the absence of an account takes as long as its presence.
 * @param by the binding that sends; the mailbox in development
 */
export async function sendMail(by: CloudflareMail | Mailbox, id: string, mail: Mail): Promise<void> {
  const { to } = mail
  if (to === null) return
  await ("binding" in by ? sendByCloudflare(by, { ...mail, to }) : toMailbox(by, id, { ...mail, to }))
}
