/** Line 8 of the security checklist: ways in by a letter work once, for a while, for one person and one purpose. */
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import { formatToken, idRoute, parseToken, type TokenKind } from "../../src/authentication/token.ts"
import { type Answer, call } from "../support/calls.ts"
import { letterTo, type Newcomer, newAddress, newNetwork, person, signIn, signUp } from "../support/people.ts"
import { holdClock, inObject, objectOf } from "../support/user-objects.ts"

const minute = 60_000
const password = "olive tugboat lantern"

const from = () => ({ "CF-Connecting-IP": newNetwork() })
const post = (path: string, body: object) => call(null, `POST /v1/auth/${path}`, { body, headers: from() })

/** The token of a letter that was just asked for. */
const asked = async (path: string, subject: string, { email }: Newcomer): Promise<string> => {
  expect((await post(path, { email })).status).toBe(202)
  return (await letterTo(email, subject)).action.token
}
const resetToken = (who: Newcomer) => asked("request-password-reset", "Set a new password", who)
const magicToken = (who: Newcomer) => asked("request-magic-link", "Sign in", who)
const reset = (token: string, to = password) => post("reset-password", { token, password: to })

/** What a caller sees of a refusal. */
function refusal({ status, body }: Answer) {
  const { requestId: _, ...rest } = body
  return { status, body: rest }
}

const idOf = async ({ email }: Newcomer) =>
  (await env.DB.prepare('select "id" from "users" where "email" = ?').bind(email).first<string>("id")) ?? ""

describe("checklist 8: a letter for a new password (ASVS 6.4.1, 6.4.3)", () => {
  test("works once, ends every session, forgets the devices, and opens no session itself", async () => {
    const ada = await person()
    const phone = (await signIn(ada)).body
    const token = await resetToken(ada)
    const answer = await reset(token)
    expect([answer.status, answer.body]).toEqual([200, { changed: true }])
    expect(answer.headers.getSetCookie()).toEqual([])
    expect((await reset(token, "another tugboat lantern")).status).toBe(400)

    for (const { refreshToken } of [ada, phone]) expect((await post("refresh", { refreshToken })).status).toBe(401)
    for (const one of [ada.token, phone.accessToken])
      expect((await call({ token: one }, "GET /v1/me")).status).toBe(401)
    expect(await inObject(objectOf(ada), 'select * from "devices"')).toEqual([])
    expect((await signIn(ada)).status).toBe(401)
    expect((await signIn({ ...ada, password: "another tugboat lantern" })).status).toBe(401)
    expect((await signIn({ ...ada, password })).status).toBe(200)
    expect(await letterTo(ada.email, "Your password was changed")).toBeDefined()
  })

  test("works for ten minutes and not at the end of them", async () => {
    const ada = await person()
    const token = await resetToken(ada)
    const start = Date.now()
    await holdClock(objectOf(ada), () => start + 10 * minute)
    expect((await reset(token)).status).toBe(400)
    expect((await signIn(ada)).status).toBe(200)
    await holdClock(objectOf(ada), () => start + 9 * minute)
    expect((await reset(token)).status).toBe(200)
  })

  test("10 at the same time: one succeeds, and its password is the one that opens", async () => {
    const ada = await person()
    const token = await resetToken(ada)
    const wanted = Array.from({ length: 10 }, (_, n) => `olive tugboat lantern ${n}`)
    const answers = await Promise.all(wanted.map((one) => reset(token, one)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(400)])
    const won = wanted[answers.findIndex(({ status }) => status === 200)] as string
    const lost = wanted.find((one) => one !== won) as string
    expect((await signIn({ ...ada, password: lost, headers: from() })).status).toBe(401)
    expect((await signIn({ ...ada, password: won, headers: from() })).status).toBe(200)
  })

  test("a password that is refused uses nothing up", async () => {
    const ada = await person()
    const token = await resetToken(ada)
    expect((await reset(token, "short")).body.violations).toMatchObject([{ path: "/password", code: "too_short" }])
    expect((await reset(token)).status).toBe(200)
  })

  test("brings nobody back who was disabled", async () => {
    const ada = await person()
    const token = await resetToken(ada)
    await env.DB.prepare(`update "users" set "status" = 'disabled' where "id" = ?`).bind(ada.id).run()
    expect((await reset(token)).body.violations).toMatchObject([{ path: "/token", code: "invalid_token" }])
  })

  test("whoever held a sign-up in another's name is out when the owner comes by letter", async () => {
    const squatted = newAddress()
    await signUp(squatted)
    const link = await magicToken(squatted)
    expect((await post("redeem-magic-link", { token: link })).status).toBe(200)
    expect(await signIn({ ...squatted, headers: from() })).toMatchObject({ status: 401 })
  })
})

