/** What protects the whole: searches and exports are limited, a limiter that cannot be reached lets nobody through unless that is spelled, and counting costs nothing. */
import { beforeAll, describe, expect, test } from "vitest"
import { defaultLeaseRules, Leases } from "../../src/server/leases.ts"
import { type Counted, counted } from "../support/counting.ts"
import { newNetwork } from "../support/people.ts"
import { watched } from "../support/serving.ts"
import { newWorkspace, rowCount, type Workspace } from "../support/workspace.ts"
import { admittedOf, fieldOf, fieldsOf, held, limitedWorkspace, somebody, times } from "./world.ts"

let at: Workspace
beforeAll(async () => {
  at = await newWorkspace()
})

describe("checklist 39: by actor", () => {
  test("searches are limited beside what they are part of, over all resources together", async () => {
    const isolate = held({ app: { search: { per: "principal", rate: "3/m" } } })
    const search = (who = at.viewer, line = "GET /v1/tasks?q=word") => isolate.call(who, line)
    const answers = [
      await search(),
      await search(at.viewer, "GET /v1/tasks/aggregate?q=word"),
      await search(),
      await search(),
    ]
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429])
    expect(fieldOf(answers[0] as never, "search/principal")).toMatchObject({ quota: 3, remaining: 2 })
    expect((await isolate.call(at.viewer, "GET /v1/tasks")).status).toBe(200)
    expect((await search(at.editor)).status).toBe(200)
  })

  test("the engine's own: 120 searches a minute", async () => {
    const isolate = held({ app: { default: [] } })
    const answers = await times(130, () => isolate.call(at.owner, "GET /v1/tasks?q=word&limit=1"))
    expect(admittedOf(answers)).toBe(120)
  })

  test("copies of the log: 120 pages a minute", async () => {
    const isolate = held({ app: { default: [] } })
    const answers = await times(130, () => isolate.call(at.owner, `GET /v1/events?tenant=${at.organizationId}&limit=1`))
    expect(admittedOf(answers)).toBe(120)
    expect(fieldsOf(answers[0] as never).map(({ name }) => name)).toEqual(["events.list/principal"])
  })

  test("a list that costs what it reads: the rows of a large page are paid before the next", async () => {
    const limit = { app: { default: { per: "principal", rate: "60/m", burst: 3, cost: "rows" } } } as const
    const isolate = held(limit)
    const { viewer } = await newWorkspace()
    const list = () => isolate.call(viewer, "GET /v1/tasks")
    const first = await list()
    const rows = Number(/rows-read=(\d+)/.exec(first.headers.get("X-Selvage-Cost") ?? "")?.[1])
    expect([first.status, rows > 3]).toEqual([200, true])
    expect(fieldOf(first, "default/principal").remaining).toBe(0)
    // The object hears of it behind the answer; from then on every isolate waits.
    await isolate.settled()
    for (const waiting of [isolate, held(limit, {}, isolate.now())]) {
      const next = await waiting.call(viewer, "GET /v1/tasks")
      expect([next.status, next.headers.get("Retry-After")]).toEqual([429, String(rows + 1 - 3)])
    }
    isolate.pass((rows + 1 - 3) * 1000)
    expect((await list()).status).toBe(200)
  })
})

