/** Endpoints as their owners keep them: addresses that may be called, events that may be told, secrets that are shown once. */
import { env } from "cloudflare:workers"
import { Webhook } from "standardwebhooks"
import { beforeAll, describe, expect, test } from "vitest"
import type { UserObject } from "../../src/core/user-object.ts"
import { openStore } from "../../src/database/store.ts"
import { ids } from "../../src/server/ids.ts"
import { userObjectName } from "../../src/server/keys.ts"
import { removeLeavers } from "../../src/server/leaving.ts"
import { mintToken, newActor } from "../support/actors.ts"
import { call, faultsOf } from "../support/calls.ts"
import { person } from "../support/people.ts"
import { production } from "../support/runtime.ts"
import { serving } from "../support/serving.ts"
import { eventsOf, must, newWorkspace, type Workspace } from "../support/workspace.ts"
import { hookWorld, hour, minute, toldAt } from "./world.ts"

let place: Workspace

beforeAll(async () => {
  place = await newWorkspace()
})

const line = "POST /v1/webhook_endpoints"
const bodyOf = (change: object = {}) => ({
  url: "https://hooks.example.com/a",
  tenantId: place.organizationId,
  events: ["tasks.*"],
  ...change,
})

describe("the address of an endpoint", () => {
  test.each([
    ["ftp://example.com/", "not_https"],
    ["javascript:alert(1)", "not_https"],
    ["not an address", "malformed_url"],
    ["https://ada:secret@example.com/", "credentials"],
    ["https://ada@example.com/", "credentials"],
    ["https://example.com/#part", "fragment"],
    ["https://localhost/", "private_address"],
    ["https://127.0.0.1/", "private_address"],
    ["https://2130706433/", "private_address"],
    ["https://0x7f.1/", "private_address"],
    ["https://[::1]/", "private_address"],
    ["https://[::ffff:10.0.0.1]/", "private_address"],
    ["https://169.254.169.254/latest", "private_address"],
    ["https://10.1.2.3/", "private_address"],
    ["https://192.168.0.1/", "private_address"],
    ["https://printer.local/", "private_address"],
    ["https://metadata.google.internal/", "private_address"],
    ["https://intranet/", "private_address"],
  ])("%s is refused at /url", async (url, code) => {
    expect(faultsOf(await call(place.owner, line, { body: bodyOf({ url }) }))).toEqual([400, `/url ${code}`])
    const { id } = await must(place.owner, line, bodyOf())
    const patched = await call(place.owner, `PATCH /v1/webhook_endpoints/${id}`, { body: { url } })
    expect(faultsOf(patched)).toEqual([400, `/url ${code}`])
    await must(place.owner, `DELETE /v1/webhook_endpoints/${id}`)
  })

  test("is https; in development http will do", async () => {
    const body = bodyOf({ url: "http://hooks.example.com/a" })
    const { id } = await must(place.owner, line, body)
    await must(place.owner, `DELETE /v1/webhook_endpoints/${id}`)
    const isolate = serving(production().env as object)
    expect(faultsOf(await isolate.call(place.owner, line, { body }))).toEqual([400, "/url not_https"])
  })

  test("may be this machine where local trials are allowed", async () => {
    const isolate = serving({ OUTBOUND_PRIVATE: "allow" })
    const { status, body } = await isolate.call(place.owner, line, { body: bodyOf({ url: "http://127.0.0.1:4000/" }) })
    expect(status).toBe(201)
    await must(place.owner, `DELETE /v1/webhook_endpoints/${body.id}`)
    const inside = await isolate.call(place.owner, line, { body: bodyOf({ url: "http://10.0.0.1/" }) })
    expect(faultsOf(inside)).toEqual([400, "/url private_address"])
  })
})

describe("the events of an endpoint", () => {
  test.each([
    [["tasks"], "/events/0 unknown_event"],
    [["tasks.completed"], "/events/0 unknown_event"],
    [["tasks.*", "nothing.*"], "/events/1 unknown_event"],
    [["*"], "/events/0 unknown_event"],
    // The engine's own nouns are told to nobody.
    [["webhook_endpoints.*"], "/events/0 unknown_event"],
    [["webhook_deliveries.created"], "/events/0 unknown_event"],
    [["users.updated"], "/events/0 unknown_event"],
    [["api_keys.created"], "/events/0 unknown_event"],
  ])("%j is refused", async (events, fault) => {
    expect(faultsOf(await call(place.owner, line, { body: bodyOf({ events }) }))).toEqual([400, fault])
  })

  test("name the tenant whose they are, and one that the caller has a place in", async () => {
    const none = await call(place.owner, line, { body: bodyOf({ tenantId: null }) })
    expect(faultsOf(none)).toEqual([400, "/tenantId required"])
    for (const tenantId of ["org_01kaj700000000000000000zzz", "user_01kaj700000000000000000zzz", "x"])
      expect(faultsOf(await call(place.owner, line, { body: bodyOf({ tenantId }) }))).toEqual([
        400,
        "/tenantId not_found",
      ])
    expect(faultsOf(await call(place.stranger, line, { body: bodyOf() }))).toEqual([400, "/tenantId not_found"])
    // A place in a project is a place in its organization.
    const { id } = await must(place.viewer, line, bodyOf())
    expect((await call(place.viewer, `DELETE /v1/webhook_endpoints/${id}`)).status).toBe(204)
  })

  test("none, too many, an empty answer: told as faults of the input", async () => {
    for (const events of [[], Array(51).fill("tasks.*"), "tasks.*"])
      expect((await call(place.owner, line, { body: bodyOf({ events }) })).status).toBe(400)
    expect((await call(null, line, { body: bodyOf() })).status).toBe(401)
  })
})

