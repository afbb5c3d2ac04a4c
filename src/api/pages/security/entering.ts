/** Passkeys at the door: alone, or as the second half of a sign-in. */

import type { JsonObject } from "../../../core/json.ts"
import type { Problem } from "../../../core/problem.ts"
import { problemView } from "../account.ts"
import { againLink, codeLink, recoveryLink } from "../fields.ts"
import type { Form } from "../form.ts"
import type { House, Place } from "../house.ts"
import { goOn, show } from "../layout.ts"
import type { Visit } from "../visit.ts"
import { entered, signInPath } from "../ways.ts"
import { answerIn, type Ceremony, ceremonyView } from "./ceremony.ts"

/** A ceremony, the operations that begin and end it, and what the second one is given. */
interface Way {
  readonly ceremony: Ceremony
  readonly begin: JsonObject
  readonly operation: string
  input(form: Form): JsonObject
}

const alone: Way = {
  ceremony: {
    kind: "get",
    title: "Sign in with a passkey",
    lead: "Your device asks for the passkey, and you unlock it as you unlock the device.",
    action: "/account/passkey",
    button: "Use a passkey",
    links: [["Sign in with the password", signInPath]],
    startsItself: true,
  },
  begin: { purpose: "signIn" },
  operation: "auth.signInWithPasskey",
  input: (form) => ({ ...answerIn(form), transport: "cookie" }),
}

const asSecond: Way = {
  ceremony: {
    kind: "get",
    title: "Use a passkey",
    lead: "This account has a second factor. Your device asks for the passkey.",
    action: "/account/second-factor/passkey",
    button: "Use a passkey",
    links: [codeLink, recoveryLink, againLink],
    startsItself: true,
  },
  begin: { purpose: "secondFactor", transport: "cookie" },
  operation: "auth.verifySecondFactor",
  input: (form) => ({ passkey: answerIn(form), transport: "cookie" }),
}

/** The page with fresh options: a challenge counts once. */
async function ask(house: House, visit: Visit, { ceremony, begin }: Way, problem: Problem | null): Promise<Response> {
  const begun = await visit.call("auth.beginPasskey", () => begin)
  const showing = house.showing(visit)
  if (begun.ok) return show(showing, ceremonyView(ceremony, begun.output, problem, visit.requestId))
  // Without a sign-in that waits for its second half there is nothing to complete here.
  if (begin.purpose === "secondFactor" && problem === null) return goOn(showing, signInPath)
  return show(showing, problemView(problem ?? begun.problem, visit.requestId))
}

function placeOf(house: House, way: Way): Place {
  return {
    GET: (visit) => ask(house, visit, way, null),
    async POST(visit) {
      const ending = await visit.call(way.operation, way.input)
      if (ending.ok) return goOn(house.showing(visit), entered(ending.output))
      // Nothing was read of a form that came from elsewhere.
      if (visit.form() === null) return show(house.showing(visit), problemView(ending.problem, visit.requestId))
      return ask(house, visit, way, ending.problem)
    },
  }
}

/** Both. */
export function enteringPlaces(house: House): readonly (readonly [string, Place])[] {
  return [
    [alone.ceremony.action, placeOf(house, alone)],
    [asSecond.ceremony.action, placeOf(house, asSecond)],
  ]
}
