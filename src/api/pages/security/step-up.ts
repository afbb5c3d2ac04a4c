/**
 * A fresh proof of who one is, where an operation asks for it: by the password where there is no second factor, by one of the factors otherwise. It leads back to
 * the page of the account that it came from, and nowhere else.
 */
import type { JsonObject } from "../../../core/json.ts"
import type { Problem } from "../../../core/problem.ts"
import { entryRefused, refused } from "../acting.ts"
import { entryView } from "../entry.ts"
import { code, type Entry, type Field, password, plain, recoveryCode } from "../fields.ts"
import type { House, Place } from "../house.ts"
import { goOn, show } from "../layout.ts"
import type { Visit } from "../visit.ts"
import { nextOf } from "../ways.ts"
import { answerIn, ceremonyView } from "./ceremony.ts"

const every = ["password", "code", "recoveryCode", "passkey"] as const

type By = (typeof every)[number]

const title = "Prove that it is you"
const lead = "What you are about to do takes a proof that is no older than ten minutes."
const fields: Readonly<Record<Exclude<By, "passkey">, Field>> = { password, code, recoveryCode }
const leads: Readonly<Record<By, string>> = {
  password: "Enter the password of your account.",
  code: "Enter the six digits that your authenticator app shows now.",
  recoveryCode: "Each of the codes that you were given with the second factor works once.",
  passkey: "Your device asks for the passkey.",
}
const linkTitles: Readonly<Record<By, string>> = {
  password: "Use the password",
  code: "Use the code of an app",
  recoveryCode: "Use a recovery code",
  passkey: "Use a passkey",
}

function addressOf(by: By, next: string): string {
  return `/account/step-up?by=${by}&next=${encodeURIComponent(next)}`
}

/** The ways that are open, the best first. A password alone would be less than what a session with a factor began with. */
function waysOf(output: JsonObject): readonly [By, ...By[]] {
  const kinds = (output.items as readonly { kind: string }[]).map(({ kind }) => kind)
  if (kinds.length === 0) return ["password"]
  const all: readonly By[] = [
    ...(kinds.includes("totp") ? ["code" as const] : []),
    ...(kinds.includes("passkey") ? ["passkey" as const] : []),
    "recoveryCode",
  ]
  return all as readonly [By, ...By[]]
}

/** Signing in again is a fresh proof, too, and the only one for who has neither password nor factor. */
function linksOf({ rules }: House, ways: readonly By[], by: By, next: string): Entry["links"] {
  const providers = rules.providers.map(
    ({ name, title: who }) =>
      [`Sign in again with ${who}`, `/auth/${name}/start?returnTo=${encodeURIComponent(next)}`] as const,
  )
  return [
    ...ways.filter((way) => way !== by).map((way) => [linkTitles[way], addressOf(way, next)] as const),
    ...(by === "password"
      ? [...providers, ["Forgotten the password? Sign in again by mail", "/account/sign-in-link"] as const]
      : []),
    ["Do not go on", "/account"],
  ]
}

function entryOf(house: House, ways: readonly By[], by: Exclude<By, "passkey">, next: string): Entry {
  return {
    ...plain,
    path: addressOf(by, next).slice("/account/".length),
    title,
    lead: `${lead} ${leads[by]}`,
    operation: "auth.stepUp",
    fields: [fields[by]],
    session: true,
    button: "Go on",
    links: linksOf(house, ways, by, next),
    next: () => next,
  }
}

async function askPasskey(house: House, visit: Visit, ways: readonly By[], next: string, problem: Problem | null) {
  const begun = await visit.call("auth.beginPasskey", () => ({ purpose: "stepUp" }), { session: true })
  if (!begun.ok) return refused(house, visit, begun)
  const ceremony = {
    kind: "get",
    title,
    lead: `${lead} ${leads.passkey}`,
    action: addressOf("passkey", next),
    button: "Use a passkey",
    links: linksOf(house, ways, "passkey", next),
    startsItself: false,
  } as const
  return show(house.showing(visit), ceremonyView(ceremony, begun.output, problem, visit.requestId))
}

/** The way that the address names, of those there are. */
function chosen({ url }: Visit, ways: readonly [By, ...By[]]): By {
  const wanted = url.searchParams.get("by")
  return ways.find((way) => way === wanted) ?? ways[0]
}

/** Back, and the page there says that one can go on. */
function backTo(next: string): string {
  const [path = next, fragment] = next.split("#")
  const told = `${path}${path.includes("?") ? "&" : "?"}told=proved`
  return fragment === undefined ? told : `${told}#${fragment}`
}

/** `/account/step-up`. */
export function stepUpPlace(house: House): Place {
  return {
    async GET(visit) {
      const known = await visit.call("factors.list", () => ({}), { session: true })
      if (!known.ok) return refused(house, visit, known)
      const ways = waysOf(known.output)
      const by = chosen(visit, ways)
      const next = nextOf(visit.url)
      if (by === "passkey") return askPasskey(house, visit, ways, next, null)
      return show(house.showing(visit), entryView(entryOf(house, ways, by, next), visit, null))
    },
    async POST(visit) {
      const by = chosen(visit, every)
      const next = nextOf(visit.url)
      const ending = await visit.call(
        "auth.stepUp",
        (form) => (by === "passkey" ? { passkey: answerIn(form) } : { [by]: form.get(by) ?? "" }),
        { session: true },
      )
      if (ending.ok) return goOn(house.showing(visit), backTo(next))
      // Nothing was read of a form that came from elsewhere.
      if (visit.form() === null) return refused(house, visit, ending)
      const known = await visit.call("factors.list", () => ({}), { session: true })
      if (!known.ok) return refused(house, visit, known)
      const ways = waysOf(known.output)
      if (by === "passkey") return askPasskey(house, visit, ways, next, ending.problem)
      return entryRefused(house, visit, entryOf(house, ways, by, next), ending)
    },
  }
}
