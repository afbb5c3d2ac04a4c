/** The page of consent: what it shows, what it cannot be made to show or do, and how the sign-in leads to it. */
import { beforeAll, describe, expect, test } from "vitest"
import { fromHere, newVisitor } from "../pages/visitor.ts"
import { administrator } from "../support/administrators.ts"
import { call } from "../support/calls.ts"
import { newAddress } from "../support/people.ts"
import { inObject, objectOf } from "../support/user-objects.ts"
import { must } from "../support/workspace.ts"
import {
  callback,
  consent,
  type Host,
  host,
  issuer,
  mainOf,
  newProof,
  type Program,
  register,
  requestPath,
  returned,
  signedIn,
  ticketIn,
} from "./program.ts"

let ada: Host
let program: Program

beforeAll(async () => {
  ;[ada, program] = await Promise.all([host(), register()])
})

const pathOf = async (of = program, change = {}) => requestPath(of, await newProof(), change)
const grantsOf = async (who: { token: string }): Promise<unknown[]> => (await call(who, "GET /v1/grants")).body.items

describe("checklist 33: the question", () => {
  test("names the program, the host it leads to, what it may do in words, the resource and the account", async () => {
    const page = await ada.get(await pathOf(program, { scope: "tasks:write *:read me:read" }))
    expect(page.status).toBe(200)
    for (const text of [
      "“Robot”",
      "nobody knows who runs it",
      "<strong>client.example</strong>",
      "See, add, change and delete tasks <code>tasks:write</code>",
      "See everything that you can see <code>*:read</code>",
      "See your name and address <code>me:read</code>",
      `<strong>${issuer}</strong>`,
      ada.who.email,
    ])
      expect(mainOf(page)).toContain(text)
  })

  test("escapes whatever the program calls itself, and runs and loads nothing", async () => {
    const name = `<script>alert(1)</script><img src=x onerror=alert(1)>"'&`
    const page = await ada.get(await pathOf(await register({ client_name: name })))
    expect(page.text).toContain(
      "&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;",
    )
    expect(page.text).not.toMatch(/<script|<img|<iframe|<link(?! rel="icon" href="data:,")/)
    const policy = page.headers.get("Content-Security-Policy") ?? ""
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).toContain("form-action 'self' https://client.example;")
    expect(policy).not.toMatch(/script-src|unsafe/)
    expect(page.headers.get("Cache-Control")).toBe("no-store")
    expect(page.headers.get("Referrer-Policy")).toBe("no-referrer")
  })

  test("is asked each time, and looking at it gives nothing", async () => {
    const who = await host()
    for (let n = 0; n < 2; n++) expect((await who.get(await pathOf())).status).toBe(200)
    expect(await grantsOf(who)).toEqual([])
    await consent(who, await pathOf())
    expect((await who.get(await pathOf())).status).toBe(200)
  })

  test("that is answered with no leads back with the word for it, and gives nothing", async () => {
    const who = await host()
    const ticket = ticketIn(await who.get(await pathOf()))
    const back = returned(await who.post("/oauth/authorize", { ticket, decision: "refuse" }))
    expect([back.get("error"), back.get("code"), back.get("iss")]).toEqual(["access_denied", null, issuer])
    expect(back.get("state")).toBe("state of the program")
    expect(await grantsOf(who)).toEqual([])
  })
})

