/** What is counted is what the receipts say, for whom the calls were: whatever the operation, whoever answers, however often it is repeated. */
import { beforeEach, describe, expect, test } from "vitest"
import { type Figures, noFigures, plus } from "../../src/core/usage.ts"
import { type Actor, newActor } from "../support/actors.ts"
import { watched, watchedDatabase } from "../support/serving.ts"
import { must, newWorkspace, type Workspace } from "../support/workspace.ts"
import { receipts, under, usedBy } from "./world.ts"

let at: Workspace
let taskId: string

beforeEach(async () => {
  at = await newWorkspace()
  taskId = (await must(at.owner, "POST /v1/tasks", { projectId: at.projectId, title: "One" })).id
})

/** Gives a member of the workspace another organization, with a project and a task. */
async function elsewhere(who: Actor): Promise<{ organizationId: string; projectId: string; taskId: string }> {
  const { id: organizationId } = await must(who, "POST /v1/organizations", { name: "Elsewhere" })
  const { id: projectId } = await must(who, "POST /v1/projects", { organizationId, name: "Other" })
  const { id } = await must(who, "POST /v1/tasks", { projectId, title: "Theirs" })
  return { organizationId, projectId, taskId: id }
}

/** What the organization has used, when the Worker that set it up has reported all that it had counted. */
async function settledUse(organizationId: string): Promise<Figures> {
  for (let before = -1; ; ) {
    const { calls } = await must(at.owner, `GET /v1/usage?organizationId=${organizationId}`)
    if (Number(calls) === before) return usedBy("organization", organizationId)
    before = Number(calls)
    await scheduler.wait(30)
  }
}

/** By how much the figures of an organization grow. */
async function change(organizationId: string, work: () => Promise<void>): Promise<Figures> {
  const before = await settledUse(organizationId)
  await work()
  const now = await usedBy("organization", organizationId)
  return {
    calls: now.calls - before.calls,
    rowsRead: now.rowsRead - before.rowsRead,
    rowsWritten: now.rowsWritten - before.rowsWritten,
    estimate: now.estimate - before.estimate,
  }
}

/** Every way to call for an organization, as [line, body, status]. */
const mixed = ({ organizationId, projectId }: Workspace): [string, object | undefined, number][] => [
  [`GET /v1/organizations/${organizationId}`, undefined, 200],
  [`GET /v1/projects?organizationId=${organizationId}`, undefined, 200],
  ["GET /v1/tasks", undefined, 200],
  [`GET /v1/tasks?projectId=${projectId}&fields=title&expand=project`, undefined, 200],
  [`GET /v1/tasks/${taskId}`, undefined, 200],
  [`GET /v1/tasks/${taskId}?fields=title`, undefined, 200],
  ["GET /v1/tasks/aggregate?count=true", undefined, 200],
  ["POST /v1/tasks", { projectId, title: "Two" }, 201],
  [`PATCH /v1/tasks/${taskId}`, { priority: 1 }, 200],
  ["POST /v1/tasks/batch", { records: [{ op: "create", values: { projectId, title: "Three" } }] }, 200],
  [`POST /v1/tasks/${taskId}/completion`, { note: "Done" }, 200],
  [`DELETE /v1/tasks/${taskId}`, undefined, 204],
  // Refused on the row, after it was looked for.
  [`PATCH /v1/tasks/${taskId}`, { priority: 2 }, 404],
]

describe("an organization", () => {
  test("is counted what its receipts say, over every kind of call, replays and refusals on rows", async () => {
    const isolate = under({})
    const { sum, call } = receipts(isolate)
    const counted = await change(at.organizationId, async () => {
      for (const [line, body, status] of mixed(at)) {
        const answer = await call(at.owner, line, body === undefined ? {} : { body })
        expect([line, answer.status]).toEqual([line, status])
      }
      const repeated = { body: { projectId: at.projectId, title: "Once" }, headers: { "Idempotency-Key": "once" } }
      await call(at.owner, "POST /v1/tasks", repeated)
      expect((await call(at.owner, "POST /v1/tasks", repeated)).headers.get("Idempotent-Replayed")).toBe("true")
      await isolate.settled()
    })
    expect(counted).toEqual(sum)
    expect(sum.rowsWritten).toBeGreaterThan(10)
  })

  test("by several isolates at once, too", async () => {
    const isolates = [1, 2, 3, 4].map(() => under({}))
    const ledgers = isolates.map(receipts)
    const counted = await change(at.organizationId, async () => {
      await Promise.all(
        ledgers.flatMap(({ call }, n) => [
          call(at.owner, `GET /v1/tasks?organizationId=${at.organizationId}`),
          call(at.owner, "POST /v1/tasks", { body: { projectId: at.projectId, title: `Task ${n}` } }),
          call(at.owner, `GET /v1/tasks/${taskId}`),
        ]),
      )
      for (const one of isolates) await one.settled()
    })
    expect(counted).toEqual(ledgers.map(({ sum }) => sum).reduce(plus))
    expect(counted.calls).toBe(12)
  })

  test("is not charged for calls that were refused before a row was looked for, nor for looking at usage", async () => {
    const isolate = under({})
    const counted = await change(at.organizationId, async () => {
      for (const [line, body] of [
        [`GET /v1/tasks?organizationId=${at.organizationId}&limit=1000`, undefined],
        ["POST /v1/tasks", { projectId: at.projectId }],
        [`GET /v1/usage?organizationId=${at.organizationId}`, undefined],
        [`GET /v1/usage/days?organizationId=${at.organizationId}`, undefined],
        ["GET /v1/me", undefined],
      ] as const)
        await isolate.call(at.owner, line, body === undefined ? {} : { body })
      await isolate.settled()
    })
    expect(counted).toEqual(noFigures)
  })
})

