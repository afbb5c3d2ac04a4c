/** Leaving: a deletion that takes the password, a time in which one may come back, and then nothing personal anywhere. */
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import application from "../../src/app/index.ts"
import { registryOf } from "../../src/app.ts"
import type { UserObject } from "../../src/core/user-object.ts"
import { openStore } from "../../src/database/store.ts"
import { ids } from "../../src/server/ids.ts"
import { userObjectName } from "../../src/server/keys.ts"
import { removeLeavers } from "../../src/server/leaving.ts"
import { call } from "../support/calls.ts"
import { letterTo, type Person, person, session, signIn, signUp } from "../support/people.ts"
import { serving } from "../support/serving.ts"
import { must } from "../support/workspace.ts"

const day = 86_400_000
const { models } = registryOf(application, { development: false })

/** What the cron does, at an instant of the test's choice. */
function sweepAt(time: number, user = (id: string) => env.USER.getByName(userObjectName(id)) as unknown as UserObject) {
  const open = () =>
    openStore({ database: env.DB, models, cursorSecret: "unused", ids }, { bookmark: null, fresh: true })
  return removeLeavers({ database: env.DB, ids, openStore: open, user }, new Date(time))
}

const userRow = (id: string) => env.DB.prepare('select * from "users" where "id" = ?').bind(id).first()
const leave = (who: Person, password = who.password) =>
  call(who, "POST /v1/me/delete", { body: { password }, headers: who.headers })
const refresh = (who: Pick<Person, "refreshToken">) =>
  call(null, "POST /v1/auth/refresh", { body: { refreshToken: who.refreshToken } })

describe("me.delete", () => {
  test("takes the password: a wrong one changes nothing and ends nothing", async () => {
    const ada = await person("Ada")
    const before = await userRow(ada.id)
    expect(await leave(ada, "not the password at all")).toMatchObject({
      status: 400,
      body: { violations: [{ path: "/password", code: "wrong_password" }] },
    })
    expect(await userRow(ada.id)).toEqual(before)
    expect((await refresh(ada)).status).toBe(200)
  })

  test("takes the person itself: no key and not nobody", async () => {
    const ada = await person("Ada")
    const { key } = await must(ada, "POST /v1/api-keys", { name: "All", scopes: ["*:write"] })
    const body = { password: ada.password }
    expect((await call({ token: String(key) }, "POST /v1/me/delete", { body })).status).toBe(403)
    expect((await call(null, "POST /v1/me/delete", { body })).status).toBe(401)
    expect((await userRow(ada.id))?.status).toBe("active")
  })

  test("ends every session and key at once, and tells until when one may come back", async () => {
    const ada = await person("Ada")
    const elsewhere = await session(ada)
    const { key } = await must(ada, "POST /v1/api-keys", { name: "Backup", scopes: ["*:read"] })
    const answer = await leave(ada)
    expect(answer.status, JSON.stringify(answer.body)).toBe(200)
    const days = (Date.parse(answer.body.deleteAfter) - Date.now()) / day
    expect(days).toBeGreaterThan(13.9)
    expect(days).toBeLessThanOrEqual(14)
    expect([(await refresh(ada)).status, (await refresh(elsewhere)).status]).toEqual([401, 401])
    const isolate = serving()
    for (const token of [ada.token, elsewhere.token, String(key)])
      expect((await isolate.call({ token }, "GET /v1/me")).status).toBe(401)
    const letter = await letterTo(ada.email, "Your account")
    expect(letter.text).toContain(answer.body.deleteAfter.slice(0, 10))
  })

  test("signing in within the time brings the account back; what had ended stays ended", async () => {
    const ada = await person("Ada")
    const { deleteAfter } = (await leave(ada)).body
    const back = await session(ada)
    expect((await call(back, "GET /v1/me")).body).toMatchObject({ status: "active", name: "Ada" })
    expect(await userRow(ada.id)).toMatchObject({ status: "active", deleteAfter: null })
    expect((await refresh(ada)).status).toBe(401)
    await sweepAt(Date.parse(deleteAfter) + day)
    expect(await userRow(ada.id)).toMatchObject({ status: "active", email: ada.email })
    expect((await refresh(back)).status).toBe(200)
  })

  test("so does a link from a letter", async () => {
    const ada = await person("Ada")
    await leave(ada)
    await call(null, "POST /v1/auth/request-magic-link", { body: { email: ada.email }, headers: ada.headers })
    const { token } = (await letterTo(ada.email, "Sign in")).action
    const answer = await call(null, "POST /v1/auth/redeem-magic-link", { body: { token }, headers: ada.headers })
    expect(answer.status, JSON.stringify(answer.body)).toBe(200)
    expect(await userRow(ada.id)).toMatchObject({ status: "active", deleteAfter: null })
  })
})

