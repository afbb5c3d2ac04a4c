/** Accounts over HTTP: from sign-up to a call, and back out. */
import { describe, expect, test } from "vitest"
import { call } from "../support/calls.ts"
import { letterTo, newAddress, person, signUp } from "../support/people.ts"

describe("from nothing to a signed-in call", () => {
  test("sign up, prove the address, sign in, call, refresh, sign out", async () => {
    const who = newAddress()
    const answer = await signUp(who)
    expect(answer.status, JSON.stringify(answer.body)).toBe(202)
    expect(answer.body).toEqual({ accepted: true })

    const early = await call(null, "POST /v1/auth/sign-in", {
      body: { email: who.email, password: who.password },
      headers: who.headers,
    })
    expect(early).toMatchObject({ status: 400, body: { code: "FAILED_PRECONDITION" } })

    const letter = await letterTo(who.email, "Confirm")
    expect(letter.action.url).toContain("/account/verify-email?token=sv_em_")
    const proved = await call(null, "POST /v1/auth/verify-email", {
      body: { token: letter.action.token },
      headers: who.headers,
    })
    expect(proved).toMatchObject({ status: 200, body: { verified: true } })

    const session = await call(null, "POST /v1/auth/sign-in", {
      body: { email: who.email, password: who.password },
      headers: who.headers,
    })
    expect(session.status).toBe(200)
    const bearer = { Authorization: `Bearer ${session.body.accessToken}` }
    expect((await call(null, "GET /v1/me", { headers: bearer })).body).toMatchObject({
      email: who.email,
      name: who.name,
    })

    const next = await call(null, "POST /v1/auth/refresh", { body: { refreshToken: session.body.refreshToken } })
    expect(next.status).toBe(200)
    expect(next.body.refreshToken).not.toBe(session.body.refreshToken)

    const out = await call(null, "POST /v1/auth/sign-out", { headers: bearer })
    expect(out).toMatchObject({ status: 200, body: { ended: 1 } })
    expect((await call(null, "GET /v1/me", { headers: bearer })).status).toBe(401)
    expect((await call(null, "POST /v1/auth/refresh", { body: { refreshToken: next.body.refreshToken } })).status).toBe(
      401,
    )
  })

  test("the helper makes people who can call", async () => {
    const ada = await person("Ada")
    expect((await call(ada, "GET /v1/me")).body).toMatchObject({ id: ada.id, name: "Ada" })
  })
})
