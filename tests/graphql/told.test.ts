/** GraphQL: what a refusal tells beside its code, over HTTP and over a socket: everything that the other doors tell, and of which request it is. */

import { beforeAll, describe, expect, test } from "vitest"
import { problemOf, refuse } from "../../src/api/websocket/problem.ts"
import { Problem, problemTypes } from "../../src/core/problem.ts"
import { asking, decide, titlesIn } from "../mcp/asking.ts"
import { call } from "../support/calls.ts"
import { type GraphqlSocket, graphqlOf } from "../support/graphql-socket.ts"
import { handshake } from "../support/live.ts"
import { must, newWorkspace, type Workspace } from "../support/workspace.ts"

const requestId = expect.stringMatching(/^[0-9a-f-]{36}$/)
const create = "mutation ($input: TaskCreateInput!) { createTask(input: $input) { id title } }"
const update = `mutation ($id: String!, $version: SafeInt) {
  updateTask(id: $id, patch: { priority: 1 }, version: $version) { version }
}`

let at: Workspace
beforeAll(async () => {
  at = await newWorkspace()
})

// biome-ignore lint/suspicious/noExplicitAny: tests look into results of every shape
type Result = any
type Way = (token: string, query: string, variables: object) => Promise<Result>

const overHttp: Way = async (token, query, variables) =>
  (await call({ token }, "POST /graphql", { body: { query, variables } })).body
const overSocket: Way = async (token, query, variables) => {
  const socket = await graphqlOf({ token })
  const result = await socket.run("1", query, variables)
  socket.close()
  return result
}

describe.each<[string, Way]>([
  ["over HTTP", overHttp],
  ["over graphql-transport-ws", overSocket],
])("a call %s", (_, ask) => {
  test("of a version that is over is told so, and nothing is changed", async () => {
    const { id } = await must(at.owner, "POST /v1/tasks", { projectId: at.projectId, title: "Versioned" })
    const { data, errors } = await ask(at.owner.token, update, { id, version: 7 })
    expect(data).toEqual({ updateTask: null })
    expect(errors).toMatchObject([
      {
        path: ["updateTask"],
        extensions: { code: "FAILED_PRECONDITION", type: "urn:selvage:problem:version-mismatch", requestId },
      },
    ])
    expect((await call(at.owner, `GET /v1/tasks/${id}`)).body).toMatchObject({ version: 1, priority: 2 })
  })

  test("that somebody must approve is told where; nothing is made before, and the same call once after", async () => {
    const program = await asking({ scope: "tasks:write", resource: "http://localhost:8787" })
    const token = program.tokens.access
    const input = { projectId: program.projectId, title: "Asked for" }
    const { data, errors } = await ask(token, create, { input })
    expect(data).toEqual({ createTask: null })
    const [{ extensions }] = errors
    expect(extensions).toMatchObject({
      code: "FAILED_PRECONDITION",
      type: "urn:selvage:problem:approval-required",
      requestId,
    })
    const { id, page } = extensions.approval
    expect(page).toBe(`http://localhost:8787/account/approvals/${id}`)
    expect(await titlesIn(program)).toEqual([])
    expect((await decide(program.ada, id, "grant")).status).toBe(200)
    expect((await ask(token, create, { input })).data.createTask.title).toBe("Asked for")
    expect((await ask(token, create, { input })).errors[0].extensions.approval.id).not.toBe(id)
    expect(await titlesIn(program)).toEqual(["Asked for"])
  })
})

describe("a refusal over a socket", () => {
  let socket: GraphqlSocket
  beforeAll(async () => {
    socket = await graphqlOf(at.owner)
  })

  test("has the id of its call, which is another for each, and what the call was counted by", async () => {
    const input = { projectId: at.projectId, title: "x".repeat(1000) }
    const [one, other] = [await socket.run("a", create, { input }), await socket.run("b", create, { input })]
    const ids = [one, other].map(({ errors }) => errors[0].extensions.requestId)
    expect(ids).toEqual([requestId, requestId])
    expect(ids[0]).not.toBe(ids[1])
    expect(one.errors[0].extensions.limits.map(({ name }: Result) => name)).toContain("tasks.create/principal")
  })

  test.each([
    ["a document that is none", "{ tasks {", {}],
    ["a field that there is not", "{ explode }", {}],
    ["a variable of another type", "query ($n: Int) { tasks(first: $n) { nodes { id } } }", { n: "many" }],
    ["an operation that is not named", "query A { __typename } query B { __typename }", {}],
    ["a watch without a tenant", "subscription { tasksWatch { __typename } }", {}],
  ])("of %s has the id of the connection", async (name, query, variables) => {
    const errors = await socket.run(name, query, variables)
    expect(errors.length).toBeGreaterThan(0)
    for (const error of errors) expect(error.extensions).toMatchObject({ code: "INVALID_ARGUMENT", requestId })
  })
})

