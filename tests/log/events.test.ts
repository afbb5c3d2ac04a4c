/** The log as administrators and owners read it: whose it is, what is withheld, filters, pages, and what a read costs. */
import { env } from "cloudflare:workers"
import { beforeAll, describe, expect, test } from "vitest"
import { type Actor, mintToken, newActor } from "../support/actors.ts"
import { call, costOf, faultsOf } from "../support/calls.ts"
import { eventsOf, must, newWorkspace, type Workspace } from "../support/workspace.ts"

let here: Workspace
let there: Workspace
let admin: Actor
let manager: Actor
let taskId: string

beforeAll(async () => {
  ;[here, there] = await Promise.all([newWorkspace(), newWorkspace()])
  ;[admin, manager] = await Promise.all([newActor("administrator", ["admin"]), newActor("manager")])
  await must(here.owner, "POST /v1/members", {
    organizationId: here.organizationId,
    userId: manager.id,
    role: "admin",
  })
  const task = await must(here.editor, "POST /v1/tasks", { projectId: here.projectId, title: "Paint" })
  taskId = task.id
  await must(here.editor, `PATCH /v1/tasks/${taskId}`, { title: "Paint it", priority: 1 })
  await must(there.editor, "POST /v1/tasks", { projectId: there.projectId, title: "Elsewhere" })
})

const list = (actor: Actor | null, query: string) => call(actor, `GET /v1/events?${query}`)
const tenantOf = (at: Workspace) => `tenant=${at.organizationId}`

describe("who reads the log", () => {
  test("the owner reads the tenant's, newest first, with both sides of each change", async () => {
    const { status, body } = await list(here.owner, `${tenantOf(here)}&resource=tasks`)
    expect(status).toBe(200)
    expect(body.items).toMatchObject([
      { change: "updated", operation: "tasks.update", before: { title: "Paint" }, after: { title: "Paint it" } },
      { change: "created", operation: "tasks.create", actor: here.editor.id, before: null, record: taskId },
    ])
    expect(body.items[0].changed.toSorted()).toEqual(["priority", "title"])
    expect(body).toMatchObject({ nextCursor: null, keptSince: null })
  })

  test("nothing of another tenant stands in it", async () => {
    const { body } = await list(here.owner, `${tenantOf(here)}&limit=100`)
    expect(body.items.length).toBeGreaterThan(5)
    expect(new Set(body.items.map((one: { tenant: string }) => one.tenant))).toEqual(new Set([here.organizationId]))
    expect(JSON.stringify(body)).not.toContain(there.organizationId)
  })

  test("the owner of another organization finds no such tenant", async () => {
    const { status, body } = await list(there.owner, tenantOf(here))
    expect([status, body.code, body.items]).toEqual([404, "NOT_FOUND", undefined])
  })

  test("an administrator of the organization sees it, so is refused: the rule says owners", async () => {
    const { status, body } = await list(manager, tenantOf(here))
    expect([status, body.code, body.items]).toEqual([403, "PERMISSION_DENIED", undefined])
  })

  test("a project member who does not see the organization finds no such tenant", async () => {
    expect((await list(here.viewer, tenantOf(here))).status).toBe(404)
  })

  test("without a tenant it is the whole log, for administrators alone", async () => {
    for (const actor of [here.owner, here.stranger]) {
      const { status, body } = await list(actor, "limit=1")
      expect([status, body.items]).toEqual([403, undefined])
    }
    const both = await list(admin, "resource=tasks&limit=100")
    const tenants = both.body.items.map((one: { tenant: string }) => one.tenant)
    expect(tenants).toEqual(expect.arrayContaining([here.organizationId, there.organizationId]))
    expect((await list(null, "limit=1")).status).toBe(401)
  })

  test("a role that is claimed by no token of ours counts for nothing", async () => {
    const token = await mintToken(here.stranger.id, { roles: ["admin"], issuer: "https://elsewhere.invalid" })
    expect((await list({ ...here.stranger, token }, "limit=1")).status).toBe(401)
  })
})

