/** GraphQL: arguments that are null, and where a refusal says that the fault is: in what the client wrote. */
import { app, operation, post, signedIn } from "selvage"
import { beforeAll, describe, expect, test } from "vitest"
import * as z from "zod"
import workspace from "../../src/app/index.ts"
import { call } from "../support/calls.ts"
import { graphqlOf, tasksWatch } from "../support/graphql-socket.ts"
import { serving } from "../support/serving.ts"
import { must, newWorkspace, rowCount, type Workspace } from "../support/workspace.ts"

let at: Workspace
beforeAll(async () => {
  at = await newWorkspace()
})

// biome-ignore lint/suspicious/noExplicitAny: tests look into results of every shape
type Result = any

async function ask(query: string, variables: object = {}): Promise<Result> {
  return (await call(at.owner, "POST /graphql", { body: { query, variables } })).body
}

const pathsIn = ({ errors = [] }: Result) =>
  errors.flatMap((one: Result) => one.extensions.violations ?? []).map((one: Result) => one.path)

const list = `query ($filter: TaskFilter, $sort: [TaskSort!], $first: Int, $after: String, $q: String) {
  tasks(filter: $filter, sort: $sort, first: $first, after: $after, q: $q) { nodes { title comments(first: $first) { id } } }
}`
const update = `mutation ($id: String!, $patch: TaskUpdateInput!, $version: SafeInt) {
  updateTask(id: $id, patch: $patch, version: $version) { title dueAt version }
}`

describe("null, as clients send variables that were not set", () => {
  test("is no filter, no order, no number, no place and no words: the list as if nothing was said", async () => {
    const { id } = await must(at.owner, "POST /v1/tasks", { projectId: at.projectId, title: "Listed" })
    const said = await ask(list, { filter: null, sort: null, first: null, after: null, q: null })
    expect(said).toEqual(await ask(list))
    expect(said.data.tasks.nodes).toContainEqual({ title: "Listed", comments: [] })
    const aggregate = `query ($filter: TaskFilter, $q: String, $by: [String!], $n: SafeInt, $c: Boolean) {
      tasksAggregate(filter: $filter, q: $q, groupBy: $by, sum: $by, limit: $n, count: $c) { groups { count } }
    }`
    const figures = await ask(aggregate, { filter: null, q: null, by: null, n: null, c: null })
    expect([figures.errors, figures.data.tasksAggregate.groups.length]).toEqual([undefined, 1])
    await call(at.owner, `DELETE /v1/tasks/${id}`)
  })
  test("is no version, in a change, a deletion and a batch; in a patch it clears, or is refused where nothing can be cleared", async () => {
    const dueAt = "2027-01-01T00:00:00.000Z"
    const { id } = await must(at.owner, "POST /v1/tasks", { projectId: at.projectId, title: "Changed", dueAt })
    const cleared = await ask(update, { id, patch: { dueAt: null }, version: null })
    expect(cleared).toMatchObject({ data: { updateTask: { title: "Changed", dueAt: null, version: 2 } } })
    const refused = await ask(update, { id, patch: { title: null }, version: null })
    expect([refused.data.updateTask, pathsIn(refused)]).toEqual([null, ["/patch/title"]])
    const batch = `mutation ($records: [TaskBatchRecordInput!]!) { batchTasks(records: $records) { records { dueAt } } }`
    const one = (version: number | null) => ({ records: [{ update: { id, patch: { dueAt }, version } }] })
    expect((await ask(batch, one(null))).data.batchTasks.records).toEqual([{ dueAt }])
    const stale = await ask(batch, one(1))
    expect(stale.errors).toMatchObject([{ extensions: { type: "urn:selvage:problem:version-mismatch" } }])
    const remove = "mutation ($id: String!, $version: SafeInt) { deleteTask(id: $id, version: $version) { id } }"
    expect((await ask(remove, { id, version: 1 })).errors).toHaveLength(1)
    expect((await ask(remove, { id, version: null })).data.deleteTask).toEqual({ id })
  })
  test("in the input of a new record is null: refused where the column may not be", async () => {
    const create = "mutation ($input: TaskCreateInput!) { createTask(input: $input) { title dueAt } }"
    const input = { projectId: at.projectId, title: "Made", dueAt: null }
    expect((await ask(create, { input })).data.createTask).toEqual({ title: "Made", dueAt: null })
    const before = await rowCount("tasks")
    const refused = await ask(create, { input: { ...input, priority: null } })
    expect([refused.errors[0].extensions.code, pathsIn(refused)]).toEqual(["INVALID_ARGUMENT", ["/input/priority"]])
    expect(await rowCount("tasks")).toBe(before)
  })
  test("of an operation that somebody wrote is judged by it, at this door as at REST; nothing is done", async () => {
    const { id } = await must(at.owner, "POST /v1/tasks", { projectId: at.projectId, title: "Open" })
    const complete = "mutation ($id: String!, $note: String) { tasksComplete(id: $id, note: $note) { status } }"
    const refused = await ask(complete, { id, note: null })
    expect([refused.errors[0].extensions.code, pathsIn(refused)]).toEqual(["INVALID_ARGUMENT", ["/note"]])
    const rest = await call(at.owner, `POST /v1/tasks/${id}/completion`, { body: { note: null } })
    expect(rest.body).toMatchObject({ code: "INVALID_ARGUMENT", violations: [{ path: "/note" }] })
    expect((await call(at.owner, `GET /v1/tasks/${id}`)).body.status).toBe("open")
    expect((await ask(complete, { id })).data.tasksComplete).toEqual({ status: "DONE" })
  })
})

