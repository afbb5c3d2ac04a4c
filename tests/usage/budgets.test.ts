/** A budget that is spent stops what it bounds, at every door, with nothing written; whoever has no part in it goes on. */
import { env } from "cloudflare:workers"
import { beforeAll, describe, expect, test } from "vitest"
import type { UsageOptions } from "../../src/core/usage.ts"
import { type Actor, mintToken, newActor } from "../support/actors.ts"
import { tryConnect } from "../support/live.ts"
import { type Person, person } from "../support/people.ts"
import { type Serving, watched } from "../support/serving.ts"
import { must, newWorkspace, rowCount, type Workspace } from "../support/workspace.ts"
import { meterOf, under, usedBy } from "./world.ts"

const dayMs = 86_400_000
const today = Date.parse(new Date().toISOString().slice(0, 10))
/** An instant of today, so many milliseconds after it began. */
const at00 = (milliseconds: number) => new Date(today + milliseconds)
/** The same person, with a token for clocks that are moved. */
const lasting = async ({ id }: Actor) => ({ token: await mintToken(id, { expiresIn: 30 * 86_400 }) })
const organization = (rowsRead: number, rowsWritten: number): UsageOptions => ({
  budgets: { organization: { rowsRead, rowsWritten } },
})
const wide = organization(1_000_000, 100_000)

/** Has an organization's object believe that this much was used. */
const use = (id: string, rowsRead: number, rowsWritten = 0, kind: "organization" | "key" | "user" = "organization") =>
  meterOf(kind, id).report({
    reporter: crypto.randomUUID(),
    number: 1,
    day: new Date().toISOString().slice(0, 10),
    figures: { calls: 1, rowsRead, rowsWritten, estimate: 0 },
    budget: null,
  })

const newTask = (served: Serving, at: Workspace, title = "Task") =>
  served.call(at.owner, "POST /v1/tasks", { body: { projectId: at.projectId, title } })
const list = (served: Serving, at: Workspace, who: { readonly token: string } = at.owner) =>
  served.call(who, `GET /v1/tasks?organizationId=${at.organizationId}`)

describe("of an organization", () => {
  test("rows written: changes are refused, nothing of them is written, reads go on", async () => {
    const at = await newWorkspace()
    const task = await must(at.owner, "POST /v1/tasks", { projectId: at.projectId, title: "One" })
    await use(at.organizationId, 0, 100)
    const served = under(organization(1_000_000, 100))
    const before = [await rowCount("tasks"), await rowCount("events"), await rowCount("outbox")]
    const attempts = [
      await newTask(served, at),
      await served.call(at.owner, `PATCH /v1/tasks/${task.id}`, { body: { title: "Two" } }),
      await served.call(at.owner, `DELETE /v1/tasks/${task.id}`),
      await served.call(at.owner, `POST /v1/tasks/${task.id}/completion`, { body: {} }),
      await served.call(at.owner, `PATCH /v1/organizations/${at.organizationId}`, { body: { name: "New" } }),
    ]
    expect(attempts.map(({ status, body }) => [status, body.type])).toEqual(
      attempts.map(() => [429, "urn:selvage:problem:budget-exhausted"]),
    )
    expect([await rowCount("tasks"), await rowCount("events"), await rowCount("outbox")]).toEqual(before)
    expect((await list(served, at)).status).toBe(200)
    expect((await served.call(at.owner, `GET /v1/tasks/${task.id}`)).body.title).toBe("One")
  })

  test("rows read: everything is refused, saying whose budget, how much and when it renews", async () => {
    const at = await newWorkspace()
    const now = at00(23 * 3_600_000)
    const owner = await lasting(at.owner)
    await use(at.organizationId, 500)
    const served = under(organization(500, 100), { now: () => now })
    const refused = await list(served, at, owner)
    const midnight = at00(dayMs).toISOString()
    expect(refused.status).toBe(429)
    expect(refused.headers.get("Retry-After")).toBe("3600")
    expect(refused.body).toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      title: "The budget of the day is spent",
      detail: `The budget of organization ${at.organizationId} is spent: 500 rows read a day; it renews at ${midnight}`,
      retryAfter: 3600,
    })
    const write = await served.call(owner, "POST /v1/tasks", { body: { projectId: at.projectId, title: "Too much" } })
    expect(write.status).toBe(429)
    // What is not for the organization goes on, and so does whoever is to see what is the matter.
    expect((await served.call(owner, "GET /v1/me")).status).toBe(200)
    expect((await served.call(owner, `GET /v1/usage?organizationId=${at.organizationId}`)).body.left.rowsRead).toBe(0)
    const { id } = await newActor("Root", ["admin"])
    await must(at.owner, "POST /v1/members", { organizationId: at.organizationId, userId: id })
    const root = { token: await mintToken(id, { roles: ["admin"], expiresIn: 30 * 86_400 }) }
    expect((await list(served, at, root)).status).toBe(200)
  })

  test("runs out while it is used, and is overdrawn by no more than the last call", async () => {
    const at = await newWorkspace()
    const spent = (await must(at.owner, `GET /v1/usage?organizationId=${at.organizationId}`)) as never as {
      rowsWritten: number
    }
    const most = spent.rowsWritten + 60
    const served = under(organization(1_000_000, most))
    let last = 201
    let made = 0
    for (; last === 201 && made < 100; made++) last = (await newTask(served, at, `Task ${made}`)).status
    expect([last, made > 1 && made < 60]).toEqual([429, true])
    await served.settled()
    const { rowsWritten } = await usedBy("organization", at.organizationId)
    expect(rowsWritten).toBeGreaterThanOrEqual(most)
    expect(rowsWritten).toBeLessThan(most + 60 / (made - 1) + 10)
  })

  test("over a WebSocket as over REST: a watch that begins is refused, with its problem", async () => {
    const at = await newWorkspace()
    // The object of the tests' own Worker holds the sockets, under the reference application's budget.
    await use(at.organizationId, 5_000_000)
    const connection = await tryConnect(at.owner)
    if ("status" in connection) throw new Error("unreachable")
    const wanted = { filter: { organizationId: at.organizationId } }
    await expect(connection.call("tasks.watch", wanted)).rejects.toMatchObject({
      message: expect.stringMatching(/^The budget of organization .* is spent: 5000000 rows read a day/),
      data: {
        code: "RESOURCE_EXHAUSTED",
        type: "urn:selvage:problem:budget-exhausted",
        retryAfter: expect.any(Number),
      },
    })
    expect(connection.notices).toEqual([])
    connection.close()
  })

  test("what a watch reads when it begins is counted", async () => {
    const at = await newWorkspace()
    for (let n = 0; n < 5; n++) await must(at.owner, "POST /v1/tasks", { projectId: at.projectId, title: `Task ${n}` })
    const connection = await tryConnect(at.owner)
    if ("status" in connection) throw new Error("unreachable")
    await connection.call("tasks.watch", { filter: { organizationId: at.organizationId } })
    let rowsRead = 0
    for (let turn = 0; turn < 100 && rowsRead === 0; turn++) {
      await scheduler.wait(20)
      rowsRead = (await usedBy("organization", at.organizationId)).rowsRead
    }
    expect(rowsRead).toBeGreaterThanOrEqual(5)
    connection.close()
  })
})

