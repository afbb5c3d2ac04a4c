/** The log of an account: everything that matters stands in it with actor, time and result, for good, and nothing personal or secret does. */
import { runDurableObjectAlarm } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { beforeAll, describe, expect, test } from "vitest"
import { userObjectName } from "../../src/server/keys.ts"
import { administrator } from "../support/administrators.ts"
import { call } from "../support/calls.ts"
import { letterTo, newAddress, type Person, session, signIn, signUp } from "../support/people.ts"

interface Logged {
  readonly operation: string
  readonly actor: string
  readonly impersonator: string | null
  readonly at: string
  readonly requestId: string
  readonly after: Record<string, unknown> | null
}

const life = { before: 0, after: 0 }
const secrets: string[] = []
let admin: Person
let ada: Person
let log: Logged[]
let raw: string

/** The object brings its events by alarm; here at once. */
const bringEvents = (id: string) => runDurableObjectAlarm(env.USER.getByName(userObjectName(id)) as never)

beforeAll(async () => {
  life.before = Date.now()
  admin = await administrator()
  const who = newAddress("Ada Lovelace-Unmistakable")
  const browser = { "User-Agent": "UnmistakableBrowser/7.0" }
  const step = (name: string, actor: Pick<Person, "token"> | null, line: string, body?: object) =>
    call(actor, line, {
      ...(body ? { body } : {}),
      headers: { ...who.headers, ...browser, "X-Request-Id": `step-${name}` },
    })
  const letter = async (subject: string) => {
    const { token } = (await letterTo(who.email, subject)).action
    secrets.push(token)
    return token
  }
  await signUp(who)
  await step("verify", null, "POST /v1/auth/verify-email", { token: await letter("Confirm") })
  await step("fail", null, "POST /v1/auth/sign-in", { email: who.email, password: "a wrong guess, wrong" })
  const first = (await step("sign-in", null, "POST /v1/auth/sign-in", { email: who.email, password: who.password }))
    .body
  ada = { ...who, id: first.userId, token: first.accessToken, ...first }
  const key = (await step("key", ada, "POST /v1/api-keys", { name: "Backup", scopes: ["*:read"] })).body
  await step("key-end", ada, `DELETE /v1/api-keys/${key.id}`)
  await step("rename", ada, "PATCH /v1/me", { name: "Ada King-Unmistakable" })
  const changed = "another sentence altogether"
  await step("change", ada, "POST /v1/auth/change-password", { currentPassword: who.password, password: changed })
  // Somebody else presents the refresh token that was used before.
  const next = (await step("refresh", null, "POST /v1/auth/refresh", { refreshToken: ada.refreshToken })).body
  const second = (await step("refresh", null, "POST /v1/auth/refresh", { refreshToken: next.refreshToken })).body
  expect((await step("reuse", null, "POST /v1/auth/refresh", { refreshToken: ada.refreshToken })).status).toBe(401)
  const again = await session({ ...who, password: changed })
  await step("sign-out", again, "POST /v1/auth/sign-out")
  await step("ask-reset", null, "POST /v1/auth/request-password-reset", { email: who.email })
  const reset = "a third sentence, quite new"
  await step("reset", null, "POST /v1/auth/reset-password", { token: await letter("Set a new"), password: reset })
  await step("roles", admin, `PUT /v1/users/${ada.id}/roles`, { roles: ["reviewer"] })
  const acting = (
    await step("act", admin, `POST /v1/users/${ada.id}/impersonate`, { reason: "looking into ticket 4711" })
  ).body
  await step("acted", { token: acting.accessToken }, "PATCH /v1/me", { name: "Acted-Unmistakable" })
  await step("disable", admin, `POST /v1/users/${ada.id}/disable`, {})
  await step("enable", admin, `POST /v1/users/${ada.id}/enable`, {})
  const last = await session({ ...who, password: reset })
  expect((await step("delete", last, "POST /v1/me/delete", { password: reset })).status).toBe(200)
  await bringEvents(ada.id)
  life.after = Date.now()
  const tokens = [first, next, second, again, last].flatMap((one) => [one.accessToken ?? one.token, one.refreshToken])
  secrets.push(who.password, changed, reset, key.key, acting.accessToken, ...tokens, first.deviceToken)
  const { results } = await env.DB.prepare(
    'select * from "events" where "record" in (?1, ?2) or "actor" = ?1 order by "sequence"',
  )
    .bind(ada.id, key.id)
    .all<Record<string, string>>()
  raw = JSON.stringify(results)
  log = results.map((row) => ({ ...(row as never as Logged), after: row.after ? JSON.parse(row.after) : null }))
}, 60_000)

const find = (operation: string, requestId?: string) =>
  log.filter((one) => one.operation === operation && (requestId === undefined || one.requestId === requestId))

