/** A program that has to ask first: nothing is changed before its user said yes to that very call, and then once. */
import { describe, expect, test } from "vitest"
import { host, issuer, letIn, register } from "../oauth/program.ts"
import { call } from "../support/calls.ts"
import { eventsIn, inObject, objectOf } from "../support/user-objects.ts"
import { askFor, asking, decide, makeTask, problemIn, titlesIn, tool } from "./asking.ts"

const whole = { resource: issuer }

describe("a change", () => {
  test("waits: the model reads where it is decided, and nothing is made however often it asks", async () => {
    const at = await asking()
    const first = await makeTask(at, "One")
    const problem = problemIn(first)
    expect(problem).toMatchObject({ code: "FAILED_PRECONDITION", type: "urn:selvage:problem:approval-required" })
    expect(problem.approval.page).toBe(`${issuer}/account/approvals/${problem.approval.id}`)
    expect(first.content[0].text).toContain(problem.approval.page)
    expect(await askFor(at, "One")).toBe(problem.approval.id)
    expect(await titlesIn(at)).toEqual([])
    expect((await call(at.ada, "GET /v1/approvals")).body.items).toHaveLength(1)
  })

  test("that was approved is made by the same call, once; then it is asked for anew", async () => {
    const at = await asking()
    const id = await askFor(at, "One")
    expect((await decide(at.ada, id, "grant")).body).toMatchObject({ id, state: "granted" })
    expect(await titlesIn(at)).toEqual([])
    const made = await makeTask(at, "One")
    expect([made.isError, made.structuredContent.title]).toEqual([undefined, "One"])
    expect(await askFor(at, "One")).not.toBe(id)
    expect(await titlesIn(at)).toEqual(["One"])
  })

  test("that was approved is made once by eight calls at a time; the others are asked for", async () => {
    const at = await asking()
    await decide(at.ada, await askFor(at, "One"), "grant")
    const answers = await Promise.all(Array.from({ length: 8 }, () => makeTask(at, "One")))
    expect(answers.filter(({ isError }) => !isError)).toHaveLength(1)
    expect(answers.filter((one) => problemIn(one)?.type === "urn:selvage:problem:approval-required")).toHaveLength(7)
    expect(await titlesIn(at)).toEqual(["One"])
  })

  test("is another with other input, and the same in another order of names", async () => {
    const at = await asking()
    const id = await askFor(at, "One")
    await decide(at.ada, id, "grant")
    expect(await askFor(at, "Two")).not.toBe(id)
    expect(await titlesIn(at)).toEqual([])
    const { tokens, projectId } = at
    const made = await tool(tokens.access, "tasks_create", { title: "One", projectId })
    expect(made.isError).toBeUndefined()
    expect(await titlesIn(at)).toEqual(["One"])
  })

  test("that was refused is denied, and asks nobody again", async () => {
    const at = await asking()
    await decide(at.ada, await askFor(at, "One"), "refuse")
    for (let n = 0; n < 2; n++) expect(problemIn(await makeTask(at, "One")).code).toBe("PERMISSION_DENIED")
    expect((await call(at.ada, "GET /v1/approvals")).body.items).toHaveLength(1)
    expect(await titlesIn(at)).toEqual([])
  })

  test("whose approval is a day old is asked for anew", async () => {
    const at = await asking()
    const id = await askFor(at, "One")
    await decide(at.ada, id, "grant")
    await inObject(objectOf(at.ada), 'update "approvals" set "expiresAt" = ?', Date.now())
    expect((await call(at.ada, "GET /v1/approvals")).body.items).toEqual([])
    expect((await decide(at.ada, id, "grant")).status).toBe(404)
    expect(await askFor(at, "One")).not.toBe(id)
    expect(await titlesIn(at)).toEqual([])
  })

  test("that fails when it is made has used its approval up", async () => {
    const at = await asking()
    const given = { projectId: "project_01kaj700000000000000000001", title: "Nowhere" }
    const asked = problemIn(await tool(at.tokens.access, "tasks_create", given))
    await decide(at.ada, asked.approval.id, "grant")
    expect(problemIn(await tool(at.tokens.access, "tasks_create", given)).approval).toBeUndefined()
    expect(problemIn(await tool(at.tokens.access, "tasks_create", given)).approval.id).not.toBe(asked.approval.id)
  })

  test("made under a key is answered again by it, and asks nobody", async () => {
    const at = await asking()
    const meta = { "dev.selvage/idempotencyKey": crypto.randomUUID() }
    await decide(at.ada, problemIn(await makeTask(at, "One", meta)).approval.id, "grant")
    const made = await makeTask(at, "One", meta)
    const again = await makeTask(at, "One", meta)
    expect(again.structuredContent).toEqual(made.structuredContent)
    expect(again._meta["dev.selvage/replayed"]).toBe(true)
    expect(await titlesIn(at)).toEqual(["One"])
    expect((await call(at.ada, "GET /v1/approvals")).body.items).toEqual([])
  })
})

test("what looks or tries asks nobody", async () => {
  const at = await asking()
  const { tokens, projectId } = at
  expect((await tool(tokens.access, "tasks_list", { limit: 1 })).isError).toBeUndefined()
  const call_ = { tool: "tasks_create", arguments: { projectId, title: "One" } }
  expect((await tool(tokens.access, "preview_changes", call_)).structuredContent.changes).toHaveLength(1)
  expect((await call(at.ada, "GET /v1/approvals")).body.items).toEqual([])
  expect(await titlesIn(at)).toEqual([])
})

