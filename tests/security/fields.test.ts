/** What may not be written is refused and what may not be read is absent, for every role; what proves a password is nowhere. */
import { env } from "cloudflare:workers"
import { beforeAll, describe, expect, test } from "vitest"
import { openApiDocument } from "../../src/api/rest/openapi.ts"
import { type Actor, newActor } from "../support/actors.ts"
import { administrator } from "../support/administrators.ts"
import { type Answer, call } from "../support/calls.ts"
import { letterTo, newAddress, type Person, session, signUp } from "../support/people.ts"
import { must, newWorkspace, type Workspace } from "../support/workspace.ts"
import { isolate, routes } from "./registered.ts"

let at: Workspace
/** A viewer of the project who is an administrator of the whole application. */
let root: Actor
const roles = ["owner", "editor", "viewer", "stranger", "administrator"] as const
type Role = (typeof roles)[number]
const actorOf = (role: Role): Actor => (role === "administrator" ? root : at[role])
/** One record of each noun that can be changed, by name of the resource. */
const records = new Map<string, string>()

beforeAll(async () => {
  at = await newWorkspace()
  root = await newActor("Root", ["admin"])
  const { projectId, organizationId, viewer, owner } = at
  await must(owner, "POST /v1/project_members", { projectId, userId: root.id, role: "viewer" })
  const task = await must(owner, "POST /v1/tasks", { projectId, title: "Open" })
  const member = await must(owner, "POST /v1/members", { organizationId, userId: viewer.id, role: "member" })
  const share = await must(owner, "POST /v1/shares", { taskId: task.id, userId: viewer.id, level: "view" })
  const comment = await must(owner, "POST /v1/comments", { taskId: task.id, body: "Here" })
  const { items } = (await call(owner, `GET /v1/project_members?projectId=${projectId}`)).body
  const ids = { organizations: organizationId, projects: projectId, tasks: task.id, comments: comment.id }
  for (const [name, id] of Object.entries({ ...ids, members: member.id, shares: share.id })) records.set(name, id)
  records.set("project_members", items.find(({ userId }: { userId: string }) => userId === viewer.id).id)
})

/** Columns that a verb of a resource does not take. */
function closedColumns(name: string, verb: "create" | "update"): string[] {
  const { operation } =
    routes.find(({ operation: { standard } }) => standard?.resource === name && standard.verb === verb) ?? {}
  const model = isolate.registry.models.get(name)
  if (!operation || !model) return []
  return [...model.columns.keys(), ...model.secrets.keys()].filter((key) => {
    // "version" guards a change and is not written.
    if (key === "version") return false
    const input =
      verb === "update" ? { id: records.get(name), patch: { [key]: null } } : { values: { [key]: null }, [key]: null }
    const parsed = operation.input.safeParse(input)
    return (
      !parsed.success &&
      parsed.error.issues.some((issue) => issue.code === "unrecognized_keys" && issue.keys.includes(key))
    )
  })
}

const changeable = routes.flatMap(({ operation: { standard } }) =>
  standard?.verb === "update" ? [standard.resource] : [],
)

describe("checklist 36: fields that may not be written", () => {
  test("there are such fields in every resource that can be changed", () => {
    expect(changeable.length).toBeGreaterThan(6)
    for (const name of changeable) {
      expect(records.get(name), name).toBeDefined()
      expect(closedColumns(name, "update"), name).toEqual(expect.arrayContaining(["id", "createdAt", "updatedAt"]))
    }
    expect(closedColumns("tasks", "update")).toEqual(expect.arrayContaining(["organizationId", "createdBy"]))
    expect(closedColumns("members", "update")).toEqual(expect.arrayContaining(["organizationId", "userId"]))
  })

  test.each(changeable.flatMap((name) => roles.map((role) => [name, role] as const)))(
    "of %s are refused by name to %s, and nothing is changed",
    async (name, role) => {
      const id = records.get(name)
      const table = isolate.registry.models.get(name)?.table ?? ""
      const row = () => env.DB.prepare(`select * from "${table}" where "id" = ?`).bind(id).first()
      const before = await row()
      for (const key of closedColumns(name, "update")) {
        const answer = await call(actorOf(role), `PATCH /v1/${name}/${id}`, { body: { [key]: at.stranger.id } })
        expect([key, answer.status, answer.body.violations?.[0]?.path]).toEqual([key, 400, `/${key}`])
      }
      expect(await row()).toEqual(before)
    },
  )

  test.each(roles)("an administrators' field is refused to %s, unless they are one who may edit", async (role) => {
    const body = { internalNote: "the customer is difficult" }
    const answer = await call(actorOf(role), `PATCH /v1/tasks/${records.get("tasks")}`, { body })
    const expected = role === "stranger" ? [404, "NOT_FOUND"] : [403, "PERMISSION_DENIED"]
    expect([answer.status, answer.body.code]).toEqual(expected)
  })

  test("stamps are the engine's: what a caller says of them at creation is refused", async () => {
    const { projectId } = at
    for (const key of ["id", "createdBy", "organizationId", "createdAt", "updatedAt"]) {
      const body = { projectId, title: "Mine", [key]: at.stranger.id }
      expect((await call(at.owner, "POST /v1/tasks", { body })).status, key).toBe(400)
    }
  })
})

