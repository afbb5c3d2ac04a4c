/** What administrators do to people, how it is told, and that nobody else does it. */
import { env } from "cloudflare:workers"
import { beforeAll, describe, expect, test } from "vitest"
import { type Actor, newActor } from "../support/actors.ts"
import { administrator } from "../support/administrators.ts"
import { call } from "../support/calls.ts"
import { letterTo, type Person, person, signIn } from "../support/people.ts"
import { withApp } from "../support/second-factors.ts"
import { eventsOf, must } from "../support/workspace.ts"

const reason = "The customer asked us to look at ticket 4711"
let admin: Person
let plain: Person

beforeAll(async () => {
  ;[admin, plain] = await Promise.all([administrator(), person("Plain")])
})

const me = (actor: Actor) => call(actor, "GET /v1/me")
const refresh = ({ refreshToken }: Person) => call(null, "POST /v1/auth/refresh", { body: { refreshToken } })
const disable = ({ id }: Actor) => must(admin, `POST /v1/users/${id}/disable`)
const setRoles = (of: Actor, roles: readonly string[], by: Actor = admin) =>
  call(by, `PUT /v1/users/${of.id}/roles`, { body: { roles } })
const impersonate = (of: Actor, more: object = {}, by: Actor = admin) =>
  call(by, `POST /v1/users/${of.id}/impersonate`, { body: { reason, ...more } })

describe("an administrator sees everybody", () => {
  test("in lists, by address and by status, without what is secret", async () => {
    const ada = await person("Ada")
    await disable(ada)
    const byAddress = await call(admin, `GET /v1/users?email=${ada.email}`)
    expect(byAddress.body.items).toMatchObject([{ id: ada.id, name: "Ada", status: "disabled" }])
    const closed = await call(admin, "GET /v1/users?status=disabled&limit=100")
    expect(closed.body.items.map(({ id }: Actor) => id)).toContain(ada.id)
    expect(closed.body.items.every(({ status }: { status: string }) => status === "disabled")).toBe(true)
    const one = await call(admin, `GET /v1/users/${ada.id}`)
    expect(one.body).toMatchObject({ email: ada.email })
    expect(JSON.stringify([byAddress.body, one.body])).not.toMatch(/password/i)
  })

  test("whereas anybody else sees themselves", async () => {
    expect((await call(plain, "GET /v1/users")).body.items).toMatchObject([{ id: plain.id }])
    expect((await call(plain, `GET /v1/users/${admin.id}`)).status).toBe(404)
    expect((await call(plain, `GET /v1/users?email=${admin.email}`)).body.items).toEqual([])
  })
})

describe("a disabled account", () => {
  test("loses its sessions at once, and opens none: the right password alone is told why", async () => {
    const ada = await person("Ada")
    expect((await me(ada)).status).toBe(200)
    expect(await disable(ada)).toMatchObject({ id: ada.id, status: "disabled" })
    expect([(await me(ada)).status, (await refresh(ada)).status]).toEqual([401, 401])
    expect(await signIn(ada)).toMatchObject({ status: 403, body: { code: "PERMISSION_DENIED" } })
    expect(await signIn({ ...ada, password: "a wrong password, twice" })).toMatchObject({
      status: 401,
      body: { code: "UNAUTHENTICATED" },
    })
  })

  test("is opened again: old sessions stay ended, a new one is made", async () => {
    const ada = await person("Ada")
    await disable(ada)
    expect(await must(admin, `POST /v1/users/${ada.id}/enable`)).toMatchObject({ status: "active" })
    expect([(await me(ada)).status, (await refresh(ada)).status]).toEqual([401, 401])
    expect((await signIn(ada)).status).toBe(200)
  })

  test("the log names the administrator for both, not the system", async () => {
    const ada = await person("Ada")
    await disable(ada)
    await must(admin, `POST /v1/users/${ada.id}/enable`)
    const events = (await eventsOf(ada.id)).filter(({ operation }) => String(operation).startsWith("users."))
    expect(events).toMatchObject([
      { actor: admin.id, operation: "users.disable", reason: "an administrator's decision" },
      { actor: admin.id, operation: "users.enable", reason: "an administrator's decision" },
    ])
  })
})