describe("whoever is not asked", () => {
  test("another program of the same person gains nothing by an approval", async () => {
    const at = await asking()
    await decide(at.ada, await askFor(at, "One"), "grant")
    const other = await letIn(
      at.ada,
      await register(),
      { scope: "tasks:write", resource: `${issuer}/mcp` },
      {
        approval: "yes",
      },
    )
    const refused = await makeTask({ ...at, tokens: other }, "One")
    expect(problemIn(refused).type).toBe("urn:selvage:problem:approval-required")
    expect(await titlesIn(at)).toEqual([])
  })

  test("another person neither sees nor decides", async () => {
    const [at, ben] = await Promise.all([asking(), host("Ben")])
    const id = await askFor(at, "One")
    expect((await call(ben, `GET /v1/approvals/${id}`)).status).toBe(404)
    expect((await decide(ben, id, "grant")).status).toBe(404)
    expect((await call(ben, "GET /v1/approvals")).body.items).toEqual([])
    expect(await askFor(at, "One")).toBe(id)
  })

  test("a program decides nothing for itself, whatever its scopes", async () => {
    const at = await asking({ ...whole, scope: "*:write" })
    const path = "POST /v1/tasks"
    const body = { projectId: at.projectId, title: "One" }
    const { approval } = (await call({ token: at.tokens.access }, path, { body })).body
    for (const line of ["GET /v1/approvals", `GET /v1/approvals/${approval.id}`])
      expect((await call({ token: at.tokens.access }, line)).status).toBe(403)
    expect((await decide({ token: at.tokens.access }, approval.id, "grant")).status).toBe(403)
    expect((await call(at.ada, `GET /v1/approvals/${approval.id}`)).body.state).toBe("waiting")
    expect(await titlesIn(at)).toEqual([])
  })
})

describe("what is asked", () => {
  test("is told with its input and what would come of it, and changes nothing", async () => {
    const at = await asking()
    const id = await askFor(at, "One")
    const { body } = await call(at.ada, `GET /v1/approvals/${id}`)
    expect(body).toMatchObject({ state: "waiting", operation: "tasks.create", client: { name: "Robot", host: null } })
    expect(body.input).toMatchObject({ projectId: at.projectId, title: "One" })
    expect(body.changes).toMatchObject([{ resource: "tasks", change: "create" }])
    expect(body.changes[0].fields).toContainEqual({ field: "title", after: "One" })
    expect(await titlesIn(at)).toEqual([])
  })

  test("would be refused: that is told, too", async () => {
    const at = await asking()
    const given = { projectId: "project_01kaj700000000000000000001", title: "Nowhere" }
    const { approval } = problemIn(await tool(at.tokens.access, "tasks_create", given))
    const { body } = await call(at.ada, `GET /v1/approvals/${approval.id}`)
    expect([body.changes, typeof body.refusal]).toEqual([null, "string"])
  })

  test("is kept sealed, for a day, and at most fifty at a time of one program", async () => {
    const at = await asking()
    const id = await askFor(at, "A title that nobody reads here")
    const [row] = await inObject(objectOf(at.ada), 'select * from "approvals"')
    expect(row).toMatchObject({ id, state: "waiting" })
    expect(String(row?.input)).toMatch(/^s1\./)
    expect(JSON.stringify(row)).not.toContain("nobody reads")
    expect(Number(row?.expiresAt) - Number(row?.createdAt)).toBe(86_400_000)
    for (let n = 1; n < 50; n++) await askFor(at, `Task ${n}`)
    expect(problemIn(await makeTask(at, "One too many")).code).toBe("RESOURCE_EXHAUSTED")
    expect(await askFor(at, "Task 1")).not.toBe("")
    expect(await inObject(objectOf(at.ada), 'select count(*) "n" from "approvals"')).toEqual([{ n: 50 }])
  })

  test("has at most 32 KiB", async () => {
    const at = await asking()
    const { projectId, tokens } = at
    const given = { projectId, title: "Long", body: "x".repeat(40_000) }
    const refused = problemIn(await tool(tokens.access, "tasks_create", given))
    expect(refused.code).toBe("INVALID_ARGUMENT")
    expect(await inObject(objectOf(at.ada), 'select "id" from "approvals"')).toEqual([])
  })

  test("goes with its grant", async () => {
    const at = await asking()
    await decide(at.ada, await askFor(at, "One"), "grant")
    await call(at.ada, `DELETE /v1/grants/${at.tokens.grant}`)
    expect(await inObject(objectOf(at.ada), 'select "id" from "approvals"')).toEqual([])
    expect((await call(at.ada, "GET /v1/approvals")).body.items).toEqual([])
  })
})

test("the account's events tell what was asked, decided and used", async () => {
  const at = await asking()
  const [granted, refused] = [await askFor(at, "One"), await askFor(at, "Two")]
  await decide(at.ada, granted, "grant")
  await decide(at.ada, granted, "grant")
  await decide(at.ada, refused, "refuse")
  await makeTask(at, "One")
  const told = (await eventsIn(at.ada)).filter(([kind]) => kind.startsWith("approval."))
  const about = { grant: at.tokens.grant, operation: "tasks.create" }
  expect(told).toEqual([
    ["approval.asked", { id: granted, ...about }],
    ["approval.asked", { id: refused, ...about }],
    ["approval.granted", { id: granted, ...about }],
    ["approval.refused", { id: refused, ...about }],
    ["approval.used", { id: granted, ...about }],
  ])
})