describe("a fault stands where the client wrote it", () => {
  const project = "project_01kaj700000000000000000001"
  test.each<[string, string, object, readonly string[]]>([
    ["a page that is too large", list, { first: 1000 }, ["/first"]],
    ["a cursor that was made up", list, { after: "bm9uc2Vuc2U" }, ["/after"]],
    ["words that are too long", list, { q: "x".repeat(201) }, ["/q"]],
    [
      "a value of a filter",
      list,
      { filter: { or: [{ projectId: { eq: project } }, { projectId: { in: ["x"] } }] } },
      ["/filter/or/1/projectId/in/0"],
    ],
    ["a sort that stands twice", list, { sort: ["DUE_AT_ASC", "DUE_AT_DESC"] }, ["/sort/1"]],
    [
      "too many of a relation",
      "{ tasks { nodes { project { tasks(first: 101) { id } } } } }",
      {},
      ["/nodes/project/tasks/first"],
    ],
    [
      "relations that cost too much",
      "{ tasks(first: 100) { nodes { comments(first: 100) { task { comments(first: 100) { id } } } } } }",
      {},
      ["/nodes"],
    ],
    [
      "too many of a single record's relation",
      `{ task(id: "task_01kaj700000000000000000000") { comments(first: 0) { id } } }`,
      {},
      ["/comments/first"],
    ],
    ["an id that is none", `{ task(id: "nonsense") { id } }`, {}, ["/id"]],
    [
      "a new record's fields",
      "mutation ($input: TaskCreateInput!) { createTask(input: $input) { id } }",
      { input: { projectId: "x", title: "x".repeat(1000) } },
      ["/input/projectId", "/input/title"],
    ],
    ["a change's fields", update, { id: "x", patch: { title: "x".repeat(1000) } }, ["/id", "/patch/title"]],
    [
      "a member of a union within a list",
      "mutation ($records: [TaskBatchRecordInput!]!) { batchTasks(records: $records) { records { id } } }",
      {
        records: [
          { create: { values: { projectId: project, title: "x".repeat(1000) } } },
          { update: { id: "x", patch: {} } },
        ],
      },
      ["/records/0/create/values/title", "/records/1/update/id"],
    ],
  ])("%s", async (_, query, variables, paths) => {
    const answer = await ask(query, variables)
    expect(answer.errors[0].extensions).toMatchObject({ code: "INVALID_ARGUMENT", requestId: expect.any(String) })
    expect(pathsIn(answer).sort()).toEqual(paths)
    const socket = await graphqlOf(at.owner)
    expect(pathsIn(await socket.run("1", query, variables)).sort()).toEqual(paths)
    socket.close()
  })
  test("a record that a write has found at fault is named by its place among the records", async () => {
    const gone = "task_01kaj70000000000000000zzzz"
    const records = [{ create: { values: { projectId: at.projectId, title: "Not made" } } }, { delete: { id: gone } }]
    const before = await rowCount("tasks")
    const answer = await ask(
      "mutation ($records: [TaskBatchRecordInput!]!) { batchTasks(records: $records) { records { id } } }",
      { records },
    )
    expect([answer.errors[0].extensions.code, pathsIn(answer)]).toEqual(["NOT_FOUND", ["/records/1"]])
    expect(await rowCount("tasks")).toBe(before)
  })
  test("an idempotency key is no argument: its fault stands beside them", async () => {
    const { projectId, owner } = at
    const query = `mutation { createTask(input: { projectId: "${projectId}", title: "Keyed" }) { id } }`
    const headers = { "Idempotency-Key": "x".repeat(256) }
    const { body } = await call(owner, "POST /graphql", { body: { query }, headers })
    expect(pathsIn(body)).toEqual(["/idempotencyKey"])
  })
  test("what a watch cannot tell is named by the field of the record", async () => {
    const socket = await graphqlOf(at.owner)
    const query = tasksWatch.replace("{ id title }", "{ id title comments { id } }")
    const errors = await socket.run("1", query, { organization: at.organizationId })
    expect(pathsIn({ errors })).toEqual(["/record/comments"])
    expect(errors[0].extensions).toMatchObject({ code: "INVALID_ARGUMENT", requestId: expect.any(String) })
    socket.close()
  })
  test("a union that stands alone is named by its member, its members' own unions, too", async () => {
    const inner = z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("word"), text: z.string().max(3) }).meta({ id: "NestWord" }),
      z.strictObject({ kind: z.literal("many"), texts: z.array(z.string().max(3)) }).meta({ id: "NestMany" }),
    ])
    const nested = operation("nests.make", {
      kind: "query",
      summary: "A union in a union",
      input: z
        .strictObject({
          nest: z
            .discriminatedUnion("form", [
              z
                .strictObject({ form: z.literal("egg"), inner: inner.meta({ id: "NestInner" }) })
                .meta({ id: "NestEgg" }),
              z.strictObject({ form: z.literal("bare") }).meta({ id: "NestBare" }),
            ])
            .meta({ id: "Nest" }),
        })
        .meta({ id: "Nesting" }),
      output: z.strictObject({ done: z.boolean() }).meta({ id: "Nested" }),
      policy: signedIn(),
      rest: post("/nests"),
      handle: () => ({ done: true }),
    })
    const { title, resources, operations, accounts } = workspace
    const organizations = { resource: "organizations", plan: "plan" }
    const log = { tenant: { resource: "organizations", action: "delete" } } as const
    const declared = { ...app({ title, resources, operations: [...operations, nested], organizations, log }), accounts }
    const query = "query ($nest: NestInput!) { nestsMake(nest: $nest) { done } }"
    const of = async (nest: object) => {
      const options = { body: { query, variables: { nest } } }
      return (await serving({}, declared).call(at.owner, "POST /graphql", options)).body
    }
    expect(pathsIn(await of({ egg: { inner: { many: { texts: ["a", "long"] } } } }))).toEqual([
      "/nest/egg/inner/many/texts/1",
    ])
    expect(pathsIn(await of({ egg: { inner: { word: { text: "long" } } } }))).toEqual(["/nest/egg/inner/word/text"])
    expect((await of({ egg: { inner: { word: { text: "one" } } } })).data).toEqual({ nestsMake: { done: true } })
  })
})
