/** The terms on which a person lets a program in: offered, chosen by the person alone, kept with the grant, and held to at every door. */
import { describe, expect, test } from "vitest"
import { asking, decide } from "../mcp/asking.ts"
import { call } from "../support/calls.ts"
import { connect } from "../support/live.ts"
import { meterOf, under } from "../usage/world.ts"
import {
  consent,
  type Host,
  host,
  issuer,
  letIn,
  mainOf,
  newProof,
  register,
  requestPath,
  ticketIn,
} from "./program.ts"

const whole = { resource: issuer }
const pathFor = async (scope: string) => requestPath(await register(), await newProof(), { scope })
const termsOf = async (who: Host) => (await call(who, "GET /v1/grants")).body.items.map(({ terms }: never) => terms)

describe("the page of consent", () => {
  test("offers to be asked before changes, chosen for a program that nobody knows, and a bound of rows", async () => {
    const main = mainOf(await (await host()).get(await pathFor("tasks:write")))
    expect(main).toContain('<input type="checkbox" name="approval" value="yes" checked>')
    expect(main).toContain('<option value="100000" selected>At most 100,000</option>')
    for (const value of ["1000", "10000", "none"]) expect(main).toContain(`<option value="${value}">`)
  })

  test("offers no approval to whoever is asked for reading alone", async () => {
    const main = mainOf(await (await host()).get(await pathFor("tasks:read")))
    expect(main).not.toContain("checkbox")
    expect(main).toContain('<select id="rows"')
  })
})

describe("the terms", () => {
  test.each<[string, Record<string, string>, object]>([
    ["as they were chosen", { approval: "yes", rows: "1000" }, { approval: true, rows: 1000 }],
    ["without a bound", { rows: "none" }, { approval: false, rows: null }],
    ["that nobody touched", {}, { approval: false, rows: 100_000 }],
  ])("%s are kept with the grant", async (_, chosen, terms) => {
    const ada = await host()
    await letIn(ada, await register(), { scope: "tasks:write" }, chosen)
    expect(await termsOf(ada)).toEqual([terms])
  })

  test.each<[string, string, Record<string, string>]>([
    ["a number that is not offered", "tasks:write", { rows: "5000" }],
    ["no number", "tasks:write", { rows: "all of them" }],
    ["less than nothing", "tasks:write", { rows: "-1" }],
    ["an approval of what changes nothing", "tasks:read", { approval: "yes" }],
  ])("that were not offered let nobody in: %s", async (_, scope, chosen) => {
    const ada = await host()
    const page = await consent(ada, await pathFor(scope), chosen)
    expect([page.status, page.location]).toEqual([400, null])
    expect(await termsOf(ada)).toEqual([])
  })

  test("of a form from another site let nobody in", async () => {
    const ada = await host()
    const ticket = ticketIn(await ada.get(await pathFor("tasks:write")))
    const elsewhere = { "Sec-Fetch-Site": "cross-site", Origin: "https://evil.example" }
    const page = await ada.post("/oauth/authorize", { ticket, decision: "allow", rows: "none" }, elsewhere)
    expect(page.status).toBe(403)
    expect(await termsOf(ada)).toEqual([])
  })
})

describe("to be asked first", () => {
  test("holds over REST: 409 with the address of the page, and the change is made once it was approved", async () => {
    const { ada, tokens, projectId } = await asking(whole)
    const make = () => call({ token: tokens.access }, "POST /v1/tasks", { body: { projectId, title: "One" } })
    const asked = await make()
    expect([asked.status, asked.body.type]).toEqual([409, "urn:selvage:problem:approval-required"])
    const { id, page } = asked.body.approval
    expect(asked.headers.get("Link")).toBe(`<${page}>; rel="urn:selvage:rel:approval"`)
    await decide(ada, id, "grant")
    expect([(await make()).status, (await make()).status]).toEqual([201, 409])
  })

  test("holds over GraphQL", async () => {
    const { ada, tokens, projectId } = await asking(whole)
    const query = `mutation { createTask(input: { projectId: "${projectId}", title: "One" }) { id } }`
    const { body } = await call({ token: tokens.access }, "POST /graphql", { body: { query } })
    expect(body.errors?.[0]?.extensions).toMatchObject({ type: "urn:selvage:problem:approval-required" })
    expect((await call(ada, "GET /v1/tasks")).body.items).toEqual([])
  })

  test("holds over a socket", async () => {
    const { ada, tokens, projectId } = await asking(whole)
    const connection = await connect({ token: tokens.access })
    const making = connection.call("tasks.create", { projectId, title: "One" })
    await expect(making).rejects.toMatchObject({ data: { type: "urn:selvage:problem:approval-required" } })
    connection.close()
    expect((await call(ada, "GET /v1/tasks")).body.items).toEqual([])
  })

  test("holds for changes by operations of the engine, and for a deletion", async () => {
    const { ada, tokens, projectId } = await asking({ ...whole, scope: "*:write" })
    const program = { token: tokens.access }
    const made = await call(ada, "POST /v1/tasks", { body: { projectId, title: "Hers" } })
    expect((await call(program, `DELETE /v1/tasks/${made.body.id}`)).status).toBe(409)
    expect((await call(program, "PATCH /v1/me", { body: { name: "Robot" } })).status).toBe(409)
    expect((await call(ada, `GET /v1/tasks/${made.body.id}`)).status).toBe(200)
    expect((await call(ada, "GET /v1/me")).body.name).not.toBe("Robot")
  })

  test("keeps what is confidential out of reach: nobody is asked, and nothing of it is kept", async () => {
    const { ada, tokens } = await asking({ ...whole, scope: "*:write" })
    const { email, password } = ada.who
    const refused = await call({ token: tokens.access }, "POST /v1/auth/sign-in", { body: { email, password } })
    expect([refused.status, refused.body.approval]).toEqual([403, undefined])
    expect((await call(ada, "GET /v1/approvals")).body.items).toEqual([])
  })

  test("holds nobody else: neither the person nor a program without it", async () => {
    const { ada, projectId } = await asking(whole)
    const free = await letIn(ada, await register(), { scope: "tasks:write" }, {})
    const body = { projectId, title: "One" }
    for (const who of [ada, { token: free.access }])
      expect((await call(who, "POST /v1/tasks", { body })).status).toBe(201)
  })
})

