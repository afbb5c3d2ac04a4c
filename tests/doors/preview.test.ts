/** What a model is told of a call before it is made: the changes as they would be, or the refusal; and that nothing of it stays. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest"

const origin = inject("origin")
const { ada, nobody } = inject("tokens")
const projectId = inject("projectId")

// biome-ignore lint/suspicious/noExplicitAny: tests look into results of every shape
type Result = any

async function connected(token: string): Promise<Client> {
  const client = new Client({ name: "test", version: "1" })
  const headers = { Authorization: `Bearer ${token}` }
  await client.connect(new StreamableHTTPClientTransport(new URL(`${origin}/mcp`), { requestInit: { headers } }))
  await client.listTools()
  return client
}

let client: Client
beforeAll(async () => {
  client = await connected(ada)
})
afterAll(() => client.close())

const tool = (name: string, args: object, via = client): Promise<Result> =>
  via.callTool({ name, arguments: args as never })
const preview = (name: string, args: object, via = client) =>
  tool("preview_changes", { tool: name, arguments: args }, via)

async function rest(path: string): Promise<Result> {
  const answer = await fetch(`${origin}/v1${path}`, { headers: { Authorization: `Bearer ${ada}` } })
  return { http: answer.status, ...((await answer.json()) as object) }
}

const newTask = async () => (await tool("tasks_create", { projectId, title: "Before", priority: 2 })).structuredContent

describe("a preview", () => {
  test("of a change tells each field before and after; the record stays as it is, in every field and its version", async () => {
    const task = await newTask()
    const told = await preview("tasks_update", { id: task.id, patch: { title: "After 😀", priority: 2 } })
    expect(told.isError).toBeFalsy()
    expect(told.structuredContent).toEqual({
      changes: [
        {
          resource: "tasks",
          change: "update",
          id: task.id,
          fields: [{ field: "title", before: "Before", after: "After 😀" }],
        },
      ],
      records: [{ resource: "tasks", change: "updated", count: 1 }],
      letters: 0,
      jobs: [],
    })
    expect(await rest(`/tasks/${task.id}`)).toMatchObject({ ...task })
  })

  test("of a deletion counts what goes along, and it is all there afterwards", async () => {
    const task = await newTask()
    for (const body of ["one", "two"]) await tool("comments_create", { taskId: task.id, body })
    const { structuredContent } = await preview("tasks_delete", { id: task.id })
    expect(structuredContent.records).toEqual([
      { resource: "comments", change: "deleted", count: 2 },
      { resource: "tasks", change: "deleted", count: 1 },
    ])
    expect(structuredContent.changes[0].fields).toContainEqual({ field: "title", before: "Before" })
    expect((await rest(`/tasks/${task.id}`)).http).toBe(200)
    expect((await rest(`/comments?taskId=${task.id}`)).items).toHaveLength(2)
  })

  test("of an operation with a handler tells all that it writes, and what it would give back is not there", async () => {
    const task = await newTask()
    const { structuredContent } = await preview("tasks_complete", { id: task.id, note: "Done" })
    expect(structuredContent.changes.map(({ resource, change }: Result) => [resource, change])).toEqual([
      ["comments", "create"],
      ["tasks", "update"],
    ])
    expect(await rest(`/tasks/${task.id}`)).toMatchObject({ ...task })
    expect((await rest(`/comments?taskId=${task.id}`)).items).toEqual([])
  })

  test("of a creation shows the values, and no record appears in the list", async () => {
    const title = `Never made ${crypto.randomUUID()}`
    const { structuredContent } = await preview("tasks_create", { projectId, title })
    expect(structuredContent.changes[0]).toMatchObject({ resource: "tasks", change: "create" })
    expect(structuredContent.changes[0].fields).toContainEqual({ field: "title", after: title })
    expect(structuredContent.records).toEqual([{ resource: "tasks", change: "created", count: 1 }])
    expect((await rest(`/tasks/${structuredContent.changes[0].id}`)).http).toBe(404)
  })

  test("is refused as the call would be: absent, not allowed, malformed", async () => {
    const task = await newTask()
    const stranger = await connected(nobody)
    const codes = await Promise.all([
      preview("tasks_update", { id: task.id, patch: { title: "Mine now" } }, stranger),
      preview("tasks_update", { id: task.id, patch: { internalNote: "psst" } }),
      preview("tasks_update", { id: task.id, patch: { title: 7 } }),
      preview("tasks_list", {}),
      preview("users_disable", { id: "user_00000000000000000000000000" }),
    ])
    expect(codes.map(({ isError, _meta }) => isError && _meta["dev.selvage/problem"].code)).toEqual([
      "NOT_FOUND",
      "PERMISSION_DENIED",
      "INVALID_ARGUMENT",
      "INVALID_ARGUMENT",
      "PERMISSION_DENIED",
    ])
    await expect(preview("no_such_tool", {})).rejects.toThrow("No tool is named no_such_tool")
    await stranger.close()
  })
})
