/** A page with one form: shown, and shown again with what is wrong beside each field. What was typed stays, passwords excepted. */
import { html } from "hono/html"
import type { Problem, Violation } from "../../core/problem.ts"
import { signInFirst } from "./entries.ts"
import type { Entry, Field } from "./fields.ts"
import type { Form } from "./form.ts"
import type { Html, View } from "./layout.ts"
import { tidings } from "./tidings.ts"
import type { Visit } from "./visit.ts"
import { sayProblem, sayViolation, statusOf } from "./words.ts"

/** The faults of a form: beside fields, and of the whole. */
interface Faults {
  readonly beside: ReadonlyMap<string, string>
  readonly whole: string | null
  /** True when the token from the letter will not do. */
  readonly token: boolean
}

const none: Faults = { beside: new Map(), whole: null, token: false }

function faultsOf(entry: Entry, problem: Problem, form: Form, requestId: string): Faults {
  const { violations = [] } = problem.options
  const beside = new Map<string, string>()
  for (const { name, empty, wrong } of entry.fields) {
    const found = violations.find(({ path }) => path === `/${name}`)
    if (found) beside.set(name, sayViolation(found, form.get(name) ?? "", { empty, wrong }))
  }
  const isToken = ({ path }: Violation) => path === "/token"
  const token = violations.some(isToken)
  if (token) return { beside, whole: "This link is not valid any more: it was used, or its time is over.", token }
  return { beside, whole: beside.size > 0 ? null : sayProblem(problem, requestId), token }
}

/**
 * A field with its label, its hint and what is wrong with it.
 * @param typed what stands in it; never shown of a password
 */
export function fieldView(field: Field, typed: string, fault: string | undefined, focus: boolean): Html {
  const { name, label, type, autocomplete, inputmode } = field
  // What is wrong says what would be right.
  const hint = fault === undefined ? field.hint : undefined
  const describedBy = [hint && `${name}-hint`, fault && `${name}-wrong`].filter(Boolean).join(" ")
  const described = describedBy === "" ? "" : html` aria-describedby="${describedBy}"`
  const value = type === "password" || typed === "" ? "" : html` value="${typed}"`
  const keyboard = inputmode === undefined ? "" : html` inputmode="${inputmode}"`
  const invalid = fault === undefined ? "" : html` aria-invalid="true"`
  return html`<div class="field">
<label for="${name}">${label}</label>
${hint && html`<p class="hint" id="${name}-hint">${hint}</p>`}
${fault && html`<p class="wrong" id="${name}-wrong">${fault}</p>`}
<input id="${name}" name="${name}" type="${type}" autocomplete="${autocomplete}" required${keyboard}${value}${described}${invalid}${focus ? " autofocus" : ""}>
</div>`
}

function toldView(faults: Faults, news: string | undefined): Html | "" {
  if (faults.whole !== null) return html`<p class="told bad" role="alert">${faults.whole}</p>`
  if (faults.beside.size > 0)
    return html`<p class="told bad" role="alert">Not done yet: look at what is marked below.</p>`
  return news === undefined ? "" : html`<p class="told" role="status">${news}</p>`
}

/** Other ways, below what a page is for. */
export function linksView(links: Entry["links"]): Html | "" {
  if (links.length === 0) return ""
  return html`<ul class="links">${links.map(([title, address]) => html`<li><a href="${address}">${title}</a></li>`)}</ul>`
}

/** What stands in place of the form when there is no token, or one that will not do, or nobody is signed in who has to be. */
function withoutForm(entry: Entry, whole: string, links: Entry["links"]): Html {
  return html`<h1>${entry.title}</h1>
${toldView({ ...none, whole }, undefined)}${linksView(links)}`
}

/** What a page has beside its entry. */
export interface Beside {
  /** Between the lead and the form. */
  readonly above?: Html
  /** Behind the fields. */
  readonly within?: Html
  readonly hidden?: Readonly<Record<string, string>>
  /** What stands in the fields before anything was typed. */
  readonly typed?: Form
}

/**
 * The page.
 * @param problem what kept the form from being done; null when it is shown for the first time
 */
export function entryView(entry: Entry, visit: Visit, problem: Problem | null, beside: Beside = {}): View {
  const form: Form = visit.form() ?? beside.typed ?? new Map()
  const faults = problem === null ? none : faultsOf(entry, problem, form, visit.requestId)
  const token = form.get("token") ?? visit.url.searchParams.get("token") ?? ""
  const title = problem === null ? entry.title : `Not done: ${entry.title}`
  const shared = { title, ...(problem === null ? {} : { status: statusOf(problem) }) }
  const retryAfterSeconds = problem?.options.retryAfterSeconds
  if (entry.session && problem?.code === "UNAUTHENTICATED")
    return { ...shared, main: withoutForm(entry, "Sign in first, then open the link again.", signInFirst) }
  if (entry.token && (token === "" || faults.token)) {
    const whole = faults.whole ?? "This address is not complete. Open the link from the letter as a whole."
    return { ...shared, main: withoutForm(entry, whole, entry.again ? [entry.again, ...entry.links] : entry.links) }
  }
  const news = problem === null ? tidings.get(visit.url.searchParams.get("told")) : undefined
  const first = entry.fields.find(({ name }) => faults.beside.has(name))
  const fields = entry.fields.map((field) =>
    fieldView(field, form.get(field.name) ?? "", faults.beside.get(field.name), field === first),
  )
  const main = html`<h1>${entry.title}</h1>
${toldView(faults, news)}${entry.lead && html`<p>${entry.lead}</p>`}${beside.above ?? ""}
<form class="entry" method="post" action="/account/${entry.path}">
${entry.token && html`<input type="hidden" name="token" value="${token}">`}
${Object.entries(beside.hidden ?? {}).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
${fields}${beside.within ?? ""}
<button>${entry.button}</button>
</form>
${entry.aside && html`<p class="aside"><a class="button quiet" href="${entry.aside[1]}">${entry.aside[0]}</a></p>`}
${linksView(entry.links)}`
  return { ...shared, main, retryAfterSeconds }
}