describe("the secret of an endpoint", () => {
  test("is shown when it is made, and stands nowhere else: not in answers, the log, or in the clear in the database", async () => {
    const made = await call(place.owner, line, { body: bodyOf() })
    const { id, secret } = made.body
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(made.headers.get("Cache-Control")).toBe("no-store")
    const seen = [
      await call(place.owner, `GET /v1/webhook_endpoints/${id}`),
      await call(place.owner, "GET /v1/webhook_endpoints"),
      await call(place.owner, `PATCH /v1/webhook_endpoints/${id}`, { body: { description: "Mine" } }),
    ].map(({ body }) => JSON.stringify(body))
    const row = await env.DB.prepare('select * from "webhook_endpoints" where "id" = ?').bind(id).first()
    for (const text of [...seen, JSON.stringify(await eventsOf(id)), JSON.stringify(row)])
      expect(text).not.toContain(secret.slice(6))
    for (const text of seen) expect(text).not.toMatch(/sealed/i)
    await must(place.owner, `DELETE /v1/webhook_endpoints/${id}`)
  })

  test("takes no idempotency key: a secret may not be kept to be shown again", async () => {
    const headers = { "Idempotency-Key": crypto.randomUUID() }
    const answer = await call(place.owner, line, { body: bodyOf(), headers })
    expect(faultsOf(answer)).toEqual([400, "/idempotencyKey not_supported"])
  })

  test("can be rotated: for a day both sign, then the new one alone", async () => {
    const world = await hookWorld()
    const endpoint = await world.endpoint(world.owner)
    const { body } = await world.call(world.owner, `POST /v1/webhook_endpoints/${endpoint.id}/rotate-secret`, {})
    expect(body.secret).not.toBe(endpoint.secret)
    const last = async () => {
      await world.task()
      await world.tell()
      return toldAt(world, endpoint).at(-1) ?? { body: "", headers: {} as Record<string, string> }
    }
    // The verifier's own clock is the real one; the message's is held.
    const verify = (secret: string, { body: text, headers }: Awaited<ReturnType<typeof last>>) => {
      const at = new Date(Number(headers["webhook-timestamp"]) * 1000)
      const expected = new Webhook(secret).sign(String(headers["webhook-id"]), at, text)
      return headers["webhook-signature"]?.split(" ").includes(expected)
    }
    const during = await last()
    expect(during.headers["webhook-signature"]?.split(" ")).toHaveLength(2)
    for (const secret of [body.secret, endpoint.secret]) {
      expect(verify(secret, during)).toBe(true)
      expect(() => new Webhook(secret).verify(during.body, during.headers)).not.toThrow()
    }
    world.pass(24 * hour + minute)
    const after = await last()
    expect(after.headers["webhook-signature"]?.split(" ")).toHaveLength(1)
    expect([verify(body.secret, after), verify(endpoint.secret, after)]).toEqual([true, false])
  })
})

