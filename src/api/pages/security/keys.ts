/** One's API keys: seen, made with scopes and an end, ended. The text of a key is on one page, once. */
import { html } from "hono/html"
import type { JsonObject } from "../../../core/json.ts"
import { invalid } from "../../../core/problem.ts"
import type { CompiledOperation } from "../../../core/registry.ts"
import { nounText, scopesOf } from "../../../core/scopes.ts"
import { instantView } from "../account.ts"
import { actPlace, entryRefused, idInput, refused } from "../acting.ts"
import { entryView } from "../entry.ts"
import { type Entry, plain } from "../fields.ts"
import type { Form } from "../form.ts"
import type { House, Place } from "../house.ts"
import { type Html, show, type View } from "../layout.ts"
import { tidings } from "../tidings.ts"
import type { Visit } from "../visit.ts"

const keysPath = "/account/keys"
const newPath = `${keysPath}/new`
const dayMs = 86_400_000
const lives = [
  ["7", "a week"],
  ["30", "30 days"],
  ["90", "90 days"],
  ["365", "a year"],
] as const
const usualLife = "90"

/** A key as apiKeys.list tells of it. */
interface Key {
  readonly id: string
  readonly name: string
  readonly scopes: readonly string[]
  readonly createdAt: string
  readonly expiresAt: string
  readonly lastUsedAt: string | null
}

const entry: Entry = {
  ...plain,
  path: newPath.slice("/account/".length),
  title: "Make an API key",
  lead: "A program with this key acts as you, as far as you say here and never further than you could.",
  operation: "apiKeys.create",
  fields: [
    {
      name: "name",
      label: "Name",
      type: "text",
      autocomplete: "off",
      hint: "What the key is for.",
      empty: "Give the key a name.",
      wrong: "A name has at most 100 characters.",
    },
  ],
  session: true,
  button: "Make the key",
  links: [["Back to your keys", keysPath]],
  next: () => keysPath,
}

function keyView({ id, name, scopes, createdAt, expiresAt, lastUsedAt }: Key): Html {
  return html`<li>
<div>
<p><strong>${name}</strong></p>
<p>${scopes.map((scope, at) => html`${at > 0 ? " " : ""}<code>${scope}</code>`)}</p>
<p class="hint">Made ${instantView(createdAt)}, ends ${instantView(expiresAt)}<br>${lastUsedAt === null ? "Not used yet" : html`Last used ${instantView(lastUsedAt)}`}</p>
</div>
<form method="post" action="${keysPath}/end">
<input type="hidden" name="id" value="${id}">
<button class="quiet" aria-label="End the key ${name}">End</button>
</form>
</li>`
}

function keysView(visit: Visit, keys: readonly Key[]): View {
  const news = tidings.get(visit.url.searchParams.get("told"))
  const main = html`<h1>API keys</h1>
${news && html`<p class="told" role="status">${news}</p>`}
<p>With a key a program of your own calls in your name. End those that nothing needs any more.</p>
${keys.length === 0 ? html`<p>You have none.</p>` : html`<ul class="rows">${keys.map(keyView)}</ul>`}
<div class="acts"><a class="button" href="${newPath}">Make a key</a></div>
<ul class="links"><li><a href="/account">Back to your account</a></li></ul>`
  return { title: "API keys", main, wide: true }
}

/** What a key can reach here: nouns, and whether there is anything to change. */
function nounsOf(operations: ReadonlyMap<string, CompiledOperation>): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const scope of scopesOf(operations.values())) {
    const [noun = ""] = scope.split(":")
    found.set(noun, [...(found.get(noun) ?? []), scope])
  }
  return found
}

const fieldOf = (noun: string) => `scope.${noun}`

const rights = { read: "See", write: "See and change" } as const