describe("when the time is over", () => {
  async function leaver() {
    const ada = await person("Ada Lovelace-Unmistakable")
    const { id: organizationId } = await must(ada, "POST /v1/organizations", { name: "Engines" })
    const { id: projectId } = await must(ada, "POST /v1/projects", { organizationId, name: "Notes" })
    const colleague = await person("Colleague")
    await must(ada, "POST /v1/members", { organizationId, userId: colleague.id, role: "admin" })
    await must(ada, "POST /v1/project_members", { projectId, userId: colleague.id, role: "admin" })
    const task = await must(ada, "POST /v1/tasks", { projectId, title: "Note G", assigneeId: ada.id })
    await call(ada, "PATCH /v1/me", { body: { name: "Ada King-Unmistakable" } })
    const { deleteAfter } = (await leave(ada)).body
    return { ada, colleague, taskId: task.id, over: Date.parse(deleteAfter) }
  }

  test("the object and all that is personal are gone, the address is free, and what refers to the person stays", async () => {
    const { ada, colleague, taskId, over } = await leaver()
    await sweepAt(over - 1)
    expect(await userRow(ada.id)).toMatchObject({ status: "deleting", email: ada.email })
    await sweepAt(over)
    expect(await userRow(ada.id)).toMatchObject({
      status: "deleted",
      email: null,
      name: "Deleted user",
      passwordSealed: null,
      emailVerifiedAt: null,
      deleteAfter: null,
      roles: "[]",
    })
    const object = env.USER.getByName(userObjectName(ada.id)) as unknown as UserObject
    expect(await object.exportAll()).toEqual({
      sessions: [],
      inbox: [],
      devices: [],
      keys: [],
      factors: [],
      grants: [],
      approvals: [],
      preferences: {},
      events: [],
    })

    const { results } = await env.DB.prepare('select * from "events" where "record" = ?1 or "actor" = ?1')
      .bind(ada.id)
      .all()
    expect(results.map(({ operation }) => operation)).toEqual(
      expect.arrayContaining(["auth.signUp", "me.update", "me.delete", "users.leave", "account.destroyed"]),
    )
    for (const secret of [ada.email, "Unmistakable", ada.headers["CF-Connecting-IP"]])
      expect(JSON.stringify(results)).not.toContain(secret)

    // What others have to do with stays whole.
    expect((await call(colleague, `GET /v1/tasks/${taskId}`)).body).toMatchObject({
      title: "Note G",
      createdBy: ada.id,
      assigneeId: ada.id,
    })
    expect((await signIn(ada)).status).toBe(401)
    expect((await refresh(ada)).status).toBe(401)

    // Somebody with the address is somebody else.
    expect((await signUp({ ...ada, name: "Another" })).status).toBe(202)
    const fresh = await env.DB.prepare('select "id", "name" from "users" where "email" = ?').bind(ada.email).first()
    expect(fresh).toMatchObject({ name: "Another" })
    expect(fresh?.id).not.toBe(ada.id)
    await sweepAt(over + day)
    expect(await userRow(String(fresh?.id))).toMatchObject({ status: "active", email: ada.email })
  })

  test("one whose object does not answer stays whole and is taken again; the others do not wait for it", async () => {
    const [stuck, other] = await Promise.all([leaver(), leaver()])
    let isDown = true
    const user = (id: string) => {
      if (isDown && id === stuck.ada.id) throw new Error("the object is being moved")
      return env.USER.getByName(userObjectName(id)) as unknown as UserObject
    }
    const over = Math.max(stuck.over, other.over)
    await env.DB.prepare('update "users" set "deleteAfter" = ? where "id" = ?')
      .bind("2020-01-01T00:00:00.000Z", stuck.ada.id)
      .run()
    await expect(sweepAt(over, user)).rejects.toThrow()
    expect(await userRow(stuck.ada.id)).toMatchObject({ status: "deleting", email: stuck.ada.email })
    expect(await userRow(other.ada.id)).toMatchObject({ status: "deleted", email: null })
    isDown = false
    await sweepAt(over, user)
    expect(await userRow(stuck.ada.id)).toMatchObject({ status: "deleted", email: null })
  })
})
