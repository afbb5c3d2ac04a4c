/** The programs that one has let in, and the end of each. */
import { html } from "hono/html"
import { sayScope } from "../../../core/scopes.ts"
import { instantView } from "../account.ts"
import { actPlace, idInput, refused } from "../acting.ts"
import type { House, Place } from "../house.ts"
import { type Html, show, type View } from "../layout.ts"
import { tidings } from "../tidings.ts"
import type { Visit } from "../visit.ts"

const grantsPath = "/account/grants"

/** A grant as grants.list tells of it. */
interface Grant {
  readonly id: string
  readonly client: { readonly name: string; readonly host: string | null }
  readonly scopes: readonly string[]
  readonly resource: string
  readonly createdAt: string
  readonly lastUsedAt: string | null
  readonly expiresAt: string
}

function grantView({ id, client, scopes, resource, createdAt, lastUsedAt, expiresAt }: Grant): Html {
  const who = client.host === null ? "Nobody knows who runs it" : html`Described by <strong>${client.host}</strong>`
  return html`<li>
<div>
<p><strong>“${client.name}”</strong></p>
<p class="hint">${who}; at ${resource}</p>
<ul>${scopes.map((scope) => html`<li>${sayScope(scope)} <code>${scope}</code></li>`)}</ul>
<p class="hint">Let in ${instantView(createdAt)}<br>${lastUsedAt === null ? "Not used yet" : html`Last used ${instantView(lastUsedAt)}`}; ends ${instantView(expiresAt)} unless it is used before</p>
</div>
<form method="post" action="${grantsPath}/end">
<input type="hidden" name="id" value="${id}">
<button class="quiet" aria-label="Take the access of ${client.name} away">Take away</button>
</form>
</li>`
}

function grantsView(visit: Visit, grants: readonly Grant[]): View {
  const news = tidings.get(visit.url.searchParams.get("told"))
  const main = html`<h1>Programs that you have let in</h1>
${news && html`<p class="told" role="status">${news}</p>`}
<p>Each acts in your name, as far as you allowed. The names are what the programs call themselves.</p>
${grants.length === 0 ? html`<p>There are none.</p>` : html`<ul class="rows">${grants.map(grantView)}</ul>`}
<ul class="links"><li><a href="/account">Back to your account</a></li></ul>`
  return { title: "Programs that you have let in", main, wide: true }
}

/** The list, and the button that ends one. */
export function grantPlaces(house: House): readonly (readonly [string, Place])[] {
  const ended = { from: grantsPath, to: `${grantsPath}?told=grant-ended` }
  return [
    [
      grantsPath,
      {
        async GET(visit) {
          const known = await visit.call("grants.list", () => ({}), { session: true })
          if (!known.ok) return refused(house, visit, known)
          return show(house.showing(visit), grantsView(visit, known.output.items as unknown as readonly Grant[]))
        },
      },
    ],
    [`${grantsPath}/end`, actPlace(house, "grants.revoke", ended, idInput)],
  ]
}
