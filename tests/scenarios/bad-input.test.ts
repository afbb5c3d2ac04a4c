/** Bad input: a problem with the right code and the path of the fault, the request id, no SQL, no stack, and no row changed. */
import { env } from "cloudflare:workers"
import { beforeAll, describe, expect, test } from "vitest"
import { call } from "../support/calls.ts"
import { must, newWorkspace, rowCount, type Workspace } from "../support/workspace.ts"

let at: Workspace
let taskId: string
beforeAll(async () => {
  at = await newWorkspace()
  taskId = (await must(at.editor, "POST /v1/tasks", { projectId: at.projectId, title: "Here" })).id
})

/** Events of these people alone: behind the tests before these the engine may still write some of its own. */
async function ownEvents(): Promise<number> {
  const { owner, editor, viewer, stranger } = at
  const ids = JSON.stringify([owner, editor, viewer, stranger].map(({ id }) => id))
  const statement = env.DB.prepare(
    'select count(*) as n from "events" where "actor" in (select value from json_each(?))',
  )
  return (await statement.bind(ids).first<number>("n")) ?? Number.NaN
}
const counts = () => Promise.all([ownEvents(), ...["tasks", "comments", "idempotency"].map(rowCount)])

/** What every refusal has, and has not. */
function expectProblem(answer: Awaited<ReturnType<typeof call>>, status: number, code: string) {
  const text = JSON.stringify(answer.body)
  expect(answer.status, text).toBe(status)
  expect(answer.headers.get("Content-Type")).toContain("application/problem+json")
  expect(answer.body).toMatchObject({ status, code, requestId: expect.stringMatching(/.+/) })
  expect(answer.headers.get("X-Request-Id")).toBe(answer.body.requestId)
  expect(text).not.toMatch(/select |insert |sqlite|D1_ERROR|\bat [\w.]+ \(|node_modules|\.ts:/i)
}

describe("bodies", () => {
  const big = "x".repeat(2 * 1024 * 1024)
  test.each<[string, unknown, number, string, string | null]>([
    ["malformed JSON", '{"title":', 400, "INVALID_ARGUMENT", ""],
    ["nothing", "", 400, "INVALID_ARGUMENT", null],
    ["trailing garbage", '{"title":"a"} x', 400, "INVALID_ARGUMENT", ""],
    ["a list where an object belongs", "[]", 400, "INVALID_ARGUMENT", null],
    ["a wrong type", { projectId: "P", title: 5 }, 400, "INVALID_ARGUMENT", "/title"],
    ["an unknown field", { projectId: "P", title: "a", nope: 1 }, 400, "INVALID_ARGUMENT", "/nope"],
    ["a missing field", { projectId: "P" }, 400, "INVALID_ARGUMENT", "/title"],
    ["an unknown enum value", { projectId: "P", title: "a", status: "lost" }, 400, "INVALID_ARGUMENT", "/status"],
    [
      "a number beyond 32 bits",
      { projectId: "P", title: "a", priority: 4294967296 },
      400,
      "INVALID_ARGUMENT",
      "/priority",
    ],
    [
      "a date that does not exist",
      { projectId: "P", title: "a", dueAt: "2026-02-30T00:00:00Z" },
      400,
      "INVALID_ARGUMENT",
      "/dueAt",
    ],
    ["a tampered id", { projectId: "project_zzz", title: "a" }, 400, "INVALID_ARGUMENT", "/projectId"],
    ["NUL in a text", '{"projectId":"P","title":"a\\u0000b"}', 400, "INVALID_ARGUMENT", "/title"],
    ["a lone surrogate", '{"projectId":"P","title":"a\\ud800"}', 400, "INVALID_ARGUMENT", "/title"],
    ["a key twice", '{"projectId":"P","title":"a","title":"b"}', 400, "INVALID_ARGUMENT", "/title"],
    ["ten thousand brackets", `{"title":${"[".repeat(10_000)}${"]".repeat(10_000)}}`, 400, "INVALID_ARGUMENT", null],
    ["two megabytes", `{"title":"${big}"}`, 413, "INVALID_ARGUMENT", null],
    ["a title that is too long", { projectId: "P", title: "x".repeat(201) }, 400, "INVALID_ARGUMENT", "/title"],
  ])("%s", async (_, body, status, code, path) => {
    const before = await counts()
    const sent =
      typeof body === "string"
        ? body.replace('"P"', `"${at.projectId}"`)
        : {
            ...(body as object),
            ...((body as { projectId?: string }).projectId === "P" ? { projectId: at.projectId } : {}),
          }
    const answer = await call(at.editor, "POST /v1/tasks", { body: sent })
    expectProblem(answer, status, code)
    if (path) expect(answer.body.violations.map((violation: { path: string }) => violation.path)).toContain(path)
    expect(await counts()).toEqual(before)
  })

  test("every fault is told at once", async () => {
    const answer = await call(at.editor, "POST /v1/tasks", { body: { title: 1, priority: "x", nope: true } })
    expect(answer.body.violations.map((violation: { path: string }) => violation.path).sort()).toEqual([
      "/nope",
      "/priority",
      "/projectId",
      "/title",
    ])
  })

  test("a body that is not JSON by its type", async () => {
    const answer = await call(at.editor, "POST /v1/tasks", {
      body: "a=b",
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
    })
    expectProblem(answer, 415, "INVALID_ARGUMENT")
  })
})

describe("queries", () => {
  const filters = Array.from({ length: 101 }, (_, n) => ({ priority: n }))
  test.each<[string, () => string, string]>([
    ["an unknown parameter", () => "nope=1", "/nope"],
    ["an unknown relation", () => "expand=nope", "/expand/nope"],
    ["an unknown field", () => "fields=id,nope", "/fields/1"],
    ["too deep an expansion", () => "expand=project.tasks.project.tasks", "/expand"],
    ["too costly a plan", () => "limit=100&expand=project.tasks.comments", "/expand"],
    ["a limit beyond the page", () => "limit=101", "/limit"],
    ["a limit that is no number", () => "limit=many", "/limit"],
    ["101 filters", () => `filter=${encodeURIComponent(JSON.stringify({ or: filters }))}`, "/filter"],
    ["an operator that does not exist", () => "priority[like]=1", "/filter/priority/like"],
    ["a filter on what is not declared", () => "title=a", "/title"],
    ["a value of another kind", () => "priority=high", "/priority"],
    ["a forged cursor", () => "cursor=AAAA.BBBB", "/cursor"],
    ["a sort by what is not declared", () => "sort=title", "/sort/0"],
    ["a page by number", () => "page=2", "/page"],
  ])("%s", async (_, query, path) => {
    const answer = await call(at.editor, `GET /v1/tasks?${query()}`)
    expectProblem(answer, 400, "INVALID_ARGUMENT")
    expect(JSON.stringify(answer.body.violations)).toContain(path.split("/").pop())
  })

  test("a cursor belongs to the query and to the person that got it", async () => {
    for (let n = 0; n < 2; n++) await must(at.editor, "POST /v1/tasks", { projectId: at.projectId, title: `Task ${n}` })
    const page = await call(at.editor, `GET /v1/tasks?projectId=${at.projectId}&limit=1`)
    const cursor = encodeURIComponent(page.body.nextCursor)
    expect((await call(at.editor, `GET /v1/tasks?projectId=${at.projectId}&limit=1&cursor=${cursor}`)).status).toBe(200)
    expectProblem(
      await call(at.viewer, `GET /v1/tasks?projectId=${at.projectId}&limit=1&cursor=${cursor}`),
      400,
      "INVALID_ARGUMENT",
    )
    expectProblem(await call(at.editor, `GET /v1/tasks?limit=1&cursor=${cursor}`), 400, "INVALID_ARGUMENT")
    expectProblem(
      await call(at.editor, `GET /v1/tasks?projectId=${at.projectId}&sort=createdAt&limit=1&cursor=${cursor}`),
      400,
      "INVALID_ARGUMENT",
    )
  })

  test("what looks like SQL is text", async () => {
    for (const q of ['"; drop table tasks; --', "a OR 1=1", "NEAR(", "*", "title:x", "\u{1F600}"]) {
      const answer = await call(at.editor, `GET /v1/tasks?q=${encodeURIComponent(q)}`)
      expect(answer.status, q).toBe(200)
    }
    expect(await rowCount("tasks")).toBeGreaterThan(0)
  })
})

describe("ids of another organization", () => {
  test("to read, to change, to delete, to comment on, to complete: it is not there", async () => {
    const other = await newWorkspace()
    const before = await counts()
    const calls = [
      call(other.editor, `GET /v1/tasks/${taskId}`),
      call(other.editor, `PATCH /v1/tasks/${taskId}`, { body: { title: "x" } }),
      call(other.editor, `DELETE /v1/tasks/${taskId}`),
      call(other.editor, `POST /v1/tasks/${taskId}/completion`, { body: {} }),
    ]
    for (const answer of await Promise.all(calls)) expectProblem(answer, 404, "NOT_FOUND")
    expectProblem(
      await call(other.editor, "POST /v1/comments", { body: { taskId, body: "hello" } }),
      403,
      "PERMISSION_DENIED",
    )
    expect(await counts()).toEqual(before)
    for (const query of [`projectId=${at.projectId}`, `organizationId=${at.organizationId}`]) {
      expect((await call(other.editor, `GET /v1/tasks?${query}`)).body.items).toEqual([])
    }
  })
})

describe("the transport", () => {
  test.each<[string, string, Record<string, string>, number]>([
    ["an unknown route", "GET /v1/nope", {}, 404],
    ["an unknown method", "PUT /v1/tasks", {}, 405],
    ["an answer in another form", "GET /v1/tasks", { Accept: "text/csv" }, 406],
    ["a version that is none", "PATCH /v1/tasks/ID", { "If-Match": "abc" }, 400],
    ["a bookmark that is none", "GET /v1/tasks", { "X-Selvage-Bookmark": "' or 1=1" }, 400],
  ])("%s", async (_, line, headers, status) => {
    const answer = await call(at.editor, line.replace("ID", taskId), {
      headers,
      ...(line.startsWith("PATCH") ? { body: { title: "x" } } : {}),
    })
    expect(answer.status).toBe(status)
    expect(answer.body.requestId).toBeTruthy()
  })

  test("the caller's request id comes back; one that is none is replaced", async () => {
    expect(
      (await call(at.editor, "GET /v1/nope", { headers: { "X-Request-Id": "abc-123" } })).headers.get("X-Request-Id"),
    ).toBe("abc-123")
    expect(
      (await call(at.editor, "GET /v1/nope", { headers: { "X-Request-Id": "a b<script>" } })).headers.get(
        "X-Request-Id",
      ),
    ).not.toContain("<")
  })
})
