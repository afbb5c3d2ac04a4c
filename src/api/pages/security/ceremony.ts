/**
 * A page on which a passkey is made or used. The options stand in the form, and the passkey's answer comes back in a field of it: the same rule against forms from
 * elsewhere, the same cookies and the same problems as on every page.
 */
import { html } from "hono/html"
import type { Json, JsonObject } from "../../../core/json.ts"
import { invalid, type Problem } from "../../../core/problem.ts"
import { linksView } from "../entry.ts"
import type { Form } from "../form.ts"
import type { Html, View } from "../layout.ts"
import { sayProblem, statusOf } from "../words.ts"
import { passkeyScript } from "./script.ts"

/** What a ceremony's page says and does. */
export interface Ceremony {
  readonly kind: "create" | "get"
  readonly title: string
  readonly lead: string
  /** Where the form goes. */
  readonly action: string
  readonly button: string
  /** Ways without a passkey. */
  readonly links: readonly (readonly [string, string])[]
  /** True when the browser asks for the passkey as soon as the page is there. */
  readonly startsItself: boolean
  readonly fields?: Html
}

/**
 * The page.
 * @param begun what the operation that begins it answered: options, and the state that comes back with the answer
 * @param problem why the passkey did not do; null when the page is shown for the first time
 */
export function ceremonyView(
  { kind, title, lead, action, button, links, startsItself, fields }: Ceremony,
  begun: JsonObject,
  problem: Problem | null,
  requestId: string,
): View {
  const itself = startsItself && problem === null ? html` data-now` : ""
  const wrong = problem && html`<p class="told bad" role="alert">${sayProblem(problem, requestId)}</p>`
  const main = html`<h1>${title}</h1>
${wrong ?? ""}<p>${lead}</p>
<p class="told bad" role="alert" id="passkey-told" hidden></p>
<noscript><p class="told bad">A passkey takes script, which is switched off in this browser. Everything else here works without.</p></noscript>
<form class="entry" method="post" action="${action}" data-passkey="${kind}" data-options="${JSON.stringify(begun.options)}"${itself} hidden>
<input type="hidden" name="state" value="${String(begun.state)}">
<input type="hidden" name="credential">
${fields ?? ""}
<button>${button}</button>
</form>
${linksView(links)}`
  const status =
    problem === null ? {} : { status: statusOf(problem), retryAfterSeconds: problem.options.retryAfterSeconds }
  return { title: problem === null ? title : `Not done: ${title}`, main, script: passkeyScript, ...status }
}

/**
 * What the passkey answered.
 * @throws INVALID_ARGUMENT for what is no JSON
 */
export function answerIn(form: Form): { readonly state: string; readonly credential: Json } {
  let credential: Json
  try {
    credential = JSON.parse(form.get("credential") ?? "") as Json
  } catch {
    throw invalid("/credential", "malformed", "No answer of a passkey came with the form; try again")
  }
  return { state: form.get("state") ?? "", credential }
}
