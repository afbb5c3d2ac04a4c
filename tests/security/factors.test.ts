/** Lines 15 and 17 of the security checklist: recovery codes, and what it takes to add and to remove a factor. */
import { describe, expect, test } from "vitest"
import application from "../../src/app/index.ts"
import { authenticator } from "../support/authenticator.ts"
import { call, faultsOf } from "../support/calls.ts"
import { counted } from "../support/counting.ts"
import { lettersTo, letterTo, newAddress, newNetwork, type Person, person, signIn } from "../support/people.ts"
import { completeSignIn, protectedPerson, ticketOf, withApp } from "../support/second-factors.ts"
import { eventsIn, inObject, objectOf } from "../support/user-objects.ts"

const from = () => ({ "CF-Connecting-IP": newNetwork() })
const post = (path: string, body: object, who?: Pick<Person, "token">) =>
  call(who ?? null, `POST /v1/${path}`, { body, headers: from() })

describe("checklist 15: recovery codes (ASVS 6.5.1, 6.5.2)", () => {
  test("each completes one sign-in; its use is told by letter and stands in the log", async () => {
    const ada = await protectedPerson()
    expect(ada.recoveryCodes).toHaveLength(10)
    const [recoveryCode = ""] = ada.recoveryCodes
    const first = await completeSignIn(ada, { ticket: await ticketOf(ada), recoveryCode: recoveryCode.toLowerCase() })
    expect(first.status).toBe(200)
    const again = await completeSignIn(ada, { ticket: await ticketOf(ada), recoveryCode })
    expect(faultsOf(again)).toEqual([400, "/recoveryCode wrong_recovery_code"])
    expect((await letterTo(ada.email, "A recovery code")).text).toContain("9 are left")
    const events = await eventsIn(ada)
    expect(events).toContainEqual(["recovery.used", { left: 9 }])
    expect(events).toContainEqual(["factor.failed", { method: "recoveryCode", reason: "wrong", failures: 1 }])
    const list = await call({ token: first.body.accessToken }, "GET /v1/factors")
    expect(list.body).toMatchObject({ items: [{ kind: "totp" }], recoveryCodesLeft: 9 })
  })

  test("of 4 that bring one at the same time, one comes in", async () => {
    const ada = await protectedPerson()
    const tickets = await Promise.all(Array.from({ length: 4 }, () => ticketOf(ada)))
    const [recoveryCode] = ada.recoveryCodes
    const answers = await Promise.all(tickets.map((ticket) => completeSignIn(ada, { ticket, recoveryCode })))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400])
  })

  test("new ones void the old ones, and are told by letter", async () => {
    const ada = await protectedPerson()
    const made = await post("factors/recovery-codes", {}, ada)
    expect(made.status).toBe(200)
    expect(made.body.recoveryCodes).toHaveLength(10)
    const ticket = await ticketOf(ada)
    const old = await completeSignIn(ada, { ticket, recoveryCode: ada.recoveryCodes[1] })
    expect(faultsOf(old)).toEqual([400, "/recoveryCode wrong_recovery_code"])
    expect((await completeSignIn(ada, { ticket, recoveryCode: made.body.recoveryCodes[1] })).status).toBe(200)
    await letterTo(ada.email, "New recovery codes")
    expect((await eventsIn(ada)).map(([kind]) => kind)).toContain("recovery.made")
  })

  test("who has no factor has none, and gets none", async () => {
    const grace = await person("Grace")
    expect((await call(grace, "GET /v1/factors")).body).toEqual({ items: [], recoveryCodesLeft: 0 })
    expect((await post("factors/recovery-codes", {}, grace)).body.code).toBe("FAILED_PRECONDITION")
  })

  test("no code, hash or seed leaves in a list or a copy of one's data", async () => {
    const ada = await protectedPerson()
    const told = JSON.stringify([
      (await call(ada, "GET /v1/factors")).body,
      (await call(ada, "GET /v1/me/export")).body.object,
    ])
    const kept = await inObject(objectOf(ada), 'select "hash" from "recovery_codes"')
    const [{ sealed } = {}] = await inObject(objectOf(ada), 'select "sealed" from "factors"')
    expect(kept).toHaveLength(10)
    for (const secret of [
      ...ada.recoveryCodes,
      ...kept.map(({ hash }) => String(hash)),
      String(sealed),
      ada.app.secret,
    ])
      expect(told).not.toContain(secret)
    // The seed is sealed where it is kept, and a code hashed.
    expect(String(sealed)).toMatch(/^s1\./)
    expect(JSON.stringify(kept)).not.toContain(ada.recoveryCodes[0])
  })
})

