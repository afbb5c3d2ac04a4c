/** The page of who is signed in: oneself, where one is signed in, and the ways out. */
import { html } from "hono/html"
import type { JsonObject } from "../../core/json.ts"
import type { Problem } from "../../core/problem.ts"
import { deviceName } from "./device.ts"
import type { Html, View } from "./layout.ts"
import { tidings } from "./tidings.ts"
import type { Visit } from "./visit.ts"
import { factorsPath } from "./ways.ts"
import { sayProblem, statusOf } from "./words.ts"

/** A session as sessions.list tells of it. */
interface Session {
  readonly id: string
  readonly current: boolean
  readonly createdAt: string
  readonly lastSeenAt: string
  readonly userAgent: string | null
  readonly address: string | null
}

/** An instant to the minute. Without script nobody knows the visitor's own time. */
export function instantView(at: string): Html {
  return html`<time datetime="${at}">${at.slice(0, 10)} ${at.slice(11, 16)} UTC</time>`
}

function sessionView({ id, current, createdAt, lastSeenAt, userAgent, address }: Session): Html {
  const name = deviceName(userAgent)
  const end = html`<form method="post" action="/account/end-session">
<input type="hidden" name="id" value="${id}">
<button class="quiet" aria-label="End the session: ${name}, since ${createdAt.slice(0, 10)}">End</button>
</form>`
  return html`<li>
<div>
<p><strong>${name}</strong>${current && html` <span class="mark">This browser</span>`}</p>
<p class="hint">${address === null ? "Since" : `From ${address}, since`} ${instantView(createdAt)}<br>Last seen ${instantView(lastSeenAt)}</p>
</div>
${current ? "" : end}
</li>`
}

/**
 * The page.
 * @param ways what it tells of ways to sign in beside the password
 */
export function accountView(visit: Visit, me: JsonObject, sessions: readonly Session[], ways: Html | ""): View {
  const news = tidings.get(visit.url.searchParams.get("told"))
  const sorted = [...sessions].sort(
    (one, other) => Number(other.current) - Number(one.current) || (one.lastSeenAt < other.lastSeenAt ? 1 : -1),
  )
  const others = html`<form method="post" action="/account/end-other-sessions"><button class="quiet">End all other sessions</button></form>`
  const main = html`<h1>Your account</h1>
${news && html`<p class="told" role="status">${news}</p>`}
<dl>
<dt>Name</dt><dd>${String(me.name)}</dd>
<dt>Address</dt><dd>${String(me.email)}</dd>
<dt>Password</dt><dd><a href="/account/password">Change it</a></dd>
<dt>Second factors</dt><dd><a href="${factorsPath}">Apps, passkeys and recovery codes</a></dd>
<dt>API keys</dt><dd><a href="/account/keys">Keys for programs of your own</a></dd>
<dt>Programs</dt><dd><a href="/account/grants">Programs that you have let in</a></dd>
<dt>Approvals</dt><dd><a href="/account/approvals">Changes that programs ask for</a></dd>
</dl>
${ways}
<h2>Where you are signed in</h2>
<ul class="rows">${sorted.map(sessionView)}</ul>
<div class="acts">
<form method="post" action="/account/sign-out"><button>Sign out</button></form>
${sorted.length > 1 && others}
</div>`
  return { title: "Your account", main, wide: true }
}

/** A page that says what went wrong, and where to go on. */
export function problemView(problem: Problem, requestId: string): View {
  const titles: Partial<Record<Problem["code"], string>> = {
    NOT_FOUND: "There is no such page",
    RESOURCE_EXHAUSTED: "Too many attempts",
    PERMISSION_DENIED: "This is refused",
  }
  const title = titles[problem.code] ?? "This did not work"
  const { retryAfterSeconds, allow } = problem.options
  const main = html`<h1>${title}</h1>
<p role="alert">${sayProblem(problem, requestId)}</p>
<p><a href="/account">Go to your account</a></p>`
  return { title, main, status: statusOf(problem), retryAfterSeconds, allow }
}

/** The page after a letter was asked for. */
export function sentView(text: string, hasMailbox: boolean): View {
  const main = html`<h1>Look into your mail</h1>
<p>${text}</p>
<p>Nothing came? Look into the folder for junk mail, and whether the address was right.</p>
${hasMailbox && html`<p><a href="/dev/mailbox">Open the mailbox of development</a></p>`}
<ul class="links"><li><a href="/account/sign-in">Sign in</a></li></ul>`
  return { title: "Look into your mail", main }
}

/** What the pages show of a session; the output of sessions.list has more. */
export function sessionsIn(output: JsonObject): readonly Session[] {
  return output.items as unknown as readonly Session[]
}