describe("the day", () => {
  test("after it the budget is whole again; a clock that goes back gives nothing", async () => {
    const at = await newWorkspace()
    const owner = await lasting(at.owner)
    const narrow = organization(60, 100_000)
    let now = at00(dayMs / 2)
    const served = under(narrow, { now: () => now })
    const status = async (instant: Date) => {
      now = instant
      return (await list(served, at, owner)).status
    }
    while ((await list(served, at, owner)).status === 200) await served.settled()
    expect(await status(at00(dayMs - 1))).toBe(429)
    expect(await status(at00(-dayMs / 2))).toBe(429)
    expect(await status(at00(dayMs))).toBe(200)
    await served.settled()
    const series = () => meterOf("organization", at.organizationId).days("2000-01-01", "2100-01-01")
    const days = await series()
    expect(days.map(({ day }) => day)).toEqual([at00(0), at00(dayMs)].map((one) => one.toISOString().slice(0, 10)))
    // Another isolate, a day behind: it spends of the new day, and the old one stays as it was.
    const behind = under(narrow, { now: () => at00(dayMs / 2) })
    while ((await list(behind, at, owner)).status === 200) await behind.settled()
    expect((await series())[0]).toEqual(days[0])
    expect((await list(under(narrow, { now: () => at00(dayMs + 1) }), at, owner)).status).toBe(429)
  })
})

describe("somebody of two organizations, one of which has spent its budget", () => {
  test("goes on in the other: by its records, by its name, not by a list of everything", async () => {
    const at = await newWorkspace()
    const { id: other } = await must(at.owner, "POST /v1/organizations", { name: "Elsewhere" })
    const { id: projectId } = await must(at.owner, "POST /v1/projects", { organizationId: other, name: "Other" })
    const theirs = await must(at.owner, "POST /v1/tasks", { projectId, title: "Theirs" })
    const ours = await must(at.owner, "POST /v1/tasks", { projectId: at.projectId, title: "Ours" })
    await use(at.organizationId, 1_000_000)
    const served = under(wide)
    expect((await list(served, at)).status).toBe(429)
    const status = async (line: string, body?: object) =>
      (await served.call(at.owner, line, body === undefined ? {} : { body })).status
    expect(await status(`GET /v1/tasks?organizationId=${other}`)).toBe(200)
    expect(await status(`GET /v1/tasks/${theirs.id}`)).toBe(200)
    expect(await status(`PATCH /v1/tasks/${theirs.id}`, { priority: 1 })).toBe(200)
    expect(await status(`GET /v1/tasks/${ours.id}`)).toBe(429)
    expect(await status(`GET /v1/tasks/${ours.id}?fields=title`)).toBe(429)
    expect(await status(`DELETE /v1/tasks/${ours.id}`)).toBe(429)
    const patches = [theirs, ours].map(({ id }) => ({ op: "update", id, patch: { priority: 2 } }))
    expect(await status("POST /v1/tasks/batch", { records: patches })).toBe(429)
    expect(await status("POST /v1/tasks/batch", { records: patches.slice(0, 1) })).toBe(200)
    const everything = await served.call(at.owner, "GET /v1/tasks")
    expect(everything.status).toBe(429)
    expect(everything.body.detail).toMatch(/Name another organization to go on in that one$/)
    expect((await must(at.owner, `GET /v1/tasks/${ours.id}`)).version).toBe(1)
  })
})

