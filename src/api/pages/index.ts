/**
 * The pages: sign-up, sign-in, what letters lead to, and the account, for people with a browser and without script. GET shows and changes
 * nothing; POST of a form from this site runs an operation through the pipeline and sends the browser on.
 */
import { arrivalOf } from "../../core/arrival.ts"
import { oauthPaths } from "../../core/oauth.ts"
import { asProblem, Problem } from "../../core/problem.ts"
import { accountView, problemView, sentView, sessionsIn } from "./account.ts"
import { actPlace, entryPlace, idInput, refused } from "./acting.ts"
import { approvalPlaces } from "./approvals.ts"
import { considerPage, decidePage } from "./consent.ts"
import { interrupted, resume } from "./detour.ts"
import { entriesOf } from "./entries.ts"
import type { House, Place } from "./house.ts"
import { goOn, type Showing, show, tell, type View } from "./layout.ts"
import { mailboxView } from "./mailbox.ts"
import { identitiesOf, identitiesView, providerPlaces } from "./providers.ts"
import { securityPlaces } from "./security/index.ts"
import { sentTexts } from "./tidings.ts"
import { type PagesOptions, type Visit, visits } from "./visit.ts"
import { accountPath, signInPath } from "./ways.ts"

export type { PagesOptions } from "./visit.ts"

function accountPlace(house: House): Place {
  return {
    async GET(visit) {
      const me = await visit.call("me.get", () => ({}), { session: true })
      if (!me.ok) return refused(house, visit, me)
      const sessions = await visit.call("sessions.list", () => ({}), { session: true })
      if (!sessions.ok) return refused(house, visit, sessions)
      const all = sessionsIn(sessions.output)
      // The access token outlives a session that was ended elsewhere by seconds; the page need not.
      if (!all.some(({ current }) => current))
        return goOn({ ...house.showing(visit), effect: { kind: "clear" } }, signInPath)
      const request = interrupted(visit)
      if (request !== null) return resume(house.showing(visit), request)
      const identities = await identitiesOf(house, visit)
      const ways = identities === null ? "" : identitiesView(house.rules.providers, identities)
      return show(house.showing(visit), accountView(visit, me.output, all, ways))
    },
  }
}

function consentPlace(house: House): Place {
  return {
    GET: (visit) => considerPage(visit, () => house.showing(visit)),
    POST: (visit) => decidePage(visit, () => house.showing(visit)),
  }
}

function sentPlace(house: House): Place {
  return {
    GET(visit) {
      const text = sentTexts.get(visit.url.searchParams.get("for")) ?? "A letter is on its way."
      return show(house.showing(visit), sentView(text, house.mailbox !== null))
    },
  }
}

function placesOf(house: House): ReadonlyMap<string, Place> {
  const { mailbox } = house
  const told = (name: string) => ({ from: accountPath, to: `${accountPath}?told=${name}` })
  const out = { from: accountPath, to: `${signInPath}?told=out` }
  const places = new Map<string, Place>([
    [accountPath, accountPlace(house)],
    ["/account/sent", sentPlace(house)],
    [oauthPaths.authorize, consentPlace(house)],
    ["/account/sign-out", actPlace(house, "auth.signOut", out, () => ({}))],
    ["/account/end-session", actPlace(house, "sessions.revoke", told("ended"), idInput)],
    ["/account/end-other-sessions", actPlace(house, "sessions.revokeOthers", told("others"), () => ({}))],
    ...securityPlaces(house),
    ...providerPlaces(house),
    ...approvalPlaces(house),
  ])
  if (house.rules.providers.length > 0)
    places.set("/account/unlink", actPlace(house, "identities.unlink", told("unlinked"), idInput))
  for (const entry of entriesOf(house.registry.operations, house.rules))
    places.set(`/account/${entry.path}`, entryPlace(house, entry))
  if (mailbox === null) return places
  return places
    .set("/dev/mailbox", { GET: async (visit) => show(house.showing(visit), mailboxView(await mailbox())) })
    .set("/dev/mailbox.json", { GET: async (visit) => tell(house.showing(visit), { items: await mailbox() }) })
}

function methodsOf(place: Place): readonly string[] {
  return [...(place.GET ? ["GET", "HEAD"] : []), ...(place.POST ? ["POST"] : []), "OPTIONS"]
}

/** What a path does not do. */
async function refuse(house: House, visit: Visit, problem: Problem): Promise<Response> {
  const ending = await visit.refuse(problem)
  const view: View = problemView(ending.ok ? problem : ending.problem, visit.requestId)
  return show(house.showing(visit), view)
}

async function answer(house: House, places: ReadonlyMap<string, Place>, visit: Visit): Promise<Response> {
  const { method } = visit.request
  const { pathname } = visit.url
  const place = places.get(pathname) ?? places.get(pathname.replace(/[^/]+$/, ":id"))
  if (place === undefined)
    return refuse(house, visit, new Problem("NOT_FOUND", "There is nothing at this address", { type: "unknown-route" }))
  const allow = methodsOf(place)
  const handler = method === "POST" ? place.POST : method === "GET" || method === "HEAD" ? place.GET : undefined
  if (handler) return handler(visit)
  if (method === "OPTIONS") return new Response(null, { status: 204, headers: { Allow: allow.join(", ") } })
  const sentence = place.GET ? "This page is to be looked at" : "This address takes a form of the account page"
  return refuse(house, visit, new Problem("UNIMPLEMENTED", sentence, { type: "method-not-allowed", allow }))
}

const pagePath = /^https?:\/\/[^/]+\/(account|auth|dev|oauth\/authorize)(?=[/?#]|$)/

/** True for a request to an address where pages stand, or could. Asked of every request, so it parses nothing. */
export function isPage(request: Request): boolean {
  return pagePath.test(request.url)
}

/** A fault of the pages themselves: the visitor reads the number under which the operator finds it. */
function faultAnswer(house: House, request: Request, thrown: unknown): Promise<Response> {
  const { ports, requestId: makeId, registry } = house
  const { requestId, traceId } = arrivalOf(request, makeId)
  const { code, options } = asProblem(thrown)
  const now = ports.now()
  const cost = { trips: 0, rowsRead: 0, rowsWritten: 0 }
  const told = { at: now.toISOString(), requestId, traceId, door: "pages", operation: null, actor: "anonymous" }
  ports.observe({ kind: "call", ...told, code, milliseconds: 0, cost, cause: options.cause })
  const showing: Showing = { site: registry.title, requestId, effect: null, now: now.getTime() }
  return show(showing, problemView(asProblem(thrown), requestId))
}

/**
 * Builds the pages of an isolate.
 * @returns the handler of requests to them; it does not reject
 */
export function pagesDoor(options: PagesOptions): (request: Request) => Promise<Response> {
  const house: House = {
    ...options,
    showing: (visit) => ({
      site: options.registry.title,
      requestId: visit.requestId,
      effect: visit.effect(),
      now: options.ports.now().getTime(),
    }),
  }
  const open = visits(options)
  const places = placesOf(house)
  return async (request) => {
    let found: Response
    try {
      found = await answer(house, places, open(request))
    } catch (thrown) {
      found = await faultAnswer(house, request, thrown)
    }
    return request.method === "HEAD" ? new Response(null, found) : found
  }
}
