/** Service accounts: a program of an organization's own, from its making to its end. */
import { env } from "cloudflare:workers"
import { beforeAll, describe, expect, test } from "vitest"
import type { Actor } from "../support/actors.ts"
import { call } from "../support/calls.ts"
import { type Person, person } from "../support/people.ts"
import { eventsOf, must, rowCount } from "../support/workspace.ts"

let owner: Person
let member: Person
let stranger: Person
let organizationId: string
let projectId: string

beforeAll(async () => {
  ;[owner, member, stranger] = await Promise.all([person("Owner"), person("Member"), person("Stranger")])
  organizationId = (await must(owner, "POST /v1/organizations", { name: "Acme" })).id
  projectId = (await must(owner, "POST /v1/projects", { organizationId, name: "Launch" })).id
  await must(owner, "POST /v1/members", { organizationId, userId: member.id, role: "member" })
})

interface Service {
  readonly id: string
  readonly userId: string
}

const newService = (name = "Importer"): Promise<Service> =>
  must(owner, "POST /v1/service_accounts", { ownerId: organizationId, name }) as never
const keyFor = (service: Service, scopes: readonly string[], by: Actor = owner): Promise<{ id: string; key: string }> =>
  must(by, "POST /v1/api-keys", { name: "Nightly", scopes, serviceAccountId: service.id }) as never
const program = (service: Service, key: string): Actor => ({ id: service.userId, name: "Importer", token: key })
const join = (service: Service, role = "editor") =>
  must(owner, "POST /v1/project_members", { projectId, userId: service.userId, role })

describe("a program with a key of a service account", () => {
  test("does what its place and its scopes allow, under its own name", async () => {
    const service = await newService()
    const { key } = await keyFor(service, ["tasks:write"])
    const robot = program(service, key)
    expect((await call(robot, `GET /v1/tasks?projectId=${projectId}`)).body.items).toEqual([])
    expect((await call(robot, "POST /v1/tasks", { body: { projectId, title: "Too early" } })).status).toBe(403)
    await join(service)
    const task = await call(robot, "POST /v1/tasks", { body: { projectId, title: "Imported" } })
    expect(task).toMatchObject({ status: 201, body: { createdBy: service.userId } })
    expect(await eventsOf(task.body.id)).toMatchObject([{ actor: service.userId }])
    expect((await call(robot, "GET /v1/projects")).status).toBe(403)
    expect((await call(robot, "POST /v1/organizations", { body: { name: "Robots" } })).status).toBe(403)
  })

  test("the log names who made account and key", async () => {
    const service = await newService()
    const { id } = await keyFor(service, ["tasks:read"])
    for (const record of [service.id, service.userId, id])
      expect(await eventsOf(record)).toMatchObject([{ actor: owner.id, change: "created" }])
    const keys = await call(owner, `GET /v1/api-keys?serviceAccountId=${service.id}`)
    expect(keys.body.items).toMatchObject([{ id, ownerId: service.userId }])
    // Those are not the owner's own.
    expect((await call(owner, "GET /v1/api-keys")).body.items.map((one: { id: string }) => one.id)).not.toContain(id)
  })

  test("cannot sign in, ask for a link, or make keys of its own", async () => {
    const service = await newService()
    const { key } = await keyFor(service, ["*:write"])
    const body = { name: "Another", scopes: ["*:write"] }
    expect((await call(program(service, key), "POST /v1/api-keys", { body })).status).toBe(403)
    const row = await env.DB.prepare('select "email", "passwordSealed", "kind" from "users" where "id" = ?')
      .bind(service.userId)
      .first()
    expect(row).toEqual({ email: null, passwordSealed: null, kind: "service" })
  })
})

