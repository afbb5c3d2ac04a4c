/** A workspace of a test's own: an organization, a project, and people in every place of it. */
import { env } from "cloudflare:workers"
import { type Actor, newActor } from "./actors.ts"
import { call } from "./calls.ts"

/** Who is who, and what there is. */
export interface Workspace {
  readonly organizationId: string
  readonly projectId: string
  /** Owns the organization, administers the project. */
  readonly owner: Actor
  /** Edits the project. */
  readonly editor: Actor
  /** Sees the project. */
  readonly viewer: Actor
  /** Has an account and nothing else here. */
  readonly stranger: Actor
}

/** Expects a status and gives the body. For the steps that lead to a test, not for what it tests. */
export async function must(
  actor: Actor | null,
  line: string,
  body?: unknown,
): Promise<Record<string, never> & { id: string; version: number }> {
  const answer = await call(actor, line, body === undefined ? {} : { body })
  if (answer.status >= 300) throw new Error(`${line} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
  return answer.body
}

/** Builds one through the API, as its owner would. */
export async function newWorkspace(): Promise<Workspace> {
  const [owner, editor, viewer, stranger] = await Promise.all(
    ["owner", "editor", "viewer", "stranger"].map((name) => newActor(name)),
  )
  if (!owner || !editor || !viewer || !stranger) throw new Error("unreachable")
  const organization = await must(owner, "POST /v1/organizations", { name: "Acme" })
  const project = await must(owner, "POST /v1/projects", { organizationId: organization.id, name: "Launch" })
  await must(owner, "POST /v1/project_members", { projectId: project.id, userId: editor.id, role: "editor" })
  await must(owner, "POST /v1/project_members", { projectId: project.id, userId: viewer.id, role: "viewer" })
  return { organizationId: organization.id, projectId: project.id, owner, editor, viewer, stranger }
}

/** Events of one record, oldest first. */
export async function eventsOf(record: string) {
  const { results } = await env.DB.prepare('select * from "events" where "record" = ? order by "sequence"')
    .bind(record)
    .all()
  return results
}

/** Rows in a table, for the tests that say that nothing was written. */
export async function rowCount(table: string): Promise<number> {
  return (await env.DB.prepare(`select count(*) as n from "${table}"`).first<number>("n")) ?? 0
}
