/** Limits by organization and by plan, over the real limiter and database: who pays, how much a plan gives, and what a stranger can neither spend nor learn. */
import { describe, expect, test } from "vitest"
import type { Actor } from "../support/actors.ts"
import { administrator } from "../support/administrators.ts"
import { call } from "../support/calls.ts"
import { must, newWorkspace } from "../support/workspace.ts"
import { admittedOf, fieldOf, fieldsOf, type Held, held, somebody, times } from "./world.ts"

const name = "projects.create/organization"
const limited = {
  app: { default: [] },
  operations: { "projects.create": { per: "organization", rate: { free: "3/h", team: "6/h" } } },
} as const

const project = (isolate: Held, who: Actor, organizationId: string) =>
  isolate.call(who, "POST /v1/projects", { body: { organizationId, name: crypto.randomUUID() } })

/** An organization with two members. */
async function organization() {
  const owner = await somebody()
  const member = await somebody()
  const { id } = await must(owner, "POST /v1/organizations", { name: "Acme" })
  await must(owner, "POST /v1/members", { organizationId: id, userId: member.id })
  return { id, owner, member }
}

/** Puts an organization on a plan, as an administrator of the application does. */
async function onTeam(id: string): Promise<void> {
  const answer = await call(await administrator(), `PUT /v1/organizations/${id}/plan`, { body: { plan: "team" } })
  expect([answer.status, answer.body]).toEqual([200, { id, plan: "team" }])
}

describe("an organization's limit", () => {
  test("is one for all its members, however they come, and none for another organization", async () => {
    const acme = await organization()
    const isolate = held(limited)
    const other = held(limited, {}, isolate.now())
    const answers = await times(12, (n) => project(n % 2 ? isolate : other, n % 3 ? acme.owner : acme.member, acme.id))
    expect(admittedOf(answers)).toBe(3)
    const next = await organization()
    expect((await project(isolate, next.owner, next.id)).status).toBe(201)
    // One who belongs to both is refused for the one alone.
    await must(next.owner, "POST /v1/members", { organizationId: next.id, userId: acme.owner.id })
    expect([
      (await project(isolate, acme.owner, acme.id)).status,
      (await project(isolate, acme.owner, next.id)).status,
    ]).toEqual([429, 201])
  })

  test("is told to members with the organization as the partition", async () => {
    const { id, owner, member } = await organization()
    const isolate = held(limited)
    expect(fieldOf(await project(isolate, owner, id), name)).toMatchObject({
      quota: 3,
      window: 3600,
      remaining: 2,
      partition: id,
    })
    expect(fieldOf(await project(isolate, member, id), name)).toMatchObject({ remaining: 1, partition: id })
  })

  test("cannot be spent by a stranger, who pays alone and learns nothing of it", async () => {
    const { id, owner } = await organization()
    const stranger = await somebody()
    const isolate = held(limited)
    await project(isolate, owner, id)
    const answers = await times(9, () => project(isolate, stranger, id))
    expect(answers.map(({ status }) => status).filter((status) => status === 201)).toEqual([])
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(6)
    for (const answer of answers) {
      expect(fieldsOf(answer).map(({ partition }) => partition)).toEqual([undefined])
      expect(answer.headers.get("RateLimit")).not.toContain(btoa(id))
    }
    // An organization that there is not looks the same.
    const nowhere = await project(isolate, await somebody(), "org_01kaj70000000000000000zzzz")
    expect(fieldOf(nowhere, name)).toMatchObject({ quota: 3, remaining: 2, partition: undefined })
    expect(fieldOf(await project(isolate, owner, id), name).remaining).toBe(1)
  })

  test("ends for who leaves: what a former member does is not counted for it", async () => {
    const { id, owner, member } = await organization()
    const isolate = held(limited)
    const place = (await must(owner, `GET /v1/members?organizationId=${id}&userId=${member.id}`)) as never as {
      items: { id: string }[]
    }
    await must(owner, `DELETE /v1/members/${place.items[0]?.id}`)
    expect(fieldOf(await project(isolate, member, id), name).partition).toBeUndefined()
    expect(fieldOf(await project(isolate, owner, id), name).remaining).toBe(2)
  })
})

describe("a plan", () => {
  test("decides how much an organization has", async () => {
    const { id, owner } = await organization()
    await onTeam(id)
    const isolate = held(limited)
    const answers = await times(10, () => project(isolate, owner, id))
    expect(admittedOf(answers)).toBe(6)
    expect(fieldOf(answers[0] as never, name)).toMatchObject({ quota: 6, window: 3600 })
  })

  test("of the best organization decides for a principal; without one the lowest does", async () => {
    const best = { app: { default: { per: "principal", rate: { free: "2/h", team: "5/h" } } } } as const
    const isolate = held(best)
    const [one, two] = [await organization(), await organization()]
    await onTeam(two.id)
    await must(two.owner, "POST /v1/members", { organizationId: two.id, userId: one.owner.id })
    const calls = async (who: Actor) => admittedOf(await times(9, () => isolate.call(who, "GET /v1/me")))
    expect(await calls(one.owner)).toBe(5)
    expect(await calls(one.member)).toBe(2)
    expect(await calls(await somebody())).toBe(2)
  })

  test("is written by administrators of the application alone", async () => {
    const { id, owner } = await organization()
    const outcomes = [
      await call(owner, `PATCH /v1/organizations/${id}`, { body: { plan: "team" } }),
      await call(owner, "POST /v1/organizations", { body: { name: "Mine", plan: "team" } }),
      await call(owner, `PUT /v1/organizations/${id}/plan`, { body: { plan: "team" } }),
      // A key or a token of another issuer is not the administrator.
      await call(await somebody(["admin"]), `PUT /v1/organizations/${id}/plan`, { body: { plan: "team" } }),
    ]
    expect(outcomes.map(({ status }) => status)).toEqual([403, 400, 403, 403])
    expect((await call(owner, `GET /v1/organizations/${id}`)).body.plan).toBe("free")
  })
})

describe("a batch", () => {
  test("is no way around the limit of what it creates, and costs what it holds", async () => {
    const { owner, projectId } = await newWorkspace()
    const isolate = held({ app: { default: [] }, resources: { tasks: { create: { per: "principal", rate: "5/h" } } } })
    const batch = (count: number) =>
      isolate.call(owner, "POST /v1/tasks/batch", {
        body: {
          records: Array.from({ length: count }, (_, n) => ({ op: "create", values: { projectId, title: `T${n}` } })),
        },
      })
    const first = await batch(3)
    expect(first.status).toBe(200)
    expect(fieldOf(first, "tasks.create/principal").remaining).toBe(2)
    expect((await batch(3)).status).toBe(429)
    expect((await isolate.call(owner, "POST /v1/tasks", { body: { projectId, title: "One" } })).status).toBe(201)
    const never = await batch(6)
    expect([never.status, never.headers.get("Retry-After")]).toEqual([429, null])
    expect(never.body.detail).toContain("takes 6 of tasks.create/principal at once, which never has more than 5")
    expect((await isolate.call(owner, `GET /v1/tasks?projectId=${projectId}&count=true`)).body.count).toBe(4)
  })
})