describe("checklist 17: adding and removing a factor (ASVS 7.5.1, 6.3.7)", () => {
  test("adding: told by letter and in the log; the session goes on under a new id, the others end", async () => {
    const ada = await person("Ada")
    const phone = (await signIn(ada)).body
    const added = await withApp(ada)
    expect(added.sessionId).not.toBe(ada.sessionId)
    for (const token of [ada.token, phone.accessToken]) expect((await call({ token }, "GET /v1/me")).status).toBe(401)
    for (const { refreshToken } of [ada, phone]) expect((await post("auth/refresh", { refreshToken })).status).toBe(401)
    expect((await call(added, "GET /v1/me")).status).toBe(200)
    await letterTo(ada.email, "A second factor was added")
    expect((await eventsIn(ada)).map(([kind]) => kind)).toEqual(
      expect.arrayContaining(["factor.added", "recovery.made", "session.renewed"]),
    )
  })

  test("nothing stands before the code is right, and the state works once and for its session alone", async () => {
    const [ada, eve] = [await person("Ada"), await person("Eve")]
    const begun = await post("factors/totp", {}, ada)
    const { state, secret, uri, qr } = begun.body
    expect(uri).toContain(secret)
    expect(qr).toMatch(/^<svg/)
    const app = authenticator(secret)
    const confirm = (who: Person, code: string, given = state) =>
      post("factors/totp/confirm", { state: given, code }, who)
    expect(faultsOf(await confirm(ada, await app.at(5)))).toEqual([400, "/code wrong_code"])
    expect(faultsOf(await confirm(eve, await app.at(0)))).toEqual([400, "/state invalid_token"])
    expect(faultsOf(await confirm(ada, await app.at(0), `${state.slice(0, -4)}AAAA`))).toEqual([
      400,
      "/state invalid_token",
    ])
    expect((await signIn(ada)).body.kind).toBe("session")
    expect((await lettersTo(ada.email)).map(({ subject }) => subject)).not.toContain("A second factor was added")
    const done = await confirm(ada, await app.at(0))
    expect(done.status).toBe(200)
    expect((await confirm({ ...ada, token: done.body.session.accessToken }, await app.at(1))).status).toBe(400)
    expect((await signIn(ada)).body.kind).toBe("secondFactor")
  })

  test("a second one brings no new recovery codes, and ends no session when one says so", async () => {
    const ada = await protectedPerson()
    const ticket = await ticketOf(ada)
    const phone = (await completeSignIn(ada, { ticket, code: await ada.app.next() })).body
    const begun = (await post("factors/totp", {}, ada)).body
    const code = await authenticator(begun.secret).at(0)
    const body = { state: begun.state, code, name: "Tablet", endOtherSessions: false }
    const added = await post("factors/totp/confirm", body, ada)
    expect(added.body).toMatchObject({ factor: { kind: "totp", name: "Tablet" }, session: { kind: "session" } })
    expect(added.body).not.toHaveProperty("recoveryCodes")
    expect((await call({ token: phone.accessToken }, "GET /v1/factors")).body).toMatchObject({
      items: [{ name: "Authenticator app" }, { name: "Tablet" }],
      recoveryCodesLeft: 10,
    })
  })

  test("removing: told by letter and in the log; with the last one the password alone opens again", async () => {
    const ada = await protectedPerson()
    const ticket = await ticketOf(ada)
    const phone = (await completeSignIn(ada, { ticket, code: await ada.app.next() })).body
    const renamed = await call(ada, `PATCH /v1/factors/${ada.factorId}`, { body: { name: "Old telephone" } })
    expect(renamed.body).toEqual({ id: ada.factorId, name: "Old telephone" })
    expect((await call(ada, `DELETE /v1/factors/${ada.factorId}`)).status).toBe(200)
    expect((await call({ token: phone.accessToken }, "GET /v1/me")).status).toBe(401)
    expect((await call(ada, "GET /v1/factors")).body).toEqual({ items: [], recoveryCodesLeft: 0 })
    await letterTo(ada.email, "A second factor was removed")
    expect((await eventsIn(ada)).map(([kind]) => kind)).toContain("factor.removed")
    expect((await signIn({ ...ada, headers: from() })).body.kind).toBe("session")
    expect((await call(ada, `DELETE /v1/factors/${ada.factorId}`)).status).toBe(404)
  })

  test("others' sessions may stay when one says so", async () => {
    const ada = await protectedPerson()
    const ticket = await ticketOf(ada)
    const phone = (await completeSignIn(ada, { ticket, code: await ada.app.next() })).body
    expect((await call(ada, `DELETE /v1/factors/${ada.factorId}?endOtherSessions=false`)).status).toBe(200)
    expect((await call({ token: phone.accessToken }, "GET /v1/me")).status).toBe(200)
  })

  test("whoever signed up with another's address has no factor left when the owner proves it", async () => {
    const accounts = { ...application.accounts, emailVerification: "optional", takenAddress: "told" } as const
    const open = counted({ application: { ...application, accounts } })
    const owner = newAddress("Owner")
    const { name, email, password } = owner
    const made = await open.call(null, "POST /v1/auth/sign-up", { body: { name, email, password }, headers: from() })
    const { userId: id, accessToken: token, sessionId, refreshToken } = made.body.session
    const squatter = { ...owner, id, token, sessionId, refreshToken, deviceToken: "" }
    await withApp(squatter, open.call)
    await open.settled()
    const link = (await letterTo(email, "Confirm")).action.token
    expect((await open.call(null, "POST /v1/auth/verify-email", { body: { token: link } })).status).toBe(200)
    await open.settled()
    const reset = (await letterTo(email, "Set a password")).action.token
    const body = { token: reset, password: "olive tugboat lantern" }
    expect((await open.call(null, "POST /v1/auth/reset-password", { body })).status).toBe(200)
    const mine = { email, password: "olive tugboat lantern" }
    const answer = await open.call(null, "POST /v1/auth/sign-in", { body: mine, headers: from() })
    expect(answer.body.kind).toBe("session")
    expect(await inObject(objectOf(squatter), 'select * from "factors"')).toEqual([])
  })
})