describe("whoever has no part in it", () => {
  test("a stranger is not stopped by it, and cannot find out that it is spent", async () => {
    const at = await newWorkspace()
    await use(at.organizationId, 1_000_000)
    const calls: string[] = []
    const served = under(
      wide,
      {},
      watched("METER", (_, object) => void calls.push(object)),
    )
    expect((await list(served, at, at.stranger)).body).toMatchObject({ items: [] })
    await served.settled()
    // Naming one does not even wake its object.
    expect(calls).toEqual([])
  })
})

describe("of a key, and of a user", () => {
  let ada: Person
  let place: { organizationId: string; projectId: string }
  beforeAll(async () => {
    ada = await person("Ada")
    const { id: organizationId } = await must(ada, "POST /v1/organizations", { name: "Acme" })
    const { id: projectId } = await must(ada, "POST /v1/projects", { organizationId, name: "Launch" })
    place = { organizationId, projectId }
  })
  const newKey = () =>
    must(ada, "POST /v1/api-keys", { name: "Key", scopes: ["*:write"] }) as never as Promise<{
      id: string
      key: string
    }>

  test("a key stops with its budget, its owner and other keys go on", async () => {
    const [one, other] = [await newKey(), await newKey()]
    const served = under({ budgets: { key: { rowsRead: 1_000_000, rowsWritten: 30 } } })
    const write = (token: string) =>
      served.call({ token }, "POST /v1/tasks", { body: { projectId: place.projectId, title: "By a program" } })
    expect((await write(one.key)).status).toBe(201)
    await served.settled()
    await use(one.id, 0, 30, "key")
    const late = under({ budgets: { key: { rowsRead: 1_000_000, rowsWritten: 30 } } })
    const refused = await late.call({ token: one.key }, "POST /v1/tasks", {
      body: { projectId: place.projectId, title: "Too much" },
    })
    expect([refused.status, refused.body.detail]).toEqual([429, expect.stringContaining(`API key ${one.id} is spent`)])
    expect((await late.call({ token: one.key }, "GET /v1/tasks")).status).toBe(200)
    expect((await write(other.key)).status).toBe(201)
    expect((await write(ada.token)).status).toBe(201)
    await served.settled()
    const tasks = await env.DB.prepare('select count(*) as n from "tasks" where "title" = ?')
      .bind("Too much")
      .first("n")
    expect(tasks).toBe(0)
  })

  test("a user's bounds what no organization pays for, and never what keeps an account safe", async () => {
    const at = await newWorkspace()
    const served = under({ budgets: { user: { rowsRead: 1000, rowsWritten: 1000 } } })
    // Sees projects of the organization and belongs to none.
    expect((await served.call(at.editor, "GET /v1/tasks")).status).toBe(200)
    await served.settled()
    expect((await usedBy("user", at.editor.id)).calls).toBe(1)
    await use(ada.id, 1000, 0, "user")
    const late = under({ budgets: { user: { rowsRead: 1000, rowsWritten: 1000 } } })
    expect((await late.call(ada, "GET /v1/tasks")).status).toBe(429)
    expect((await late.call(ada, "GET /v1/me")).status).toBe(200)
    expect((await late.call(ada, "POST /v1/sessions/revoke-others")).status).toBeLessThan(300)
    expect((await late.call(ada, "GET /v1/usage")).body.left).toEqual({ rowsRead: 0, rowsWritten: 1000 })
  })
})

describe("a meter that cannot be reached", () => {
  const broken = watched("METER", () => {
    throw new Error("Network connection lost")
  })
  test("lets nobody through of whose organization an isolate knows nothing, and says that it is not the caller's fault", async () => {
    const at = await newWorkspace()
    const served = under(wide, {}, broken)
    const refused = await list(served, at)
    expect(refused.status).toBe(503)
    expect(refused.body).toMatchObject({
      code: "UNAVAILABLE",
      detail: "What is left of the budget cannot be found out right now",
    })
    expect(refused.headers.get("Retry-After")).toBe("1")
    expect((await served.call(at.owner, "GET /v1/me")).status).toBe(200)
  })
  test("holds up nobody where no budget is, and tells the operator", async () => {
    const at = await newWorkspace()
    const served = under({ lower: undefined as never }, {}, broken)
    expect((await list(served, at)).status).toBe(200)
    await served.settled()
    expect(served.observations.filter(({ kind }) => kind === "fault")).not.toEqual([])
  })
})
