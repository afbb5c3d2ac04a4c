/** One's second factors: seen, named, removed; and the recovery codes, which a page shows once. */
import { html } from "hono/html"
import type { JsonObject } from "../../../core/json.ts"
import { instantView } from "../account.ts"
import { actPlace, idInput, refused } from "../acting.ts"
import type { House, Place } from "../house.ts"
import { type Html, show, type View } from "../layout.ts"
import { tidings } from "../tidings.ts"
import type { Visit } from "../visit.ts"
import { factorsPath } from "../ways.ts"

/** A factor as factors.list tells of it. */
interface Factor {
  readonly id: string
  readonly kind: "totp" | "passkey"
  readonly name: string
  readonly createdAt: string
  readonly lastUsedAt: string | null
  readonly synced: boolean | null
}

const kinds = { totp: "Authenticator app", passkey: "Passkey" } as const

function factorView({ id, kind, name, createdAt, lastUsedAt, synced }: Factor): Html {
  const where = synced === true ? ", may be on several devices" : ""
  return html`<li>
<div>
<p><strong>${name}</strong></p>
<p class="hint">${kinds[kind]}${where}, added ${instantView(createdAt)}<br>${lastUsedAt === null ? "Not used yet" : html`Last used ${instantView(lastUsedAt)}`}</p>
<details>
<summary aria-label="Rename ${name}">Rename</summary>
<form method="post" action="${factorsPath}/rename">
<input type="hidden" name="id" value="${id}">
<label for="name-${id}">New name</label>
<input id="name-${id}" name="name" type="text" autocomplete="off" required maxlength="100" value="${name}">
<button class="quiet">Rename</button>
</form>
</details>
</div>
<form method="post" action="${factorsPath}/remove">
<input type="hidden" name="id" value="${id}">
<button class="quiet" aria-label="Remove ${name}">Remove</button>
</form>
</li>`
}

function recoveryView(left: number): Html {
  return html`<h2>Recovery codes</h2>
<p>${left} of 10 are left. Each completes one sign-in on a day when no factor is at hand. New ones take the place of the old.</p>
<form method="post" action="${factorsPath}/recovery-codes"><button class="quiet">Make new ones</button></form>`
}

function factorsView(visit: Visit, factors: readonly Factor[], left: number): View {
  const news = tidings.get(visit.url.searchParams.get("told"))
  const none = html`<p>You have none yet: whoever knows your password, or reads your mail, can sign in as you. With a factor they cannot.</p>`
  const main = html`<h1>Second factors</h1>
${news && html`<p class="told" role="status">${news}</p>`}
${factors.length === 0 ? none : html`<p>Signing in takes one of these beside the password. A passkey also signs in alone.</p><ul class="rows">${factors.map(factorView)}</ul>`}
<div class="acts"><a class="button" href="${factorsPath}/app">Add an authenticator app</a><a class="button" href="${factorsPath}/passkey">Add a passkey</a></div>
${factors.length > 0 && recoveryView(left)}
<ul class="links"><li><a href="/account">Back to your account</a></li></ul>`
  return { title: "Second factors", main, wide: true }
}

/**
 * The page that shows recovery codes, this once.
 * @param lead what they came with
 */
export function codesView(lead: string, codes: readonly string[]): View {
  const main = html`<h1>Keep your recovery codes</h1>
<p class="told" role="status">${lead}</p>
<p>On a day when no factor is at hand, each of these completes one sign-in. Print them or write them down, and keep them where you keep what matters. They are
not shown again.</p>
<ol class="codes">${codes.map((code) => html`<li><code>${code}</code></li>`)}</ol>
<div class="acts"><a class="button" href="${factorsPath}">I have kept them</a></div>`
  return { title: "Keep your recovery codes", main }
}

/** The recovery codes in an answer; none where a factor was not the first. */
export function codesIn(output: JsonObject): readonly string[] {
  return (output.recoveryCodes ?? []) as readonly string[]
}

function listPlace(house: House): Place {
  return {
    async GET(visit) {
      const known = await visit.call("factors.list", () => ({}), { session: true })
      if (!known.ok) return refused(house, visit, known)
      const factors = known.output.items as unknown as readonly Factor[]
      return show(house.showing(visit), factorsView(visit, factors, Number(known.output.recoveryCodesLeft)))
    },
  }
}

function codesPlace(house: House): Place {
  return {
    async POST(visit) {
      const ending = await visit.call("factors.makeRecoveryCodes", () => ({}), { session: true })
      if (!ending.ok) return refused(house, visit, ending, factorsPath)
      return show(
        house.showing(visit),
        codesView("These are new. The ones before them have ended.", codesIn(ending.output)),
      )
    },
  }
}

/** The list, and what its buttons do. */
export function factorPlaces(house: House): readonly (readonly [string, Place])[] {
  const told = (name: string) => ({ from: factorsPath, to: `${factorsPath}?told=${name}` })
  const named = actPlace(house, "factors.rename", told("renamed"), (form) => ({
    ...idInput(form),
    name: form.get("name") ?? "",
  }))
  return [
    [factorsPath, listPlace(house)],
    [`${factorsPath}/rename`, named],
    [`${factorsPath}/remove`, actPlace(house, "factors.remove", told("removed"), idInput)],
    [`${factorsPath}/recovery-codes`, codesPlace(house)],
  ]
}
