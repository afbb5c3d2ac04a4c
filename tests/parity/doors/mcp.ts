/** Tools through the official client: one connection for each caller. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { toolName } from "../../../src/api/mcp/tools.ts"
import type { JsonObject } from "../../../src/core/json.ts"
import { type Call, type DoorClient, type Ending, patienceMs, type Told } from "./door.ts"

const names = "dev.selvage/"

function toldBy(meta: JsonObject, problem: JsonObject, description: string): Told {
  const limits = (meta[`${names}limits`] ?? []) as unknown as Told["limits"]
  return {
    requestId: (meta[`${names}requestId`] as string | undefined) ?? null,
    bookmark: (meta[`${names}bookmark`] as string | undefined) ?? null,
    replayed: meta[`${names}replayed`] === true,
    limits: limits.map(({ name, remaining }) => ({ name, remaining })),
    retryAfter: (problem.retryAfter as number | undefined) ?? null,
    deprecated: description.includes("Deprecated since "),
  }
}

/** Whoever is not let in is told over HTTP, before MCP. */
function turnedAway(thrown: unknown): Ending {
  const text = String((thrown as Error).message)
  const data = (thrown as { data?: { text?: string } }).data?.text ?? text
  const code = /"code":"([A-Z_]+)"/.exec(data)?.[1]
  const requestId = /"requestId":"([^"]+)"/.exec(data)?.[1] ?? null
  if (code === undefined) throw thrown
  const told = { ...toldBy({}, {}, ""), requestId }
  return { code, detail: text, violations: [], told }
}

/** The client. `describes`: asks for the list of tools first, so that the client holds every answer against its schema. */
export function mcpClient(origin: string, describes: boolean): DoorClient {
  type Connected = { readonly client: Client; readonly descriptions: ReadonlyMap<string, string> }
  const clients = new Map<string | null, Promise<Connected | Ending>>()
  const connect = async (token: string | null): Promise<Connected | Ending> => {
    const client = new Client({ name: "parity", version: "1" }, { versionNegotiation: { mode: "auto" } } as never)
    const headers: Record<string, string> = token === null ? {} : { Authorization: `Bearer ${token}` }
    try {
      await client.connect(new StreamableHTTPClientTransport(new URL(`${origin}/mcp`), { requestInit: { headers } }))
    } catch (thrown) {
      return turnedAway(thrown)
    }
    const { tools } = describes ? await client.listTools() : { tools: [] }
    return { client, descriptions: new Map(tools.map((tool) => [tool.name, tool.description ?? ""])) }
  }
  return {
    name: "mcp",
    isExact: true,
    serves: ({ kind, confidential }) => kind !== "subscription" && !confidential,
    async call({ token, operation, input, idempotencyKey, bookmark }: Call): Promise<Ending> {
      const known = clients.get(token) ?? connect(token)
      clients.set(token, known)
      const connected = await known
      if ("code" in connected) return connected
      const name = toolName(operation.name)
      const _meta = {
        ...(idempotencyKey === undefined ? {} : { [`${names}idempotencyKey`]: idempotencyKey }),
        ...(bookmark === undefined ? {} : { [`${names}bookmark`]: bookmark }),
      }
      const args = { name, arguments: input as never, ...(Object.keys(_meta).length === 0 ? {} : { _meta }) }
      const result = await connected.client.callTool(args as never, { timeout: patienceMs })
      const meta = (result._meta ?? {}) as JsonObject
      const problem = (meta[`${names}problem`] ?? {}) as JsonObject
      const told = toldBy(meta, problem, connected.descriptions.get(name) ?? "")
      if (result.isError)
        return {
          code: String(problem.code),
          detail: String(problem.detail),
          violations: (problem.violations ?? []) as never,
          told,
        }
      const { outputType } = operation
      const content = result.structuredContent as JsonObject
      const isObject = outputType.shape.type === "object" || outputType.shape.type === "map"
      return { code: "OK", value: (isObject ? content : content.result) as never, told }
    },
    async close() {
      for (const one of clients.values()) {
        const connected = await one
        if ("client" in connected) await connected.client.close()
      }
    },
  }
}
