/** Two workspaces: one whose members call, and one that they must never hear of. */
import { env } from "cloudflare:workers"
import type { Json } from "../../src/core/json.ts"
import type { Actor } from "../support/actors.ts"
import { must, newWorkspace, type Workspace } from "../support/workspace.ts"
import type { Caller } from "./requests.ts"

/** Tables of records, with the prefix of their ids. */
const tables = {
  members: "member",
  projects: "project",
  project_members: "pmember",
  tasks: "task",
  comments: "comment",
  shares: "share",
} as const

/** A workspace and the ids of everything in it, by prefix. */
export interface Place {
  readonly workspace: Workspace
  readonly ids: ReadonlyMap<string, string[]>
}

/** Builds a workspace with a few records of each kind; `mark` stands in every text of it. */
export async function newPlace(mark: string): Promise<Place> {
  const workspace = await newWorkspace()
  const { owner, editor, viewer, organizationId, projectId } = workspace
  await must(owner, `PATCH /v1/organizations/${organizationId}`, { name: mark })
  await must(owner, `PATCH /v1/projects/${projectId}`, { name: mark, description: mark })
  for (const n of [1, 2, 3]) {
    const values = { title: `${mark} ${n}`, body: mark, priority: n, assigneeId: n === 1 ? editor.id : null }
    const task = await must(editor, "POST /v1/tasks", { projectId, ...values })
    await must(viewer, "POST /v1/comments", { taskId: task.id, body: mark })
    if (n === 1) await must(editor, "POST /v1/shares", { taskId: task.id, userId: viewer.id, level: "view" })
  }
  return { workspace, ids: await idsOf(workspace) }
}

async function idsOf(workspace: Workspace): Promise<Map<string, string[]>> {
  const ids = new Map<string, string[]>([
    ["org", [workspace.organizationId]],
    ["user", [workspace.owner.id, workspace.editor.id, workspace.viewer.id]],
  ])
  for (const [table, prefix] of Object.entries(tables)) {
    const rows = await env.DB.prepare(`select "id" from "${table}" where "organizationId" = ?`)
      .bind(workspace.organizationId)
      .all<{ id: string }>()
    ids.set(
      prefix,
      rows.results.map((row) => row.id),
    )
  }
  return ids
}

/** Who is meant. */
export function actorOf(place: Place, caller: Caller): Actor | null {
  return caller === "nobody" ? null : place.workspace[caller]
}

/** A text with real ids in the place of `{{own:task:3}}` and the like; ids that the draft may not know become text. */
export function withIds(text: string, own: Place, foreign: Place): string {
  return text.replaceAll(/\{\{(own|foreign):(\w+):(\d+)\}\}/g, (_, whose: string, prefix: string, n: string) => {
    const ids = (whose === "own" ? own : foreign).ids.get(prefix) ?? []
    return ids[Number(n) % ids.length] ?? `${prefix}_01kaj700000000000000000000`
  })
}

/** The same for every text of a JSON value; `__proto__` stays a member. */
export function jsonWithIds(value: Json, own: Place, foreign: Place): Json {
  if (typeof value === "string") return withIds(value, own, foreign)
  if (Array.isArray(value)) return value.map((item: Json) => jsonWithIds(item, own, foreign))
  if (value === null || typeof value !== "object") return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, jsonWithIds(inner, own, foreign)]))
}

const sums = ["organizations", ...Object.keys(tables), "users"].map(
  (table) => `(select count(*) || '/' || total("version") from "${table}")`,
)
const fingerprintSql = `select ${[...sums, '(select max("sequence") from "events")', '(select count(*) from "idempotency")'].join(" || ' ' || ")} as f`

/** Rows and versions of every table in one text: another text means that something was written. */
export async function fingerprint(): Promise<string> {
  return String(await env.DB.prepare(fingerprintSql).first("f"))
}