describe("what is withheld", () => {
  test("a field for administrators is not in the owner's log: neither its value, nor that it changed", async () => {
    const at = await newWorkspace()
    await must(at.owner, "POST /v1/members", { organizationId: at.organizationId, userId: admin.id, role: "admin" })
    const task = await must(admin, "POST /v1/tasks", {
      projectId: at.projectId,
      title: "T",
      internalNote: "unmistakable",
    })
    await must(admin, `PATCH /v1/tasks/${task.id}`, { internalNote: "unmistakable too" })
    const query = `${tenantOf(at)}&resource=tasks&record=${task.id}`
    const seen = await list(at.owner, query)
    expect(seen.body.items).toHaveLength(2)
    expect(seen.body.items[0]).toMatchObject({ change: "updated", changed: [], hidden: false })
    expect(JSON.stringify(seen.body)).not.toMatch(/unmistakable|internalNote/)
    const all = await list(admin, query)
    expect(all.body.items[0]).toMatchObject({ changed: ["internalNote"], after: { internalNote: "unmistakable too" } })
  })

  test("a record that came from another tenant: the image of there stays there", async () => {
    const both = await newActor("of both")
    for (const at of [here, there])
      await must(at.owner, "POST /v1/members", { organizationId: at.organizationId, userId: both.id, role: "admin" })
    const task = await must(both, "POST /v1/tasks", { projectId: there.projectId, title: "Secret of there" })
    await must(both, `PATCH /v1/tasks/${task.id}`, { projectId: here.projectId, title: "Moved" })
    const { body } = await list(here.owner, `${tenantOf(here)}&resource=tasks&record=${task.id}`)
    expect(body.items).toMatchObject([{ change: "updated", before: null, hidden: true, after: { title: "Moved" } }])
    expect(JSON.stringify(body)).not.toContain("Secret of there")
    const left = await list(there.owner, `${tenantOf(there)}&resource=tasks&record=${task.id}`)
    expect(left.body.items.map((one: { change: string }) => one.change)).toEqual(["created"])
  })

  test("accounts belong to no tenant: an owner sees none of them, an administrator sees them without what is personal", async () => {
    const { body } = await list(here.owner, `${tenantOf(here)}&limit=100`)
    const resources = new Set(body.items.map((one: { resource: string }) => one.resource))
    for (const name of ["users", "api_keys", "impersonations"]) expect(resources).not.toContain(name)
    const users = await list(admin, "resource=users&limit=5")
    for (const { after } of users.body.items) expect(after?.email ?? null).toBeNull()
  })
})

describe("filters", () => {
  test("by record, actor, operation, change and instant, each alone and together", async () => {
    const [created, updated] = (await eventsOf(taskId)) as { at: string; id: string }[]
    if (!created || !updated) throw new Error("unreachable")
    const ids = async (query: string) =>
      (await list(here.owner, `${tenantOf(here)}&${query}`)).body.items.map((one: { id: string }) => one.id)
    expect(await ids(`resource=tasks&record=${taskId}`)).toEqual([updated.id, created.id])
    expect(await ids(`resource=tasks&record=${taskId}&change=created`)).toEqual([created.id])
    expect(await ids(`resource=tasks&record=${taskId}&operation=tasks.update`)).toEqual([updated.id])
    expect(await ids(`resource=tasks&record=${taskId}&actor=${here.editor.id}`)).toEqual([updated.id, created.id])
    expect(await ids(`resource=tasks&record=${taskId}&actor=${here.owner.id}`)).toEqual([])
    expect(await ids(`resource=tasks&record=${taskId}&from=${updated.at}`)).toContain(updated.id)
    expect(await ids(`resource=tasks&record=${taskId}&to=${created.at}`)).toEqual([])
    expect(await ids(`from=2999-01-01T00:00:00Z`)).toEqual([])
    expect(await ids(`to=2001-01-01T00:00:00Z`)).toEqual([])
  })

  test.each([
    ["record=x", "/resource required"],
    ["change=renamed", "/change"],
    ["from=yesterday", "/from"],
    ["limit=101", "/limit"],
    ["cursor=abc.def", "/cursor invalid_cursor"],
  ])("refuses %s", async (query, fault) => {
    const answer = await list(here.owner, `${tenantOf(here)}&${query}`)
    expect(answer.status).toBe(400)
    expect(faultsOf(answer).join()).toContain(fault)
  })
})

