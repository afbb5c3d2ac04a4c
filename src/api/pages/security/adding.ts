/** Adding a second factor: an authenticator app by a code that it shows, a passkey by the browser. The first one brings the recovery codes. */
import { html } from "hono/html"
import type { JsonObject } from "../../../core/json.ts"
import type { Problem } from "../../../core/problem.ts"
import { entryInput, entryRefused, refused } from "../acting.ts"
import { deviceName } from "../device.ts"
import { entryView, fieldView } from "../entry.ts"
import { code, type Entry, type Field, plain } from "../fields.ts"
import type { Form } from "../form.ts"
import type { House, Place } from "../house.ts"
import { goOn, type Html, show } from "../layout.ts"
import type { Visit } from "../visit.ts"
import { factorsPath } from "../ways.ts"
import { answerIn, type Ceremony, ceremonyView } from "./ceremony.ts"
import { codesIn, codesView } from "./factors.ts"

const appPath = `${factorsPath}/app`
const passkeyPath = `${factorsPath}/passkey`
const back = ["Back to your second factors", factorsPath] as const

const nameField: Field = {
  name: "name",
  label: "Name",
  type: "text",
  autocomplete: "off",
  hint: "By which you tell it from others.",
  empty: "Give it a name.",
  wrong: "A name has at most 100 characters.",
}

const app: Entry = {
  ...plain,
  path: appPath.slice("/account/".length),
  title: "Add an authenticator app",
  lead: "Read the picture with an authenticator app on your telephone, then enter the code that it shows.",
  operation: "factors.confirmTotp",
  fields: [nameField, code],
  session: true,
  button: "Add the app",
  links: [["Begin again", appPath], back],
  next: () => `${factorsPath}?told=added`,
}

/** The seed in groups of four, as people type it. */
function secretView(secret: string): Html {
  return html`<p>No camera? Type this into the app: <code class="secret">${secret.match(/.{1,4}/g)?.join(" ") ?? ""}</code></p>`
}

/** The picture is of our own making, and scripts in pictures do not run. */
function pictureView(qr: string): Html {
  return html`<p class="picture"><img src="data:image/svg+xml;base64,${btoa(qr)}" alt="QR code for the authenticator app; the text below it says the same" width="220" height="220"></p>`
}

/** Where a factor that was added leads: the first one to its recovery codes. */
function added(house: House, visit: Visit, output: JsonObject): Promise<Response> {
  const codes = codesIn(output)
  const showing = house.showing(visit)
  if (codes.length === 0) return goOn(showing, `${factorsPath}?told=added`)
  return show(showing, codesView("Your second factor is added. From now on it is asked for when you sign in.", codes))
}

const name = (form: Form | null) => form?.get("name") ?? ""

function appPlace(house: House): Place {
  return {
    async GET(visit) {
      const begun = await visit.call("factors.enrolTotp", () => ({}), { session: true })
      if (!begun.ok) return refused(house, visit, begun)
      const { state, secret, qr } = begun.output as { state: string; secret: string; qr: string }
      const above = html`${pictureView(qr)}${secretView(secret)}`
      const typed = new Map([["name", "Authenticator app"]])
      return show(house.showing(visit), entryView(app, visit, null, { above, hidden: { state, secret }, typed }))
    },
    async POST(visit) {
      const input = (form: Form) => ({ ...entryInput(app, form), state: form.get("state") ?? "" })
      const ending = await visit.call(app.operation, input, { session: true })
      if (ending.ok) return added(house, visit, ending.output)
      // The app has read the picture by now: what it needs is the same seed and another code.
      const [state, secret] = ["state", "secret"].map((one) => visit.form()?.get(one) ?? "") as [string, string]
      const beside = { above: secretView(secret), hidden: { state, secret }, from: appPath }
      return entryRefused(house, visit, app, ending, beside)
    },
  }
}

async function askPasskey(house: House, visit: Visit, problem: Problem | null): Promise<Response> {
  const begun = await visit.call("factors.beginPasskey", () => ({}), { session: true })
  if (!begun.ok) return refused(house, visit, begun, passkeyPath)
  const suggested = deviceName(visit.request.headers.get("user-agent"))
  const typed = problem === null ? suggested : name(visit.form())
  const ceremony: Ceremony = {
    kind: "create",
    title: "Add a passkey",
    lead: "Your device makes a key for this site and keeps it. You unlock it as you unlock the device; nothing is typed, and nothing can be given away to another site.",
    action: passkeyPath,
    button: "Make the passkey",
    links: [back],
    startsItself: false,
    fields: fieldView(nameField, typed, undefined, false),
  }
  return show(house.showing(visit), ceremonyView(ceremony, begun.output, problem, visit.requestId))
}

function passkeyPlace(house: House): Place {
  return {
    GET: (visit) => askPasskey(house, visit, null),
    async POST(visit) {
      const input = (form: Form) => ({ ...answerIn(form), name: name(form) })
      const ending = await visit.call("factors.addPasskey", input, { session: true })
      if (ending.ok) return added(house, visit, ending.output)
      // Nothing was read of a form that came from elsewhere.
      if (visit.form() === null) return refused(house, visit, ending, passkeyPath)
      return askPasskey(house, visit, ending.problem)
    },
  }
}

/** Both. */
export function addingPlaces(house: House): readonly (readonly [string, Place])[] {
  return [
    [appPath, appPlace(house)],
    [passkeyPath, passkeyPlace(house)],
  ]
}
