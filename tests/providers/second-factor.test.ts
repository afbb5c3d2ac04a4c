/** Sign-in with others beside the rest of the account: a second factor is asked for after a provider, and linking takes a fresh proof. */
import { describe, expect, test } from "vitest"
import { authenticator } from "../support/authenticator.ts"
import { claimsOf, comeBack, enter, newEmail, program, start, visitor, whoIs, world } from "./world.ts"

/** Somebody who came from acme and has added an app since. */
async function protectedComer() {
  const place = await world()
  const claims = claimsOf({ email: newEmail() })
  const browser = visitor(place)
  await enter(place, browser, claims)
  const post = (path: string, body: object) => {
    const headers = { "Content-Type": "application/json", "Sec-Fetch-Site": "same-origin" }
    return browser.fetch(`POST /v1${path}`, { body: JSON.stringify(body), headers })
  }
  const begun = (await post("/factors/totp", {})).body
  const app = authenticator(begun.secret)
  const added = await post("/factors/totp/confirm", { state: begun.state, code: await app.next() })
  expect(added.status).toBe(200)
  return { place, claims, app, browser }
}

describe("somebody with an authenticator app", () => {
  test("who comes from a provider is asked for the code, has no session before, and one after", async () => {
    const { place, claims, app } = await protectedComer()
    const elsewhere = visitor(place)
    const back = await enter(place, elsewhere, claims)
    expect([back.status, back.headers.get("Location")]).toEqual([303, "/account/second-factor"])
    expect(await whoIs(elsewhere)).toBeNull()

    const given = await elsewhere.fetch("POST /account/second-factor", {
      body: `code=${await app.next()}`,
      headers: { "Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded" },
    })
    expect([given.status, given.headers.get("Location")]).toEqual([303, "/account"])
    expect((await whoIs(elsewhere))?.email).toBe(claims.email)
  })

  test("is led on after the code to where the provider was to lead, and only there", async () => {
    const { place, claims, app } = await protectedComer()
    const elsewhere = visitor(place)
    const url = await start(elsewhere, "acme", `?returnTo=${encodeURIComponent("/account/grants")}`)
    const back = await comeBack(elsewhere, place.acme.agree(url, claims))
    expect(back.headers.get("Location")).toBe("/account/second-factor")
    const given = await elsewhere.fetch("POST /account/second-factor", {
      body: `code=${await app.next()}`,
      headers: { "Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded" },
    })
    const account = await elsewhere.fetch(`GET ${given.headers.get("Location")}`)
    expect([account.status, account.headers.get("Location")]).toEqual([303, "/account/grants"])
    // Once: the page of the account is itself again.
    expect((await elsewhere.fetch("GET /account")).status).toBe(200)
  })

  test("is answered with a ticket where a program finishes, and with no token", async () => {
    const { place, claims } = await protectedComer()
    const { begin, finish } = program(place)
    const { body: began } = await begin("acme", {})
    const query = place.acme.agree(began.url, claims).toString()
    const { status, body } = await finish("acme", { flow: began.flow, query })
    expect(status).toBe(200)
    expect(body.signIn).toMatchObject({ kind: "secondFactor", methods: ["totp", "recoveryCode"] })
    expect(JSON.stringify(body)).not.toContain("accessToken")
  })
})

describe("linking", () => {
  test("is refused to a session whose proof is older than ten minutes, and nothing leads to a provider", async () => {
    const place = await world()
    const ada = visitor(place)
    await comeBack(ada, place.acme.agree(await start(ada), claimsOf({ email: newEmail() })))
    place.clock.aheadMs = 11 * 60_000
    const headers = { "Content-Type": "application/json", "Sec-Fetch-Site": "same-origin" }
    await ada.fetch("POST /v1/auth/refresh", { body: "{}", headers })
    const answer = await ada.fetch("POST /v1/auth/providers/other/link", { body: "{}", headers })
    expect([answer.status, answer.body.type]).toEqual([401, "urn:selvage:problem:insufficient-user-authentication"])
    expect(answer.body.url).toBeUndefined()
    const page = await ada.fetch("POST /account/link", {
      body: "provider=other",
      headers: { "Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded" },
    })
    expect([page.status, page.headers.get("Location")]).toEqual([303, "/account/step-up?next=%2Faccount"])
    expect(ada.jar.has("__Host-flow")).toBe(false)
  })
})
