/**
 * The way to a provider and back, for browsers. The flow travels in a cookie that no script reads and that belongs to this browser: an answer of the
 * provider that comes to another one is worth nothing. Whatever comes back, the flow is over.
 */
import { html } from "hono/html"
import { flowOf } from "../../core/cookies.ts"
import type { JsonObject } from "../../core/json.ts"
import type { Provider } from "../../core/provider.ts"
import { problemView } from "./account.ts"
import { refused } from "./acting.ts"
import { keepDetour } from "./detour.ts"
import type { House, Place } from "./house.ts"
import { goOn, type Html, type Showing, show } from "./layout.ts"
import type { Visit } from "./visit.ts"
import { accountPath, entered } from "./ways.ts"

/** Where a browser begins with a provider. */
export function startPath({ name }: Pick<Provider, "name">): string {
  return `/auth/${name}/start`
}

const field = (output: JsonObject, name: string) => String(output[name])

/** What the browser keeps until it comes back, or until the flow is over. */
function flowIn(output: JsonObject, { now }: Showing): NonNullable<Showing["flow"]> {
  return { text: field(output, "flow"), seconds: (Date.parse(field(output, "expiresAt")) - now) / 1000 }
}

/** GET changes nothing here: it makes a flow, and sends the browser away with it. */
function startPlace(house: House, provider: Provider): Place {
  return {
    async GET(visit) {
      const returnTo = visit.url.searchParams.get("returnTo")
      const input = { provider: provider.name, ...(returnTo === null ? {} : { returnTo }) }
      const ending = await visit.call("auth.beginWithProvider", () => input)
      const showing = house.showing(visit)
      if (!ending.ok) return show(showing, problemView(ending.problem, visit.requestId))
      return goOn({ ...showing, flow: flowIn(ending.output, showing) }, field(ending.output, "url"))
    },
  }
}

/** The provider can only send a browser with GET; that it is this browser's own flow makes up for it. */
function callbackPlace(house: House, provider: Provider): Place {
  return {
    async GET(visit) {
      const input = {
        provider: provider.name,
        flow: flowOf(visit.request) ?? "",
        query: visit.url.search.slice(1),
        transport: "cookie",
      }
      // Whoever links is signed in still, or is known by the flow.
      const ending = await visit.call("auth.finishWithProvider", () => input, { session: true })
      const showing = { ...house.showing(visit), flow: null }
      if (!ending.ok) return show(showing, problemView(ending.problem, visit.requestId))
      const { identityId, signIn } = ending.output
      if (identityId !== undefined) return goOn(showing, "/account?told=linked")
      const place = entered(signIn as JsonObject)
      const returnTo = field(ending.output, "returnTo")
      if (place === accountPath) return goOn(showing, returnTo)
      // What is asked for comes in between; the page of the account then leads on.
      const answer = await goOn(showing, place)
      return returnTo === accountPath ? answer : keepDetour(answer, returnTo)
    },
  }
}

/**
 * The button that links. A form may not lead to another site (form-action), so the answer to it is a page that goes on by itself. It takes a form,
 * because a link would let any site have an identity of its choice linked to the visitor's account.
 */
function linkPlace(house: House): Place {
  return {
    async POST(visit) {
      const ending = await visit.call(
        "identities.link",
        (form) => ({ provider: form.get("provider") ?? "", returnTo: "/account" }),
        { session: true },
      )
      if (!ending.ok) return refused(house, visit, ending, accountPath)
      const showing = house.showing(visit)
      const url = field(ending.output, "url")
      const main = html`<h1>On to the other site</h1>
<p>You are going to be asked there whether it may say who you are.</p>
<p><a class="button" href="${url}">Go on</a></p>`
      const flow = flowIn(ending.output, showing)
      return show({ ...showing, flow }, { title: "On to the other site", main, onward: url })
    },
  }
}

/** The places of the providers that are declared. */
export function providerPlaces(house: House): readonly (readonly [string, Place])[] {
  const { providers } = house.rules
  if (providers.length === 0) return []
  return [
    ["/account/link", linkPlace(house)],
    ...providers.flatMap((provider) => [
      [startPath(provider), startPlace(house, provider)] as const,
      [`/auth/${provider.name}/callback`, callbackPlace(house, provider)] as const,
    ]),
  ]
}

/** An identity as identities.list tells of it. */
interface Identity {
  readonly id: string
  readonly provider: string
  readonly email: string | null
  readonly createdAt: string
}

/** The visitor's identities, for the page of the account; null where no provider is declared or where they cannot be told. */
export async function identitiesOf({ rules }: House, visit: Visit): Promise<readonly Identity[] | null> {
  if (rules.providers.length === 0) return null
  const ending = await visit.call("identities.list", () => ({ limit: 100 }), { session: true })
  return ending.ok ? (ending.output.items as unknown as readonly Identity[]) : null
}

/** The part of the account's page that tells of them. */
export function identitiesView(providers: readonly Provider[], identities: readonly Identity[]): Html {
  const titles = new Map(providers.map(({ name, title }) => [name, title]))
  const rows = identities.map(({ id, provider, email, createdAt }) => {
    const title = titles.get(provider) ?? provider
    return html`<li>
<div>
<p><strong>${title}</strong></p>
<p class="hint">${email === null ? "" : `${email}, `}since ${createdAt.slice(0, 10)}</p>
</div>
<form method="post" action="/account/unlink">
<input type="hidden" name="id" value="${id}">
<button class="quiet" aria-label="Take ${title} away, linked on ${createdAt.slice(0, 10)}">Take away</button>
</form>
</li>`
  })
  const buttons = providers.map(
    ({ name, title }) => html`<form method="post" action="/account/link">
<input type="hidden" name="provider" value="${name}">
<button class="quiet">Link ${title}</button>
</form>`,
  )
  return html`<h2>With whom you sign in</h2>
${identities.length > 0 && html`<ul class="rows">${rows}</ul>`}
<div class="acts">${buttons}</div>`
}
