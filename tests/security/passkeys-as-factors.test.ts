/** Line 16 of the security checklist: the counter of a passkey, and passkeys as second factors. */
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import { call, faultsOf } from "../support/calls.ts"
import { begin, claimsOf, failedIn, holder, post, signInWith } from "../support/passkey-holders.ts"
import { newNetwork, type Person, person, signIn } from "../support/people.ts"
import { completeSignIn, withApp } from "../support/second-factors.ts"
import { eventsIn } from "../support/user-objects.ts"

const from = () => ({ "CF-Connecting-IP": newNetwork() })

describe("the counter of a passkey", () => {
  test("that goes back or stands still is refused and is an event: there may be a copy", async () => {
    const ada = await holder({ counter: 5 })
    const copy = ada.passkey.copy(6)
    for (let n = 0; n < 3; n++) expect((await signInWith(ada.passkey)).status).toBe(200)
    // 6 was the making, 7 to 9 the uses; the copy says 7, and then 9.
    for (const bend of [{}, { counter: 9 }])
      expect(faultsOf(await signInWith(copy, bend))).toEqual([400, "/passkey copied_passkey"])
    const events = await eventsIn(ada)
    expect(events.filter(([kind]) => kind === "factor.regressed")).toMatchObject([
      ["factor.regressed", { id: ada.factorId, counter: 7, known: 9 }],
      ["factor.regressed", { id: ada.factorId, counter: 9, known: 9 }],
    ])
    expect((await signInWith(ada.passkey)).status).toBe(200)
  })

  test("is not raised by what is not signed", async () => {
    const ada = await holder({ counter: 5 })
    expect((await signInWith(ada.passkey, { counter: 4_000_000_000, forged: true })).status).toBe(400)
    expect((await signInWith(ada.passkey)).status).toBe(200)
  })

  test("that there is none is nothing wrong", async () => {
    const ada = await holder({ counter: null })
    for (let n = 0; n < 3; n++) expect((await signInWith(ada.passkey)).status).toBe(200)
  })
})

describe("a passkey as a second factor", () => {
  const ticketOf = async (who: Person): Promise<string> => (await signIn({ ...who, headers: from() })).body.ticket

  test("completes a sign-in by password, bound to its ticket", async () => {
    const ada = await holder()
    const [one, other] = [await ticketOf(ada), await ticketOf(ada)]
    const { state, options } = await begin({ purpose: "secondFactor", ticket: one })
    const passkey = { state, credential: await ada.passkey.get(options) }
    expect(faultsOf(await completeSignIn(ada, { ticket: other, passkey }))).toEqual([400, "/passkey wrong_challenge"])
    const done = await completeSignIn(ada, { ticket: one, passkey })
    expect(done.status).toBe(200)
    expect(claimsOf(done.body.accessToken)).toMatchObject({ amr: ["pwd", "hwk", "user", "mfa"], acr: "aal2" })
    expect(faultsOf(await completeSignIn(ada, { ticket: other, passkey }))).toEqual([400, "/passkey wrong_challenge"])
    expect((await post("auth/passkey", { purpose: "secondFactor", ticket: "sv_mf_x" })).status).toBe(400)
  })

  test("of another account completes nothing", async () => {
    const [ada, eve] = [await holder(), await holder()]
    const ticket = await ticketOf(ada)
    const { state, options } = await begin({ purpose: "secondFactor", ticket })
    const passkey = { state, credential: await eve.passkey.get(options) }
    expect(faultsOf(await completeSignIn(ada, { ticket, passkey }))).toEqual([400, "/passkey wrong_user"])
    const handless = { state, credential: await eve.passkey.get(options, { userHandle: null }) }
    expect(faultsOf(await completeSignIn(ada, { ticket, passkey: handless }))).toEqual([
      400,
      "/passkey unknown_passkey",
    ])
    expect(await failedIn(ada)).toEqual(["wrong_user", "unknown_passkey"])
  })

  test("proves within a session who is there, once", async () => {
    const ada = await holder()
    const { state, options } = await begin({ purpose: "stepUp" }, ada)
    const passkey = { state, credential: await ada.passkey.get(options) }
    const done = await post("auth/step-up", { passkey }, ada)
    expect([done.status, done.body.kind]).toEqual([200, "session"])
    const token = done.body.accessToken
    expect((await post("auth/step-up", { passkey }, { token })).status).toBe(400)
    expect((await post("auth/passkey", { purpose: "stepUp" })).status).toBe(401)
  })

  test("stands beside an authenticator app", async () => {
    const both = await holder({}, await withApp(await person("Ada")))
    expect((await signIn(both)).body.methods).toEqual(["totp", "passkey", "recoveryCode"])
  })

  test("is what an administrator may have", async () => {
    const who = await person("Root")
    await env.DB.prepare(`update "users" set "roles" = '["admin"]', "version" = "version" + 1 where "id" = ?`)
      .bind(who.id)
      .run()
    const restricted = (await signIn(who)).body
    expect(restricted).toMatchObject({ restricted: "enrolment" })
    const root = await holder({}, { ...who, token: restricted.accessToken })
    expect((await call(root, "GET /v1/users?limit=1")).status).toBe(200)
  })
})
