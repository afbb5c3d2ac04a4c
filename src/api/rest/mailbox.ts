/** The mailbox page of development: the letters that would have been sent, newest first. No script; each letter in a frame that may do nothing. */
import { html } from "hono/html"
import { securityHeaders } from "./headers.ts"
import type { ReceivedLetter } from "./mounting.ts"

const style = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { max-width: 44rem; margin: 2rem auto; padding: 0 1rem }
  article { border: 1px solid #8886; border-radius: .5rem; padding: 1rem; margin: 1rem 0 }
  h2 { font-size: 1.1rem; margin: 0 }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit }
  code { overflow-wrap: anywhere }
  small { opacity: .75 }
`

function letter({ at, to, subject, text, action }: ReceivedLetter) {
  const lead = action === null ? "" : html`<p><a href="${action.url}">${action.label}</a></p>`
  const token = action?.token == null ? "" : html`<p><small>Token: <code>${action.token}</code></small></p>`
  return html`<article>
    <h2>${subject}</h2>
    <small>To ${to}, <time datetime="${at}">${at}</time></small>
    <pre>${text}</pre>
    ${lead}${token}
  </article>`
}

/** The page. */
export async function mailboxPage(letters: readonly ReceivedLetter[]): Promise<Response> {
  const body =
    letters.length === 0
      ? html`<p>No letter yet. Sign up, and the one that proves your address stands here.</p>`
      : letters.map(letter)
  const page = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Mailbox of development</title>
        <style>
          ${style}
        </style>
      </head>
      <body>
        <h1>Mailbox</h1>
        <p>What would have been sent. In development only; also as <a href="/dev/mailbox.json">JSON</a>.</p>
        ${body}
      </body>
    </html>`
  return new Response(String(page), {
    headers: {
      ...securityHeaders,
      "Content-Security-Policy":
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
      "Cache-Control": "no-store",
      "Content-Type": "text/html; charset=utf-8",
    },
  })
}