describe("whose call it was", () => {
  test("a stranger who names an organization spends nothing of it, nor does who has a share of one record", async () => {
    const isolate = under({})
    const counted = await change(at.organizationId, async () => {
      const list = `GET /v1/tasks?organizationId=${at.organizationId}`
      expect((await isolate.call(at.stranger, list)).body.items).toEqual([])
      await isolate.call(at.stranger, `GET /v1/tasks/${taskId}`)
      await isolate.call(at.stranger, `GET /v1/organizations/${at.organizationId}`)
      // Sees the project's tasks, and does not belong to the organization.
      expect((await isolate.call(at.editor, `GET /v1/tasks/${taskId}`)).status).toBe(200)
      await isolate.settled()
    })
    expect(counted).toEqual(noFigures)
  })

  test("of two organizations the one that the record belongs to, also when the answer does not show it", async () => {
    const other = await elsewhere(at.owner)
    const isolate = under({})
    const { sum, call } = receipts(isolate)
    const ours = await change(at.organizationId, async () => {
      const theirs = await change(other.organizationId, async () => {
        await call(at.owner, `GET /v1/tasks/${other.taskId}`)
        await call(at.owner, `GET /v1/tasks/${other.taskId}?fields=title`)
        await call(at.owner, `GET /v1/tasks?projectId=${other.projectId}`)
        await call(at.owner, `DELETE /v1/tasks/${other.taskId}`)
        await isolate.settled()
      })
      expect(theirs).toEqual(sum)
    })
    expect(ours).toEqual(noFigures)
  })

  test("a list across two counts for the one of most of its rows", async () => {
    const other = await elsewhere(at.owner)
    for (const title of ["Two", "Three"]) await must(at.owner, "POST /v1/tasks", { projectId: at.projectId, title })
    const isolate = under({})
    const { sum, call } = receipts(isolate)
    let theirs = noFigures
    const ours = await change(at.organizationId, async () => {
      theirs = await change(other.organizationId, async () => {
        expect((await call(at.owner, "GET /v1/tasks")).body.items).toHaveLength(4)
        await isolate.settled()
      })
    })
    expect(ours).toEqual(sum)
    expect(theirs).toEqual(noFigures)
  })

  test("an administrator of the application who is no member spends nothing of it", async () => {
    const root = await newActor("Root", ["admin"])
    const isolate = under({})
    const counted = await change(at.organizationId, async () => {
      await isolate.call(root, `GET /v1/tasks?organizationId=${at.organizationId}`)
      await isolate.settled()
    })
    expect(counted).toEqual(noFigures)
  })
})

describe("on the path of a call", () => {
  test("of a caller and an organization that the isolate knows: no object, and no statement but its own", async () => {
    const trips: string[] = []
    const calls: string[] = []
    let release: () => void = () => undefined
    const sleeps = new Promise<void>((resolve) => {
      release = resolve
    })
    const isolate = under(
      { budgets: { organization: { rowsRead: 1_000_000 } } },
      { sleep: () => sleeps },
      {
        ...watched("METER", (method) => void calls.push(method)),
        ...watchedDatabase((sql) => void trips.push(...sql)),
      },
    )
    await isolate.call(at.owner, `GET /v1/tasks/${taskId}`)
    await scheduler.wait(50)
    expect(calls).toEqual(["standing", "report"])
    trips.length = 0
    for (let n = 0; n < 20; n++)
      expect((await isolate.call(at.owner, n % 2 ? `GET /v1/tasks/${taskId}` : "GET /v1/tasks")).status).toBe(200)
    expect(calls).toEqual(["standing", "report"])
    expect(trips).toHaveLength(20)
    release()
    await isolate.settled()
    expect(calls).toEqual(["standing", "report", "report"])
  })
})
