/** Who may see what was used, and who may set a lower budget: whoever the declaration names, and nobody by silence. */
import { runInDurableObject } from "cloudflare:test"
import { beforeAll, describe, expect, test } from "vitest"
import application from "../../src/app/index.ts"
import type { UsageOptions } from "../../src/core/usage.ts"
import { type Actor, newActor } from "../support/actors.ts"
import { call } from "../support/calls.ts"
import { person } from "../support/people.ts"
import { type Serving, serving } from "../support/serving.ts"
import { must, newWorkspace, type Workspace } from "../support/workspace.ts"
import { meterOf, under } from "./world.ts"

let at: Workspace
let admin: Actor
let member: Actor
let root: Actor

beforeAll(async () => {
  at = await newWorkspace()
  const people = await Promise.all([newActor("Admin"), newActor("Member"), newActor("Root", ["admin"])])
  admin = people[0] as Actor
  member = people[1] as Actor
  root = people[2] as Actor
  await must(at.owner, "POST /v1/members", { organizationId: at.organizationId, userId: member.id })
  const { organizationId } = at
  await must(at.owner, "POST /v1/members", { organizationId, userId: admin.id, role: "admin" })
})

const usage: UsageOptions = { budgets: { organization: { rowsRead: 10_000, rowsWritten: 1000 } } }
const got = (served: Serving, who: Pick<Actor, "token"> | null) =>
  served.call(who, `GET /v1/usage?organizationId=${at.organizationId}`)
const set = (served: Serving, who: Actor, rowsRead: number | null, rowsWritten: number | null) =>
  served.call(who, "PUT /v1/usage/budget", { body: { organizationId: at.organizationId, rowsRead, rowsWritten } })

describe("an organization's usage", () => {
  test("is read by whoever may change it; a member is refused, a stranger finds nothing, nobody has to sign in", async () => {
    const served = under(usage)
    const statuses = await Promise.all(
      [at.owner, admin, root, member, at.stranger, null].map(async (who) => (await got(served, who)).status),
    )
    expect(statuses).toEqual([200, 200, 200, 403, 404, 401])
    const days = await Promise.all(
      [admin, root, member, at.stranger].map(
        async (who) => (await served.call(who, `GET /v1/usage/days?organizationId=${at.organizationId}`)).status,
      ),
    )
    expect(days).toEqual([200, 200, 403, 404])
  })

  test("is for administrators of the application alone, where nothing is said", async () => {
    const served = serving({}, { ...application, usage: {} })
    expect((await got(served, at.owner)).status).toBe(403)
    expect((await got(served, root)).body).toMatchObject({
      budget: { rowsRead: null, rowsWritten: null },
      left: { rowsRead: null },
    })
    expect((await set(served, at.owner, 5, 5)).status).toBe(403)
  })

  test("that does not exist is not found, not even by an administrator", async () => {
    const served = under(usage)
    const id = at.organizationId.replace(/.$/, (last) => (last === "0" ? "1" : "0"))
    expect((await served.call(root, `GET /v1/usage?organizationId=${id}`)).status).toBe(404)
    expect((await served.call(root, "GET /v1/usage")).body.violations[0].path).toBe("/organizationId")
  })

  test("says the day, the figures, the budget, what is left and when it renews", async () => {
    const place = await newWorkspace()
    const { organizationId: id, owner } = place
    const served = under(usage)
    const before = (await served.call(owner, `GET /v1/usage?organizationId=${id}`)).body
    await served.call(owner, `GET /v1/tasks?organizationId=${id}`)
    const { body } = await served.call(owner, `GET /v1/usage?organizationId=${id}`)
    const day = new Date().toISOString().slice(0, 10)
    expect(body).toEqual({
      day,
      calls: before.calls + 1,
      rowsRead: expect.any(Number),
      rowsWritten: before.rowsWritten,
      estimate: before.estimate + 320 + (body.rowsRead - before.rowsRead),
      budget: { rowsRead: 10_000, rowsWritten: 1000 },
      left: { rowsRead: 10_000 - body.rowsRead, rowsWritten: 1000 - body.rowsWritten },
      renewsAt: new Date(Date.parse(day) + 86_400_000).toISOString(),
    })
    // Asking is not counted.
    expect((await served.call(owner, `GET /v1/usage?organizationId=${id}`)).body).toEqual(body)
  })
})