describe("a consent that was not given", () => {
  test.each<[string, Record<string, string>]>([
    ["another site's page", { "Sec-Fetch-Site": "cross-site", Origin: "https://evil.example" }],
    ["a page of a neighbour", { "Sec-Fetch-Site": "same-site", Origin: "https://other.selvage.test" }],
    ["nobody knows where", {}],
  ])("its form was sent from %s: refused, and nothing comes of it", async (_, headers) => {
    const ticket = ticketIn(await ada.get(await pathOf()))
    const before = await grantsOf(ada)
    const page = await ada.post("/oauth/authorize", { ticket, decision: "allow" }, headers)
    expect([page.status, page.location]).toEqual([403, null])
    expect(await grantsOf(ada)).toEqual(before)
  })

  test("its ticket is another's, of another session, made up, or missing", async () => {
    const ben = await host("Ben")
    const ticket = ticketIn(await ben.get(await pathOf()))
    const elsewhere = await signedIn(newVisitor({ ...ada.who }))
    const ofAnotherSession = ticketIn(await elsewhere.get(await pathOf()))
    for (const text of [ticket, ofAnotherSession, `${ticket.slice(0, -2)}xx`, "s1.k1.AAAA", ""]) {
      const page = await ada.post("/oauth/authorize", { ticket: text, decision: "allow" })
      expect([page.status, page.location]).toEqual([400, null])
    }
    expect(await grantsOf(ben)).toEqual([])
  })

  test("neither yes nor no was said", async () => {
    const ticket = ticketIn(await ada.get(await pathOf()))
    for (const decision of ["", "maybe"])
      expect((await ada.post("/oauth/authorize", { ticket, decision })).status).toBe(400)
  })

  test("by an administrator in somebody's name", async () => {
    const [admin, who] = await Promise.all([administrator(), host()])
    const reason = "looking into a complaint"
    const acting = await must(admin, `POST /v1/users/${who.id}/impersonate`, { reason })
    const browser = newVisitor(newAddress())
    browser.cookies.set("__Host-at", String((acting as unknown as { accessToken: string }).accessToken))
    const page = await browser.get(await pathOf())
    expect([page.status, page.location]).toEqual([403, null])
  })

  test("by a program for itself: an access token is no session", async () => {
    const browser = newVisitor(newAddress())
    browser.cookies.set("__Host-at", "sv_at_nothing")
    expect((await browser.get(await pathOf())).status).not.toBe(200)
  })
})

describe("somebody who is not signed in", () => {
  test("signs in, is asked then, and lets the program in", async () => {
    const who = await host()
    const browser = newVisitor(who.who)
    const path = await pathOf()
    const sent = await browser.get(path)
    expect([sent.status, sent.location]).toEqual([303, "/account/sign-in?told=program"])
    expect((await browser.get("/account/sign-in?told=program")).text).toContain("Sign in, then you are asked")
    const { email, password } = who.who
    const entered = await browser.post("/account/sign-in", { email, password })
    const resumed = await browser.get(entered.location ?? "")
    expect(resumed.status).toBe(303)
    expect(new URL(resumed.location ?? "", issuer).searchParams.get("state")).toBe("state of the program")
    const page = await consent(browser, resumed.location ?? "")
    expect(returned(page).get("code")).toMatch(/^sv_ac_/)
    // Once: the account page is itself again.
    expect((await browser.get("/account")).status).toBe(200)
  })

  test("is not led anywhere but to the question by what the cookie says", async () => {
    const browser = newVisitor(ada.who)
    await signedIn(browser)
    for (const value of ["https%3A%2F%2Fevil.example", "%0d%0aLocation%3A%20https%3A%2F%2Fevil.example", "%ff", "x"]) {
      browser.cookies.set("__Host-next", value)
      const { location } = await browser.get("/account")
      expect(location === null || location.startsWith("/oauth/authorize?")).toBe(true)
      browser.cookies.delete("__Host-next")
    }
  })

  test("whose browser has just come from the program is asked again from here: only then it sends all its cookies", async () => {
    const path = await pathOf()
    const page = await newVisitor(ada.who).get(path, { "Sec-Fetch-Site": "cross-site" })
    expect([page.status, page.location]).toEqual([200, null])
    expect(page.headers.get("Refresh")).toBe(`0; url=${path}`)
    expect(page.headers.getSetCookie()).toEqual([])
  })

  test("whose access cookie is over goes on with the refresh cookie", async () => {
    const who = await host()
    who.cookies.delete("__Host-at")
    const page = await who.get(await pathOf())
    expect(page.status).toBe(200)
    expect(who.cookies.get("__Host-at")).toEqual(expect.any(String))
    expect(
      returned(await who.post("/oauth/authorize", { ticket: ticketIn(page), decision: "allow" })).get("code"),
    ).toMatch(/^sv_ac_/)
  })

  test("cannot decide", async () => {
    const browser = newVisitor(newAddress())
    const page = await browser.post("/oauth/authorize", { ticket: "x", decision: "allow" }, fromHere)
    expect([page.status, page.location]).toEqual([303, "/account/sign-in?told=program"])
  })
})

test("a session that was ended elsewhere a moment ago lets nobody in", async () => {
  const who = await host()
  const ticket = ticketIn(await who.get(await pathOf()))
  // The object knows; this isolate may believe in the access token for seconds yet.
  await inObject(objectOf(who), 'delete from "sessions"')
  const page = await who.post("/oauth/authorize", { ticket, decision: "allow" })
  expect(page.location?.startsWith(callback) ?? false).toBe(false)
  expect(await inObject(objectOf(who), 'select * from "grants"')).toEqual([])
})
