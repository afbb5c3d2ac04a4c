/** Passkeys at the pages: added, and used alone, as the second half of a sign-in and as a fresh proof; and what none of them opens. */
import { beforeAll, describe, expect, test } from "vitest"
import { call } from "../support/calls.ts"
import { site } from "../support/passkey-holders.ts"
import { type SoftPasskey, softPasskey } from "../support/passkeys.ts"
import { newAddress } from "../support/people.ts"
import { rowCount } from "../support/workspace.ts"
import { age, hidden, type Inside, inside, optionsIn } from "./signed-in.ts"
import { newVisitor, type Page, type Visitor } from "./visitor.ts"

let ada: Inside
let passkey: SoftPasskey
const addPath = "/account/factors/passkey"
const alonePath = "/account/passkey"
const halfPath = "/account/second-factor/passkey"

/** What the page's form sends once the passkey has answered. */
async function answered(page: Page, key = passkey): Promise<Record<string, string>> {
  return { state: hidden(page, "state"), credential: JSON.stringify(await key.get(optionsIn(page))) }
}

const elsewhere = (): Visitor => newVisitor({ ...ada.who, headers: newAddress().headers })

async function half(): Promise<Visitor> {
  const visitor = elsewhere()
  const { email, password } = ada.who
  const first = await visitor.post("/account/sign-in", { email, password })
  expect(first.location).toBe(halfPath)
  return visitor
}

beforeAll(async () => {
  ada = await inside()
  passkey = await softPasskey(site)
  const page = await ada.get(addPath)
  const credential = JSON.stringify(await passkey.create(optionsIn(page)))
  const added = await ada.post(addPath, { state: hidden(page, "state"), credential, name: "<i>Laptop</i>" })
  expect(added.text).toContain("Keep your recovery codes")
})

describe("adding one", () => {
  test("names it as its owner does, and asks for a key that checks who uses it", async () => {
    expect((await ada.get("/account/factors")).text).toContain("<strong>&lt;i&gt;Laptop&lt;/i&gt;</strong>")
    const { authenticatorSelection, excludeCredentials } = optionsIn(await ada.get(addPath))
    expect(authenticatorSelection).toMatchObject({ residentKey: "required", userVerification: "required" })
    expect(excludeCredentials).toEqual([{ type: "public-key", id: passkey.id }])
  })

  test.each([
    ["no JSON", "{"],
    ["nothing", ""],
    ["something else", '{"id":"x"}'],
  ])("with %s adds nothing, and asks anew", async (_, credential) => {
    const page = await ada.get(addPath)
    const again = await ada.post(addPath, { state: hidden(page, "state"), credential, name: "Mine" })
    expect(again.status).toBe(400)
    expect(again.text).toContain('role="alert"')
    expect(again.text).toContain('value="Mine"')
    expect(optionsIn(again).challenge).not.toBe(optionsIn(page).challenge)
    expect((await ada.get("/account/factors")).text.match(/\/account\/factors\/remove/g)).toHaveLength(1)
  })
})

describe("alone", () => {
  test("it signs in without anything typed, and by nothing that was answered before", async () => {
    const visitor = elsewhere()
    const page = await visitor.get(alonePath)
    expect(page.text).toContain("data-now")
    const form = await answered(page)
    const entered = await visitor.post(alonePath, form)
    expect([entered.status, entered.location]).toEqual([303, "/account"])
    expect((await visitor.get("/account")).text).toContain(`<dd>${ada.who.email}</dd>`)

    const thief = elsewhere()
    const again = await thief.post(alonePath, form)
    expect(again.status).toBe(400)
    expect(thief.cookies.size).toBe(0)
    // A page that says what went wrong does not ask by itself again.
    expect(again.text).not.toContain("data-now")
  })

  test("asking for it leaves nothing behind, and sets nothing", async () => {
    const events = await rowCount("events")
    expect((await elsewhere().get(alonePath)).headers.getSetCookie()).toEqual([])
    expect(await rowCount("events")).toBe(events)
  })

  test("a page of another site cannot sign its visitors in as somebody of its choice", async () => {
    const form = await answered(await elsewhere().get(alonePath))
    const victim = elsewhere()
    const foreign = { "Sec-Fetch-Site": "cross-site", Origin: "https://evil.test" }
    const page = await victim.post(alonePath, form, foreign)
    expect([page.status, victim.cookies.size]).toEqual([403, 0])
    expect(page.text).toContain("This form was not sent from a page of this site")
  })

  test("one that nobody has here opens nothing", async () => {
    const stranger = await softPasskey(site)
    await stranger.create(optionsIn(await ada.get(addPath)))
    const visitor = elsewhere()
    const page = await visitor.post(alonePath, await answered(await visitor.get(alonePath), stranger))
    expect([page.status, visitor.cookies.size]).toEqual([400, 0])
    expect(page.text).toContain("There is no such passkey here")
  })
})

describe("as the second half of a sign-in", () => {
  test("it is asked for where it is the only factor, and lets in", async () => {
    const visitor = await half()
    const entered = await visitor.post(halfPath, await answered(await visitor.get(halfPath)))
    expect([entered.status, entered.location]).toEqual([303, "/account"])
    expect([...visitor.cookies.keys()].sort()).toEqual(["__Host-at", "__Host-device", "__Host-rt"])
  })

  test("without a first half there is nothing to complete", async () => {
    expect((await elsewhere().get(halfPath)).location).toBe("/account/sign-in")
    const visitor = await half()
    const form = await answered(await visitor.get(halfPath))
    const other = elsewhere()
    const page = await other.post(halfPath, form)
    expect([page.status, other.cookies.size]).toEqual([400, 0])
  })

  test("the answer for another's sign-in completes none", async () => {
    const [one, other] = [await half(), await half()]
    const page = await other.post(halfPath, await answered(await one.get(halfPath)))
    expect(page.status).toBe(400)
    expect(other.cookies.has("__Host-at")).toBe(false)
    expect(optionsIn(page).challenge).toEqual(expect.any(String))
  })
})

describe("as a fresh proof", () => {
  test("it is offered where there is no app, runs one script, and leads back", async () => {
    await age(ada, 700)
    const led = await ada.get("/account/factors/app")
    expect(led.location).toBe(`/account/step-up?next=${encodeURIComponent("/account/factors/app")}`)
    const page = await ada.get(led.location ?? "")
    expect(page.headers.get("Content-Security-Policy")).toMatch(/script-src 'sha256-[A-Za-z0-9+/]{43}='(;|$)/)
    const action = /<form class="entry" method="post" action="([^"]+)"/.exec(page.text)?.[1]?.replaceAll("&amp;", "&")
    const wrong = await ada.post(action ?? "", { state: hidden(page, "state"), credential: "{" })
    expect(wrong.status).toBe(400)
    expect((await ada.get("/account/factors/app")).status).toBe(303)
    const done = await ada.post(action ?? "", await answered(page))
    expect([done.status, done.location]).toEqual([303, "/account/factors/app?told=proved"])
    expect((await ada.get("/account/factors/app?told=proved")).status).toBe(200)
    expect((await call({ token: ada.cookies.get("__Host-at") ?? "" }, "GET /v1/me")).status).toBe(200)
  })
})
