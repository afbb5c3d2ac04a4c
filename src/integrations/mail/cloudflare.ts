/** Letters by Cloudflare's `send_email` binding. Throws what the binding throws: the outbox tries again. */
import { htmlOf, type Letter, subjectOf, textOf } from "./letter.ts"

/** The binding and the sender's address, which must be of a domain that the account may send from. */
export interface CloudflareMail {
  readonly binding: SendEmail
  readonly from: string
}

/** Sends a letter. */
export async function sendByCloudflare({ binding, from }: CloudflareMail, letter: Letter): Promise<void> {
  await binding.send({ from, to: letter.to, subject: subjectOf(letter), text: textOf(letter), html: htmlOf(letter) })
}
