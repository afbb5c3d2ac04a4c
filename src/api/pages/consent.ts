/**
 * The page of consent, at the authorization endpoint (RFC 6749 §3.1): who asks, for what, and where the browser goes afterwards. Nothing that a
 * program says of itself is believed, and all of it is escaped. Whoever is not signed in is led to the sign-in and back.
 */
import { html, raw } from "hono/html"
import type { JsonObject } from "../../core/json.ts"
import { oauthPaths } from "../../core/oauth.ts"
import type { OfferedTerms } from "../../core/terms.ts"
import { problemView } from "./account.ts"
import { keepDetour } from "./detour.ts"
import type { Form } from "./form.ts"
import { goOn, type Html, type Showing, show, type View } from "./layout.ts"
import type { Ending, Visit } from "./visit.ts"
import { enrolmentPath, needsFactor, signInPath } from "./ways.ts"

/** What the person is asked, as `oauth.consider` tells it. */
interface Question {
  readonly client: { readonly name: string; readonly host: string | null }
  readonly redirectOrigin: string
  readonly redirectHost: string
  readonly scopes: readonly { readonly scope: string; readonly words: string }[]
  readonly resource: string
  readonly offer: OfferedTerms
  readonly account: string
  readonly ticket: string
}

function isLoopback(host: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(host)
}

function whoView({ client }: Question): Html {
  if (client.host === null)
    return html`<p class="hint">It has given itself this name, and nobody knows who runs it. Go on only if you have just asked it to connect.</p>`
  return html`<p class="hint">It is described by <strong>${client.host}</strong>, and has given itself this name. Go on only if you trust ${client.host}.</p>`
}

/** What the person may ask of the program. */
function termsView({ approval, rows, defaultRows }: OfferedTerms): Html {
  const asking = html`<div class="field">
<label class="check"><input type="checkbox" name="approval" value="yes"${approval === "asked" ? raw(" checked") : ""}> Ask me before it changes anything</label>
<p class="hint">Each change waits until you have seen it and said yes.</p>
</div>`
  const choice = (value: string, text: string, isChosen: boolean) =>
    html`<option value="${value}"${isChosen ? raw(" selected") : ""}>${text}</option>`
  return html`<h2>On these terms</h2>
${approval === null ? "" : asking}
<div class="field">
<label for="rows">Rows a day (UTC)</label>
<p class="hint" id="rows-hint">It may have so many rows of the database read, and so many written; then it waits for the next day.</p>
<select id="rows" name="rows" aria-describedby="rows-hint">${rows.map((most) => choice(String(most), `At most ${most.toLocaleString("en")}`, most === defaultRows))}${choice("none", "No bound", false)}</select>
</div>`
}

/** The terms as they were chosen in the form: a box that is not ticked is not sent. */
function termsIn(form: Form): JsonObject {
  const rows = form.get("rows")
  return {
    approval: form.get("approval") === "yes",
    ...(rows === undefined ? {} : { rows: rows === "none" ? null : Number(rows) }),
  }
}

function consentView(question: Question, site: string): View {
  const { client, scopes, redirectHost, account, resource, ticket, offer } = question
  const goal = isLoopback(redirectHost)
    ? html`a program on this device (<strong>${redirectHost}</strong>)`
    : html`<strong>${redirectHost}</strong>`
  const main = html`<h1>Let this program in?</h1>
<p><strong>“${client.name}”</strong> wants to use your account at ${site}: ${account}.</p>
${whoView(question)}
<h2>It will be able to</h2>
<ul>${scopes.map(({ scope, words }) => html`<li>${words} <code>${scope}</code></li>`)}</ul>
<p>at <strong>${resource}</strong>, until you take the access away.</p>
<p>Either way you are sent on to ${goal}.</p>
<form method="post" action="${oauthPaths.authorize}">
<input type="hidden" name="ticket" value="${ticket}">
${termsView(offer)}
<div class="acts"><button name="decision" value="allow">Let it in</button><button class="quiet" name="decision" value="refuse">Refuse</button></div>
</form>`
  return { title: "Let this program in?", main, leadsTo: question.redirectOrigin }
}

/** The page that a browser reads which came from elsewhere: with such a request it sends no cookie that could renew the session. */
function arrivalView(address: string): View {
  const main = html`<h1>One moment</h1>
<p><a href="${address}">Go on</a></p>`
  return { title: "One moment", main }
}

/** Whoever is nobody signs in first. */
async function signInFirst(visit: Visit, showing: Showing): Promise<Response> {
  const address = `${oauthPaths.authorize}${visit.url.search}`
  const site = visit.request.headers.get("sec-fetch-site")
  if (visit.request.method === "GET" && (site === "cross-site" || site === "same-site")) {
    const answer = await show(showing, arrivalView(address))
    answer.headers.set("Refresh", `0; url=${address}`)
    return answer
  }
  return keepDetour(await goOn(showing, `${signInPath}?told=program`), address)
}

async function refused(visit: Visit, showing: Showing, { problem }: Ending & { ok: false }): Promise<Response> {
  if (problem.code === "UNAUTHENTICATED") return signInFirst(visit, showing)
  if (needsFactor(problem))
    return keepDetour(await goOn(showing, enrolmentPath), `${oauthPaths.authorize}${visit.url.search}`)
  return show(showing, problemView(problem, visit.requestId))
}

/** GET: what is asked; a request that is not valid goes back to the program where that is safe. */
export async function considerPage(visit: Visit, showing: () => Showing): Promise<Response> {
  const query = visit.url.search.slice(1)
  const ending = await visit.call("oauth.consider", () => ({ query }), { session: true })
  if (!ending.ok) return refused(visit, showing(), ending)
  const { question, redirect } = ending.output as unknown as { question: Question | null; redirect: string | null }
  if (question === null) return goOn(showing(), redirect ?? "/account")
  return show(showing(), consentView(question, showing().site))
}

/** POST: what was decided. */
export async function decidePage(visit: Visit, showing: () => Showing): Promise<Response> {
  const ending = await visit.call(
    "oauth.decide",
    (form): JsonObject => ({
      ticket: form.get("ticket") ?? "",
      decision: form.get("decision") ?? "",
      ...termsIn(form),
    }),
    { session: true },
  )
  if (!ending.ok) return refused(visit, showing(), ending)
  return goOn(showing(), String(ending.output.redirect))
}