describe("roles", () => {
  test("that are given hold from the next refresh on, and end the tokens without them", async () => {
    const ada = await person("Ada")
    expect((await me(ada)).status).toBe(200)
    expect(await setRoles(ada, ["admin"])).toMatchObject({ status: 200, body: { roles: ["admin"] } })
    expect((await me(ada)).status).toBe(401)
    const { accessToken: token, sessionId } = (await refresh(ada)).body
    // An administrator takes a second factor: see security/administrators.test.ts.
    expect((await call({ token }, `GET /v1/users/${plain.id}`)).status).toBe(403)
    const safe = await withApp({ ...ada, token, sessionId })
    expect((await call(safe, `GET /v1/users/${plain.id}`)).body).toMatchObject({ id: plain.id })
  })

  test("that are taken end at once", async () => {
    const second = await administrator()
    expect((await call(second, `GET /v1/users/${plain.id}`)).status).toBe(200)
    expect((await setRoles(second, [])).status).toBe(200)
    expect((await call(second, `GET /v1/users/${plain.id}`)).status).toBe(401)
    const token = (await refresh(second)).body.accessToken
    expect((await call({ ...second, token }, `GET /v1/users/${plain.id}`)).status).toBe(404)
    expect((await call({ ...second, token }, `POST /v1/users/${plain.id}/disable`)).status).toBe(403)
  })

  test("are words", async () => {
    for (const roles of [["Admin"], [""], ["a b"], Array.from({ length: 21 }, (_, n) => `role-${n}`), "admin"])
      expect((await setRoles(plain, roles as string[])).status).toBe(400)
  })

  test("an administrator's own are for another to take, so that somebody is left", async () => {
    expect((await setRoles(admin, [])).body.code).toBe("FAILED_PRECONDITION")
    expect((await call(admin, `POST /v1/users/${admin.id}/disable`)).body.code).toBe("FAILED_PRECONDITION")
    expect((await setRoles(admin, ["admin", "support"])).status).toBe(200)
    admin = { ...admin, token: (await refresh(admin)).body.accessToken }
    expect((await me(admin)).body.roles).toEqual(["admin", "support"])
  })
})

test("checklist 22: an administrator ends anybody's sessions", async () => {
  const ada = await person("Ada")
  const second = (await signIn(ada)).body
  expect(await must(admin, `POST /v1/users/${ada.id}/end-sessions`)).toMatchObject({ ended: 2 })
  expect([(await me(ada)).status, (await me({ ...ada, token: second.accessToken })).status]).toEqual([401, 401])
  expect((await refresh(ada)).status).toBe(401)
  expect((await signIn(ada)).status).toBe(200)
})

