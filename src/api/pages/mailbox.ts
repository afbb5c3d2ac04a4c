/** The mailbox page of development: the letters that would have been sent, newest first. Their plain text; no markup of theirs is shown. */
import { html } from "hono/html"
import type { Html, View } from "./layout.ts"
import type { ReceivedLetter } from "./visit.ts"

/** The text without the address at its end, which the button below it has. */
function wordsOf({ text, action }: ReceivedLetter): string {
  const lead = action === null ? -1 : text.indexOf(`${action.label}:\n${action.url}`)
  return (lead === -1 ? text : text.slice(0, lead)).trim()
}

function letterView(letter: ReceivedLetter): Html {
  const { at, to, subject, action } = letter
  const token = action?.token == null ? "" : html`<p class="hint">Token for curl: <code>${action.token}</code></p>`
  return html`<article>
<h2>${subject}</h2>
<p class="hint">To ${to}, <time datetime="${at}">${at.slice(0, 10)} ${at.slice(11, 19)} UTC</time></p>
<p class="letter">${wordsOf(letter)}</p>
${action && html`<p><a class="button" href="${action.url}">${action.label}</a></p>`}${token}
</article>`
}

/** The page. */
export function mailboxView(letters: readonly ReceivedLetter[]): View {
  const none = html`<p>No letter yet. <a href="/account/sign-up">Make an account</a>, and the one that proves your address stands here.</p>`
  const main = html`<h1>Mailbox</h1>
<p class="hint">The letters that would have been sent, newest first. In development only; also as <a href="/dev/mailbox.json">JSON</a>.</p>
${letters.length === 0 ? none : letters.map(letterView)}`
  return { title: "Mailbox of development", main, wide: true }
}
