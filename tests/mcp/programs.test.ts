/** Programs that a person has let in at the door of models: tokens for this door alone, tools by scope, and the challenge that asks for more. */
import { describe, expect, test } from "vitest"
import { type Host, host, issuer, letIn, type Program, register, type Tokens } from "../oauth/program.ts"
import { type Answer, call } from "../support/calls.ts"

const resource = `${issuer}/mcp`

/** Sends one message, as clients of 2025-11-25 do. */
function send(token: string, method: string, params: object = {}): Promise<Answer> {
  return call({ token }, "POST /mcp", {
    body: { jsonrpc: "2.0", id: 1, method, params },
    headers: { Accept: "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25" },
  })
}

async function admitted(change: Record<string, string>): Promise<{ ada: Host; robot: Program; tokens: Tokens }> {
  const [ada, robot] = [await host(), await register()]
  return { ada, robot, tokens: await letIn(ada, robot, change) }
}

async function toolNames(token: string): Promise<readonly string[]> {
  const { body } = await send(token, "tools/list")
  return body.result.tools.map(({ name }: { name: string }) => name)
}

describe("the metadata", () => {
  test("tells of the door as a resource of its own (RFC 9728 §3.1)", async () => {
    const { status, body } = await call(null, "GET /.well-known/oauth-protected-resource/mcp")
    expect([status, body.resource, body.authorization_servers]).toEqual([200, resource, [issuer]])
  })
})

describe("a token", () => {
  test("for this door opens it, and no other", async () => {
    const { tokens } = await admitted({ resource })
    expect((await send(tokens.access, "tools/list")).status).toBe(200)
    expect((await call({ token: tokens.access }, "GET /v1/tasks?limit=1")).status).toBe(401)
  })

  test("for the interface as a whole does not open it (RFC 8707 §2)", async () => {
    const { tokens } = await admitted({})
    expect((await call({ token: tokens.access }, "GET /v1/tasks?limit=1")).status).toBe(200)
    const refused = await send(tokens.access, "tools/list")
    expect(refused.status).toBe(401)
    expect(refused.headers.get("WWW-Authenticate")).toContain(`resource_metadata="${issuer}/.well-known/`)
  })

  test("of a grant that has ended opens nothing", async () => {
    const { ada, tokens } = await admitted({ resource })
    expect((await call(ada, `DELETE /v1/grants/${tokens.grant}`)).status).toBeLessThan(300)
    expect((await send(tokens.access, "tools/list")).status).toBe(401)
  })
})

describe("scopes", () => {
  test("list the tools that they reach, and no other", async () => {
    const { tokens } = await admitted({ resource, scope: "tasks:read" })
    const names = await toolNames(tokens.access)
    expect(names).toContain("tasks_list")
    expect(names.filter((name) => !name.startsWith("tasks_"))).toEqual([])
    expect(names).not.toContain("tasks_create")
    expect(names).not.toContain("preview_changes")
  })

  test("that do not reach a tool: the answer says which would, and nothing was written", async () => {
    const { tokens } = await admitted({ resource, scope: "tasks:read" })
    const arguments_ = { projectId: "project_01kaj700000000000000000001", title: "Not mine to make" }
    const refused = await send(tokens.access, "tools/call", { name: "tasks_create", arguments: arguments_ })
    expect(refused.status).toBe(403)
    const challenge = refused.headers.get("WWW-Authenticate") ?? ""
    expect(challenge).toContain('error="insufficient_scope"')
    expect(challenge).toContain('scope="tasks:write"')
    expect(refused.body.result).toMatchObject({ isError: true })
  })

  test("that reach writing reach trying, too", async () => {
    const { tokens } = await admitted({ resource, scope: "tasks:write" })
    expect(await toolNames(tokens.access)).toEqual(expect.arrayContaining(["preview_changes", "tasks_create"]))
  })
})
