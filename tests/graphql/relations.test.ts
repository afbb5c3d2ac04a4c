/** GraphQL: relations and computed fields of the records in an answer: read, or an error at their place, and never null without a word. */
import { countOf, operation, post, signedIn } from "selvage"
import { beforeAll, describe, expect, test } from "vitest"
import * as z from "zod"
import workspace from "../../src/app/index.ts"
import { tasks } from "../../src/app/tasks.ts"
import type { Application } from "../../src/core/registry.ts"
import { call } from "../support/calls.ts"
import { graphqlOf } from "../support/graphql-socket.ts"
import { type Serving, serving } from "../support/serving.ts"
import { must, newWorkspace, rowCount, type Workspace } from "../support/workspace.ts"

let at: Workspace
beforeAll(async () => {
  at = await newWorkspace()
})

const batch = (n: number) =>
  Array.from({ length: n }, (_, m) => ({ create: { values: { projectId: at.projectId, title: `Task ${m}` } } }))
const batchTasks = (selected: string) =>
  `mutation ($records: [TaskBatchRecordInput!]!) { batchTasks(records: $records) { records { ${selected} } } }`

async function ask(query: string, variables: object = {}, actor: { token: string } = at.owner, served?: Serving) {
  const options = { body: { query, variables } }
  const { body } = await (served ? served.call(actor, "POST /graphql", options) : call(actor, "POST /graphql", options))
  return body
}

describe("the records of a batch", () => {
  test("have their relations, each as a call of get would read it; what was deleted is null", async () => {
    const gone = await must(at.owner, "POST /v1/tasks", { projectId: at.projectId, title: "Gone" })
    const kept = await must(at.owner, "POST /v1/tasks", { projectId: at.projectId, title: "Kept" })
    await must(at.owner, "POST /v1/comments", { taskId: kept.id, body: "Said before" })
    const records = [...batch(1), { update: { id: kept.id, patch: { priority: 1 } } }, { delete: { id: gone.id } }]
    const { data, errors, extensions } = await ask(
      batchTasks("title priority version project { name } comments(first: 1) { body task { title } }"),
      { records },
    )
    expect(errors).toBeUndefined()
    expect(data.batchTasks.records).toEqual([
      { title: "Task 0", priority: 2, version: 1, project: { name: "Launch" }, comments: [] },
      {
        title: "Kept",
        priority: 1,
        version: 2,
        project: { name: "Launch" },
        comments: [{ body: "Said before", task: { title: "Kept" } }],
      },
      null,
    ])
    // One for the write, one for each record that is there.
    expect(extensions.cost.trips).toBe(3)
  })

  test("cost nothing beyond the write where no relation is selected", async () => {
    const { data, extensions } = await ask(batchTasks("id title"), { records: batch(30) })
    expect([data.batchTasks.records.length, extensions.cost.trips]).toEqual([30, 1])
  })

  test("twenty have them, over a socket, too; of twenty-one nothing is written", async () => {
    const socket = await graphqlOf(at.owner)
    const whole = await socket.run("twenty", batchTasks("project { name }"), { records: batch(20) })
    expect(whole.data.batchTasks.records).toEqual(Array.from({ length: 20 }, () => ({ project: { name: "Launch" } })))
    const before = await rowCount("tasks")
    for (const answer of [
      await ask(batchTasks("project { name }"), { records: batch(21) }),
      await socket.run("more", batchTasks("project { name }"), { records: batch(21) }),
    ])
      expect(answer).toMatchObject({
        data: { batchTasks: null },
        errors: [
          {
            path: ["batchTasks"],
            extensions: {
              code: "INVALID_ARGUMENT",
              requestId: expect.any(String),
              violations: [{ path: "/records", code: "too_many" }],
            },
          },
        ],
      })
    expect(await rowCount("tasks")).toBe(before)
    socket.close()
  })

  test.each([
    ["four deep", "project { tasks { project { tasks { id } } } }", "/records/project/tasks/project/tasks", "too_deep"],
    ["more than a hundred", "comments(first: 101) { id }", "/records/comments/first", "out_of_range"],
    ["none", "project { tasks(first: 0) { id } }", "/records/project/tasks/first", "out_of_range"],
  ])("relations that no plan takes, %s, are refused before anything is written", async (_, selected, path, code) => {
    const before = await rowCount("tasks")
    const { data, errors } = await ask(batchTasks(selected), { records: batch(1) })
    expect(data).toEqual({ batchTasks: null })
    expect(errors).toMatchObject([{ extensions: { code: "INVALID_ARGUMENT", violations: [{ path, code }] } }])
    expect(await rowCount("tasks")).toBe(before)
  })
})

test("what may not be read behind a write is an error at the relation; the write stands, and its answer with it", async () => {
  const seldom = { ...tasks, limit: { get: { per: "principal", rate: "1/d" } } } as typeof tasks
  const resources = workspace.resources.map((resource) => (resource.name === "tasks" ? seldom : resource))
  const isolate = serving({}, { ...workspace, resources })
  const create = `mutation ($input: TaskCreateInput!) {
    createTask(input: $input) { id title project { name } newest: comments(first: 1) { id } }
  }`
  const input = { projectId: at.projectId, title: "Written" }
  const first = await ask(create, { input }, at.owner, isolate)
  expect(first.data.createTask).toMatchObject({ project: { name: "Launch" }, newest: [] })
  const { data, errors } = await ask(create, { input }, at.owner, isolate)
  expect(data.createTask).toEqual({ id: expect.any(String), title: "Written", project: null, newest: null })
  const extensions = { code: "RESOURCE_EXHAUSTED", requestId: expect.any(String), retryAfter: expect.any(Number) }
  expect(errors).toMatchObject([
    { path: ["createTask", "project"], extensions },
    { path: ["createTask", "newest"], extensions },
  ])
  expect((await call(at.owner, `GET /v1/tasks/${data.createTask.id}`)).status).toBe(200)
})

