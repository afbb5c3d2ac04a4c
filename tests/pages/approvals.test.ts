/** The pages where a person decides on what programs want to change: what they show, escaped, and what their forms do. */
import { describe, expect, test } from "vitest"
import { askFor, asking, makeTask, problemIn, titlesIn, tool } from "../mcp/asking.ts"
import { host, mainOf } from "../oauth/program.ts"
import { jobsDone } from "../support/apart.ts"
import { call } from "../support/calls.ts"
import { must } from "../support/workspace.ts"
import { newVisitor } from "./visitor.ts"

const pathOf = (id: string) => `/account/approvals/${id}`

describe("the page of a change", () => {
  test("tells which program asks, for what, with what, and what would come of it", async () => {
    const at = await asking()
    const page = await at.ada.get(pathOf(await askFor(at, "Paint the fence")))
    expect(page.status).toBe(200)
    const main = mainOf(page)
    for (const text of ["“Robot”", "<code>tasks.create</code>", "Paint the fence", at.projectId, "New in tasks"])
      expect(main).toContain(text)
    expect(main).toContain('value="grant"')
    expect(main).toContain('value="refuse"')
    expect(await titlesIn(at)).toEqual([])
  })

  test("tells what a change changes, cut where it is long, and what a deletion takes away", async () => {
    const at = await asking()
    const { ada, projectId, tokens } = at
    const task = await must({ ...ada, name: "Ada" }, "POST /v1/tasks", { projectId, title: "Before" })
    const asked = async (name: string, given: object) =>
      mainOf(await ada.get(pathOf(problemIn(await tool(tokens.access, name, given)).approval.id)))
    const changed = await asked("tasks_update", { id: task.id, patch: { title: "After", body: "x".repeat(2500) } })
    for (const text of ["Changed in tasks", "Before → After", "… (500 more characters)"])
      expect(changed).toContain(text)
    const deleted = await asked("tasks_delete", { id: task.id })
    for (const text of ["Gone from tasks", "<dd>Before</dd>"]) expect(deleted).toContain(text)
    expect((await call(ada, `GET /v1/tasks/${task.id}`)).body).toMatchObject({ title: "Before", body: null })
  })

  test("tells that it would be refused as things stand", async () => {
    const at = await asking()
    const given = { projectId: "project_01kaj700000000000000000001", title: "Nowhere" }
    const { approval } = problemIn(await tool(at.tokens.access, "tasks_create", given))
    expect(mainOf(await at.ada.get(pathOf(approval.id)))).toContain("It would be refused as things stand")
  })

  test("escapes what the program has sent, and runs and loads nothing", async () => {
    const at = await asking()
    const page = await at.ada.get(pathOf(await askFor(at, `<script>alert(1)</script><img src=x onerror="a()">'&`)))
    expect(page.text).toContain(
      "&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=&quot;a()&quot;&gt;&#39;&amp;",
    )
    expect(page.text).not.toMatch(/<script|<img|<iframe/)
    expect(page.headers.get("Content-Security-Policy")).toContain("default-src 'none'")
  })

  test("approves by its form: then the program's call is made", async () => {
    const at = await asking()
    const id = await askFor(at, "One")
    const sent = await at.ada.post(pathOf(id), { decision: "grant" })
    expect([sent.status, sent.location]).toEqual([303, "/account/approvals"])
    expect(mainOf(await at.ada.get("/account/approvals"))).toContain("Approved, not done yet")
    expect((await makeTask(at, "One")).isError).toBeUndefined()
    expect(mainOf(await at.ada.get("/account/approvals"))).toContain("Nothing waits for you")
    expect(await titlesIn(at)).toEqual(["One"])
  })

  test("refuses by its form, and can be asked to think again", async () => {
    const at = await asking()
    const id = await askFor(at, "One")
    await at.ada.post(pathOf(id), { decision: "refuse" })
    expect((await makeTask(at, "One")).isError).toBe(true)
    const main = mainOf(await at.ada.get(pathOf(id)))
    expect(main).toContain("Refused")
    expect(main).not.toContain('value="refuse"')
    await at.ada.post(pathOf(id), { decision: "grant" })
    expect((await makeTask(at, "One")).isError).toBeUndefined()
  })
})

describe("nothing is decided", () => {
  test.each<[string, Record<string, string>]>([
    ["another site's page", { "Sec-Fetch-Site": "cross-site", Origin: "https://evil.example" }],
    ["nobody knows where", {}],
  ])("by a form from %s", async (_, headers) => {
    const at = await asking()
    const id = await askFor(at, "One")
    expect((await at.ada.post(pathOf(id), { decision: "grant" }, headers)).status).toBe(403)
    expect(await askFor(at, "One")).toBe(id)
  })

  test("by looking, by another person, by nobody, or by neither yes nor no", async () => {
    const [at, ben] = await Promise.all([asking(), host("Ben")])
    const id = await askFor(at, "One")
    expect((await at.ada.get(`${pathOf(id)}?decision=grant`)).status).toBe(200)
    expect((await ben.post(pathOf(id), { decision: "grant" })).status).toBe(404)
    expect((await ben.get(pathOf(id))).status).toBe(404)
    const stranger = newVisitor()
    for (const page of [await stranger.get(pathOf(id)), await stranger.post(pathOf(id), { decision: "grant" })])
      expect([page.status, page.location]).toEqual([303, "/account/sign-in"])
    expect((await at.ada.post(pathOf(id), { decision: "maybe" })).status).toBe(400)
    expect(await askFor(at, "One")).toBe(id)
    expect(await titlesIn(at)).toEqual([])
  })
})

test("the person finds a notice in the inbox, once for each change, that leads to its page", async () => {
  const at = await asking()
  const id = await askFor(at, "One")
  await askFor(at, "One")
  for (let turn = 0; turn < 50; turn++) {
    await jobsDone()
    if ((await call(at.ada, "GET /v1/inbox")).body.items.length > 0) break
  }
  const { items } = (await call(at.ada, "GET /v1/inbox")).body
  expect(items).toMatchObject([{ kind: "approval.asked", url: pathOf(id), data: { approval: id } }])
  expect(items[0].title).toContain("“Robot” asks:")
})
