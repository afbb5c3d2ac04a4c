/** `preview_changes` inside the runtime: what each kind of write would do, as its caller may see it, and that none of it stays. */
import { describe, expect, test } from "vitest"
import { type Actor, newActor } from "../support/actors.ts"
import { call } from "../support/calls.ts"
import { eventsOf, newWorkspace, rowCount } from "../support/workspace.ts"

const clientHeaders = { Accept: "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25" }

/** One message, as clients of 2025-11-25 send it. */
async function send(actor: Pick<Actor, "token">, method: string, params: object) {
  const body = { jsonrpc: "2.0", id: 1, method, params }
  return (await call(actor, "POST /mcp", { body, headers: clientHeaders })).body
}

async function preview(actor: Pick<Actor, "token">, tool: string, input: object) {
  const { result } = await send(actor, "tools/call", {
    name: "preview_changes",
    arguments: { tool, arguments: input },
  })
  return result.isError ? result._meta["dev.selvage/problem"] : result.structuredContent
}

describe("a preview", () => {
  test("of a batch tells each record in its order; nothing is written, and nothing is in the log", async () => {
    const { owner, projectId } = await newWorkspace()
    const task = (await call(owner, "POST /v1/tasks", { body: { projectId, title: "Kept" } })).body
    const before = await rowCount("tasks")
    const told = await preview(owner, "tasks_batch", {
      records: [
        { op: "create", values: { projectId, title: "New" } },
        { op: "update", id: task.id, patch: { title: "Changed", body: null } },
      ],
    })
    expect(told.code, JSON.stringify(told)).toBeUndefined()
    expect(told.changes.map(({ change, id }: { change: string; id: string }) => [change, id === task.id])).toEqual([
      ["create", false],
      ["update", true],
    ])
    expect(told.changes[1].fields).toEqual([{ field: "title", before: "Kept", after: "Changed" }])
    expect(told.records).toEqual([
      { resource: "tasks", change: "created", count: 1 },
      { resource: "tasks", change: "updated", count: 1 },
    ])
    expect(await rowCount("tasks")).toBe(before)
    expect(await eventsOf(task.id)).toHaveLength(1)
  })

  test("of a deletion has the fields that go, and counts what goes along", async () => {
    const { owner, projectId } = await newWorkspace()
    const { id } = (await call(owner, "POST /v1/tasks", { body: { projectId, title: "Gone" } })).body
    await call(owner, "POST /v1/comments", { body: { taskId: id, body: "Along" } })
    const told = await preview(owner, "tasks_delete", { id })
    expect(told.changes[0].fields).toContainEqual({ field: "title", before: "Gone" })
    expect(told.records).toContainEqual({ resource: "comments", change: "deleted", count: 1 })
    expect((await call(owner, `GET /v1/tasks/${id}`)).status).toBe(200)
  })

  test("counts its own records alone, also under the request id of a call that was made", async () => {
    const { owner, projectId } = await newWorkspace()
    const requestId = crypto.randomUUID()
    const headers = { ...clientHeaders, "X-Request-Id": requestId }
    const ask = async (name: string, given: object) => {
      const body = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: given } }
      return (await call(owner, "POST /mcp", { body, headers })).body.result.structuredContent
    }
    const task = { projectId, title: "Made" }
    await ask("tasks_create", task)
    const told = await ask("preview_changes", { tool: "tasks_create", arguments: task })
    expect(told.records).toEqual([{ resource: "tasks", change: "created", count: 1 }])
  })

  test("counts letters that would leave, and sends none", async () => {
    const { owner, organizationId } = await newWorkspace()
    const email = `guest-${crypto.randomUUID()}@example.com`
    const told = await preview(owner, "invitations_create", { organizationId, email, role: "member" })
    expect([told.letters, told.changes[0].resource]).toEqual([1, "invitations"])
    expect((await call(owner, `GET /v1/invitations?organizationId=${organizationId}`)).body.items).toEqual([])
  })

  test("is refused as the call would be, and for what cannot be taken back", async () => {
    const { owner, projectId } = await newWorkspace()
    const stranger = await newActor("Mallory")
    const { id } = (await call(owner, "POST /v1/tasks", { body: { projectId, title: "Mine" } })).body
    expect(await preview(stranger, "tasks_update", { id, patch: { title: "Yours" } })).toMatchObject({
      code: "NOT_FOUND",
    })
    expect(await preview(owner, "tasks_update", { id, patch: { title: 7 } })).toMatchObject({
      code: "INVALID_ARGUMENT",
    })
    expect(await preview(owner, "tasks_get", { id })).toMatchObject({ code: "INVALID_ARGUMENT" })
    // What the engine does reaches beyond the database.
    const mine = await preview(owner, "me_update", { name: "Somebody else" })
    expect(mine).toMatchObject({ code: "UNIMPLEMENTED" })
    const { error } = await send(owner, "tools/call", { name: "preview_changes", arguments: { tool: "tasks_get" } })
    expect(error.message).toContain("The name of a tool and its arguments are wanted")
  })
})

describe("a resource", () => {
  test("is read by its address; one of others, of no kind, or malformed is not there", async () => {
    const { owner, projectId } = await newWorkspace()
    const stranger = await newActor("Mallory")
    const { id } = (await call(owner, "POST /v1/tasks", { body: { projectId, title: "Read me" } })).body
    const read = (actor: Pick<Actor, "token">, uri: string) => send(actor, "resources/read", { uri })
    const { result } = await read(owner, `selvage://tasks/${id}`)
    expect(JSON.parse(result.contents[0].text)).toMatchObject({ id, title: "Read me" })
    for (const [actor, uri] of [
      [stranger, `selvage://tasks/${id}`],
      [owner, "selvage://nothing/1"],
      [owner, "selvage://tasks"],
      [owner, "https://example.com/"],
      [owner, "no address"],
    ] as const)
      expect((await read(actor, uri)).error, uri).toBeDefined()
    const { result: templates } = await send(owner, "resources/templates/list", {})
    expect(templates.resourceTemplates.map(({ uriTemplate }: { uriTemplate: string }) => uriTemplate)).toContain(
      "selvage://tasks/{id}",
    )
  })
})
