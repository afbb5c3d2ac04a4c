/** A letter as it is sent: plain text and HTML of the same words. Everything that came from outside is escaped; there is no markup in it. */
import { escapeHtml } from "../../core/html.ts"
import type { Mail } from "../../core/outbox.ts"

/** A mail with a recipient. */
export type Letter = Mail & { readonly to: string }

/** One line: a header must not be continued by what somebody typed. */
export function subjectOf({ subject }: Mail): string {
  return subject.replace(/[\p{Cc}\u2028\u2029]+/gu, " ").slice(0, 200)
}

/** The letter as plain text. */
export function textOf({ paragraphs, action }: Mail): string {
  const parts = action ? [...paragraphs, `${action.label}:\n${action.url}`] : paragraphs
  return `${parts.join("\n\n")}\n`
}

const page =
  "font:16px/1.5 system-ui,sans-serif;color:#1c1c1c;background:#ffffff;max-width:34rem;margin:2rem auto;padding:0 1rem"
const button =
  "display:inline-block;padding:.6rem 1.2rem;border-radius:.4rem;background:#1f4fd8;color:#ffffff;text-decoration:none"

/** The letter as HTML: no image, no script, nothing that is loaded. */
export function htmlOf(mail: Mail): string {
  const paragraphs = mail.paragraphs.map((text) => `<p>${escapeHtml(text)}</p>`)
  const { action } = mail
  if (action) {
    const url = escapeHtml(action.url)
    paragraphs.push(`<p><a href="${url}" style="${button}">${escapeHtml(action.label)}</a></p>`)
    paragraphs.push(
      `<p style="font-size:13px;color:#5a5a5a">If the button does not work, open this address:<br>${url}</p>`,
    )
  }
  const title = escapeHtml(subjectOf(mail))
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title></head><body style="${page}">${paragraphs.join("")}</body></html>`
}
