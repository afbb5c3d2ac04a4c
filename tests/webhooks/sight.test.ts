/** What the owner of an endpoint is told: what they may see now, masked as they may see it, and nothing of what they may not. */
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import { mintToken, newActor } from "../support/actors.ts"
import { administrator } from "../support/administrators.ts"
import { call } from "../support/calls.ts"
import { person } from "../support/people.ts"
import { must } from "../support/workspace.ts"
import { hookWorld, toldAt } from "./world.ts"

describe("what the owner may see", () => {
  test("is masked: an internal note reaches an administrator's endpoint and nobody else's, not even its name", async () => {
    const world = await hookWorld()
    const admin = await newActor("admin", ["admin"])
    await must(world.owner, "POST /v1/project_members", {
      projectId: world.projectId,
      userId: admin.id,
      role: "editor",
    })
    const adminToken = { token: await mintToken(admin.id, { roles: ["admin"], expiresIn: 86_400 }) }
    const plain = await world.endpoint(world.owner)
    const open = await world.endpoint(admin)
    const task = await world.task()
    await world.tell()
    const body = { internalNote: "hush", title: "Renamed" }
    expect((await world.served.call(adminToken, `PATCH /v1/tasks/${task.id}`, { body })).status).toBe(200)
    await world.tell()
    const [, masked] = toldAt(world, plain)
    const [, whole] = toldAt(world, open)
    expect(masked?.json.data).toMatchObject({ change: "updated", record: { title: "Renamed" }, changed: ["title"] })
    expect(masked?.body).not.toMatch(/internalNote|hush/)
    expect(whole?.json.data).toMatchObject({
      record: { internalNote: "hush" },
      changed: expect.arrayContaining(["internalNote"]),
    })
    // What the log of deliveries keeps is what was sent.
    expect(JSON.stringify(await world.deliveries(plain.id))).not.toMatch(/hush/)
  })

  test("is judged when it is told, not when it happened: who lost the record gets nothing, and no sign of it", async () => {
    const world = await hookWorld()
    const [kept, lost] = [await world.endpoint(world.owner), await world.endpoint(world.viewer)]
    await world.task("Before")
    await world.tell()
    await world.task("After")
    await world.read()
    const { body } = await world.call(world.owner, `GET /v1/project_members?userId=${world.viewer.id}`)
    expect((await world.call(world.owner, `DELETE /v1/project_members/${body.items[0].id}`)).status).toBe(204)
    await world.run()
    const titles = (endpoint: { url: string }) => toldAt(world, endpoint).map(({ json }) => json.data.record?.title)
    expect(titles(kept)).toEqual(["Before", "After"])
    expect(titles(lost)).toEqual(["Before"])
    expect((await world.deliveries(lost.id)).map(({ status }) => status)).toEqual(["delivered", "skipped"])
    const page = await world.call(world.viewer, "GET /v1/webhook_deliveries")
    expect(page.body.items).toMatchObject([{ status: "delivered" }])
  })

  test("is what stands now: two changes in a row tell the newest twice, each with its own id", async () => {
    const world = await hookWorld()
    const endpoint = await world.endpoint(world.owner, { events: ["tasks.updated"] })
    const task = await world.task()
    await world.retitle(task.id, "Two")
    await world.retitle(task.id, "Three")
    await world.tell()
    const told = toldAt(world, endpoint)
    expect(told.map(({ json }) => json.data.record.title)).toEqual(["Three", "Three"])
    expect(new Set(told.map(({ headers }) => headers["webhook-id"])).size).toBe(2)
  })

  test("of a deleted record is its id alone, and only for who could see it", async () => {
    const world = await hookWorld()
    const [seeing, blind, stranger] = [
      await world.endpoint(world.viewer),
      await world.endpoint(world.editor),
      await world.endpoint(world.owner),
    ]
    const task = await world.task("Secret plans")
    // The editor leaves the project; the owner stays by way of the organization.
    const { body } = await world.call(world.owner, `GET /v1/project_members?userId=${world.editor.id}`)
    await world.call(world.owner, `DELETE /v1/project_members/${body.items[0].id}`)
    await world.call(world.owner, `DELETE /v1/tasks/${task.id}`)
    await world.tell()
    for (const endpoint of [seeing, stranger]) {
      const [first, message, ...others] = toldAt(world, endpoint)
      expect(others).toEqual([])
      // Told of after it was gone: that it was made, and nothing of what it was.
      expect(first?.json).toMatchObject({ type: "tasks.created", data: { id: task.id, record: null, changed: [] } })
      expect(message?.json).toMatchObject({ type: "tasks.deleted" })
      expect(message?.json.data).toEqual({
        sequence: expect.any(Number),
        id: task.id,
        change: "deleted",
        record: null,
        changed: [],
      })
    }
    expect(toldAt(world, blind)).toEqual([])
    expect(world.received.map(({ body: sent }) => sent).join()).not.toContain("Secret plans")
  })

  test("of a deleted record is judged through what it belonged to, there or gone", async () => {
    const world = await hookWorld()
    const viewer = await world.endpoint(world.viewer, { events: ["comments.deleted"] })
    const editor = await world.endpoint(world.editor, { events: ["comments.deleted"] })
    const task = await world.task()
    const comment = await world.call(world.owner, "POST /v1/comments", { taskId: task.id, body: "Well" })
    const { body } = await world.call(world.owner, `GET /v1/project_members?userId=${world.editor.id}`)
    await world.call(world.owner, `DELETE /v1/project_members/${body.items[0].id}`)
    await world.call(world.owner, `DELETE /v1/comments/${comment.body.id}`)
    const second = await world.call(world.owner, "POST /v1/comments", { taskId: task.id, body: "Well, well" })
    // The second goes with its task.
    await world.call(world.owner, `DELETE /v1/tasks/${task.id}`)
    await world.tell()
    const told = toldAt(world, viewer).map(({ json }) => json.data.id)
    expect([...told].sort()).toEqual([comment.body.id, second.body.id].sort())
    expect(toldAt(world, editor)).toEqual([])
  })

  test("ends with the account: who is disabled is told nothing, not even what happened before", async () => {
    const world = await hookWorld()
    const endpoint = await world.endpoint(world.editor)
    await world.task("Before")
    await world.read()
    const root = await administrator()
    expect((await call(root, `POST /v1/users/${world.editor.id}/disable`, { body: {} })).status).toBe(200)
    await world.run()
    await world.task("After")
    await world.tell()
    expect(toldAt(world, endpoint)).toEqual([])
    expect(await world.deliveries(endpoint.id)).toMatchObject([{ status: "skipped", attempts: 0 }])
  })

  test("includes what was shared with them, until it is not", async () => {
    const world = await hookWorld()
    const task = await world.task()
    const share = await must(world.owner, "POST /v1/shares", {
      taskId: task.id,
      userId: world.stranger.id,
      level: "view",
    })
    const endpoint = await world.endpoint(world.stranger, { events: ["tasks.updated"] })
    await world.retitle(task.id, "Shared")
    await world.tell()
    await must(world.owner, `DELETE /v1/shares/${share.id}`)
    await world.retitle(task.id, "Not any more")
    await world.tell()
    expect(toldAt(world, endpoint).map(({ json }) => json.data.record.title)).toEqual(["Shared"])
  })

  test("goes by who the owner is now: a role that was taken away masks again", async () => {
    const world = await hookWorld()
    const admin = await newActor("admin", ["admin"])
    await must(world.owner, "POST /v1/project_members", { projectId: world.projectId, userId: admin.id })
    const endpoint = await world.endpoint(admin)
    const token = { token: await mintToken(admin.id, { roles: ["admin"], expiresIn: 86_400 }) }
    const task = await world.task()
    await world.tell()
    await env.DB.prepare(`update "users" set "roles" = '[]' where "id" = ?`).bind(admin.id).run()
    await must(world.owner, "POST /v1/members", {
      organizationId: world.organizationId,
      userId: admin.id,
      role: "admin",
    })
    await world.served.call(token, `PATCH /v1/tasks/${task.id}`, { body: { internalNote: "hush" } })
    await world.tell()
    const [before, after] = toldAt(world, endpoint)
    expect(before?.json.data.record).toHaveProperty("internalNote")
    expect(after?.body).not.toMatch(/internalNote|hush/)
  })

  test("is a service account's own sight, when that is who owns the endpoint", async () => {
    const world = await hookWorld()
    const boss = await person("Boss")
    const place = { organizationId: world.organizationId, userId: boss.id, role: "admin" }
    await must(world.owner, "POST /v1/members", place)
    const service = await must(boss, "POST /v1/service_accounts", { ownerId: world.organizationId, name: "Robot" })
    const { userId } = service as unknown as { userId: string }
    const elsewhere = await must(world.owner, "POST /v1/projects", {
      organizationId: world.organizationId,
      name: "Else",
    })
    await must(world.owner, "POST /v1/project_members", { projectId: world.projectId, userId })
    const scopes = ["webhook_endpoints:write", "tasks:read"]
    const { key } = (await must(boss, "POST /v1/api-keys", {
      name: "Hooks",
      scopes,
      serviceAccountId: service.id,
    })) as never
    const body = { url: "https://robot.example.com/", tenantId: world.organizationId, events: ["tasks.*"] }
    const made = await world.served.call({ token: key }, "POST /v1/webhook_endpoints", { body })
    expect(made.status).toBe(201)
    await world.task("Seen")
    await world.task("Unseen", { projectId: elsewhere.id })
    await world.tell()
    expect(toldAt(world, made.body).map(({ json }) => json.data.record.title)).toEqual(["Seen"])
    const narrow = await world.served.call({ token: key }, "POST /v1/webhook_endpoints", {
      body: { ...body, events: ["tasks.*", "comments.created"] },
    })
    expect([narrow.status, narrow.body.detail]).toEqual([403, expect.stringContaining("comments.created")])
  })

  test("of a record that has gone to another tenant is nothing for the endpoint of the first", async () => {
    const world = await hookWorld()
    const other = await must(world.owner, "POST /v1/organizations", { name: "Other" })
    const project = await must(world.owner, "POST /v1/projects", { organizationId: other.id, name: "There" })
    const endpoint = await world.endpoint(world.owner)
    const task = await world.task("Here")
    await world.tell()
    await world.retitle(task.id, "On its way")
    await world.call(world.owner, `PATCH /v1/tasks/${task.id}`, { projectId: project.id })
    await world.tell()
    expect(toldAt(world, endpoint).map(({ json }) => json.data.record?.title)).toEqual(["Here"])
  })
})
