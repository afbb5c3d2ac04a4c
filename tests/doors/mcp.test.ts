/** MCP as others speak it: the official client, with the newest protocol and with the one before it. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { describe, expect, inject, test } from "vitest"

const origin = inject("origin")
const { ada, nobody } = inject("tokens")
const projectId = inject("projectId")
const key = "dev.selvage/idempotencyKey"

type Mode = "auto" | "legacy"

async function connected(mode: Mode, token: string | null = ada): Promise<Client> {
  const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode } } as never)
  const headers: Record<string, string> = token === null ? {} : { Authorization: `Bearer ${token}` }
  await client.connect(new StreamableHTTPClientTransport(new URL(`${origin}/mcp`), { requestInit: { headers } }))
  return client
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into results of every shape
type Result = any

describe.each<Mode>(["auto", "legacy"])("the official client, %s", (mode) => {
  test("finds tools with schemas and hints, and none that would show a secret", async () => {
    const client = await connected(mode)
    const { tools } = await client.listTools()
    const byName = new Map(tools.map((tool) => [tool.name, tool]))
    expect(byName.get("tasks_list")?.annotations).toMatchObject({ readOnlyHint: true })
    expect(byName.get("tasks_delete")?.annotations).toMatchObject({ readOnlyHint: false, destructiveHint: true })
    expect(byName.get("tasks_create")?.inputSchema).toMatchObject({ type: "object", required: ["projectId", "title"] })
    expect(byName.get("tasks_create")?.outputSchema?.type).toBe("object")
    const names = [...byName.keys()].join(" ")
    expect(names).not.toMatch(/auth_signIn|auth_signUp|apiKeys_create|tasks_watch/)
    await client.close()
  })
  test("creates, reads, changes and deletes a task; the client validates what comes back by the schema", async () => {
    const client = await connected(mode)
    await client.listTools()
    const tool = (name: string, args: object, meta: object = {}): Promise<Result> =>
      client.callTool({ name, arguments: args as never, _meta: meta as never })
    const made = await tool("tasks_create", { projectId, title: "From a model", priority: 2 })
    expect(made.structuredContent).toMatchObject({ title: "From a model", priority: 2, status: "open" })
    expect(JSON.parse(made.content[0].text)).toEqual(made.structuredContent)
    const { id } = made.structuredContent
    const changed = await tool("tasks_update", { id, patch: { title: "Größe 😀", dueAt: null } })
    expect(changed.structuredContent.title).toBe("Größe 😀")
    const read: Result = await client.readResource({ uri: `selvage://tasks/${id}` })
    expect(JSON.parse(read.contents[0].text).title).toBe("Größe 😀")
    const listed = await tool("tasks_list", { filter: { projectId }, limit: 1, fields: ["title"] })
    expect(listed.structuredContent.items).toEqual([{ id, title: "Größe 😀" }])
    await tool("tasks_delete", { id })
    const gone = await tool("tasks_get", { id })
    expect([gone.isError, gone._meta["dev.selvage/problem"].code]).toEqual([true, "NOT_FOUND"])
    await client.close()
  })
  test("the same key is one task, and the answer says that it is a replay", async () => {
    const client = await connected(mode)
    const meta = { [key]: crypto.randomUUID() }
    const create = (): Promise<Result> =>
      client.callTool({ name: "tasks_create", arguments: { projectId, title: "Once" }, _meta: meta as never })
    const first = await create()
    const again = await create()
    expect(again.structuredContent.id).toBe(first.structuredContent.id)
    expect([first._meta["dev.selvage/replayed"], again._meta["dev.selvage/replayed"]]).toEqual([undefined, true])
    await client.close()
  })
  test("a fault names its place; a tool that there is not is a fault of the protocol; what one may not see is not there", async () => {
    const client = await connected(mode)
    const wrong: Result = await client.callTool({ name: "tasks_create", arguments: { projectId, title: 7 } })
    expect(wrong.isError).toBe(true)
    expect(wrong.content[0].text).toMatch(/^INVALID_ARGUMENT: .*\n- \/title: /s)
    await expect(client.callTool({ name: "tasks_explode", arguments: {} })).rejects.toThrow(
      /No tool is named tasks_explode/,
    )
    const stranger = await connected(mode, nobody)
    const listed: Result = await stranger.callTool({ name: "tasks_list", arguments: { filter: { projectId } } })
    expect(listed.structuredContent.items).toEqual([])
    await client.close()
    await stranger.close()
  })
})

test("nobody is let in, and is told where a token is to be had", async () => {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list", params: {} })
  const headers = { "Content-Type": "application/json", Accept: "application/json, text/event-stream" }
  for (const [more, error] of [
    [{}, ', scope="*:read"'],
    [{ Authorization: "Bearer nonsense" }, ', error="invalid_token"'],
  ] as const) {
    const answer = await fetch(`${origin}/mcp`, { method: "POST", headers: { ...headers, ...more }, body })
    expect(answer.status).toBe(401)
    expect(answer.headers.get("WWW-Authenticate")).toBe(
      `Bearer realm="selvage"${error}, resource_metadata="http://localhost:8787/.well-known/oauth-protected-resource/mcp"`,
    )
    expect(await answer.text()).not.toMatch(/tasks_/)
  }
})

test.each([
  ["garbage", "{", 400],
  ["an array of garbage", "[1,2]", 400],
  ["another content type", null, 415],
])("%s is refused in JSON-RPC and nothing hangs", async (_, body, status) => {
  const type = body === null ? "text/plain" : "application/json"
  const answer = await fetch(`${origin}/mcp`, {
    method: "POST",
    headers: { "Content-Type": type, Accept: "application/json, text/event-stream", Authorization: `Bearer ${ada}` },
    body: body ?? "{}",
  })
  expect(answer.status).toBe(status)
  expect(await answer.text()).toContain("jsonrpc")
})