describe("the bound of rows", () => {
  const spend = (grant: string, rowsRead: number, rowsWritten: number) =>
    meterOf("grant", grant).report({
      reporter: crypto.randomUUID(),
      number: 1,
      day: new Date().toISOString().slice(0, 10),
      figures: { calls: 1, rowsRead, rowsWritten, estimate: 0 },
      budget: null,
    })

  test("stops the program when it has read so many, until tomorrow; the person goes on", async () => {
    const { ada, tokens } = await asking(whole, { rows: "1000" })
    await spend(tokens.grant, 1000, 0)
    const refused = await call({ token: tokens.access }, "GET /v1/tasks")
    expect([refused.status, refused.body.type]).toEqual([429, "urn:selvage:problem:budget-exhausted"])
    expect(refused.body.detail).toContain(`grant ${tokens.grant} is spent: 1000 rows read a day`)
    expect(Number(refused.headers.get("Retry-After"))).toBeGreaterThan(0)
    expect((await call(ada, "GET /v1/tasks")).status).toBe(200)
  })

  test("stops changes alone when it has written so many; nothing is written, and another program goes on", async () => {
    const { ada, tokens, projectId } = await asking(whole, { rows: "1000" })
    const other = await letIn(ada, await register(), { scope: "tasks:write" }, { rows: "1000" })
    await spend(tokens.grant, 0, 1000)
    const make = ({ access }: { access: string }) =>
      call({ token: access }, "POST /v1/tasks", { body: { projectId, title: "One" } })
    expect((await make(tokens)).status).toBe(429)
    expect((await call({ token: tokens.access }, "GET /v1/tasks")).body.items).toEqual([])
    expect((await make(other)).status).toBe(201)
  })

  test("counts what the program has read and written, and tells it", async () => {
    const { tokens, projectId } = await asking({ ...whole, scope: "*:write" }, { rows: "10000" })
    const program = { token: tokens.access }
    expect((await call(program, "POST /v1/tasks", { body: { projectId, title: "One" } })).status).toBe(201)
    const { body } = await call(program, "GET /v1/usage")
    expect(body.calls).toBe(1)
    expect(body.rowsWritten).toBeGreaterThan(0)
    expect(body.left.rowsWritten).toBe(10_000 - body.rowsWritten)
  })

  test("a call that it stops uses no approval up", async () => {
    const { ada, tokens, projectId } = await asking(whole, { approval: "yes", rows: "1000" })
    const make = () => call({ token: tokens.access }, "POST /v1/tasks", { body: { projectId, title: "One" } })
    await decide(ada, (await make()).body.approval.id, "grant")
    await spend(tokens.grant, 0, 1000)
    const elsewhere = await under({}).call({ token: tokens.access }, "POST /v1/tasks", {
      body: { projectId, title: "One" },
    })
    expect(elsewhere.status).toBe(429)
    const { body } = await call(ada, "GET /v1/approvals")
    expect(body.items).toMatchObject([{ state: "granted" }])
  })

  test("none: nothing is counted for the grant", async () => {
    const { tokens } = await asking(whole, { rows: "none" })
    expect((await call({ token: tokens.access }, "GET /v1/tasks")).status).toBe(200)
    expect((await meterOf("grant", tokens.grant).standing("2026-01-01")).spent.calls).toBe(0)
  })
})
