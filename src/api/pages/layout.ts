/**
 * What every page has: the document around it, and headers under which nothing runs but a script of ours where a page says so, nothing is loaded and no
 * form leads elsewhere. Refuses markup from outside: what is put into a page is escaped by hono/html.
 */
import { html, raw } from "hono/html"
import { setCookies, setFlow } from "../../core/cookies.ts"
import type { SessionEffect } from "../../core/operation.ts"
import { securityHeaders } from "../../core/security-headers.ts"
import { style } from "./style.ts"

/** Markup, escaped. */
export type Html = ReturnType<typeof html>

/** A page before it is sent. */
export interface View {
  readonly title: string
  readonly main: Html
  readonly status?: number
  /** For lists; forms stand in a narrow column. */
  readonly wide?: boolean
  readonly retryAfterSeconds?: number | undefined
  readonly allow?: readonly string[] | undefined
  /** Where the browser goes by itself, as soon as it has shown the page. */
  readonly onward?: string
  /** An origin beside our own to which the answer to the page's form may send the browser on. */
  readonly leadsTo?: string
  /** A constant of ours that runs in the page, and nothing else does. */
  readonly script?: string
}

/** Who shows the page, and what becomes of the cookies. */
export interface Showing {
  /** Name of the application. */
  readonly site: string
  readonly requestId: string
  readonly effect: SessionEffect | null
  /** The flow to a provider that the browser is to keep; null takes one back. */
  readonly flow?: Parameters<typeof setFlow>[1]
  /** The instant, milliseconds since 1970. */
  readonly now: number
}

const sources = new Map<string, Promise<string>>()

async function hash(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)))
  return `'sha256-${btoa(String.fromCharCode(...digest))}'`
}

/** The source expression of one of our constants. There are two, so all are kept. */
function hashOf(text: string): Promise<string> {
  const found = sources.get(text) ?? hash(text)
  sources.set(text, found)
  return found
}

/** CSP 3 §2.3.1: a source has no place for an IPv6 address, so its scheme stands for it. */
function sourceOf(origin: string): string {
  return origin.includes("[") ? origin.slice(0, origin.indexOf("/")) : origin
}

/**
 * Style and script are allowed by their hash, so that no others are. The empty icon keeps browsers from asking for one. Where a form is answered by
 * sending the browser on, browsers hold that address against the policy, too.
 */
async function policyOf({ leadsTo, script }: Pick<View, "leadsTo" | "script">): Promise<string> {
  return [
    "default-src 'none'",
    ...(script === undefined ? [] : [`script-src ${await hashOf(script)}`]),
    `style-src ${await hashOf(style)}`,
    "img-src data:",
    `form-action 'self'${leadsTo === undefined ? "" : ` ${sourceOf(leadsTo)}`}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join("; ")
}

async function headersOf(
  { requestId, effect, now, flow }: Showing,
  view: Pick<View, "leadsTo" | "script"> = {},
): Promise<Headers> {
  const headers = new Headers({
    ...securityHeaders,
    "Content-Security-Policy": await policyOf(view),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "X-Request-Id": requestId,
  })
  setCookies(headers, effect, now)
  if (flow !== undefined) setFlow(headers, flow)
  return headers
}

/** The page as an answer. */
export async function show(showing: Showing, view: View): Promise<Response> {
  const { site } = showing
  const page = await html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${view.title} – ${site}</title>
<link rel="icon" href="data:,">
${view.onward !== undefined && html`<meta http-equiv="refresh" content="0;url=${view.onward}">`}
<style>${raw(style)}</style>
</head>
<body${view.wide ? raw(' class="wide"') : ""}>
<header><a href="/account">${site}</a></header>
<main>
${view.main}
</main>
${view.script !== undefined && raw(`<script>${view.script}</script>`)}
</body>
</html>
`
  const headers = await headersOf(showing, view)
  headers.set("Content-Type", "text/html; charset=utf-8")
  if (view.retryAfterSeconds !== undefined) headers.set("Retry-After", String(Math.ceil(view.retryAfterSeconds)))
  if (view.allow !== undefined) headers.set("Allow", view.allow.join(", "))
  return new Response(String(page), { status: view.status ?? 200, headers })
}

/** Sends the browser on with GET (RFC 9110 §15.4.4), so that a reload sends no form again. */
export async function goOn(showing: Showing, place: string): Promise<Response> {
  const headers = await headersOf(showing)
  headers.set("Location", place)
  return new Response(null, { status: 303, headers })
}

/** Data for scripts of the newcomer. */
export async function tell(showing: Showing, data: unknown): Promise<Response> {
  const headers = await headersOf(showing)
  headers.set("Content-Type", "application/json; charset=utf-8")
  return new Response(JSON.stringify(data), { headers })
}
