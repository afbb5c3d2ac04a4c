/** Ids of others are worth nothing: another person's and another tenant's records are as absent as those that never were. */
import { env } from "cloudflare:workers"
import { typeid } from "typeid-js"
import { beforeAll, describe, expect, test } from "vitest"
import { administrator } from "../support/administrators.ts"
import type { Answer } from "../support/calls.ts"
import { type Person, person } from "../support/people.ts"
import { type Protected, withApp } from "../support/second-factors.ts"
import { absentId, administration, isolate, prefixOf, reserved, routes, validCall } from "./registered.ts"

let victim: Protected
let stranger: Protected
/** One record of each noun that belongs to the victim, by prefix of its id. */
const records = new Map<string, string>()

async function made(who: Person, line: string, body: object): Promise<string> {
  const answer = await isolate.call(who, line, { body })
  if (answer.status >= 300) throw new Error(`${line} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
  return answer.body.id
}

async function rowOf(table: string, column: string, value: string): Promise<string> {
  return String(await env.DB.prepare(`select "id" from "${table}" where "${column}" = ?`).bind(value).first("id"))
}

/** A job that they caused, as the engine tells of it. */
async function jobRunOf({ id }: Person): Promise<string> {
  const run = typeid("run").toString()
  await env.DB.prepare(
    `insert into "job_runs" ("id", "version", "createdAt", "updatedAt", "job", "ownerId", "status", "percent")
      values (?1, 1, ?2, ?2, 'tasks.report', ?3, 'running', 40)`,
  )
    .bind(run, new Date().toISOString(), id)
    .run()
  return run
}

/** What one of their webhooks was sent, as the engine tells of it. */
async function deliveryOf({ id }: Person, endpointId: string): Promise<string> {
  const delivery = typeid("delivery").toString()
  await env.DB.prepare(
    `insert into "webhook_deliveries" ("id", "version", "createdAt", "updatedAt", "endpointId", "ownerId", "eventId", "sequence", "type", "resource",
        "recordId", "status", "attempts") values (?1, 1, ?2, ?2, ?3, ?4, ?1, 1, 'tasks.created', 'tasks', ?1, 'delivered', 1)`,
  )
    .bind(delivery, new Date().toISOString(), endpointId, id)
    .run()
  return delivery
}

async function furnish(who: Protected, mark: string): Promise<Map<string, string>> {
  const colleague = await person("Colleague")
  const organizationId = await made(who, "POST /v1/organizations", { name: mark })
  const projectId = await made(who, "POST /v1/projects", { organizationId, name: mark })
  const memberId = await made(who, "POST /v1/members", { organizationId, userId: colleague.id, role: "member" })
  const projectMember = await made(who, "POST /v1/project_members", { projectId, userId: colleague.id, role: "viewer" })
  const taskId = await made(who, "POST /v1/tasks", { projectId, title: mark, assigneeId: who.id })
  const commentId = await made(who, "POST /v1/comments", { taskId, body: mark })
  const shareId = await made(who, "POST /v1/shares", { taskId, userId: colleague.id, level: "view" })
  const keyId = await made(who, "POST /v1/api-keys", { name: mark, scopes: ["*:read"] })
  const serviceId = await made(who, "POST /v1/service_accounts", { ownerId: organizationId, name: mark })
  const invitationId = await made(who, "POST /v1/invitations", { organizationId, email: `${who.id}@example.com` })
  // Of something that does not happen here: nobody is called.
  const hook = { url: "https://hooks.example.com/", tenantId: organizationId, events: ["members.deleted"] }
  const endpointId = await made(who, "POST /v1/webhook_endpoints", hook)
  const root = await administrator()
  await made(root, `POST /v1/users/${who.id}/impersonate`, { reason: "looking into ticket 4711" })
  return new Map([
    ["org", organizationId],
    ["project", projectId],
    ["member", memberId],
    ["pmember", projectMember],
    ["task", taskId],
    ["comment", commentId],
    ["share", shareId],
    ["apikey", keyId],
    ["service", serviceId],
    ["invitation", invitationId],
    ["user", who.id],
    ["session", who.sessionId],
    ["factor", who.factorId],
    ["run", await jobRunOf(who)],
    ["endpoint", endpointId],
    ["delivery", await deliveryOf(who, endpointId)],
    ["impersonation", await rowOf("impersonations", "userId", who.id)],
  ])
}

beforeAll(async () => {
  const people = await Promise.all([person("Victim"), person("Stranger")])
  const safe = await Promise.all(people.map((who) => withApp(who, isolate.call)))
  ;[victim, stranger] = safe as [Protected, Protected]
  for (const [prefix, id] of await furnish(victim, "Theirs")) records.set(prefix, id)
  await furnish(stranger, "Mine")
}, 60_000)

/** What of an answer could tell two refusals apart. */
function toldBy({ status, body }: Answer) {
  const { requestId: _, instance: __, ...told } = body
  return { status, ...told }
}

const isReserved = ({ operation }: (typeof routes)[number]) => reserved.has(operation.standard?.resource ?? "")
const byId = routes.filter((route) => prefixOf(route) !== null && !administration.includes(route) && !isReserved(route))

describe("checklist 35: another's id is absent", () => {
  test("every noun that is addressed by id is among the records of this test", () => {
    const missing = [...new Set(byId.map((route) => prefixOf(route) ?? ""))].filter((prefix) => !records.has(prefix))
    expect(missing).toEqual([])
    // What is not served has no address; identities are served where providers are declared (tests/providers/unlinking.test.ts).
    const models = [...isolate.registry.models.values()].filter(
      ({ idPrefix, name, verbs }) => verbs.size > 0 && !records.has(idPrefix) && !reserved.has(name),
    )
    expect(models.map(({ name }) => name)).toEqual([])
    expect(byId.map(({ operation }) => operation.name)).toEqual(
      expect.arrayContaining([
        "users.get",
        "impersonations.get",
        "apiKeys.revoke",
        "service_accounts.get",
        "sessions.revoke",
        "factors.remove",
      ]),
    )
  })

  test.each(byId.map((route) => [route.operation.name, route] as const))(
    "%s: 404, in the same words as for an id that never was",
    async (_, route) => {
      const prefix = prefixOf(route) ?? ""
      const [theirs, nobodys] = [records.get(prefix) ?? "", absentId(prefix)].map((id) => validCall(route, id))
      if (!theirs || !nobodys) throw new Error("unreachable")
      const answer = await isolate.call(stranger, theirs.line, theirs)
      expect([answer.status, answer.body.code], JSON.stringify(answer.body)).toEqual([404, "NOT_FOUND"])
      expect(toldBy(answer)).toEqual(toldBy(await isolate.call(stranger, nobodys.line, nobodys)))
    },
  )

  test("the owner reaches each of them by the same call", async () => {
    const reads = byId.filter(({ operation }) => operation.standard?.verb === "get")
    expect(reads.length).toBeGreaterThan(8)
    for (const route of reads) {
      const id = records.get(prefixOf(route) ?? "") ?? ""
      const answer = await isolate.call(victim, validCall(route, id).line)
      expect([route.operation.name, answer.status, answer.body.id]).toEqual([route.operation.name, 200, id])
    }
  })

  test("no list and no batch gives or takes them", async () => {
    const lists = routes.filter(({ operation }) => operation.standard?.verb === "list")
    expect(lists.length).toBeGreaterThan(8)
    const ids = [...records.values()]
    for (const route of lists) {
      const { path } = route
      const answer = await isolate.call(stranger, `GET ${path}?limit=100`)
      expect(answer.status, path).toBe(isReserved(route) ? 403 : 200)
      for (const id of ids) expect(JSON.stringify(answer.body), path).not.toContain(id)
    }
    for (const route of routes.filter(({ operation }) => operation.standard?.verb === "batch")) {
      const id = records.get(route.operation.model?.idPrefix ?? "") ?? ""
      const body = { records: [{ op: "delete", id }] }
      expect((await isolate.call(stranger, `POST ${route.path}`, { body })).status, route.path).toBe(404)
    }
  })

  test("nor does what names their records from outside: nothing can be made in them", async () => {
    const id = (prefix: string) => records.get(prefix) ?? ""
    const attempts: [string, object][] = [
      ["POST /v1/projects", { organizationId: id("org"), name: "Mine" }],
      ["POST /v1/members", { organizationId: id("org"), userId: stranger.id, role: "admin" }],
      ["POST /v1/project_members", { projectId: id("project"), userId: stranger.id, role: "admin" }],
      ["POST /v1/tasks", { projectId: id("project"), title: "Mine" }],
      ["POST /v1/comments", { taskId: id("task"), body: "Mine" }],
      ["POST /v1/shares", { taskId: id("task"), userId: stranger.id, level: "edit" }],
      ["POST /v1/invitations", { organizationId: id("org"), email: stranger.email, role: "admin" }],
      ["POST /v1/service_accounts", { ownerId: id("org"), name: "Mine" }],
      ["POST /v1/api-keys", { name: "Mine", scopes: ["*:write"], serviceAccountId: id("service") }],
      ["POST /v1/webhook_endpoints", { url: "https://mine.example.com/", tenantId: id("org"), events: ["tasks.*"] }],
    ]
    const count = async () => (await env.DB.prepare('select count(*) n from "events"').first<number>("n")) ?? 0
    const before = await count()
    for (const [line, body] of attempts) {
      const { status } = await isolate.call(stranger, line, { body })
      expect([line, status >= 400 && status < 500]).toEqual([line, true])
    }
    expect(await count()).toBe(before)
    expect((await isolate.call(stranger, `GET /v1/api-keys?serviceAccountId=${id("service")}`)).status).toBe(404)
  })

  test("that SQL and memory decide alike for any policy is the property test of tests/authorization/agreement.test.ts", async () => {
    // Here for one case of it: the row that is hidden from the one is shown to the other by the same statement.
    const line = `GET /v1/tasks/${records.get("task")}`
    expect([(await isolate.call(stranger, line)).status, (await isolate.call(victim, line)).status]).toEqual([404, 200])
  })
})
