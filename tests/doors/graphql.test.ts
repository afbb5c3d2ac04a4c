/** GraphQL as others test it: graphql-http's audits, and requests as a client sends them. */
import { createHash } from "node:crypto"
import { serverAudits } from "graphql-http"
import { describe, expect, inject, test } from "vitest"

const origin = inject("origin")
const { ada, nobody } = inject("tokens")
const projectId = inject("projectId")
const url = `${origin}/graphql`

// biome-ignore lint/suspicious/noExplicitAny: tests look into results of every shape
type Result = any

async function ask(
  query: string,
  variables: object = {},
  token: string | null = ada,
  headers: object = {},
): Promise<Result> {
  const answer = await fetch(url, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: JSON.stringify({ query, variables }),
  })
  const body = (await answer.json()) as Result
  return { ...body, status: answer.status, headers: answer.headers }
}

describe("graphql-http's audits", () => {
  for (const audit of serverAudits({ url, fetchFn: fetch }))
    test(audit.name, async () => {
      const result = await audit.fn()
      expect([result.status, "reason" in result ? result.reason : ""]).toEqual(["ok", ""])
    })
})

describe("reads", () => {
  test("thirty tasks with project, comments and counts are one statement", async () => {
    const query = `query ($project: String!) {
      tasks(filter: { projectId: { eq: $project } }, first: 30, sort: [CREATED_AT_DESC]) {
        nodes { id title status project { name } newest: comments(first: 1) { body } comments { body } }
        pageInfo { hasNextPage endCursor }
        totalCount
      }
    }`
    const made = await ask(`mutation { createTask(input: { projectId: "${projectId}", title: "Commented" }) { id } }`)
    for (const body of ["first", "second"])
      await ask("mutation ($input: CommentCreateInput!) { createComment(input: $input) { id } }", {
        input: { taskId: made.data.createTask.id, body },
      })
    const { data, errors, extensions } = await ask(query, { project: projectId })
    expect(errors).toBeUndefined()
    expect(extensions.cost.trips).toBe(1)
    expect(data.tasks.nodes.length).toBeGreaterThan(3)
    expect(data.tasks.totalCount).toBeGreaterThanOrEqual(data.tasks.nodes.length)
    const commented = data.tasks.nodes.find((one: Result) => one.comments.length > 1)
    expect(commented.comments.map((one: Result) => one.body)).toEqual(["second", "first"])
    expect(commented.newest).toEqual(commented.comments.slice(0, 1))
    expect(data.tasks.nodes[0].project.name).toEqual(expect.any(String))
  })
  test("pages go on by the cursor, each record once", async () => {
    const query = `query ($after: String) { tasks(filter: { projectId: { eq: "${projectId}" } }, first: 2, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }`
    const seen: string[] = []
    let after: string | null = null
    for (let n = 0; n < 50; n++) {
      const { data }: Result = await ask(query, { after })
      seen.push(...data.tasks.nodes.map((one: Result) => one.id))
      after = data.tasks.pageInfo.endCursor
      if (!data.tasks.pageInfo.hasNextPage) break
    }
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.length).toBeGreaterThan(3)
  })
  test("what one may not see is null with the shared code at its path; a field that is masked is null", async () => {
    const mine = await ask(
      `{ tasks(filter: { projectId: { eq: "${projectId}" } }, first: 1) { nodes { id internalNote } } }`,
    )
    const [task] = mine.data.tasks.nodes
    expect(task.internalNote).toBeNull()
    const { data, errors } = await ask("query ($id: ID!) { task(id: $id) { title } }", { id: task.id }, nobody)
    expect(data).toEqual({ task: null })
    expect(errors).toMatchObject([{ path: ["task"], extensions: { code: "NOT_FOUND", requestId: expect.any(String) } }])
  })
  test("nobody is told so in each root field; a credential that does not hold is 401 before anything is read", async () => {
    const anonymous = await ask("{ tasks { nodes { id } } }", {}, null)
    expect(anonymous).toMatchObject({ status: 200, data: null, errors: [{ extensions: { code: "UNAUTHENTICATED" } }] })
    const wrong = await ask("{ tasks { nodes { id } } }", {}, "nonsense")
    expect([wrong.status, wrong.errors[0].extensions.code]).toEqual([401, "UNAUTHENTICATED"])
    const rest = await fetch(`${origin}/v1/tasks`, { headers: { Authorization: "Bearer nonsense" } })
    expect(wrong.headers.get("WWW-Authenticate")).toBe(rest.headers.get("WWW-Authenticate"))
    expect(wrong.headers.get("WWW-Authenticate")).toContain("resource_metadata=")
  })
})