describe("over HTTP the id of the request stands with every error", () => {
  test.each<[string, object]>([
    ["a document that is none", { query: "{ tasks {" }],
    ["two fields that there are not", { query: "{ explode implode }" }],
    ["too many root fields", { query: `{ ${Array.from({ length: 21 }, (_, n) => `a${n}: __typename`).join(" ")} }` }],
    [
      "a variable of another type",
      { query: "query ($n: Int) { tasks(first: $n) { nodes { id } } }", variables: { n: "many" } },
    ],
    [
      "an argument that is null and must not be",
      { query: 'query ($id: ID = "x") { task(id: $id) { id } }', variables: { id: null } },
    ],
    ["no query", {}],
    [
      "a persisted query that is not known",
      { extensions: { persistedQuery: { version: 1, sha256Hash: "a".repeat(64) } } },
    ],
    ["a list", []],
  ])("%s", async (_, body) => {
    for (const Accept of ["application/json", "application/graphql-response+json"]) {
      const answer = await call(at.owner, "POST /graphql", { body, headers: { Accept } })
      const own = answer.headers.get("X-Request-Id")
      expect(own).toEqual(requestId)
      expect(answer.body.errors.length).toBeGreaterThan(0)
      for (const { extensions } of answer.body.errors) expect(extensions.requestId).toBe(own)
    }
  })
})

describe("WWW-Authenticate", () => {
  const resource = 'resource_metadata="http://localhost:8787/.well-known/oauth-protected-resource"'
  const body = { query: "{ tasks { nodes { id } } }" }

  test("of a credential that does not hold is what REST says", async () => {
    const [graphql, rest] = [
      await call({ token: "nonsense" }, "POST /graphql", { body }),
      await call({ token: "nonsense" }, "GET /v1/tasks"),
    ]
    expect([graphql.status, rest.status]).toEqual([401, 401])
    expect(graphql.headers.get("WWW-Authenticate")).toBe(rest.headers.get("WWW-Authenticate"))
    expect(graphql.headers.get("WWW-Authenticate")).toBe(`Bearer realm="selvage", error="invalid_token", ${resource}`)
    const socket = await handshake({ token: "nonsense" })
    expect([socket.status, socket.headers.get("WWW-Authenticate")]).toEqual([401, rest.headers.get("WWW-Authenticate")])
  })
  test("stands with a field that nobody may read, though the request was answered", async () => {
    const graphql = await call(null, "POST /graphql", { body })
    const rest = await call(null, "GET /v1/tasks")
    expect([graphql.status, graphql.body.errors[0].extensions.code]).toEqual([200, "UNAUTHENTICATED"])
    expect(graphql.headers.get("WWW-Authenticate")).toBe(`Bearer realm="selvage", ${resource}`)
    expect(graphql.headers.get("WWW-Authenticate")).toBe(rest.headers.get("WWW-Authenticate"))
  })
  test("stands with no answer that another credential would not change", async () => {
    const good = await call(at.owner, "POST /graphql", { body })
    const missing = { query: `{ task(id: "task_01kaj700000000000000000000") { id } }` }
    const absent = await call(at.stranger, "POST /graphql", { body: missing })
    const wrong = await call(null, "POST /graphql", { body: { query: "{ explode }" } })
    expect(absent.body.errors[0].extensions.code).toBe("NOT_FOUND")
    for (const { headers } of [good, absent, wrong]) expect(headers.get("WWW-Authenticate")).toBeNull()
  })
})

describe("a problem in a frame and back", () => {
  const carried = (problem: Problem) =>
    problemOf(JSON.parse(refuse(1, problem, { requestId: "request-1", limits: [] })).error)

  test.each(problemTypes)("keeps its type: %s", (type) => {
    expect(carried(new Problem("FAILED_PRECONDITION", "No", { type }))).toMatchObject({
      code: "FAILED_PRECONDITION",
      message: "No",
      options: { type, told: { requestId: "request-1" } },
    })
  })
  test("keeps its places, its cures and its page", () => {
    const options = {
      violations: [{ path: "/title", code: "too_big", message: "Too long" }],
      retryAfterSeconds: 7,
      maxAgeSeconds: 600,
      approval: { id: "approval_1", page: "https://selvage.test/account/approvals/approval_1" },
    }
    expect(carried(new Problem("UNAVAILABLE", "Later", options)).options).toEqual({
      ...options,
      told: { requestId: "request-1" },
    })
  })
  test("is a fault of ours where its code is none, and has no type that nobody knows", () => {
    const data = { code: "EXPLODED", type: "urn:selvage:problem:exploded" }
    const problem = problemOf({ message: "Boom", data })
    expect([problem.code, problem.options]).toEqual(["INTERNAL", { told: {} }])
    expect(problemOf({}).code).toBe("INTERNAL")
  })
})