describe("an account's end", () => {
  test("ends its keys at once, and those of no other", async () => {
    const [service, other] = await Promise.all([newService(), newService("Exporter")])
    const [first, second, kept] = await Promise.all([
      keyFor(service, ["tasks:write"]),
      keyFor(service, ["tasks:read"]),
      keyFor(other, ["tasks:read"]),
    ])
    const statuses = () =>
      Promise.all(
        [program(service, first.key), program(service, second.key), program(other, kept.key)].map(
          async (robot) => (await call(robot, "GET /v1/tasks")).status,
        ),
      )
    expect(await statuses()).toEqual([200, 200, 200])
    await join(service)
    expect((await call(owner, `DELETE /v1/service_accounts/${service.id}`)).status).toBe(204)
    expect(await statuses()).toEqual([401, 401, 200])
    expect((await call(owner, `GET /v1/service_accounts/${service.id}`)).status).toBe(404)
    expect((await call(owner, `GET /v1/api-keys?serviceAccountId=${service.id}`)).status).toBe(404)
    expect((await eventsOf(first.id)).map(({ actor, change }) => [actor, change])).toEqual([
      [owner.id, "created"],
      [owner.id, "deleted"],
    ])
    expect((await call(owner, `DELETE /v1/service_accounts/${service.id}`)).status).toBe(404)
  })

  test("comes before that of its organization", async () => {
    const gone = await must(owner, "POST /v1/organizations", { name: "Short-lived" })
    const service = await must(owner, "POST /v1/service_accounts", { ownerId: gone.id, name: "Importer" })
    const refused = await call(owner, `DELETE /v1/organizations/${gone.id}`)
    expect([refused.status, refused.body.code]).toEqual([400, "FAILED_PRECONDITION"])
    await must(owner, `DELETE /v1/service_accounts/${service.id}`)
    expect((await call(owner, `DELETE /v1/organizations/${gone.id}`)).status).toBe(204)
  })

  test("of one key leaves the others", async () => {
    const service = await newService()
    const [gone, kept] = await Promise.all([keyFor(service, ["tasks:read"]), keyFor(service, ["tasks:read"])])
    expect((await call(program(service, gone.key), "GET /v1/tasks")).status).toBe(200)
    await must(owner, `DELETE /v1/api-keys/${gone.id}`)
    expect((await call(program(service, gone.key), "GET /v1/tasks")).status).toBe(401)
    expect((await call(program(service, kept.key), "GET /v1/tasks")).status).toBe(200)
  })
})

describe("who is no admin of the organization", () => {
  test.each([
    ["a plain member", () => member, 403],
    ["a stranger", () => stranger, 403],
    ["nobody", () => null, 401],
  ])("%s makes, sees, uses and removes no service account", async (_, who, status) => {
    const service = await newService()
    const { id, key } = await keyFor(service, ["tasks:read"])
    const [users, keys] = [await rowCount("users"), await rowCount("api_keys")]
    const hidden = status === 401 ? 401 : 404
    const made = await call(who(), "POST /v1/service_accounts", { body: { ownerId: organizationId, name: "Mine" } })
    expect(made.status).toBe(status)
    expect((await call(who(), `GET /v1/service_accounts/${service.id}`)).status).toBe(hidden)
    const body = { name: "Mine", scopes: ["*:write"], serviceAccountId: service.id }
    expect((await call(who(), "POST /v1/api-keys", { body })).status).toBe(hidden)
    expect((await call(who(), `GET /v1/api-keys?serviceAccountId=${service.id}`)).status).toBe(hidden)
    expect((await call(who(), `DELETE /v1/api-keys/${id}`)).status).toBe(hidden)
    expect((await call(who(), `DELETE /v1/service_accounts/${service.id}`)).status).toBe(hidden)
    expect([await rowCount("users"), await rowCount("api_keys")]).toEqual([users, keys])
    expect((await call(program(service, key), "GET /v1/tasks")).status).toBe(200)
  })

  test("an owner who was made a member loses them, too", async () => {
    const service = await newService()
    const second = await person("Second")
    const place = await must(owner, "POST /v1/members", { organizationId, userId: second.id, role: "admin" })
    expect((await keyFor(service, ["tasks:read"], second)).key).toMatch(/^sv_test_/)
    await must(owner, `PATCH /v1/members/${place.id}`, { role: "member" })
    const body = { name: "Mine", scopes: ["*:write"], serviceAccountId: service.id }
    expect((await call(second, "POST /v1/api-keys", { body })).status).toBe(404)
  })

  test("no account is made for an organization that does not exist", async () => {
    const users = await rowCount("users")
    for (const ownerId of ["org_01kaj700000000000000000zzz", "", "x"]) {
      const body = { ownerId, name: "Importer" }
      expect((await call(owner, "POST /v1/service_accounts", { body })).status).toBe(403)
    }
    expect(await rowCount("users")).toBe(users)
  })
})
