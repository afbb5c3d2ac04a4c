/** Coming in by a letter: works once, tells nobody who has an account, and takes away what somebody else had set up in one's name. */
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import { call } from "../support/calls.ts"
import {
  lettersTo,
  letterTo,
  type Newcomer,
  newAddress,
  newNetwork,
  person,
  session,
  signIn,
  signUp,
} from "../support/people.ts"
import { serving } from "../support/serving.ts"

const ask = (who: Pick<Newcomer, "email" | "headers">) =>
  call(null, "POST /v1/auth/request-magic-link", { body: { email: who.email }, headers: who.headers })
const redeem = (token: string, headers: Newcomer["headers"]) =>
  call(null, "POST /v1/auth/redeem-magic-link", { body: { token }, headers })
const linkTo = async (who: Pick<Newcomer, "email" | "headers">) => {
  await ask(who)
  return (await letterTo(who.email, "Sign in")).action.token
}

test("the link signs in, once, as a letter and not as a password", async () => {
  const ada = await person("Ada")
  const token = await linkTo(ada)
  const answer = await redeem(token, ada.headers)
  expect(answer).toMatchObject({ status: 200, body: { userId: ada.id, accessToken: expect.any(String) } })
  const { items } = (await call({ token: answer.body.accessToken }, "GET /v1/sessions")).body
  expect(items.find(({ current }: { current: boolean }) => current)).toMatchObject({ methods: ["otp"] })

  const again = await redeem(token, ada.headers)
  expect(again).toMatchObject({ status: 400, body: { violations: [{ path: "/token", code: "invalid_token" }] } })
  expect(again.body).not.toHaveProperty("accessToken")
})

test("eight at once with one link: one session", async () => {
  const ada = await person("Ada")
  const token = await linkTo(ada)
  const answers = await Promise.all(Array.from({ length: 8 }, () => redeem(token, ada.headers)))
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  const { items } = (await call(ada, "GET /v1/sessions")).body
  expect(items).toHaveLength(2)
})

test("whether an address has an account stands in no answer, and where there is none no letter leaves", async () => {
  const ada = await person("Ada")
  const nobody = newAddress()
  const [known, unknown] = await Promise.all([ask(ada), ask(nobody)])
  expect([known.status, known.body]).toEqual([202, { accepted: true }])
  expect([unknown.status, unknown.body]).toEqual([202, { accepted: true }])
  await letterTo(ada.email, "Sign in")
  expect(await lettersTo(nobody.email)).toEqual([])
})

test.each(["disabled", "deleted"])(
  "a %s account is not let in, neither by an old link nor by a new one",
  async (status) => {
    const ada = await person("Ada")
    const token = await linkTo(ada)
    await env.DB.prepare('update "users" set "status" = ?, "version" = "version" + 1 where "id" = ?')
      .bind(status, ada.id)
      .run()
    expect((await redeem(token, ada.headers)).status).toBe(400)
    const before = (await lettersTo(ada.email)).length
    expect((await ask(ada)).status).toBe(202)
    expect((await lettersTo(ada.email)).length).toBe(before)
  },
)

describe("an account that somebody set up in another's name", () => {
  test("comes to the owner of the address by link: the stranger's password dies", async () => {
    const stranger = newAddress("Mallory")
    await signUp(stranger)
    const owner = { email: stranger.email, headers: { "CF-Connecting-IP": newNetwork() } }
    const answer = await redeem(await linkTo(owner), owner.headers)
    expect(answer.status, JSON.stringify(answer.body)).toBe(200)
    expect((await signIn(stranger)).status).toBe(401)
    expect((await signIn({ ...stranger, ...owner })).status).toBe(401)
    const row = await env.DB.prepare('select * from "users" where "email" = ?').bind(owner.email).first()
    expect(row).toMatchObject({ passwordSealed: null, emailVerifiedAt: expect.any(String) })

    // The letter of the stranger's sign-up brings nothing back.
    const { token } = (await letterTo(owner.email, "Confirm")).action
    await call(null, "POST /v1/auth/verify-email", { body: { token }, headers: owner.headers })
    expect((await signIn(stranger)).status).toBe(401)
    expect((await call({ token: answer.body.accessToken }, "GET /v1/me")).status).toBe(200)
  })

  test("comes to the owner by signing up again: confirming the letter opens it for no password but by a letter", async () => {
    const stranger = newAddress("Mallory")
    await signUp(stranger)
    const owner = {
      ...stranger,
      name: "Ada",
      password: "the owner's own sentence",
      headers: { "CF-Connecting-IP": newNetwork() },
    }
    await signUp(owner)
    // However often the stranger tries again.
    await signUp(stranger)
    const { token } = (await letterTo(owner.email, "Confirm")).action
    expect(await call(null, "POST /v1/auth/verify-email", { body: { token }, headers: owner.headers })).toMatchObject({
      status: 200,
    })
    expect((await signIn(stranger)).status).toBe(401)

    await call(null, "POST /v1/auth/request-password-reset", { body: { email: owner.email }, headers: owner.headers })
    const reset = (await letterTo(owner.email, "Set a new password")).action.token
    const body = { token: reset, password: owner.password }
    expect((await call(null, "POST /v1/auth/reset-password", { body, headers: owner.headers })).status).toBe(200)
    expect((await signIn(owner)).status).toBe(200)
    expect((await signIn(stranger)).status).toBe(401)
  })

  test("who signs up twice with one password has one account and that password", async () => {
    const ada = newAddress("Ada")
    await signUp(ada)
    await signUp(ada)
    const { token } = (await letterTo(ada.email, "Confirm")).action
    await call(null, "POST /v1/auth/verify-email", { body: { token }, headers: ada.headers })
    const signedIn = await session(ada)
    expect((await serving().call(signedIn, "GET /v1/me")).body).toMatchObject({ email: ada.email })
  })
})