describe("checklist 36: fields that may not be read", () => {
  const secret = "the customer is difficult"
  beforeAll(async () => {
    await env.DB.prepare('update "tasks" set "internalNote" = ? where "id" = ?')
      .bind(secret, records.get("tasks"))
      .run()
  })

  test.each(["owner", "editor", "viewer"] as const)(
    "are absent for %s: in the record, in lists, in what is expanded",
    async (role) => {
      const who = at[role]
      const id = records.get("tasks")
      const lines = [
        `GET /v1/tasks/${id}`,
        `GET /v1/tasks?projectId=${at.projectId}`,
        `GET /v1/comments?taskId=${id}&expand=task`,
        `GET /v1/projects/${at.projectId}?expand=tasks`,
      ]
      for (const line of lines) {
        const { status, body } = await call(who, line)
        expect([line, status]).toEqual([line, 200])
        expect(JSON.stringify(body)).toContain(String(id))
        expect(JSON.stringify(body), line).not.toContain("internalNote")
        expect(JSON.stringify(body), line).not.toContain(secret)
      }
    },
  )

  test("nor can they be asked about: filtered, sorted, grouped; chosen, they stay absent", async () => {
    for (const query of ["internalNote=x", "internalNote[startsWith]=the", "sort=internalNote"]) {
      const answer = await call(at.owner, `GET /v1/tasks?${query}`)
      expect([query, answer.status]).toEqual([query, 400])
    }
    expect((await call(at.owner, "GET /v1/tasks/aggregate?group=internalNote")).status).toBe(400)
    const chosen = await call(at.owner, `GET /v1/tasks/${records.get("tasks")}?fields=id,internalNote`)
    expect(chosen.status).toBe(200)
    expect(JSON.stringify(chosen.body)).not.toContain(secret)
    expect(chosen.body).not.toHaveProperty("internalNote")
  })

  test("an administrator reads them", async () => {
    expect((await call(root, `GET /v1/tasks/${records.get("tasks")}`)).body.internalNote).toBe(secret)
  })
})

describe("checklist 36: what proves a password stands in no answer, no event and no document", () => {
  const seen: Answer[] = []
  let ada: Person
  let sealed: string[]
  beforeAll(async () => {
    const keep = async (answer: Promise<Answer>) => {
      seen.push(await answer)
      return seen.at(-1) as Answer
    }
    const admin = await administrator()
    const newcomer = newAddress("Ada")
    await keep(signUp(newcomer))
    const { token } = (await letterTo(newcomer.email, "Confirm")).action
    await keep(call(null, "POST /v1/auth/verify-email", { body: { token }, headers: newcomer.headers }))
    ada = await session(newcomer)
    sealed = [
      String(
        await env.DB.prepare('select "passwordSealed" from "users" where "id" = ?')
          .bind(ada.id)
          .first("passwordSealed"),
      ),
    ]
    const password = "another sentence altogether"
    await keep(call(ada, "POST /v1/auth/change-password", { body: { currentPassword: ada.password, password } }))
    sealed.push(
      String(
        await env.DB.prepare('select "passwordSealed" from "users" where "id" = ?')
          .bind(ada.id)
          .first("passwordSealed"),
      ),
    )
    for (const line of [
      "GET /v1/me",
      "GET /v1/me/export",
      "GET /v1/users",
      `GET /v1/users/${ada.id}`,
      "GET /v1/sessions",
    ])
      expect((await keep(call(ada, line))).status, line).toBe(200)
    await keep(call(ada, "PATCH /v1/me", { body: { name: "Ada L." } }))
    for (const line of ["GET /v1/users?limit=100", `GET /v1/users/${ada.id}?fields=id,name`])
      expect((await keep(call(admin, line))).status, line).toBe(200)
    await keep(call(admin, `PUT /v1/users/${ada.id}/roles`, { body: { roles: ["reviewer"] } }))
    await keep(call(admin, `POST /v1/users/${ada.id}/impersonate`, { body: { reason: "looking into ticket 4711" } }))
    await keep(call(admin, `POST /v1/users/${ada.id}/disable`, { body: {} }))
    await keep(call(admin, `POST /v1/users/${ada.id}/enable`, { body: {} }))
    await keep(call(admin, `GET /v1/users/${ada.id}?fields=passwordSealed`))
  })

  test("in no answer", () => {
    expect(seen.length).toBeGreaterThan(12)
    expect(sealed[0]).toMatch(/^s1\./)
    expect(sealed[1]).not.toBe(sealed[0])
    for (const { body, status } of seen.slice(0, -1)) {
      expect(status, JSON.stringify(body)).toBeLessThan(300)
      for (const text of ["passwordSealed", "argon2", ...sealed]) expect(JSON.stringify(body)).not.toContain(text)
    }
    // Asked for by name, it is a field that there is not.
    const last = seen.at(-1)
    expect(last?.status).toBe(400)
    for (const text of sealed) expect(JSON.stringify(last?.body)).not.toContain(text)
  })

  test("in no event", async () => {
    const { results } = await env.DB.prepare('select * from "events" where "record" = ?').bind(ada.id).all()
    expect(results.map(({ operation }) => operation)).toEqual(
      expect.arrayContaining(["auth.signUp", "auth.changePassword"]),
    )
    for (const text of ["argon2", ...sealed]) expect(JSON.stringify(results)).not.toContain(text)
    for (const { before, after } of results) expect(`${before}${after}`).not.toContain("passwordSealed")
  })

  test("in no document", async () => {
    expect(JSON.stringify(openApiDocument(isolate.registry))).not.toContain("passwordSealed")
    expect(JSON.stringify((await call(null, "GET /openapi.json")).body)).not.toContain("passwordSealed")
  })
})
