/** What a newcomer does with the pages: each flow from its form to its end, over HTTP, as a browser without script. */
import { describe, expect, test } from "vitest"
import * as z from "zod"
import { serve } from "../../src/app.ts"
import { operation } from "../../src/core/operation.ts"
import { signedIn } from "../../src/core/policy.ts"
import { Problem } from "../../src/core/problem.ts"
import { app } from "../../src/core/registry.ts"
import { call } from "../support/calls.ts"
import { lettersTo, letterTo, newAddress, type Person, person, session } from "../support/people.ts"
import { production, runtime } from "../support/runtime.ts"
import { protectedPerson } from "../support/second-factors.ts"
import { fromHere, newVisitor, pathOf } from "./visitor.ts"

/** Whether no new access token comes out of a session. The old one may hold for seconds, until isolates hear of the end. */
async function isOver({ refreshToken, headers }: Person): Promise<boolean> {
  const { status } = await call(null, "POST /v1/auth/refresh", { body: { refreshToken }, headers })
  return status === 401
}

describe("a newcomer", () => {
  test("makes an account, confirms the address, signs in, sees the session, signs out", async () => {
    const ada = newVisitor(newAddress("Ada"))
    const { name, email, password } = ada.who

    const made = await ada.post("/account/sign-up", { name, email, password })
    expect([made.status, made.location]).toEqual([303, "/account/sent?for=sign-up"])
    expect((await ada.get("/account/sent?for=sign-up")).text).toContain("A letter is on its way")

    const early = await ada.post("/account/sign-in", { email, password })
    expect(early.status).toBe(400)
    expect(early.text).toContain("The address is not proved yet")
    expect(ada.cookies.size).toBe(0)

    const { action } = await letterTo(email, "Confirm")
    const page = await ada.get(pathOf(action.url))
    expect(page.status).toBe(200)
    expect(page.text).toContain(`<input type="hidden" name="token" value="${action.token}">`)
    const confirmed = await ada.post("/account/verify-email", { token: action.token })
    expect([confirmed.status, confirmed.location]).toEqual([303, "/account/sign-in?told=confirmed"])
    expect((await ada.get("/account/sign-in?told=confirmed")).text).toContain("Your address is confirmed.")

    const entered = await ada.post("/account/sign-in", { email, password })
    expect([entered.status, entered.location]).toEqual([303, "/account"])
    const lines = entered.headers.getSetCookie()
    expect(lines.map((line) => line.split("=")[0])).toEqual(["__Host-at", "__Host-rt", "__Host-device"])
    for (const line of lines) expect(line).toMatch(/; Path=\/; Secure; HttpOnly; SameSite=(Lax|Strict)$/)
    expect(entered.text).toBe("")

    const account = await ada.get("/account")
    expect(account.status).toBe(200)
    expect(account.text).toContain("<dd>Ada</dd>")
    expect(account.text).toContain(`<dd>${email}</dd>`)
    expect(account.text.match(/<li>\s*<div>/g)).toHaveLength(1)
    expect(account.text).toContain("This browser")

    const left = await ada.post("/account/sign-out", {})
    expect([left.status, left.location]).toEqual([303, "/account/sign-in?told=out"])
    expect([...ada.cookies.keys()]).toEqual(["__Host-device"])
    expect((await ada.get("/account")).location).toBe("/account/sign-in")
  })

  test("with a second factor is asked for it after the password, or gives a recovery code in its place", async () => {
    const who = await protectedPerson("Grace")
    const grace = newVisitor({ ...who, headers: newAddress().headers })
    const password = { email: who.email, password: who.password }
    const half = await grace.post("/account/sign-in", password)
    expect([half.status, half.location]).toEqual([303, "/account/second-factor"])
    expect([...grace.cookies.keys()]).toEqual(["__Host-mfa"])
    expect((await grace.get("/account")).location).toBe("/account/sign-in")
    const page = await grace.get("/account/second-factor")
    expect(page.text).toContain('autocomplete="one-time-code"')
    const wrong = await grace.post("/account/second-factor", { code: "12" })
    expect([wrong.status, wrong.text.includes("A code has six digits.")]).toEqual([400, true])
    const done = await grace.post("/account/second-factor", { code: await who.app.next() })
    expect([done.status, done.location]).toEqual([303, "/account"])
    expect([...grace.cookies.keys()].sort()).toEqual(["__Host-at", "__Host-device", "__Host-rt"])
    expect((await grace.get("/account")).status).toBe(200)

    const other = newVisitor({ ...who, headers: newAddress().headers })
    expect((await other.post("/account/recovery-code", { recoveryCode: who.recoveryCodes[0] ?? "" })).status).toBe(400)
    await other.post("/account/sign-in", password)
    const typo = await other.post("/account/recovery-code", { recoveryCode: "ABCD" })
    expect(typo.text).toContain("There is no such recovery code")
    const entered = await other.post("/account/recovery-code", { recoveryCode: who.recoveryCodes[0] ?? "" })
    expect([entered.status, entered.location]).toEqual([303, "/account"])
  })

  test("sets a new password by mail and signs in with it; the old one and the old session are gone", async () => {
    const who = await person("Grace")
    const grace = newVisitor({ ...newAddress("Grace"), email: who.email, password: who.password })
    await grace.post("/account/sign-in", { email: who.email, password: who.password })
    expect((await grace.get("/account")).status).toBe(200)

    const asked = await grace.post("/account/forgot-password", { email: who.email })
    expect([asked.status, asked.location]).toEqual([303, "/account/sent?for=password"])
    const { action } = await letterTo(who.email, "Set a new password")
    const token = action.token

    const short = await grace.post("/account/reset-password", { token, password: "short" })
    expect(short.status).toBe(400)
    expect(short.text).toContain("The password has fewer than 15 characters")
    expect(short.text).toContain(`name="token" value="${token}"`)
    expect(short.text).not.toContain("short")

    const password = `a new password ${crypto.randomUUID()}`
    const set = await grace.post("/account/reset-password", { token, password })
    expect([set.status, set.location]).toEqual([303, "/account/sign-in?told=password"])
    expect((await grace.get("/account")).location).toBe("/account/sign-in")
    expect((await grace.post("/account/sign-in", { email: who.email, password: who.password })).status).toBe(400)
    expect((await grace.post("/account/sign-in", { email: who.email, password })).location).toBe("/account")

    const again = await grace.post("/account/reset-password", { token, password })
    expect(again.status).toBe(400)
    expect(again.text).toContain("This link is not valid any more")
    expect(again.text).toContain('href="/account/forgot-password"')
    expect(again.text).not.toContain("<form")
  })

  test("signs in with a link by mail", async () => {
    const who = await person("Hedy")
    const hedy = newVisitor({ ...newAddress("Hedy"), email: who.email })
    expect((await hedy.post("/account/sign-in-link", { email: who.email })).location).toBe("/account/sent?for=link")
    const { action } = await letterTo(who.email, "Sign in")
    expect((await hedy.get(pathOf(action.url))).text).toContain("<button>Sign in</button>")
    const entered = await hedy.post("/account/magic-link", { token: action.token })
    expect([entered.status, entered.location]).toEqual([303, "/account"])
    expect((await hedy.get("/account")).text).toContain("<dd>Hedy</dd>")
  })

  test("learns nothing of who has an account: the same answer, and no letter to nobody", async () => {
    const known = await person("Known")
    const { email } = newAddress()
    for (const path of ["/account/forgot-password", "/account/sign-in-link"]) {
      const [one, other] = [
        await newVisitor().post(path, { email: known.email }),
        await newVisitor().post(path, { email }),
      ]
      expect([one.status, one.location]).toEqual([other.status, other.location])
      expect(one.status).toBe(303)
    }
    const signUp = { name: "Known", password: "a password of enough length 7" }
    const [taken, free] = [
      await newVisitor().post("/account/sign-up", { ...signUp, email: known.email }),
      await newVisitor().post("/account/sign-up", { ...signUp, email: newAddress().email }),
    ]
    expect([taken.status, taken.location]).toEqual([free.status, free.location])
    const wrong = { password: "certainly not the password" }
    const [bad, nobody] = [
      await newVisitor().post("/account/sign-in", { ...wrong, email: known.email }),
      await newVisitor().post("/account/sign-in", { ...wrong, email }),
    ]
    expect(bad.status).toBe(nobody.status)
    expect(bad.text.replaceAll(known.email, "")).toBe(nobody.text.replaceAll(email, ""))
    expect(await lettersTo(email)).toEqual([])
  })
})

