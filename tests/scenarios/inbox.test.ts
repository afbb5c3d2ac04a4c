/** Notifications over HTTP: an assignment is told to whom it concerns, once, and mailed when nobody looks. */
import { env } from "cloudflare:workers"
import { describe, expect, test } from "vitest"
import type { FeedObject } from "../../src/core/feed-object.ts"
import { feedObjectName } from "../../src/server/keys.ts"
import { call } from "../support/calls.ts"
import { lettersTo, letterTo, type Person, person } from "../support/people.ts"
import { must, newWorkspace, type Workspace } from "../support/workspace.ts"

interface Team extends Workspace {
  readonly ada: Person
  readonly taskId: string
}

/** A workspace with a member who has a mailbox, and a task. */
async function newTeam(): Promise<Team> {
  const [workspace, ada] = await Promise.all([newWorkspace(), person("Ada")])
  const { organizationId, projectId, owner } = workspace
  await must(owner, "POST /v1/members", { organizationId, userId: ada.id })
  const { id: taskId } = await must(owner, "POST /v1/tasks", { projectId, title: `Weave ${crypto.randomUUID()}` })
  return { ...workspace, ada, taskId }
}

const assign = ({ owner, taskId }: Team, userId: string) =>
  call(owner, `PUT /v1/tasks/${taskId}/assignee`, { body: { userId } })

/** The inbox once it has that many notifications. */
async function inbox(who: Person, count: number) {
  for (let turn = 0; ; turn++) {
    const { status, body } = await call(who, "GET /v1/inbox")
    if (status !== 200 || body.items.length >= count || turn === 200) return body
    await scheduler.wait(20)
  }
}

/** Jobs of the inbox that wait for one person, by what their subject says. */
async function waiting(prefix: string): Promise<number> {
  const sql = `select count(*) as n from "outbox" where "subject" like ? || '%'`
  return (await env.DB.prepare(sql).bind(prefix).first<number>("n")) ?? 0
}

/** Lets a quarter of an hour pass for every letter that waits for its notification to be seen. */
async function passTime(): Promise<void> {
  const due = new Date(Date.now() - 1000).toISOString()
  await env.DB.prepare(`update "outbox" set "notBefore" = ?1, "dueAt" = ?1 where "subject" like 'inbox.mail/%'`)
    .bind(due)
    .run()
  await (env.FEED.getByName(feedObjectName) as unknown as FeedObject).poke()
  for (let turn = 0; turn < 300 && (await waitingDue()) > 0; turn++) await scheduler.wait(20)
}

async function waitingDue(): Promise<number> {
  const sql = `select count(*) as n from "outbox" where "subject" like 'inbox.mail/%' and "notBefore" <= ?`
  return (await env.DB.prepare(sql).bind(new Date().toISOString()).first<number>("n")) ?? 0
}

describe("an assignment", () => {
  test("is told to whoever it was given, and to nobody else", async () => {
    const team = await newTeam()
    const { ada, owner, taskId } = team
    expect(await assign(team, ada.id)).toMatchObject({ status: 200, body: { assigneeId: ada.id } })
    const { items, unread } = await inbox(ada, 1)
    expect(items).toMatchObject([
      {
        kind: "task.assigned",
        title: expect.stringContaining("Assigned to you: Weave"),
        data: { id: taskId },
        readAt: null,
      },
    ])
    expect(unread).toBe(1)
    expect((await call(owner, "GET /v1/inbox")).body.items).toEqual([])
    expect((await call(null, "GET /v1/inbox")).status).toBe(401)
  })

  test("to oneself is not told", async () => {
    const team = await newTeam()
    expect((await assign(team, team.owner.id)).status).toBe(200)
    expect(await waiting(`inbox.deliver/${team.owner.id}`)).toBe(0)
  })

  test("to somebody outside the organization is refused: nobody is told by a stranger", async () => {
    const team = await newTeam()
    const { status, body } = await assign(team, team.stranger.id)
    expect([status, body.code]).toEqual([400, "FAILED_PRECONDITION"])
    expect(await waiting(`inbox.deliver/${team.stranger.id}`)).toBe(0)
    expect((await must(team.owner, `GET /v1/tasks/${team.taskId}`)) as object).toMatchObject({ assigneeId: null })
  })

  test("by somebody who may not change the task leaves nothing", async () => {
    const team = await newTeam()
    await must(team.owner, "POST /v1/members", { organizationId: team.organizationId, userId: team.viewer.id })
    const answer = await call(team.viewer, `PUT /v1/tasks/${team.taskId}/assignee`, { body: { userId: team.ada.id } })
    expect(answer.status).toBe(403)
    expect(await waiting(`inbox.deliver/${team.ada.id}`)).toBe(0)
  })
})

describe("what is told", () => {
  test("is marked as read by name or all at once, and counted", async () => {
    const team = await newTeam()
    const { ada } = team
    await assign(team, ada.id)
    const { items } = await inbox(ada, 1)
    const read = await call(ada, "POST /v1/inbox/read", { body: { ids: [items[0].id] } })
    expect(read).toMatchObject({ status: 200, body: { read: 1 } })
    expect((await call(ada, "GET /v1/inbox?unread=true")).body).toMatchObject({ items: [], unread: 0 })
    expect((await call(ada, "POST /v1/inbox/read", { body: {} })).body).toEqual({ read: 0 })
  })

  test("is mailed when nobody has looked, and not when somebody has or wants no letters", async () => {
    const [unseen, seen, silent] = await Promise.all([newTeam(), newTeam(), newTeam()])
    const preference = await call(silent.ada, "PUT /v1/inbox/preferences", { body: { mail: "never" } })
    expect(preference).toMatchObject({ status: 200, body: { mail: "never" } })
    for (const team of [unseen, seen, silent]) await assign(team, team.ada.id)
    await inbox(seen.ada, 1)
    for (const { ada } of [unseen, silent])
      for (let turn = 0; turn < 200 && (await waiting(`inbox.deliver/${ada.id}`)) > 0; turn++) await scheduler.wait(20)
    expect((await lettersTo(unseen.ada.email)).map(({ subject }) => subject)).not.toContainEqual(
      expect.stringContaining("Assigned"),
    )
    await passTime()
    expect((await letterTo(unseen.ada.email, "Assigned to you: Weave")).text).toContain("Workspace")
    for (const { ada } of [seen, silent])
      expect((await lettersTo(ada.email)).filter(({ subject }) => subject.startsWith("Assigned"))).toEqual([])
  })

  test.each([{ mail: "always" }, {}, { mail: "never", more: 1 }])("refuses the preference %j", async (body) => {
    const ada = await person("Ada")
    expect((await call(ada, "PUT /v1/inbox/preferences", { body })).status).toBe(400)
    expect((await call(ada, "GET /v1/inbox/preferences")).body).toEqual({ mail: "unseen" })
  })
})
