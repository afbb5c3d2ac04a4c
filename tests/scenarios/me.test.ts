/** Oneself over HTTP: what is known of me, a copy of all of it, another name, another password. */
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import { newActor } from "../support/actors.ts"
import { call } from "../support/calls.ts"
import { letterTo, type Person, person, session, signIn } from "../support/people.ts"
import { serving } from "../support/serving.ts"
import { eventsOf, must } from "../support/workspace.ts"

const userRow = (id: string) => env.DB.prepare('select * from "users" where "id" = ?').bind(id).first()

describe("me.get", () => {
  test("shows oneself, without what proves the password", async () => {
    const ada = await person("Ada")
    const { status, body } = await call(ada, "GET /v1/me")
    expect(status).toBe(200)
    expect(body).toMatchObject({ id: ada.id, email: ada.email, name: "Ada", roles: [], status: "active" })
    expect(Object.keys(body)).not.toContain("passwordSealed")
  })

  test("nobody is asked to sign in, and a person who is not in the database is not found", async () => {
    expect((await call(null, "GET /v1/me")).status).toBe(401)
    const ghost = await newActor("Ghost")
    await env.DB.prepare('delete from "users" where "id" = ?').bind(ghost.id).run()
    expect((await call(ghost, "GET /v1/me")).status).toBe(404)
  })
})

describe("me.update", () => {
  test("changes the name; the log says that it changed, and not to what", async () => {
    const ada = await person("Ada Before")
    const answer = await call(ada, "PATCH /v1/me", { body: { name: "  Ada Afterwards " } })
    expect(answer).toMatchObject({ status: 200, body: { id: ada.id, name: "Ada Afterwards" } })
    expect((await call(ada, "GET /v1/me")).body.name).toBe("Ada Afterwards")
    const last = (await eventsOf(ada.id)).at(-1)
    expect(last).toMatchObject({ operation: "me.update", actor: ada.id, changed: JSON.stringify(["name"]) })
    expect(JSON.stringify(last)).not.toMatch(/Ada (Before|Afterwards)/)
  })

  test.each([
    { email: "other@example.com" },
    { roles: ["admin"] },
    { status: "active" },
    { passwordSealed: "s1.k1.x" },
    { emailVerifiedAt: "2030-01-01T00:00:00.000Z" },
    { name: "" },
    { name: "x".repeat(101) },
    { name: "Ada", id: "user_01kaj700000000000000000000" },
  ])("refuses %j and changes nothing", async (body) => {
    const ada = await person("Ada")
    const before = await userRow(ada.id)
    expect(await call(ada, "PATCH /v1/me", { body })).toMatchObject({
      status: 400,
      body: { code: "INVALID_ARGUMENT" },
    })
    expect(await userRow(ada.id)).toEqual(before)
  })
})

describe("me.export", () => {
  async function busyPerson(): Promise<{ ada: Person; key: string; taskId: string; other: Person }> {
    const [ada, other] = await Promise.all([person("Ada"), person("Grace")])
    const created = await must(ada, "POST /v1/api-keys", { name: "Backup", scopes: ["*:read"] })
    const work = async (who: Person, title: string) => {
      const { id: organizationId } = await must(who, "POST /v1/organizations", { name: `${title} Ltd` })
      const { id: projectId } = await must(who, "POST /v1/projects", { organizationId, name: title })
      return must(who, "POST /v1/tasks", { projectId, title, assigneeId: who.id })
    }
    const { id: taskId } = await work(ada, "Mine")
    await work(other, "Foreign")
    return { ada, other, key: String(created.key), taskId }
  }

  test("holds the account, what the object holds and the records that name me; nothing of others, and no secret", async () => {
    const { ada, other, key, taskId } = await busyPerson()
    const answer = await call(ada, "GET /v1/me/export")
    expect(answer.status, JSON.stringify(answer.body)).toBe(200)
    const { account, object, records } = answer.body
    expect(account).toMatchObject({ id: ada.id, email: ada.email })
    expect(object.sessions).toMatchObject([{ sid: ada.sessionId, amr: ["pwd"] }])
    expect(object.devices).toHaveLength(1)
    expect(object.keys).toMatchObject([{ scopes: ["*:read"] }])
    expect(object.events.map(({ kind }: { kind: string }) => kind)).toEqual(
      expect.arrayContaining(["session.created", "key.added"]),
    )
    expect(records["tasks.assigneeId"]).toMatchObject({ complete: true, items: [{ id: taskId, title: "Mine" }] })
    expect(records["members.userId"]).toMatchObject({ complete: true, items: [{ userId: ada.id, role: "owner" }] })
    expect(records["project_members.userId"]).toMatchObject({ items: [{ userId: ada.id }] })
    expect(records["api_keys.ownerId"]).toMatchObject({ items: [{ name: "Backup" }] })

    const text = JSON.stringify(answer.body)
    for (const foreign of [other.id, other.email, "Foreign"]) expect(text).not.toContain(foreign)
    const sealed = String((await userRow(ada.id))?.passwordSealed)
    const secrets = [ada.password, ada.token, ada.refreshToken, ada.deviceToken, key, sealed, "passwordSealed"]
    for (const secret of [...secrets, "argon2", "sv_", "s1.", '"hash"', '"seed"', '"mac"'])
      expect(text).not.toContain(secret)
  })

  test("takes all pages of what there is", async () => {
    const ada = await person("Ada")
    const { id: organizationId } = await must(ada, "POST /v1/organizations", { name: "Many" })
    const { id: projectId } = await must(ada, "POST /v1/projects", { organizationId, name: "Many" })
    for (let n = 0; n < 3; n++) {
      const records = Array.from({ length: 50 }, () => ({
        op: "create",
        values: { projectId, title: "T", assigneeId: ada.id },
      }))
      await must(ada, "POST /v1/tasks/batch", { records })
    }
    const { items, complete } = (await call(ada, "GET /v1/me/export")).body.records["tasks.assigneeId"]
    expect(complete).toBe(true)
    expect(new Set(items.map(({ id }: { id: string }) => id)).size).toBe(150)
  })

  test("is for the person that signed in: no key, no token of another issuer, not nobody", async () => {
    const ada = await person("Ada")
    const { key } = await must(ada, "POST /v1/api-keys", { name: "All", scopes: ["*:write"] })
    expect((await call({ token: String(key) }, "GET /v1/me/export")).status).toBe(403)
    expect((await call(await newActor("Robot"), "GET /v1/me/export")).status).toBe(403)
    expect((await call(null, "GET /v1/me/export")).status).toBe(401)
  })
})

