/** What the pages of somebody who is signed in share: buttons, forms, and where a refusal leads. */
import type { JsonObject } from "../../core/json.ts"
import { problemView } from "./account.ts"
import { keepDetour } from "./detour.ts"
import { type Beside, entryView } from "./entry.ts"
import type { Entry } from "./fields.ts"
import type { Form } from "./form.ts"
import type { House, Place } from "./house.ts"
import { goOn, show } from "./layout.ts"
import type { Ending, Visit } from "./visit.ts"
import { accountPath, enrolmentPath, needsFactor, needsFreshProof, signInPath, stepUpPath } from "./ways.ts"

type Refusal = Ending & { readonly ok: false }

/** The page that is looked at, without what it was asked to tell. */
function placeOf({ url }: Visit): string {
  const query = new URLSearchParams(url.search)
  query.delete("told")
  return `${url.pathname}${query.size > 0 ? `?${query}` : ""}`
}

/**
 * What a signed-in page does when a call was refused: whoever is nobody is asked to sign in, whose proof is too old to prove once more who they are,
 * and who has to have a second factor to add one. All come back.
 * @param from where to come back to: the page that was looked at, or that has the form
 */
export async function refused(
  house: House,
  visit: Visit,
  { problem }: Refusal,
  from = placeOf(visit),
): Promise<Response> {
  const showing = house.showing(visit)
  if (needsFreshProof(problem)) return goOn(showing, stepUpPath(from))
  const isNobody = problem.code === "UNAUTHENTICATED"
  if (!isNobody && !needsFactor(problem)) return show(showing, problemView(problem, visit.requestId))
  const answer = await goOn(showing, isNobody ? signInPath : enrolmentPath)
  return from === accountPath ? answer : keepDetour(answer, from)
}

/** A button. What is gone already is as good as ended. */
export function actPlace(
  house: House,
  operation: string,
  { from, to }: { readonly from: string; readonly to: string },
  input: (form: Form) => JsonObject,
): Place {
  return {
    async POST(visit) {
      const ending = await visit.call(operation, input, { session: true })
      if (!ending.ok && ending.problem.code !== "NOT_FOUND") return refused(house, visit, ending, from)
      return goOn(house.showing(visit), to)
    },
  }
}

/** The input that says which one. */
export function idInput(form: Form): JsonObject {
  return { id: form.get("id") ?? "" }
}

/** What an entry's operation is given of the form. */
export function entryInput({ fields, token, given }: Entry, form: Form): JsonObject {
  const typed = fields.map(({ name }) => [name, form.get(name) ?? ""] as const)
  return { ...given, ...Object.fromEntries(typed), ...(token ? { token: form.get("token") ?? "" } : {}) }
}

/** Shows a form again that did not do, or leads to what is missing. */
export function entryRefused(
  house: House,
  visit: Visit,
  entry: Entry,
  ending: Refusal,
  { from, ...beside }: Beside & { readonly from?: string } = {},
): Promise<Response> {
  const { problem } = ending
  const isLed = needsFreshProof(problem) || needsFactor(problem)
  if (isLed || (entry.session && !entry.token && problem.code === "UNAUTHENTICATED"))
    return refused(house, visit, ending, from)
  // Nothing was read of a form that came from elsewhere, so there is nothing to show again.
  const isUnread = visit.form() === null && problem.code !== "UNAUTHENTICATED"
  const view = isUnread ? problemView(problem, visit.requestId) : entryView(entry, visit, problem, beside)
  return show(house.showing(visit), view)
}

/** The place of an entry. */
export function entryPlace(house: House, entry: Entry): Place {
  return {
    async GET(visit) {
      if (entry.session && !entry.token) {
        const me = await visit.call("me.get", () => ({}), { session: true })
        if (!me.ok) return refused(house, visit, me)
      }
      return show(house.showing(visit), entryView(entry, visit, null))
    },
    async POST(visit) {
      const ending = await visit.call(entry.operation, (form) => entryInput(entry, form), entry)
      if (!ending.ok) return entryRefused(house, visit, entry, ending)
      return goOn(house.showing(visit), entry.next(ending.output))
    },
  }
}
