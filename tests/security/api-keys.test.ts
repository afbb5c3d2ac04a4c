/** API keys of people: what they open, what they never open, and how they end. */
import { runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { beforeAll, describe, expect, test } from "vitest"
import application from "../../src/app/index.ts"
import { serve } from "../../src/app.ts"
import { administrator } from "../support/administrators.ts"
import { call } from "../support/calls.ts"
import { newNetwork, type Person, person } from "../support/people.ts"
import { runtime } from "../support/runtime.ts"
import { eventsOf, must } from "../support/workspace.ts"

/** A key as it is shown the one time. */
interface Key {
  readonly id: string
  readonly key: string
}

const day = 86_400_000
let ada: Person
let projectId: string

beforeAll(async () => {
  ada = await person("Ada")
  const { id: organizationId } = await must(ada, "POST /v1/organizations", { name: "Acme" })
  projectId = (await must(ada, "POST /v1/projects", { organizationId, name: "Launch" })).id
})

const newKey = (scopes: readonly string[], more: object = {}, owner = ada): Promise<Key> =>
  must(owner, "POST /v1/api-keys", { name: "A program", scopes, ...more }) as never
/** Calls with a key as the bearer. */
const using = ({ key }: Pick<Key, "key">, line: string, body?: unknown) =>
  call({ ...ada, token: key }, line, body === undefined ? {} : { body })
const newTask = () => ({ projectId, title: `By a key ${crypto.randomUUID()}` })

/** What the owner's object keeps. */
function keptKeys(owner: string): Promise<Record<string, unknown>[]> {
  const stub = env.USER.getByName(`user/${owner}`)
  return runInDurableObject(stub as never, (_, state) => state.storage.sql.exec('select * from "keys"').toArray())
}

test("a key in a browser's cookie is no session", async () => {
  const { key } = await newKey(["*:write"])
  const inCookie = { Cookie: `__Host-at=${key}`, "Sec-Fetch-Site": "same-origin" }
  expect((await call(null, "GET /v1/projects", { headers: inCookie })).status).toBe(401)
  expect((await using({ key }, "GET /v1/projects")).status).toBe(200)
})

describe("checklist 28: an API key does what its scopes say and nothing else", () => {
  test.each<[string[], string, object | undefined, number]>([
    [["tasks:read"], "GET /v1/tasks", undefined, 200],
    [["tasks:read"], "POST /v1/tasks", {}, 403],
    [["tasks:read"], "GET /v1/projects", undefined, 403],
    [["tasks:write"], "GET /v1/tasks", undefined, 200],
    [["tasks:write"], "POST /v1/tasks", {}, 201],
    [["*:read"], "GET /v1/projects", undefined, 200],
    [["*:read"], "POST /v1/tasks", {}, 403],
    [["projects:read", "tasks:read"], "GET /v1/me", undefined, 403],
    [["me:read"], "GET /v1/me", undefined, 200],
  ])("%j: %s", async (scopes, line, body, status) => {
    const key = await newKey(scopes)
    const task = body === undefined ? undefined : newTask()
    const answer = await using(key, line, task)
    expect([answer.status, answer.body.code]).toEqual([status, status === 403 ? "PERMISSION_DENIED" : undefined])
    if (task === undefined) return
    const { items } = (await call(ada, `GET /v1/tasks?projectId=${projectId}&limit=100`)).body
    const made = items.filter(({ title }: { title: string }) => title === task.title)
    expect(made).toHaveLength(status === 201 ? 1 : 0)
  })

  test("and acts as its owner in the log", async () => {
    const made = await using(await newKey(["tasks:write"]), "POST /v1/tasks", newTask())
    expect(await eventsOf(made.body.id)).toMatchObject([{ actor: ada.id, impersonator: null, change: "created" }])
  })

  test.each([[["tasks"]], [["tasks:delete"]], [["Tasks:read"]], [["*:*"]], [[""]], [[]]])(
    "scopes %j are refused",
    async (scopes) => {
      const answer = await call(ada, "POST /v1/api-keys", { body: { name: "A program", scopes } })
      expect([answer.status, answer.body.code]).toEqual([400, "INVALID_ARGUMENT"])
    },
  )
})

describe("checklist 28: an API key ends", () => {
  test("after 90 days unless said otherwise, within a year in any case", async () => {
    const made = await must(ada, "POST /v1/api-keys", { name: "A program", scopes: ["tasks:read"] })
    const end = Date.parse((made as unknown as { expiresAt: string }).expiresAt)
    expect(Math.abs(end - (Date.now() + 90 * day))).toBeLessThan(60_000)
    for (const [offset, code] of [
      [-1000, "in_the_past"],
      [366 * day, "too_late"],
    ] as const) {
      const body = { name: "A program", scopes: ["tasks:read"], expiresAt: new Date(Date.now() + offset).toISOString() }
      const answer = await call(ada, "POST /v1/api-keys", { body })
      expect([answer.status, answer.body.violations]).toMatchObject([400, [{ path: "/expiresAt", code }]])
    }
  })

  test("at its expiry, also where it was just believed", async () => {
    const key = await newKey(["tasks:read"], { expiresAt: new Date(Date.now() + 2000).toISOString() })
    expect((await using(key, "GET /v1/tasks")).status).toBe(200)
    await scheduler.wait(2100)
    expect((await using(key, "GET /v1/tasks")).status).toBe(401)
  })

  test("when it is revoked: here at once, for everybody else by the hub; other keys stay", async () => {
    const [key, other] = await Promise.all([newKey(["tasks:read"]), newKey(["tasks:read"])])
    expect((await using(key, "GET /v1/tasks")).status).toBe(200)
    expect((await call(ada, `DELETE /v1/api-keys/${key.id}`)).status).toBe(200)
    // The object has it before the answer, and so has the hub.
    const kept = (await keptKeys(ada.id)).find(({ id }) => id === key.id)
    expect(kept).toMatchObject({ hash: null, revokedAt: expect.any(Number) })
    const hub = env.HUB.getByName("hub") as unknown as { since(version: number): Promise<{ revoked: object[] }> }
    expect((await hub.since(0)).revoked).toContainEqual(expect.objectContaining({ id: key.id, belowEpoch: null }))
    expect((await using(key, "GET /v1/tasks")).status).toBe(401)
    expect((await using(other, "GET /v1/tasks")).status).toBe(200)
    const listed = (await call(ada, "GET /v1/api-keys")).body.items.map(({ id }: Key) => id)
    expect([listed.includes(key.id), listed.includes(other.id)]).toEqual([false, true])
    // Once more does no harm.
    expect((await call(ada, `DELETE /v1/api-keys/${key.id}`)).status).toBe(200)
  })

  test("with its owner's account, and comes back with it", async () => {
    const [owner, admin] = await Promise.all([person(), administrator()])
    const key = await newKey(["me:read"], {}, owner)
    expect((await using(key, "GET /v1/me")).body).toMatchObject({ id: owner.id })
    await must(admin, `POST /v1/users/${owner.id}/disable`)
    expect((await using(key, "GET /v1/me")).status).toBe(401)
    await must(admin, `POST /v1/users/${owner.id}/enable`)
    expect((await using(key, "GET /v1/me")).status).toBe(200)
  })

  test("by its owner's will alone", async () => {
    const [key, stranger] = await Promise.all([newKey(["tasks:read"]), person()])
    expect((await call(stranger, `DELETE /v1/api-keys/${key.id}`)).status).toBe(404)
    expect((await call(stranger, "GET /v1/api-keys")).body.items).toEqual([])
    expect((await using(key, "GET /v1/tasks")).status).toBe(200)
  })
})

describe("checklist 28: an API key is no session", () => {
  test.each([
    ["GET /v1/sessions", undefined],
    ["DELETE /v1/sessions/session_01kaj700000000000000000000", undefined],
    ["POST /v1/sessions/revoke-others", undefined],
    ["GET /v1/api-keys", undefined],
    ["POST /v1/api-keys", { name: "Another", scopes: ["*:write"] }],
    ["DELETE /v1/api-keys/apikey_01kaj700000000000000000000", undefined],
    ["GET /v1/me/export", undefined],
    ["POST /v1/me/delete", { password: "x" }],
    ["POST /v1/auth/change-password", { currentPassword: "x", password: "y" }],
    ["POST /v1/auth/sign-out", undefined],
  ])("%s is 403 with a key that may do everything", async (line, body) => {
    const before = await keptKeys(ada.id)
    const key = await newKey(["*:write"])
    const answer = await using(key, line, body)
    expect([answer.status, answer.body.code]).toEqual([403, "PERMISSION_DENIED"])
    expect(await keptKeys(ada.id)).toHaveLength(before.length + 1)
    expect((await call(ada, "GET /v1/sessions")).body.items).not.toHaveLength(0)
  })

  test("neither in the cookie of a session nor as a refresh token", async () => {
    const { key } = await newKey(["*:write"])
    const cookie = { Cookie: `__Host-at=${key}`, "Sec-Fetch-Site": "same-origin", "CF-Connecting-IP": newNetwork() }
    expect((await call(null, "GET /v1/tasks", { headers: cookie })).status).toBe(401)
    const refresh = await call(null, "POST /v1/auth/refresh", { body: { refreshToken: key } })
    expect([refresh.status, refresh.body.accessToken]).toEqual([401, undefined])
  })
})

describe("checklist 28: the text of an API key", () => {
  test("is shown once; its hash alone is kept, and only by its owner's object", async () => {
    const { id, key } = await newKey(["tasks:read"])
    expect(key).toMatch(/^sv_test_[0-9A-Za-z]{70}$/)
    await using({ key }, "GET /v1/tasks")
    const listed = await call(ada, "GET /v1/api-keys")
    const item = listed.body.items.find((one: Key) => one.id === id)
    expect(item).toMatchObject({ scopes: ["tasks:read"], lastUsedAt: expect.any(String) })
    const row = await env.DB.prepare('select * from "api_keys" where "id" = ?').bind(id).first()
    const kept = (await keptKeys(ada.id)).find((one) => one.id === id)
    expect(kept?.hash).toMatch(/^[0-9a-f]{64}$/)
    const seen = JSON.stringify([listed.body, row, await eventsOf(id), await keptKeys(ada.id)])
    expect(seen).not.toContain(key)
    expect(JSON.stringify([listed.body, row, await eventsOf(id)])).not.toContain(String(kept?.hash))
  })

  test("is not kept for an idempotency key either", async () => {
    const options = {
      body: { name: "A program", scopes: ["tasks:read"] },
      headers: { "Idempotency-Key": crypto.randomUUID() },
    }
    const answer = await call(ada, "POST /v1/api-keys", options)
    expect([answer.status, answer.body.violations]).toMatchObject([400, [{ code: "not_supported" }]])
  })

  test("with a mistake in it asks no object", async () => {
    const { key } = await newKey(["tasks:read"])
    const asked: string[] = []
    const USER = {
      getByName: (name: string) => {
        asked.push(name)
        return env.USER.getByName(name)
      },
    }
    const isolate = serve(application, { ...env, USER } as never, runtime())
    const statusOf = async (text: string) => {
      const headers = { Authorization: `Bearer ${text}`, "CF-Connecting-IP": newNetwork() }
      return (await isolate.fetch(new Request("https://selvage.test/v1/tasks", { headers }))).status
    }
    const mistyped = Array.from({ length: 70 }, (_, n) => {
      const at = "sv_test_".length + n
      return `${key.slice(0, at)}${key[at] === "0" ? "1" : "0"}${key.slice(at + 1)}`
    })
    const others = [`${key}0`, key.slice(0, -1), key.toUpperCase(), key.replace("sv_test_", "sv_live_"), "sv_test_"]
    for (const text of [...mistyped, ...others]) expect([text, await statusOf(text)]).toEqual([text, 401])
    expect(asked).toEqual([])
    expect(await statusOf(key)).toBe(200)
    expect(asked).toEqual([`user/${ada.id}`])
  })
})

test("checklist 28: nobody has more than 100 API keys that live", async () => {
  const owner = await person()
  const first = await newKey(["tasks:read"], {}, owner)
  // Those that were revoked do not count, and do not hide those that live.
  for (let n = 0; n < 3; n++) await must(owner, `DELETE /v1/api-keys/${(await newKey(["tasks:read"], {}, owner)).id}`)
  for (let n = 0; n < 9; n++) await Promise.all(Array.from({ length: 11 }, () => newKey(["tasks:read"], {}, owner)))
  const more = () => call(owner, "POST /v1/api-keys", { body: { name: "One more", scopes: ["tasks:read"] } })
  const refused = await more()
  expect([refused.status, refused.body.code]).toEqual([429, "RESOURCE_EXHAUSTED"])
  expect((await call(owner, "GET /v1/api-keys")).body.items).toHaveLength(100)
  expect((await keptKeys(owner.id)).filter(({ revokedAt }) => revokedAt === null)).toHaveLength(100)
  await must(owner, `DELETE /v1/api-keys/${first.id}`)
  expect((await more()).status).toBe(201)
})