describe("checklist 40: what happens to an account is logged", () => {
  test.each([
    ["sign-up", "auth.signUp", undefined, "self"],
    ["the proof of the address", "auth.verifyEmail", "step-verify", "self"],
    ["a failed sign-in", "signin.failed", "step-fail", "anonymous"],
    ["a sign-in", "session.created", "step-sign-in", "anonymous"],
    ["a key that is made", "apiKeys.create", "step-key", "self"],
    ["the same in the object", "key.added", "step-key", "self"],
    ["a key that is ended", "apiKeys.revoke", "step-key-end", "self"],
    ["the same in the object", "key.revoked", "step-key-end", "self"],
    ["another name", "me.update", "step-rename", "self"],
    ["a change of password", "auth.changePassword", "step-change", "self"],
    ["the reuse of a refresh token", "session.reuse", "step-reuse", "anonymous"],
    ["a sign-out", "session.ended", "step-sign-out", "self"],
    ["a letter that is asked for", "token.issued", "step-ask-reset", "anonymous"],
    ["a reset", "auth.resetPassword", "step-reset", "self"],
    ["the use of its token", "token.redeemed", "step-reset", "anonymous"],
    ["a change of roles", "users.setRoles", "step-roles", "admin"],
    ["the same in the object", "account.changed", "step-roles", "admin"],
    ["a closed account", "users.disable", "step-disable", "admin"],
    ["an opened account", "users.enable", "step-enable", "admin"],
    ["a deletion", "me.delete", "step-delete", "self"],
  ])("%s: %s", (_, operation, requestId, actor) => {
    const found = find(operation, requestId)
    expect(found.length, raw).toBeGreaterThan(0)
    for (const event of found) {
      expect(event.actor).toBe(actor === "self" ? ada.id : actor === "admin" ? admin.id : actor)
      expect(Date.parse(event.at)).toBeGreaterThanOrEqual(life.before)
      expect(Date.parse(event.at)).toBeLessThanOrEqual(life.after)
    }
  })

  test("results are told: why a session ended, how many guesses failed, what the account is now", () => {
    expect(find("session.ended", "step-sign-out")[0]?.after).toMatchObject({ reason: "revoked" })
    expect(find("signin.failed")[0]?.after).toMatchObject({ failures: 1 })
    expect(find("users.disable")[0]?.after).toMatchObject({ status: "disabled" })
    expect(find("users.setRoles")[0]?.after).toMatchObject({ roles: ["reviewer"] })
    expect(find("me.delete")[0]?.after).toMatchObject({ status: "deleting" })
    expect(find("session.created", "step-sign-in")[0]?.after).toMatchObject({ amr: ["pwd"], sid: ada.sessionId })
  })

  test("who acts in another's name stands beside them, in the session and in what they do", async () => {
    const session = find("session.created", "step-act")[0]
    expect(session).toMatchObject({ actor: ada.id, impersonator: admin.id })
    expect(find("me.update", "step-acted")[0]).toMatchObject({ actor: ada.id, impersonator: admin.id })
    const { results } = await env.DB.prepare(
      `select * from "events" where "requestId" = 'step-act' and "operation" = ?`,
    )
      .bind("users.impersonate")
      .all()
    expect(results).toMatchObject([{ actor: admin.id, resource: "impersonations", reason: "looking into ticket 4711" }])
  })

  test("no secret and no personal value stands in it", () => {
    expect(secrets.length).toBeGreaterThan(15)
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(10)
      expect(raw).not.toContain(secret)
    }
    for (const personal of [ada.email, "Unmistakable", ada.headers["CF-Connecting-IP"] ?? "", "@example.com", "s1.k1"])
      expect(raw).not.toContain(personal)
    // That they changed, and which, is told.
    expect(raw).toContain("email")
    expect(raw).toContain("userAgent")
  })

  test("the person sees their own with what is personal, from their object", async () => {
    const back = await session({ ...ada, password: "a third sentence, quite new" })
    const { events } = (await call(back, "GET /v1/me/export")).body.object
    expect(JSON.stringify(events)).toContain("UnmistakableBrowser/7.0")
  })

  test("it is append-only: neither the program nor whoever holds the database changes or takes a line by a statement", async () => {
    const [{ sequence }] = (
      await env.DB.prepare('select "sequence" from "events" where "record" = ? limit 1')
        .bind(ada.id)
        .all<{ sequence: number }>()
    ).results as [{ sequence: number }]
    for (const sql of [
      `update "events" set "actor" = 'nobody' where "sequence" = ?`,
      `delete from "events" where "sequence" = ?`,
    ])
      await expect(env.DB.prepare(sql).bind(sequence).run()).rejects.toThrow("append-only")
    const row = await env.DB.prepare('select "actor" from "events" where "sequence" = ?').bind(sequence).first("actor")
    expect(row).not.toBe("nobody")
  })

  test("an unknown address leaves no line: there is nobody whose log it could stand in", async () => {
    const count = () => env.DB.prepare('select count(*) n from "events"').first<number>("n")
    const before = await count()
    expect((await signIn(newAddress())).status).toBe(401)
    expect(await count()).toBe(before)
  })
})