describe("the series", () => {
  test("has a row for each day of use, oldest first, within what is asked for", async () => {
    const { organizationId, owner } = await newWorkspace()
    const dayAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10)
    const figures = { calls: 2, rowsRead: 7, rowsWritten: 3, estimate: 3607 }
    const meter = meterOf("organization", organizationId)
    await meter.standing(dayAgo(0))
    await runInDurableObject(meter as never, (_, { storage }) => {
      for (const day of [dayAgo(40), dayAgo(29), dayAgo(2)])
        storage.sql.exec('insert into "days" values (?, 2, 7, 3, 3607)', day)
    })
    const served = under(usage)
    const list = async (query: string) =>
      (await served.call(owner, `GET /v1/usage/days?organizationId=${organizationId}${query}`)).body
    expect((await list("")).items.filter(({ day }: { day: string }) => day < dayAgo(0))).toEqual([
      { day: dayAgo(29), ...figures },
      { day: dayAgo(2), ...figures },
    ])
    expect((await list(`&from=${dayAgo(40)}&to=${dayAgo(29)}`)).items.map(({ day }: { day: string }) => day)).toEqual([
      dayAgo(40),
      dayAgo(29),
    ])
    expect((await list(`&from=${dayAgo(0)}&to=${dayAgo(1)}`)).violations[0].code).toBe("after_end")
    expect((await list(`&from=${dayAgo(400)}`)).violations[0].code).toBe("too_long")
    expect((await list("&from=yesterday")).violations[0].path).toBe("/from")
  })
})

describe("a budget of its own", () => {
  test("is set by owners, within the plan's, and holds at once; taking it away gives the plan's again", async () => {
    const served = under(usage)
    expect((await set(served, admin, 5, null)).status).toBe(403)
    expect((await set(served, at.stranger, 5, null)).status).toBe(404)
    const tooMuch = await set(served, at.owner, 10_001, null)
    expect([tooMuch.status, tooMuch.body.violations[0]]).toMatchObject([400, { path: "/rowsRead", code: "too_large" }])
    const answer = await set(served, at.owner, null, 0)
    expect([answer.status, answer.body.budget, answer.body.left.rowsWritten]).toEqual([
      200,
      { rowsRead: 10_000, rowsWritten: 0 },
      0,
    ])
    const write = () => served.call(at.owner, "POST /v1/tasks", { body: { projectId: at.projectId, title: "One" } })
    expect((await write()).status).toBe(429)
    expect((await served.call(at.owner, "GET /v1/tasks")).status).toBe(200)
    // Another isolate asks before it lets anybody through.
    expect(
      (await under(usage).call(at.owner, "POST /v1/tasks", { body: { projectId: at.projectId, title: "One" } })).status,
    ).toBe(429)
    expect((await set(served, at.owner, null, null)).body.budget).toEqual({ rowsRead: 10_000, rowsWritten: 1000 })
    expect((await write()).status).toBe(201)
  })

  test("bounds an organization that has none by its plan", async () => {
    const place = await newWorkspace()
    const { organizationId, owner } = place
    const served = under({})
    await served.call(owner, "PUT /v1/usage/budget", { body: { organizationId, rowsRead: 1, rowsWritten: null } })
    await served.call(owner, `GET /v1/tasks?organizationId=${organizationId}`)
    await served.settled()
    expect((await served.call(owner, `GET /v1/tasks?organizationId=${organizationId}`)).status).toBe(429)
  })
})

describe("a key's usage", () => {
  test("is its owner's and its own to see, and no one else's", async () => {
    const [ada, eve] = await Promise.all([person("Ada"), person("Eve")])
    const made = (await must(ada, "POST /v1/api-keys", { name: "Key", scopes: ["*:write"] })) as never as {
      id: string
      key: string
    }
    const served = under({ budgets: { key: { rowsRead: 500 } } })
    const token = { token: made.key }
    await served.call(token, "GET /v1/tasks")
    const own = await served.call(token, "GET /v1/usage")
    expect(own.body).toMatchObject({ calls: 1, budget: { rowsRead: 500, rowsWritten: null } })
    const of = (who: { token: string }, more = "") => served.call(who, `GET /v1/usage?keyId=${made.id}${more}`)
    expect((await of(ada)).body).toEqual(own.body)
    expect((await of(root)).body).toEqual(own.body)
    expect((await of(eve)).status).toBe(404)
    expect((await of(ada, `&organizationId=${at.organizationId}`)).body.violations[0].path).toBe("/keyId")
    const { body } = await served.call(ada, `GET /v1/usage/days?keyId=${made.id}`)
    expect(body.items).toMatchObject([{ calls: 1 }])
    expect((await call(ada, `GET /v1/usage?keyId=${made.id}`)).status).toBe(400)
  })
})