/** The ways in by a letter. `again` asks for another; null: signing up again does. */
const doors: Record<
  string,
  {
    kind: TokenKind
    purpose: string
    again: string | null
    use: (token: string) => Promise<Answer>
    ask: () => Promise<[Newcomer, string]>
  }
> = {
  "auth.verifyEmail": {
    kind: "em",
    purpose: "verifyEmail",
    again: null,
    use: (token) => post("verify-email", { token }),
    ask: async () => {
      const who = newAddress()
      await signUp(who)
      return [who, (await letterTo(who.email, "Confirm")).action.token]
    },
  },
  "auth.resetPassword": {
    kind: "rs",
    purpose: "resetPassword",
    again: "request-password-reset",
    use: (token) => reset(token),
    ask: async () => {
      const who = await person()
      return [who, await resetToken(who)]
    },
  },
  "auth.redeemMagicLink": {
    kind: "ml",
    purpose: "magicLink",
    again: "request-magic-link",
    use: (token) => post("redeem-magic-link", { token }),
    ask: async () => {
      const who = await person()
      return [who, await magicToken(who)]
    },
  },
}

describe.each(Object.entries(doors))(
  "checklist 8: %s refuses every token that does not hold in the same words",
  (name, door) => {
    const random = () => crypto.getRandomValues(new Uint8Array(32))
    const expected = {
      status: 400,
      body: { code: "INVALID_ARGUMENT", violations: [{ path: "/token", code: "invalid_token" }] },
    }

    test("expired, used, superseded, of another purpose or person, made up, truncated, changed: one refusal", async () => {
      const [ada, token] = await door.ask()
      const [eve, other] = await door.ask()
      const [adaId, eveId] = [await idOf(ada), await idOf(eve)]
      const parsed = parseToken([door.kind], token)
      if (parsed === null) throw new Error("The letter holds no token of the kind")
      const foreign = await Promise.all(
        Object.values(doors)
          .filter(({ kind }) => kind !== door.kind)
          .map(async ({ ask }) => (await ask())[1]),
      )
      const bad: Record<string, string> = {
        "of another person": formatToken(door.kind, idRoute(eveId), parsed.payload),
        "of nobody": formatToken(door.kind, random().slice(0, 16), random()),
        "made up, for a person that there is": formatToken(door.kind, idRoute(adaId), random()),
        truncated: token.slice(0, -1),
        "a character too long": `${token}0`,
        changed: `${token.slice(0, -1)}${token.endsWith("0") ? "1" : "0"}`,
        "of another kind, with the same secret": formatToken(
          door.kind === "rs" ? "ml" : "rs",
          parsed.route,
          parsed.payload,
        ),
        "no token at all": "x",
        ...Object.fromEntries(foreign.map((text, n) => [`of another purpose, ${n}`, text])),
      }
      const refusals = new Map<string, ReturnType<typeof refusal>>()
      for (const [what, text] of Object.entries(bad)) refusals.set(what, refusal(await door.use(text)))

      await inObject(
        objectOf({ id: eveId }),
        'update "tokens" set "expiresAt" = ? where "purpose" = ?',
        Date.now() - 1,
        door.purpose,
      )
      refusals.set("expired", refusal(await door.use(other)))

      // None of these used up the one that holds.
      expect((await door.use(token)).status).toBe(200)
      refusals.set("used", refusal(await door.use(token)))

      const [first] = refusals.values()
      expect(first, name).toMatchObject(expected)
      for (const [what, one] of refusals) expect(one, what).toEqual(first)
    })

    test("the older of two is worth nothing once there is a newer", async () => {
      const [who, older] = await door.ask()
      if (door.again === null) await signUp({ ...who, headers: from() })
      else await post(door.again, { email: who.email })
      expect(refusal(await door.use(older))).toMatchObject(expected)
    })
  },
)

test("checklist 8: 10 with one link that signs in at the same time: one session", async () => {
  const ada = await person()
  const token = await magicToken(ada)
  const answers = await Promise.all(Array.from({ length: 10 }, () => post("redeem-magic-link", { token })))
  expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(400)])
  // The one of person() and the one of the link.
  expect(await inObject(objectOf(ada), 'select "sid" from "sessions"')).toHaveLength(2)
})