describe("somebody who is signed in", () => {
  test("ends one of several sessions, then all others", async () => {
    const who = await person("Mary")
    const mary = newVisitor({ ...newAddress("Mary"), email: who.email })
    await mary.post("/account/sign-in", { email: who.email, password: who.password })
    const second = await session({ ...newAddress(), email: who.email, password: who.password })

    const before = await mary.get("/account")
    expect(before.text.match(/action="\/account\/end-session"/g)).toHaveLength(2)
    const ended = await mary.post("/account/end-session", { id: who.sessionId })
    expect(ended.location).toBe("/account?told=ended")
    expect(await isOver(who)).toBe(true)
    expect((await mary.post("/account/end-session", { id: who.sessionId })).location).toBe("/account?told=ended")

    expect((await mary.post("/account/end-other-sessions", {})).location).toBe("/account?told=others")
    expect(await isOver(second)).toBe(true)
    const after = await mary.get("/account")
    expect(after.status).toBe(200)
    expect(after.text).not.toContain("/account/end-session")
  })

  test("cannot end another's session", async () => {
    const [one, other] = [await person("One"), await person("Other")]
    const visitor = newVisitor({ ...newAddress(), email: one.email })
    await visitor.post("/account/sign-in", { email: one.email, password: one.password })
    await visitor.post("/account/end-session", { id: other.sessionId })
    expect((await call(other, "GET /v1/me")).status).toBe(200)
  })

  test("stays signed in when the access token is over: the page turns the refresh token", async () => {
    const who = await person("Lise")
    const lise = newVisitor({ ...newAddress(), email: who.email })
    await lise.post("/account/sign-in", { email: who.email, password: who.password })
    const before = lise.cookies.get("__Host-rt")
    lise.cookies.delete("__Host-at")
    const account = await lise.get("/account")
    expect(account.status).toBe(200)
    expect(account.text).toContain("<dd>Lise</dd>")
    expect(lise.cookies.get("__Host-rt")).not.toBe(before)

    // The same for a button, and for a token that does not hold any more.
    lise.cookies.set("__Host-at", "over")
    expect((await lise.post("/account/sign-out", {})).location).toBe("/account/sign-in?told=out")
    expect([...lise.cookies.keys()]).toEqual(["__Host-device"])
  })

  test("whose session was ended elsewhere is asked to sign in, and can", async () => {
    const who = await person("Emmy")
    const emmy = newVisitor({ ...newAddress(), email: who.email })
    await emmy.post("/account/sign-in", { email: who.email, password: who.password })
    await call(who, "POST /v1/sessions/revoke-others")
    expect((await emmy.get("/account")).location).toBe("/account/sign-in")
    expect([...emmy.cookies.keys()]).toEqual(["__Host-device"])

    // A browser that kept its dead cookies can still come back in.
    emmy.cookies.set("__Host-at", "dead").set("__Host-rt", "dead")
    const entered = await emmy.post("/account/sign-in", { email: who.email, password: who.password })
    expect(entered.location).toBe("/account")
    expect((await emmy.get("/account")).status).toBe(200)
  })

  test("who signs in again in the same browser leaves no old session behind", async () => {
    const who = await person("Rosa")
    const rosa = newVisitor({ ...newAddress(), email: who.email })
    await rosa.post("/account/sign-in", { email: who.email, password: who.password })
    await rosa.post("/account/sign-in", { email: who.email, password: who.password })
    const { body } = await call(who, "GET /v1/sessions")
    expect(body.items).toHaveLength(2)
  })
})