describe("acting in somebody's name", () => {
  test("stands in the log under both names, and in a letter", async () => {
    const ada = await person("Ada")
    const answer = await impersonate(ada)
    expect(answer.status).toBe(201)
    expect(answer.body).not.toHaveProperty("refreshToken")
    const minutes = (Date.parse(answer.body.accessExpiresAt) - Date.now()) / 60_000
    expect(minutes).toBeLessThanOrEqual(15)
    const acting = { ...ada, token: answer.body.accessToken }
    expect((await me(acting)).body).toMatchObject({ id: ada.id })
    const made = await must(acting, "POST /v1/organizations", { name: "Acme" })
    const both = { actor: ada.id, impersonator: admin.id }
    expect(await eventsOf(made.id)).toMatchObject([both])
    const place = await call(ada, `GET /v1/members?organizationId=${made.id}`)
    expect(await eventsOf(place.body.items[0].id)).toMatchObject([both])
    expect(await eventsOf(answer.body.id)).toMatchObject([{ actor: admin.id, impersonator: null, reason }])
    const letter = await letterTo(ada.email, "An administrator")
    expect(letter.text).toContain(reason)
    expect((await call(ada, "GET /v1/impersonations")).body.items).toMatchObject([
      { administratorId: admin.id, reason },
    ])
    // What the person does by themselves stands under their name alone.
    const own = await must(ada, "POST /v1/organizations", { name: "Mine" })
    expect(await eventsOf(own.id)).toMatchObject([{ actor: ada.id, impersonator: null }])
  })

  test.each([
    ["GET /v1/sessions", undefined],
    ["POST /v1/sessions/revoke-others", undefined],
    ["GET /v1/api-keys", undefined],
    ["POST /v1/api-keys", { name: "Door", scopes: ["*:write"] }],
    ["POST /v1/auth/change-password", { currentPassword: "x", password: "y" }],
    ["POST /v1/auth/sign-out", undefined],
    ["GET /v1/me/export", undefined],
    ["POST /v1/me/delete", { password: "x" }],
    ["POST /v1/service_accounts", { ownerId: "org_01kaj700000000000000000000", name: "Door" }],
  ])("does not reach %s", async (line, body) => {
    const { accessToken: token } = (await impersonate(plain)).body
    const answer = await call({ ...plain, token }, line, body ? { body } : {})
    expect([answer.status, answer.body.code]).toEqual([403, "PERMISSION_DENIED"])
    expect((await me(plain)).status).toBe(200)
    expect((await call(plain, "GET /v1/api-keys")).body.items).toEqual([])
  })

  test("ends with the person's sessions", async () => {
    const ada = await person("Ada")
    const { accessToken: token } = (await impersonate(ada)).body
    expect((await call(ada, "GET /v1/sessions")).body.items).toHaveLength(2)
    await must(admin, `POST /v1/users/${ada.id}/end-sessions`)
    expect((await me({ ...ada, token })).status).toBe(401)
  })

  test("ends with the administrator's own rights", async () => {
    const [second, third, ada] = await Promise.all([administrator(), administrator(), person("Ada")])
    const tokens = [second, third].map(async (by) => (await impersonate(ada, {}, by)).body.accessToken)
    const [first, other] = (await Promise.all(tokens)).map((token) => ({ ...ada, token }))
    if (!first || !other) throw new Error("unreachable")
    await disable(second)
    expect([(await me(first)).status, (await me(other)).status, (await me(ada)).status]).toEqual([401, 200, 200])
    await setRoles(third, [])
    expect([(await me(other)).status, (await me(ada)).status]).toEqual([401, 200])
  })

  test("wants a reason, and an open account of a person who is no administrator", async () => {
    const [ada, second] = await Promise.all([person("Ada"), administrator()])
    for (const text of [undefined, "", "         x         ", "x".repeat(501)])
      expect((await impersonate(ada, { reason: text })).status).toBe(400)
    expect((await impersonate(second)).body.code).toBe("PERMISSION_DENIED")
    expect((await impersonate(admin)).body.code).toBe("PERMISSION_DENIED")
    expect((await impersonate({ ...ada, id: "user_01kaj700000000000000000zzz" })).status).toBe(404)
    await disable(ada)
    expect((await impersonate(ada)).body.code).toBe("FAILED_PRECONDITION")
    const kept = env.DB.prepare('select 1 from "impersonations" where "userId" in (?, ?, ?)')
    expect((await kept.bind(ada.id, second.id, admin.id).all()).results).toEqual([])
    expect((await call(second, "GET /v1/sessions")).body.items).toHaveLength(1)
  })

  test("does not lead to another: whoever acts so is no administrator", async () => {
    const { accessToken: token } = (await impersonate(plain)).body
    expect((await impersonate(admin, {}, { ...plain, token })).status).toBe(403)
    expect((await call({ ...plain, token }, `POST /v1/users/${plain.id}/enable`)).status).toBe(403)
  })
})

describe("checklist 37: the routes of administrators answer 403", () => {
  const routes: [string, object | undefined][] = [
    ["POST /v1/users/ID/disable", undefined],
    ["POST /v1/users/ID/enable", undefined],
    ["PUT /v1/users/ID/roles", { roles: ["admin"] }],
    ["POST /v1/users/ID/end-sessions", undefined],
    ["POST /v1/users/ID/impersonate", { reason }],
  ]
  test.each(routes)("%s to a user, whoever it is about", async (line, body) => {
    const impersonations = (await call(plain, "GET /v1/impersonations")).body.items.length
    for (const id of [plain.id, admin.id, "user_01kaj700000000000000000zzz"]) {
      const answer = await call(plain, line.replace("ID", id), body ? { body } : {})
      expect([answer.status, answer.body.code]).toEqual([403, "PERMISSION_DENIED"])
    }
    expect((await call(null, line.replace("ID", plain.id), body ? { body } : {})).status).toBe(401)
    expect((await eventsOf(plain.id)).filter(({ operation }) => String(operation).startsWith("users."))).toEqual([])
    expect((await call(plain, "GET /v1/impersonations")).body.items).toHaveLength(impersonations)
    expect((await me(plain)).body).toMatchObject({ roles: [], status: "active" })
  })

  test.each(routes)("%s to an administrator's key, and to another issuer's token with the role", async (line, body) => {
    const path = line.replace("ID", plain.id)
    const { key } = (await must(admin, "POST /v1/api-keys", { name: "All", scopes: ["*:write"] })) as never as {
      key: string
    }
    const foreign = await newActor("Foreign", ["admin"])
    for (const actor of [{ ...admin, token: key }, foreign])
      expect((await call(actor, path, body ? { body } : {})).status).toBe(403)
    expect((await me(plain)).status).toBe(200)
  })
})