describe("auth.changePassword", () => {
  const change = (who: Person, body: object) =>
    call(who, "POST /v1/auth/change-password", { body, headers: who.headers })
  const isAlive = async (who: Pick<Person, "refreshToken">) =>
    (await call(null, "POST /v1/auth/refresh", { body: { refreshToken: who.refreshToken } })).status === 200

  test("takes the current password; the new one signs in, the old one does not, other sessions end, this one lives", async () => {
    const ada = await person("Ada")
    const elsewhere = await session(ada)
    const next = "a quite different sentence"
    const answer = await change(ada, { currentPassword: ada.password, password: next })
    expect(answer).toMatchObject({ status: 200, body: { changed: true } })
    expect(await isAlive(ada)).toBe(true)
    expect(await isAlive(elsewhere)).toBe(false)
    // What an isolate learns from the hub at its first call.
    expect((await serving().call(elsewhere, "GET /v1/me")).status).toBe(401)
    expect((await serving().call(ada, "GET /v1/me")).status).toBe(200)
    expect((await signIn(ada)).status).toBe(401)
    expect((await signIn({ ...ada, password: next })).status).toBe(200)
    expect(await letterTo(ada.email, "Your password was changed")).toMatchObject({ action: null })
  })

  test("leaves the other sessions alone when one says so", async () => {
    const ada = await person("Ada")
    const elsewhere = await session(ada)
    const body = { currentPassword: ada.password, password: "a quite different sentence", endOtherSessions: false }
    expect((await change(ada, body)).status).toBe(200)
    expect([await isAlive(ada), await isAlive(elsewhere)]).toEqual([true, true])
  })

  test.each([
    ["the wrong current one", { currentPassword: "not the password at all" }, "/currentPassword", "wrong_password"],
    ["a short one", { password: "short" }, "/password", "too_short"],
  ])("refuses %s, and the old one goes on", async (_, fault, path, code) => {
    const ada = await person("Ada")
    const before = await userRow(ada.id)
    const body = { currentPassword: ada.password, password: "a quite different sentence", ...fault }
    expect(await change(ada, body)).toMatchObject({ status: 400, body: { violations: [{ path, code }] } })
    expect(await userRow(ada.id)).toEqual(before)
    expect((await signIn(ada)).status).toBe(200)
  })

  test("guessing the current one is throttled like guessing at sign-in, whoever holds the session", async () => {
    const ada = await person("Ada")
    const statuses: number[] = []
    for (let n = 0; n < 7; n++) {
      const body = { currentPassword: `guess number ${n} of many`, password: "a quite different sentence" }
      statuses.push((await change(ada, body)).status)
    }
    expect(statuses).toEqual([400, 400, 400, 400, 400, 429, 429])
    const right = { currentPassword: ada.password, password: "a quite different sentence" }
    const answer = await change(ada, right)
    expect(answer.status).toBe(429)
    expect(Number(answer.headers.get("Retry-After"))).toBeGreaterThan(0)
  })
})