describe("endpoints are their owner's", () => {
  test("others neither see nor touch them; administrators see and do not change", async () => {
    const { id } = await must(place.owner, line, bodyOf())
    const admin = await newActor("admin", ["admin"])
    const attempts: [string, object | undefined][] = [
      [`GET /v1/webhook_endpoints/${id}`, undefined],
      [`PATCH /v1/webhook_endpoints/${id}`, { url: "https://evil.example.com/" }],
      [`POST /v1/webhook_endpoints/${id}/rotate-secret`, {}],
      [`POST /v1/webhook_endpoints/${id}/disable`, {}],
      [`POST /v1/webhook_endpoints/${id}/enable`, {}],
      [`POST /v1/webhook_endpoints/${id}/test`, {}],
      [`DELETE /v1/webhook_endpoints/${id}`, undefined],
    ]
    const statuses = async (token: string | null) =>
      Promise.all(
        attempts.map(async ([each, body]) => {
          const options = body === undefined ? {} : { body }
          return (await call(token === null ? null : { token }, each, options)).status
        }),
      )
    expect(await statuses(place.editor.token)).toEqual(Array(7).fill(404))
    expect(await statuses(null)).toEqual(Array(7).fill(401))
    // Whoever administers may have one tried out.
    const [trial] = attempts.splice(5, 1)
    expect(trial?.[0]).toMatch(/test$/)
    expect(await statuses(admin.token)).toEqual([200, 403, 403, 403, 403, 403])
    const listed = async (token: string) => {
      const { body } = await call({ token }, `GET /v1/webhook_endpoints?ownerId=${place.owner.id}`)
      return body.items.map((one: { id: string }) => one.id)
    }
    expect(await listed(place.editor.token)).toEqual([])
    expect(await listed(admin.token)).toContain(id)
    const row = await env.DB.prepare('select "url", "status", "version" from "webhook_endpoints" where "id" = ?')
      .bind(id)
      .first()
    expect(row).toEqual({ url: "https://hooks.example.com/a", status: "enabled", version: 1 })
    await must(place.owner, `DELETE /v1/webhook_endpoints/${id}`)
  })

  test("twenty at most, also when they are made at the same moment", async () => {
    const { owner, organizationId } = await newWorkspace()
    const body = bodyOf({ tenantId: organizationId })
    const answers = await Promise.all(Array.from({ length: 30 }, () => call(owner, line, { body })))
    const made = answers.filter(({ status }) => status === 201)
    expect(made).toHaveLength(20)
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201, 429]))
    expect((await call(owner, line, { body })).body.code).toBe("RESOURCE_EXHAUSTED")
    const { results } = await env.DB.prepare('select "id" from "webhook_endpoints" where "ownerId" = ?')
      .bind(owner.id)
      .all()
    expect(results).toHaveLength(20)
    await env.DB.prepare('delete from "webhook_endpoints" where "ownerId" = ?').bind(owner.id).run()
  })

  test("nobody has another's events sent somewhere in their name", async () => {
    const isolate = serving()
    const actor = await newActor("admin", ["admin"])
    const token = await mintToken(place.owner.id, { actor: actor.id })
    const answer = await isolate.call({ token }, line, { body: bodyOf() })
    expect([answer.status, answer.body.code]).toEqual([403, "PERMISSION_DENIED"])
  })

  test("disabled by its owner, it is told nothing until it is enabled", async () => {
    const world = await hookWorld()
    const endpoint = await world.endpoint(world.owner)
    const turn = (verb: string) => world.call(world.owner, `POST /v1/webhook_endpoints/${endpoint.id}/${verb}`, {})
    expect((await turn("disable")).body).toMatchObject({ status: "disabled", disabledReason: "By its owner" })
    await world.task("Unheard")
    await world.tell()
    expect((await turn("test")).body.code).toBe("FAILED_PRECONDITION")
    expect((await turn("enable")).body).toMatchObject({ status: "enabled", disabledReason: null })
    await world.task("Heard")
    await world.tell()
    expect(toldAt(world, endpoint).map(({ json }) => json.data.record.title)).toEqual(["Heard"])
  })

  test("they go with their owner's account, and what they were sent with them", async () => {
    const ada = await person("Ada")
    const { id: tenantId } = await must(ada, "POST /v1/organizations", { name: "Hers" })
    const { id } = await must(ada, line, bodyOf({ tenantId }))
    const at = new Date().toISOString()
    await env.DB.prepare(
      `insert into "webhook_deliveries" ("id", "version", "createdAt", "updatedAt", "endpointId", "ownerId", "eventId", "sequence", "type", "resource",
         "recordId", "status", "attempts", "request") values (?1, 1, ?2, ?2, ?3, ?4, ?1, 1, 'tasks.created', 'tasks', ?1, 'delivered', 1, 'hers')`,
    )
      .bind(crypto.randomUUID(), at, id, ada.id)
      .run()
    const gone = await must(ada, "POST /v1/me/delete", { password: ada.password })
    const { deleteAfter } = gone as unknown as { deleteAfter: string }
    const store = { database: env.DB, models: serving().registry.models, cursorSecret: "unused", ids }
    const openLeaving = () => openStore(store, { bookmark: null, fresh: true })
    const user = (userId: string) => env.USER.getByName(userObjectName(userId)) as unknown as UserObject
    await removeLeavers(
      { database: env.DB, ids, openStore: openLeaving, user },
      new Date(Date.parse(deleteAfter) + hour),
    )
    for (const table of ["webhook_endpoints", "webhook_deliveries"]) {
      const { results } = await env.DB.prepare(`select "id" from "${table}" where "ownerId" = ?`).bind(ada.id).all()
      expect([table, results]).toEqual([table, []])
    }
    expect((await eventsOf(id)).map(({ change, reason }) => [change, reason]).at(-1)).toEqual([
      "deleted",
      "the time of grace is over",
    ])
  })
})