describe("records within the answers of operations that somebody wrote", () => {
  const one = z.strictObject({ kind: z.literal("one"), task: tasks.schema }).meta({ id: "OneTask" })
  const none = z.strictObject({ kind: z.literal("none"), why: z.string() }).meta({ id: "NoTask" })
  const looked = operation("tasks.look", {
    kind: "query",
    summary: "Look around",
    input: z.strictObject({ project: z.string(), n: z.int32() }).meta({ id: "Looking" }),
    output: z
      .strictObject({
        first: z.discriminatedUnion("kind", [one, none]).meta({ id: "PerhapsTask" }),
        all: z.array(tasks.schema),
        expanded: z.array(tasks.schema),
      })
      .meta({ id: "Looked" }),
    policy: signedIn(),
    rest: post("/look"),
    async handle({ input, read }) {
      const options = { filter: { op: "eq" as const, field: "projectId", value: input.project }, limit: input.n }
      const { items } = await read.list(tasks, options)
      const { items: expanded } = await read.list(tasks, { ...options, expand: { project: true } } as never)
      const [first] = items
      const found = first ? { kind: "one" as const, task: first } : { kind: "none" as const, why: "There is none" }
      return { first: found, all: items, expanded }
    },
  })
  const served = (part: Partial<Application>): Application => ({ ...workspace, ...part })
  const isolate = serving({}, served({ operations: [...workspace.operations, looked] }))
  const look = `query ($project: String!, $n: Int!) {
    tasksLook(project: $project, n: $n) {
      first { __typename ... on OneTask { task { title project { name } } } ... on NoTask { why } }
      all { title project { name } }
      expanded { project { name } }
    }
  }`
  const project = async (n: number) => {
    const { id } = await must(at.owner, "POST /v1/projects", {
      organizationId: at.organizationId,
      name: `Of ${n}: ${crypto.randomUUID()}`,
    })
    const records = Array.from({ length: n }, (_, m) => ({ op: "create", values: { projectId: id, title: `${m}` } }))
    if (n > 0) await must(at.owner, "POST /v1/tasks/batch", { records })
    return id
  }

  const of2 = { name: expect.stringMatching(/^Of 2: /) }

  test("in a union and in a list have their relations", async () => {
    const { data, errors } = await ask(look, { project: await project(2), n: 5 }, at.owner, isolate)
    expect(errors).toBeUndefined()
    const { first, all, expanded } = data.tasksLook
    expect(first).toMatchObject({ __typename: "OneTask", task: { project: of2 } })
    expect(all.map((task: { project: unknown }) => task.project)).toEqual([of2, of2])
    expect(expanded).toEqual([{ project: of2 }, { project: of2 }])
  })
  test("that are none need none", async () => {
    const { data, errors } = await ask(look, { project: await project(0), n: 5 }, at.owner, isolate)
    expect(errors).toBeUndefined()
    expect(data.tasksLook).toEqual({ first: { __typename: "NoTask", why: "There is none" }, all: [], expanded: [] })
  })
  test("beyond twenty have what the operation gave, and an error where it gave nothing", async () => {
    const { data, errors } = await ask(look, { project: await project(25), n: 25 }, at.owner, isolate)
    const { first, all, expanded } = data.tasksLook
    const named = (records: { project: { name: string } | null }[]) => records.filter((task) => task.project !== null)
    expect([first.task.project, named(all).length, named(expanded).length]).toEqual([
      { name: expect.stringMatching(/^Of 25: /) },
      19,
      25,
    ])
    expect(errors).toHaveLength(6)
    expect(errors[0]).toMatchObject({
      path: ["tasksLook", "all", 19, "project"],
      extensions: { code: "INVALID_ARGUMENT", violations: [{ path: "/all", code: "too_many" }] },
    })
  })
  test("a computed field of what was written is read, not null", async () => {
    const counted = { ...tasks, computed: { remarks: countOf("comments") } }
    const resources = workspace.resources.map((resource) => (resource.name === "tasks" ? counted : resource))
    // The operations of tasks tell the record as it was declared without.
    const operations = workspace.operations.filter(({ name }) => !name.startsWith("tasks."))
    const isolate = serving({}, served({ resources, operations }))
    const id = await project(0)
    const create = "mutation ($input: TaskCreateInput!) { createTask(input: $input) { id remarks } }"
    const made = await ask(create, { input: { projectId: id, title: "Counted" } }, at.owner, isolate)
    expect(made.data.createTask).toEqual({ id: expect.any(String), remarks: 0 })
    await must(at.owner, "POST /v1/comments", { taskId: made.data.createTask.id, body: "One" })
    const update = "mutation ($id: String!) { updateTask(id: $id, patch: { priority: 1 }) { priority remarks } }"
    const changed = await ask(update, { id: made.data.createTask.id }, at.owner, isolate)
    expect(changed.data.updateTask).toEqual({ priority: 1, remarks: 1 })
  })
})
