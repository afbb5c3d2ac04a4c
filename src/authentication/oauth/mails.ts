/** The letter of a program that was let in. */
import type { Mail } from "../../core/outbox.ts"

/** Tells that a program was given access: a thief with a session would do it, too. */
export function grantedMail(
  to: string | null,
  title: string,
  { name, host, words }: { readonly name: string; readonly host: string; readonly words: readonly string[] },
): Mail {
  return {
    to,
    subject: `A program was given access to your account at ${title}`,
    paragraphs: [
      `It calls itself “${name}” (${host}); nobody has checked the name. What it may do: ${words.join("; ")}.`,
      "If this was not you, take the access away and set a new password at once: that ends every session and every program's access.",
    ],
  }
}
