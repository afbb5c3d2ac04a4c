/** A program that has to ask before it changes anything, the person who is asked, and what each does in its turn. */
import { type Host, host, issuer, letIn, type Program, register, type Tokens } from "../oauth/program.ts"
import { type Answer, call } from "../support/calls.ts"
import { must } from "../support/workspace.ts"

/** Where a program may ask, and what may come of it. */
export interface Asking {
  readonly ada: Host
  readonly robot: Program
  readonly tokens: Tokens
  readonly projectId: string
  readonly organizationId: string
}

const resource = `${issuer}/mcp`

/** A person with a project of her own, and a program that she has let in under these terms. */
export async function asking(
  change: Record<string, string> = { resource },
  terms: Record<string, string> = { approval: "yes" },
): Promise<Asking> {
  const [ada, robot] = await Promise.all([host(), register()])
  const owner = { ...ada, name: "Ada" }
  const organization = await must(owner, "POST /v1/organizations", { name: "Acme" })
  const project = await must(owner, "POST /v1/projects", { organizationId: organization.id, name: "Launch" })
  const tokens = await letIn(ada, robot, { scope: "tasks:write", ...change }, terms)
  return { ada, robot, tokens, projectId: project.id, organizationId: organization.id }
}

/** Calls a tool, as clients of 2025-11-25 do; gives its result. */
export async function tool(token: string, name: string, given: object, meta?: object): Promise<Answer["body"]> {
  const params = { name, arguments: given, ...(meta === undefined ? {} : { _meta: meta }) }
  const { status, body } = await call({ token }, "POST /mcp", {
    body: { jsonrpc: "2.0", id: 1, method: "tools/call", params },
    headers: { Accept: "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25" },
  })
  if (body?.result === undefined) throw new Error(`${name} answered ${status}: ${JSON.stringify(body)}`)
  return body.result
}

/** The problem in a result; null in one of success. */
export function problemIn(result: Answer["body"]) {
  return result.isError ? result._meta["dev.selvage/problem"] : null
}

/** Makes a task; gives the result. */
export function makeTask({ tokens, projectId }: Asking, title: string, meta?: object) {
  return tool(tokens.access, "tasks_create", { projectId, title }, meta)
}

/** Asks to make a task; gives the id of the approval that it waits for. */
export async function askFor(at: Asking, title: string): Promise<string> {
  const problem = problemIn(await makeTask(at, title))
  if (problem?.approval === undefined) throw new Error(`It does not wait: ${JSON.stringify(problem)}`)
  return problem.approval.id
}

/** Answers a question over the API. */
export function decide(who: { token: string }, id: string, decision: "grant" | "refuse"): Promise<Answer> {
  return call(who, `POST /v1/approvals/${id}/decision`, { body: { decision } })
}

/** Titles of the tasks of the project, as she sees them herself. */
export async function titlesIn({ ada, projectId }: Asking): Promise<readonly string[]> {
  const { body } = await call(ada, `GET /v1/tasks?projectId=${projectId}&limit=100`)
  return body.items.map(({ title }: { title: string }) => title).sort()
}