describe("writes", () => {
  const create = `mutation ($input: TaskCreateInput!) { createTask(input: $input) { id title dueAt priority status project { name } } }`
  test("create, change and delete; null clears and absence leaves; the answer has relations", async () => {
    const input = { projectId, title: "From GraphQL 😀", dueAt: "2026-12-24T18:00:00+01:00", priority: 2 }
    const made = await ask(create, { input })
    const task = made.data.createTask
    expect(task).toMatchObject({
      title: "From GraphQL 😀",
      dueAt: "2026-12-24T17:00:00.000Z",
      status: "OPEN",
      project: { name: expect.any(String) },
    })
    expect(made.headers.get("X-Selvage-Bookmark")).toMatch(/^[0-9a-f-]+$/)
    const update =
      "mutation ($id: String!, $patch: TaskUpdateInput!) { updateTask(id: $id, patch: $patch) { title dueAt } }"
    const left = await ask(update, { id: task.id, patch: { title: "Other" } })
    expect(left.data.updateTask).toEqual({ title: "Other", dueAt: "2026-12-24T17:00:00.000Z" })
    const cleared = await ask(update, { id: task.id, patch: { dueAt: null } })
    expect(cleared.data.updateTask).toEqual({ title: "Other", dueAt: null })
    const done = await ask("mutation ($id: String!) { tasksComplete(id: $id) { status } }", { id: task.id })
    expect(done.data.tasksComplete).toEqual({ status: "DONE" })
    const gone = await ask("mutation ($id: String!) { deleteTask(id: $id) { id } }", { id: task.id })
    expect(gone.data.deleteTask.id).toBe(task.id)
  })
  test("a union comes in as one of its variants", async () => {
    const batch = `mutation ($records: [TaskBatchRecordInput!]!) { batchTasks(records: $records) { records { title } } }`
    const records = [
      { create: { values: { projectId, title: "One of two" } } },
      { create: { values: { projectId, title: "Two of two" } } },
    ]
    const { data, errors } = await ask(batch, { records })
    expect(errors).toBeUndefined()
    expect(data.batchTasks.records).toEqual([{ title: "One of two" }, { title: "Two of two" }])
  })
  test("the same key is one task; with two mutations in a request it is refused", async () => {
    const headers = { "Idempotency-Key": crypto.randomUUID() }
    const input = { projectId, title: "Once" }
    const first = await ask(create, { input }, ada, headers)
    const again = await ask(create, { input }, ada, headers)
    expect(again.data.createTask.id).toBe(first.data.createTask.id)
    expect([first.headers.get("Idempotent-Replayed"), again.headers.get("Idempotent-Replayed")]).toEqual([null, "true"])
    const two = await ask(
      `mutation { a: tasksComplete(id: "x") { id } b: tasksComplete(id: "y") { id } }`,
      {},
      ada,
      headers,
    )
    expect(two.errors[0].extensions.code).toBe("INVALID_ARGUMENT")
  })
  test("a batch has the relations of its records, and a client may send null for every variable that it has not set", async () => {
    const query = `mutation ($records: [TaskBatchRecordInput!]!) { batchTasks(records: $records) { records { id project { name } comments { id } } } }`
    const { data, errors } = await ask(query, {
      records: [
        { create: { values: { projectId, title: "Batched", body: null } } },
        { create: { values: { projectId, title: "Batched, too" } } },
      ],
    })
    expect(errors).toBeUndefined()
    const [one, other] = data.batchTasks.records
    const related = { project: { name: expect.any(String) }, comments: [] }
    expect([one, other]).toMatchObject([related, related])
    const unset = `query ($filter: TaskFilter, $sort: [TaskSort!], $first: Int, $after: String, $q: String) {
      tasks(filter: $filter, sort: $sort, first: $first, after: $after, q: $q) { nodes { id } } }`
    const all = await ask(unset, { filter: null, sort: null, first: null, after: null, q: null })
    expect(all.data).toEqual((await ask(unset)).data)
    const patch = `mutation ($id: String!, $version: SafeInt) { updateTask(id: $id, patch: { priority: 0 }, version: $version) { priority } }`
    expect((await ask(patch, { id: one.id, version: null })).data.updateTask).toEqual({ priority: 0 })
  })
  test("a fault stands at its place in the input, with everything else of the problem", async () => {
    const { errors } = await ask(create, { input: { projectId: "nonsense", title: "x" } })
    expect(errors[0]).toMatchObject({
      path: ["createTask"],
      extensions: { code: "INVALID_ARGUMENT", violations: [{ path: "/input/projectId" }] },
    })
  })
})

