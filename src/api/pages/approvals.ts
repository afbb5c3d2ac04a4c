/**
 * The pages where a person decides on changes that programs want to make: which program, what it would do, with what, and what would come of it.
 * All of that is a program's or a record's own text, and escaped.
 */
import { html } from "hono/html"
import type { JsonObject } from "../../core/json.ts"
import { refused } from "./acting.ts"
import type { House, Place } from "./house.ts"
import { goOn, type Html, show, type View } from "./layout.ts"
import type { Visit } from "./visit.ts"
import { sentence } from "./words.ts"

const listPath = "/account/approvals"
/** Longest value that a page shows as a whole. */
const valueMax = 2000

/** As `approvals.list` tells of it. */
interface Asked {
  readonly id: string
  readonly client: { readonly name: string; readonly host: string | null }
  readonly operation: string
  readonly summary: string
  readonly state: "waiting" | "granted" | "refused"
  readonly createdAt: string
  readonly expiresAt: string
}

interface Change {
  readonly resource: string
  readonly change: "create" | "update" | "delete"
  readonly id: string | null
  readonly fields: readonly { readonly field: string; readonly before?: unknown; readonly after?: unknown }[]
}

/** As `approvals.get` tells of it. */
interface Question extends Asked {
  readonly input: JsonObject
  readonly changes: readonly Change[] | null
  readonly refusal: string | null
}

const states: Readonly<Record<Asked["state"], string>> = {
  waiting: "Waits for you",
  granted: "Approved, not done yet",
  refused: "Refused",
}

const headings: Readonly<Record<Change["change"], string>> = {
  create: "New in",
  update: "Changed in",
  delete: "Gone from",
}

function instantView(at: string): Html {
  return html`<time datetime="${at}">${at.slice(0, 10)} ${at.slice(11, 16)} UTC</time>`
}

/** A value as text. What is long is cut where everybody sees it. */
function sayValue(value: unknown): string {
  if (value === null || value === undefined || value === "") return "–"
  const text = typeof value === "string" ? value : JSON.stringify(value)
  return text.length > valueMax ? `${text.slice(0, valueMax)} … (${text.length - valueMax} more characters)` : text
}

function who({ client: { name, host } }: Asked): Html {
  return host === null ? html`<strong>“${name}”</strong>` : html`<strong>“${name}”</strong> (${host})`
}

function itemView(asked: Asked): Html {
  return html`<li>
<div>
<p><a href="${listPath}/${asked.id}">${asked.summary}</a> <span class="mark">${states[asked.state]}</span></p>
<p class="hint">${who(asked)}, ${instantView(asked.createdAt)}</p>
</div>
</li>`
}

function listView(all: readonly Asked[]): View {
  const main = html`<h1>Changes that programs ask for</h1>
${all.length === 0 ? html`<p>Nothing waits for you.</p>` : html`<ul class="rows">${all.map(itemView)}</ul>`}
<ul class="links"><li><a href="/account">Your account</a></li></ul>`
  return { title: "Changes that programs ask for", main, wide: true }
}

function changeView({ resource, change, id, fields }: Change): Html {
  const title = html`<h3>${headings[change]} ${resource}</h3>`
  if (id === null) return html`${title}<p class="hint">Its values are not for you to see.</p>`
  const rows = fields.map(({ field, before, after }) => {
    const value = change === "update" ? `${sayValue(before)} → ${sayValue(after)}` : sayValue(after ?? before)
    return html`<dt>${field}</dt><dd>${value}</dd>`
  })
  return html`${title}<dl>${rows}</dl>`
}

function outcomeView({ changes, refusal }: Question): Html {
  if (refusal !== null) return html`<p class="told bad">It would be refused as things stand: ${sentence(refusal)}</p>`
  if (changes === null) return html`<p>What it would change cannot be tried beforehand.</p>`
  if (changes.length === 0) return html`<p>It would change no record of its own.</p>`
  return html`${changes.map(changeView)}`
}

function decisionView({ id, state }: Question): Html {
  const yes = html`<button name="decision" value="grant">Approve, once</button>`
  const no = html`<button class="quiet" name="decision" value="refuse">Refuse</button>`
  return html`<form method="post" action="${listPath}/${id}">
<div class="acts">${state === "granted" ? "" : yes}${state === "refused" ? "" : no}</div>
</form>`
}

function questionView(question: Question): View {
  const { operation, summary, input, state, createdAt, expiresAt } = question
  const given = Object.entries(input)
  const main = html`<h1>${summary}</h1>
<p>${who(question)} asked for this on ${instantView(createdAt)}. <span class="mark">${states[state]}</span></p>
<h2>What it calls</h2>
<p><code>${operation}</code></p>
${given.length === 0 ? html`<p>Without any input.</p>` : html`<dl>${given.map(([name, value]) => html`<dt>${name}</dt><dd>${sayValue(value)}</dd>`)}</dl>`}
<h2>What would come of it</h2>
${outcomeView(question)}
<p class="hint">Your answer holds until ${instantView(expiresAt)}. Once approved, it is done when the program calls again.</p>
${decisionView(question)}
<ul class="links"><li><a href="${listPath}">All changes that programs ask for</a></li></ul>`
  return { title: summary, main, wide: true }
}

const idOf = ({ url }: Visit): string => url.pathname.slice(listPath.length + 1)

function listPlace(house: House): Place {
  return {
    async GET(visit) {
      const ending = await visit.call("approvals.list", () => ({}), { session: true })
      if (!ending.ok) return refused(house, visit, ending)
      return show(house.showing(visit), listView(ending.output.items as unknown as readonly Asked[]))
    },
  }
}

function onePlace(house: House): Place {
  return {
    async GET(visit) {
      const ending = await visit.call("approvals.get", () => ({ id: idOf(visit) }), { session: true })
      if (!ending.ok) return refused(house, visit, ending)
      return show(house.showing(visit), questionView(ending.output as unknown as Question))
    },
    async POST(visit) {
      const decided = await visit.call(
        "approvals.decide",
        (form) => ({ id: idOf(visit), decision: form.get("decision") ?? "" }),
        { session: true },
      )
      if (!decided.ok) return refused(house, visit, decided)
      return goOn(house.showing(visit), listPath)
    },
  }
}

/** The places of these pages. `:id` stands for the last part of a path. */
export function approvalPlaces(house: House): readonly (readonly [string, Place])[] {
  return [
    [listPath, listPlace(house)],
    [`${listPath}/:id`, onePlace(house)],
  ]
}