describe("checklist 41: a limiter that cannot be reached", () => {
  const gone = watched("LIMITER", () => {
    throw new Error("secret of the house: Network connection lost")
  })

  test("lets nobody through: 503, nothing was done, nothing of the cause goes out", async () => {
    const isolate = held({}, gone)
    const before = await rowCount("organizations")
    for (const [who, line] of [
      [at.owner, "POST /v1/organizations"],
      [at.owner, "GET /v1/me"],
      [null, "GET /v1/tasks"],
    ] as const) {
      const answer = await isolate.call(
        who,
        line,
        line.startsWith("POST") ? { body: { name: "N" } } : { headers: { "CF-Connecting-IP": newNetwork() } },
      )
      expect([answer.status, answer.body.code, JSON.stringify(answer.body).includes("secret")]).toEqual([
        503,
        "UNAVAILABLE",
        false,
      ])
      expect(fieldsOf(answer)).toEqual([])
    }
    expect(await rowCount("organizations")).toBe(before)
    expect(isolate.observations.at(-1)).toMatchObject({ kind: "call", code: "UNAVAILABLE", cause: expect.anything() })
  })

  test("lets through where that is spelled, and tells the operator each time; but not where people prove who they are", async () => {
    const open = { per: "principal", rate: "100/m", whenUnreachable: "admit" } as const
    const isolate = held({ app: { default: open } }, gone)
    const answer = await isolate.call(at.owner, "GET /v1/me")
    expect([answer.status, fieldsOf(answer)]).toEqual([200, []])
    expect(isolate.observations.find(({ kind }) => kind === "fault")).toMatchObject({
      where: "limit default/principal",
    })
    const body = { email: "somebody@example.com", password: "a guess at somebody's" }
    expect(
      (await isolate.call(null, "POST /v1/auth/sign-in", { body, headers: { "CF-Connecting-IP": newNetwork() } }))
        .status,
    ).toBe(503)
    const own = held({ app: { default: [] }, operations: { "organizations.create": open } }, gone)
    expect((await own.call(at.owner, "POST /v1/organizations", { body: { name: "Uncounted" } })).status).toBe(201)
  })
})

describe("what counting costs", () => {
  const record = (isolate: Counted) => isolate.call(at.viewer, `GET /v1/projects/${at.projectId}`)

  test("a call that is counted from leased tokens is one trip to the database and no call of an object", async () => {
    const isolate = counted({ leases: defaultLeaseRules })
    // The first calls ask for tokens; then the isolate holds some.
    for (let n = 0; n < 4; n++) await record(isolate)
    isolate.clear()
    const answers = []
    for (let n = 0; n < 10; n++) answers.push(await record(isolate))
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200))
    expect(fieldsOf(answers[9] as never)).toHaveLength(1)
    expect(isolate.counts.trips).toBe(10)
    expect(Object.keys(isolate.counts.calls).filter((name) => !name.startsWith("LIMITER"))).toEqual([])
    expect(Object.values(isolate.counts.calls).reduce((sum, count) => sum + count, 0)).toBeLessThan(4)
  })

  test("memberships are read only where a limit asks for them", async () => {
    const application = limitedWorkspace({
      app: { default: [] },
      operations: { "projects.create": { per: "organization", rate: "100/m" } },
    })
    const isolate = counted({ application })
    const create = { body: { organizationId: at.organizationId, name: "Counted" } }
    await isolate.call(at.owner, "POST /v1/organizations", { body: { name: "First" } })
    isolate.clear()
    await isolate.call(at.owner, "POST /v1/organizations", { body: { name: "Second" } })
    const plain = isolate.counts.trips
    isolate.clear()
    await isolate.call(at.owner, "POST /v1/projects", create)
    expect([plain, isolate.counts.trips]).toEqual([1, 2])
  })

  test("ten thousand principals and more: an isolate remembers ten thousand keys and no more", async () => {
    const answer = { admitted: 1, leased: 0, remaining: 9, waitMs: 0, resetMs: 1000, firm: false }
    const leases = new Leases({
      ask: async () => answer,
      sleep: () => new Promise(() => undefined),
      now: () => new Date(),
      newId: () => crypto.randomUUID(),
      carrier: { read: async () => null, write: async () => undefined },
      tell: () => undefined,
    })
    const limit = { ratePerMinute: 1000, burst: 1000, cost: 1 }
    const now = new Date()
    for (let n = 0; n < 12_000; n++) await leases.draw(`call/default/principal/user_${n}`, limit, now, () => undefined)
    expect(leases.size).toBe(10_000)
  })

  test("one of many principals does not pay for the others", async () => {
    const isolate = held({ app: { default: { per: "principal", rate: "2/m" } } })
    const people = await times(30, () => somebody())
    const answers = await Promise.all(
      people.flatMap((who) => [1, 2, 3].map(() => isolate.call(who, "GET /v1/organizations"))),
    )
    expect(admittedOf(answers)).toBe(60)
  })
})