describe("pages", () => {
  test("page by page it is the same list, without gaps and doubles, while the log grows", async () => {
    const whole = (await list(here.owner, `${tenantOf(here)}&limit=100`)).body.items.map(
      (one: { id: string }) => one.id,
    )
    const paged: string[] = []
    let cursor = ""
    do {
      const { body } = await list(here.owner, `${tenantOf(here)}&limit=3${cursor}`)
      paged.push(...body.items.map((one: { id: string }) => one.id))
      cursor = body.nextCursor === null ? "" : `&cursor=${body.nextCursor}`
      await must(here.editor, "POST /v1/tasks", { projectId: here.projectId, title: "Meanwhile" })
    } while (cursor !== "")
    expect(paged).toEqual(whole)
  })

  test("a cursor is good for its question and its reader only", async () => {
    const { nextCursor } = (await list(here.owner, `${tenantOf(here)}&limit=2`)).body
    for (const [actor, query] of [
      [here.owner, `${tenantOf(here)}&limit=2&change=created`],
      [admin, `${tenantOf(here)}&limit=2`],
    ] as const) {
      const answer = await list(actor, `${query}&cursor=${nextCursor}`)
      expect(faultsOf(answer)).toEqual([400, "/cursor invalid_cursor"])
    }
  })

  test("a filter that no index serves looks at a window a call and goes on where it ended", async () => {
    const at = new Date().toISOString()
    const tenant = `org_window_${crypto.randomUUID()}`
    const rows = JSON.stringify([...Array(2100).keys()])
    await env.DB.prepare(
      'insert into "events" ("id", "at", "actor", "operation", "resource", "record", "change", "tenant", "changed", "requestId") ' +
        "select ?1 || \"value\", ?2, 'system', case \"value\" when 0 then 'window.first' else 'window.other' end, 'tasks', 'task_x', 'created', ?3, '[]', 'window' from json_each(?4)",
    )
      .bind(`${tenant}_`, at, tenant, rows)
      .run()
    const query = `tenant=${tenant}&operation=window.first`
    const first = await list(admin, query)
    expect(first.body.items).toEqual([])
    expect(first.body.nextCursor).not.toBeNull()
    const second = await list(admin, `${query}&cursor=${first.body.nextCursor}`)
    expect(second.body.items).toMatchObject([{ id: `${tenant}_0` }])
    expect(second.body.nextCursor).toBeNull()
    // Whatever the filter finds, and however rare or common it is in the whole log.
    for (const filter of [query, "resource=tasks&limit=5", "change=created&limit=5", "operation=nothing.like_it"]) {
      const answer = await list(admin, filter)
      expect([costOf(answer).trips, costOf(answer).rowsRead < 10_000], filter).toEqual([1, true])
    }
  })
})

describe("what it costs", () => {
  test("one round trip, and rows by the page: not by the length of the log", async () => {
    const answers = [
      await list(here.owner, `${tenantOf(here)}&limit=5`),
      await list(admin, "limit=5"),
      await list(admin, `limit=5&from=${new Date(Date.now() - 60_000).toISOString()}`),
      await list(there.owner, tenantOf(here)),
    ]
    expect(answers.map((one) => costOf(one).trips)).toEqual([1, 1, 1, 1])
    for (const one of answers) expect(costOf(one).rowsRead).toBeLessThan(150)
  })
})