describe("what is hostile", () => {
  test.each([
    ["an alias flood", `{ ${Array.from({ length: 300 }, (_, n) => `a${n}: tasks { nodes { id } }`).join(" ")} }`],
    [
      "twenty-one root fields through fragments",
      `{ ...F ...F2 } fragment F on Query { ${Array.from({ length: 11 }, (_, n) => `a${n}: tasks { nodes { id } }`).join(" ")} } fragment F2 on Query { ${Array.from({ length: 11 }, (_, n) => `b${n}: tasks { nodes { id } }`).join(" ")} }`,
    ],
    ["deep relations", `{ tasks { nodes { project { tasks { project { tasks { project { tasks { id } } } } } } } } }`],
    ["a fragment that holds itself", "{ tasks { nodes { ...A } } } fragment A on Task { ...A }"],
    ["very many tokens", `{ tasks { nodes { ${"id ".repeat(3000)} } } }`],
    ["a page beyond the bound, through a variable", "query ($n: Int = 100000) { tasks(first: $n) { nodes { id } } }"],
    [
      "relations beyond what a plan may cost, through a variable",
      "query ($n: Int = 100) { tasks(first: $n) { nodes { comments(first: $n) { task { comments(first: $n) { id } } } } } }",
    ],
    ["half a document", "{ tasks { nodes {"],
    ["an operation that there is not", "{ explode }"],
  ])("%s is refused with errors, not with a fault of ours", async (_, query) => {
    const { status, errors } = await ask(query)
    expect(status).toBe(200)
    expect(errors.length).toBeGreaterThan(0)
    expect(JSON.stringify(errors)).not.toMatch(/INTERNAL|SQLITE|\.ts:/)
  })
  test("a batch, another content type and bytes that are no JSON are refused before anything runs", async () => {
    const send = (body: string, type = "application/json") =>
      fetch(url, { method: "POST", headers: { "Content-Type": type, Authorization: `Bearer ${ada}` }, body })
    expect((await send("[]")).status).toBe(400)
    expect((await send("{}", "text/plain")).status).toBe(415)
    expect((await send("{nonsense")).status).toBe(400)
  })
  test("a mutation by GET is refused, and nothing was done", async () => {
    const query = encodeURIComponent(
      `mutation { createTask(input: { projectId: "${projectId}", title: "By GET" }) { id } }`,
    )
    const answer = await fetch(`${url}?query=${query}`, { headers: { Authorization: `Bearer ${ada}` } })
    expect([answer.status, answer.headers.get("Allow")]).toEqual([405, "POST"])
    const { data } = await ask(
      `{ tasks(filter: { projectId: { eq: "${projectId}" } }, q: "By GET") { nodes { title } } }`,
    )
    expect(data.tasks.nodes.filter((one: Result) => one.title === "By GET")).toEqual([])
  })
})

test("a persisted query: unknown, sent in full, then known by its hash; a wrong hash is refused", async () => {
  const query = `{ tasks(first: 1) { nodes { id } } } # ${crypto.randomUUID()}`
  const sha256Hash = createHash("sha256").update(query).digest("hex")
  const send = async (more: object): Promise<Result> => {
    const extensions = { persistedQuery: { version: 1, sha256Hash } }
    const body = JSON.stringify({ extensions, ...more })
    const headers = { "Content-Type": "application/json", Authorization: `Bearer ${ada}` }
    return (await fetch(url, { method: "POST", headers, body })).json()
  }
  expect((await send({})).errors[0].extensions.code).toBe("PERSISTED_QUERY_NOT_FOUND")
  expect((await send({ query })).data.tasks.nodes).toHaveLength(1)
  await expect.poll(async () => (await send({})).data?.tasks.nodes.length).toBe(1)
  expect((await send({ query: "{ __typename }" })).errors[0].extensions.code).toBe("INVALID_ARGUMENT")
})