function choiceView(noun: string, scopes: readonly string[], chosen: string | undefined): Html {
  const option = (scope: string) => {
    const right = scope.endsWith(":write") ? rights.write : rights.read
    return html`<option value="${scope}"${scope === chosen ? " selected" : ""}>${right}</option>`
  }
  const id = noun === "*" ? "scope-everything" : `scope-${noun}`
  return html`<div class="choice"><label for="${id}">${noun === "*" ? "everything" : nounText(noun)}</label>
<select id="${id}" name="${fieldOf(noun)}" autocomplete="off"><option value="">Nothing</option>${scopes.map(option)}</select></div>`
}

function choicesView(nouns: ReadonlyMap<string, readonly string[]>, form: Form): Html {
  const life = form.get("days") ?? usualLife
  const days = lives.map(
    ([value, words]) => html`<option value="${value}"${value === life ? " selected" : ""}>${words}</option>`,
  )
  return html`<fieldset><legend>What it may do</legend>
${[...nouns].map(([noun, scopes]) => choiceView(noun, scopes, form.get(fieldOf(noun))))}
</fieldset>
<div class="field"><label for="days">It ends after</label><select id="days" name="days" autocomplete="off">${days}</select></div>`
}

/** The input of apiKeys.create. */
function inputOf(form: Form, now: Date): JsonObject {
  const scopes = [...form].flatMap(([field, value]) => (field.startsWith("scope.") && value !== "" ? [value] : []))
  if (scopes.length === 0) throw invalid("/scopes", "required", "Choose what the key may do")
  const days = Number(form.get("days") ?? usualLife)
  if (!lives.some(([life]) => Number(life) === days)) throw invalid("/expiresAt", "out_of_range", "Choose when it ends")
  return { name: form.get("name") ?? "", scopes, expiresAt: new Date(now.getTime() + days * dayMs).toISOString() }
}

/** The page with what was typed, to come back to after a proof of who one is. Nothing of it is secret. */
function filledPath(form: Form | null): string {
  const query = new URLSearchParams([...(form ?? [])].filter(([, value]) => value !== ""))
  return query.size === 0 ? newPath : `${newPath}?${query}`
}

function madeView({ name, key, expiresAt }: JsonObject): View {
  const main = html`<h1>Keep this key</h1>
<p class="told" role="status">The key “${String(name)}” is made. It is shown this once.</p>
<p><code class="secret">${String(key)}</code></p>
<p>A program sends it as <code>Authorization: Bearer …</code>. Whoever has it can do what it may do, until it ends on ${instantView(String(expiresAt))}.</p>
<div class="acts"><a class="button" href="${keysPath}">I have kept it</a></div>`
  return { title: "Keep this key", main }
}

function newPlace(house: House): Place {
  const nouns = nounsOf(house.registry.operations)
  return {
    async GET(visit) {
      const typed: Form = new Map(visit.url.searchParams)
      const me = await visit.call("me.get", () => ({}), { session: true })
      if (!me.ok) return refused(house, visit, me)
      const within = choicesView(nouns, typed)
      return show(house.showing(visit), entryView(entry, visit, null, { within, typed }))
    },
    async POST(visit) {
      const ending = await visit.call(entry.operation, (form) => inputOf(form, house.ports.now()), { session: true })
      if (ending.ok) return show(house.showing(visit), madeView(ending.output))
      const form = visit.form()
      const beside = { within: choicesView(nouns, form ?? new Map()), from: filledPath(form) }
      return entryRefused(house, visit, entry, ending, beside)
    },
  }
}

function listPlace(house: House): Place {
  return {
    async GET(visit) {
      const known = await visit.call("apiKeys.list", () => ({}), { session: true })
      if (!known.ok) return refused(house, visit, known)
      return show(house.showing(visit), keysView(visit, known.output.items as unknown as readonly Key[]))
    },
  }
}

/** The list, the page that makes one, and the button that ends one. */
export function keyPlaces(house: House): readonly (readonly [string, Place])[] {
  const ended = { from: keysPath, to: `${keysPath}?told=key-ended` }
  return [
    [keysPath, listPlace(house)],
    [newPath, newPlace(house)],
    [`${keysPath}/end`, actPlace(house, "apiKeys.revoke", ended, idInput)],
  ]
}