describe("an invitation", () => {
  const accepted: string[] = []
  const accept = operation("invitations.accept", {
    kind: "mutation",
    input: z.strictObject({ token: z.string() }),
    output: z.object({ accepted: z.literal(true) }),
    policy: signedIn(),
    handle({ input, principal }) {
      if (input.token !== "good")
        throw new Problem("INVALID_ARGUMENT", "No", { violations: [{ path: "/token", code: "x", message: "No" }] })
      accepted.push(principal.kind === "user" ? principal.id : principal.kind)
      return { accepted: true as const }
    },
  })

  /** A browser at an application of its own. */
  function visitorOf(operations: readonly ReturnType<typeof operation>[]) {
    const application = app({ title: "Club", version: "1", resources: [], operations })
    const { fetch } = serve(application, production().env, runtime())
    const headers = new Headers({ ...fromHere, ...newAddress().headers })
    return async (path: string, form?: Record<string, string>) => {
      const body = form === undefined ? null : new URLSearchParams(form)
      const answer = await fetch(
        new Request(`https://selvage.test${path}`, { method: body ? "POST" : "GET", body, headers }),
      )
      const cookies = answer.headers.getSetCookie().map((line) => line.split(";")[0])
      if (cookies.length > 0) headers.set("Cookie", cookies.join("; "))
      return { status: answer.status, location: answer.headers.get("Location"), text: await answer.text() }
    }
  }

  test("has a page where the application has invitations: it asks to sign in, and takes the token with the button", async () => {
    const who = await person("Guest")
    const go = visitorOf([accept])
    expect((await go("/account/invitation?token=good")).text).toContain("<button>Accept the invitation</button>")
    const early = await go("/account/invitation", { token: "good" })
    expect(early.text).toContain("Sign in first")
    expect(accepted).toEqual([])
    await go("/account/sign-in", { email: who.email, password: who.password })
    expect((await go("/account/invitation", { token: "bad" })).text).toContain("This link is not valid any more")
    expect((await go("/account/invitation", { token: "good" })).location).toBe("/account?told=joined")
    expect(accepted).toEqual([who.id])
  })

  test("has none where there are no invitations", async () => {
    expect((await visitorOf([])("/account/invitation?token=good")).status).toBe(404)
  })
})
