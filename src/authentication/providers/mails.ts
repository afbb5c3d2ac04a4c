/** The letters of sign-in with others: whoever has a new way in, or one less, is told of it. */
import type { Mail } from "../../core/outbox.ts"

/** Tells of a new way into the account. */
export function linkedMail(to: string | null, site: string, title: string, url: string): Mail {
  return {
    to,
    subject: `${title} now signs you in to ${site}`,
    paragraphs: [
      `Your account at ${site} can now be entered with an account at ${title}.`,
      `If this was not you, take ${title} away again on the page of your account, which ends every other session, and set a new password.`,
    ],
    action: { label: "Look at your account", url },
  }
}

/** Tells that a way into the account is gone. */
export function unlinkedMail(to: string | null, site: string, title: string): Mail {
  return {
    to,
    subject: `${title} no longer signs you in to ${site}`,
    paragraphs: [
      `The account at ${title} no longer enters your account at ${site}, and all other sessions have ended.`,
      "If this was not you, set a new password at once: that ends every session.",
    ],
  }
}
