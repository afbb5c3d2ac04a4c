/** The SOAP door: the same calls as everywhere, in two versions; what is hostile is refused before anything happens. */
import { describe, expect, test } from "vitest"
import { call } from "../support/calls.ts"
import { person } from "../support/people.ts"
import { serving } from "../support/serving.ts"
import { eventsOf, must, newWorkspace, rowCount } from "../support/workspace.ts"
import { all, at, codeOf, envelope, send, soap11, soap12, violationsOf } from "./messages.ts"

const newTask = (projectId: string, more = "") =>
  `<t:TasksCreate><t:projectId>${projectId}</t:projectId><t:title>Pay &amp; go</t:title>${more}</t:TasksCreate>`

describe.each([
  ["1.1", soap11],
  ["1.2", soap12],
])("SOAP %s", (_, version) => {
  test("creates a task that REST shows, with its event, and reads what REST wrote", async () => {
    const { owner, projectId } = await newWorkspace()
    const made = await send(owner, envelope(newTask(projectId, "<t:priority>3</t:priority>"), version), version)
    expect([made.status, made.body.local]).toEqual([200, "TasksCreateResponse"])
    const id = at(made.body, "result/id").text
    const { body } = await call(owner, `GET /v1/tasks/${id}`)
    expect(body).toMatchObject({ title: "Pay & go", priority: 3, dueAt: null })
    expect(await eventsOf(id)).toHaveLength(1)
    await call(owner, `PATCH /v1/tasks/${id}`, { body: { title: "Paid", dueAt: "2026-12-24T18:00:00Z" } })
    const got = await send(owner, envelope(`<t:TasksGet><t:id>${id}</t:id></t:TasksGet>`, version), version)
    expect(at(got.body, "result/title").text).toBe("Paid")
    expect(at(got.body, "result/dueAt").text).toBe("2026-12-24T18:00:00.000Z")
    expect(got.headers.get("X-Selvage-Bookmark")).toMatch(/^[0-9a-f-]+$/)
  })
  test("tells absent from null: what is absent stays, what is nil goes", async () => {
    const { owner, projectId } = await newWorkspace()
    const due = "<t:dueAt>2026-12-24T18:00:00</t:dueAt>"
    const made = await send(owner, envelope(newTask(projectId, due), version), version)
    const id = at(made.body, "result/id").text
    const patch = (inner: string) =>
      send(
        owner,
        envelope(`<t:TasksUpdate><t:id>${id}</t:id><t:patch>${inner}</t:patch></t:TasksUpdate>`, version),
        version,
      )
    await patch("<t:title>Other</t:title>")
    expect((await call(owner, `GET /v1/tasks/${id}`)).body).toMatchObject({
      title: "Other",
      dueAt: "2026-12-24T18:00:00.000Z",
    })
    const cleared = await patch('<t:dueAt xsi:nil="true"/>')
    expect(at(cleared.body, "result/dueAt").attributes.get("{http://www.w3.org/2001/XMLSchema-instance}nil")).toBe(
      "true",
    )
    expect((await call(owner, `GET /v1/tasks/${id}`)).body).toMatchObject({ title: "Other", dueAt: null })
  })
  test("lists pages: an element an item, the filter a map of JSON text, the cursor back", async () => {
    const { owner, projectId } = await newWorkspace()
    for (const title of ["a", "b", "c"]) await call(owner, "POST /v1/tasks", { body: { projectId, title } })
    const filter = `<t:entry><t:key>projectId</t:key><t:value>${JSON.stringify(projectId)}</t:value></t:entry>`
    const list = (more: string) =>
      send(
        owner,
        envelope(`<t:TasksList><t:filter>${filter}</t:filter><t:limit>2</t:limit>${more}</t:TasksList>`, version),
        version,
      )
    const first = at((await list("")).body, "result")
    expect(all(first, "items").map((item) => at(item, "title").text)).toEqual(["c", "b"])
    const second = at((await list(`<t:cursor>${at(first, "nextCursor").text}</t:cursor>`)).body, "result")
    expect(all(second, "items").map((item) => at(item, "title").text)).toEqual(["a"])
  })
  test("a problem is a fault with the shared code, the place of the fault and the request id", async () => {
    const { owner, stranger, projectId } = await newWorkspace()
    const before = await rowCount("tasks")
    const wrong = await send(
      owner,
      envelope("<t:TasksCreate><t:projectId>nonsense</t:projectId><t:colour>red</t:colour></t:TasksCreate>", version),
      version,
    )
    expect([wrong.body.local, codeOf(wrong), violationsOf(wrong)]).toEqual([
      "Fault",
      "INVALID_ARGUMENT",
      ["/colour unknown_field"],
    ])
    expect(wrong.status).toBe(version === soap11 ? 500 : 400)
    const denied = await send(stranger, envelope(newTask(projectId), version), version)
    expect(codeOf(denied)).toBe((await call(stranger, "POST /v1/tasks", { body: { projectId, title: "x" } })).body.code)
    expect(await rowCount("tasks")).toBe(before)
  })
  test("nobody, a token that is none and a scope that does not reach are challenged as at REST, and nothing is written", async () => {
    const ada = await person("Ada")
    const { projectId } = await newWorkspace()
    const before = await rowCount("tasks")
    const { key } = await must(ada, "POST /v1/api-keys", { name: "A program", scopes: ["comments:read"] })
    for (const actor of [null, { token: "nonsense" }, { token: String(key) }]) {
      const told = await send(actor, envelope(newTask(projectId), version), version)
      const same = await call(actor, "POST /v1/tasks", { body: { projectId, title: "x" } })
      const challenge = same.headers.get("WWW-Authenticate")
      expect([codeOf(told), told.headers.get("WWW-Authenticate")]).toEqual([same.body.code, challenge])
      expect(challenge).toMatch(/resource_metadata="[^"]+\/\.well-known\/oauth-protected-resource"/)
    }
    expect(await rowCount("tasks")).toBe(before)
  })
  test("the same key and message are one task; the key stands in HTTP or in the envelope", async () => {
    const { owner, projectId } = await newWorkspace()
    const key = crypto.randomUUID()
    const inHeader = envelope(newTask(projectId), version, `<t:IdempotencyKey>${key}</t:IdempotencyKey>`)
    const first = await send(owner, inHeader, version)
    const again = await send(owner, envelope(newTask(projectId), version), version, { "Idempotency-Key": key })
    expect(at(again.body, "result/id").text).toBe(at(first.body, "result/id").text)
    expect([first.headers.get("Idempotent-Replayed"), again.headers.get("Idempotent-Replayed")]).toEqual([null, "true"])
  })
  test("a header that must be understood and is not, and the other version's envelope, are the faults that SOAP names", async () => {
    const { owner, projectId } = await newWorkspace()
    const security = '<s:Security xmlns:s="urn:wss" e:mustUnderstand="1"/>'
    const must = await send(owner, envelope(newTask(projectId), version, security), version)
    expect(must.text).toMatch(/soap:MustUnderstand/)
    const other = version === soap11 ? soap12 : soap11
    const mismatch = await send(owner, envelope(newTask(projectId), other), version)
    expect(mismatch.text).toMatch(/soap:VersionMismatch/)
  })
})

const bombs: readonly (readonly [string, string])[] = [
  ["entities of its own", `<!DOCTYPE a [<!ENTITY x "ha">]>${envelope("<t:TasksList/>")}`],
  ["an external entity", `<!DOCTYPE a SYSTEM "file:///etc/passwd">${envelope("<t:TasksList/>")}`],
  [
    "a billion laughs",
    `<!DOCTYPE a [<!ENTITY a "x"><!ENTITY b "&a;&a;">]>${envelope("<t:TasksList>&b;</t:TasksList>")}`,
  ],
  ["an entity that nobody declared", envelope("<t:TasksList>&nope;</t:TasksList>")],
  ["a processing instruction", `<?xml-stylesheet href="x"?>${envelope("<t:TasksList/>")}`],
  ["deep nesting", envelope("<a>".repeat(100) + "</a>".repeat(100))],
  ["very many elements", envelope(`<t:TasksList>${"<a/>".repeat(21_000)}</t:TasksList>`)],
  ["very many attributes", envelope(`<t:TasksList ${Array.from({ length: 40 }, (_, n) => `a${n}=""`).join(" ")}/>`)],
  ["a prefix that is bound to nothing", envelope("<q:TasksList/>")],
  ["an element that is not closed", envelope("<t:TasksList>")],
  ["a truncated message", envelope("<t:TasksList/>").slice(0, 80)],
  ["nothing", ""],
  ["JSON", '{"a":1}'],
  ["an empty body", envelope("")],
  ["two calls at once", envelope("<t:TasksList/><t:TasksList/>")],
  ["a root that is no envelope", "<a/>"],
]

describe("what is hostile", () => {
  test.each(bombs)("%s is refused with a fault, at no cost", async (_, text) => {
    const { owner } = await newWorkspace()
    const told = await send(owner, text)
    expect([told.status, told.body.local, codeOf(told)]).toEqual([500, "Fault", "INVALID_ARGUMENT"])
    expect(told.text).not.toMatch(/passwd|at .*\.ts|SQLITE/)
  })
  test("an operation in another namespace, one that there is not, and a subscription are not implemented", async () => {
    const { owner } = await newWorkspace()
    for (const element of ['<TasksList xmlns="urn:other"/>', "<t:TasksExplode/>", "<t:TasksWatch/>", "<TasksList/>"])
      expect(codeOf(await send(owner, envelope(element)))).toBe("UNIMPLEMENTED")
  })
  test("an element of the call in no namespace is not read, and said so", async () => {
    const { owner } = await newWorkspace()
    const told = await send(owner, envelope("<t:TasksGet><id>task_1</id></t:TasksGet>"))
    expect(violationsOf(told)).toEqual(["/id unknown_field"])
  })
  test("a filter that is text is refused: it would filter nothing", async () => {
    const { owner } = await newWorkspace()
    const told = await send(owner, envelope('<t:TasksList><t:filter>{"title":"x"}</t:filter></t:TasksList>'))
    expect([codeOf(told), violationsOf(told)]).toEqual(["INVALID_ARGUMENT", ["/filter invalid_type"]])
  })
  test("an element twice, text among elements and elements in text are faults at their places", async () => {
    const { owner } = await newWorkspace()
    const told = await send(
      owner,
      envelope("<t:TasksCreate>text<t:title>a</t:title><t:title>b</t:title><t:body><x/></t:body></t:TasksCreate>"),
    )
    expect(violationsOf(told)).toEqual([" invalid_type", "/title duplicate", "/body invalid_type"])
  })
  test("another content type, bytes that are not UTF-8 and a body beyond the bound", async () => {
    const { owner } = await newWorkspace()
    expect(codeOf(await send(owner, envelope("<t:TasksList/>"), { type: "application/json" }))).toBe("INVALID_ARGUMENT")
    expect(codeOf(await send(owner, new Uint8Array([0x3c, 0xff, 0xfe])))).toBe("INVALID_ARGUMENT")
    expect(codeOf(await send(owner, envelope(`<t:TasksList>${" ".repeat(1_100_000)}</t:TasksList>`)))).toBe(
      "INVALID_ARGUMENT",
    )
  })
  test("what XML cannot say comes back as the replacement character, and the message stays well-formed", async () => {
    const { owner, projectId } = await newWorkspace()
    const title = 'bell \u0007, \ud800, <b> & "q" ]]> \r\n 😀'
    const { body } = await call(owner, "POST /v1/tasks", {
      body: { projectId, title: title.toWellFormed(), body: "\u0001" },
    })
    if (body.id === undefined) expect(body.code).toBe("INVALID_ARGUMENT")
    const plain = await call(owner, "POST /v1/tasks", { body: { projectId, title: '<b> & "q" ]]> \r\n 😀' } })
    const got = await send(owner, envelope(`<t:TasksGet><t:id>${plain.body.id}</t:id></t:TasksGet>`))
    expect(at(got.body, "result/title").text).toBe('<b> & "q" ]]> \r\n 😀')
  })
})

test("GET /soap?wsdl describes the service at the address that was asked; another method is refused", async () => {
  const { status, body, headers } = await call(null, "GET /soap?wsdl")
  expect([status, headers.get("Content-Type")]).toEqual([200, "text/xml; charset=utf-8"])
  expect(body).toContain('<soap12:address location="https://selvage.test/soap"/>')
  expect(body).not.toContain("undefined")
  expect((await call(null, "GET /soap?WSDL=1")).status).toBe(200)
  const put = await call(null, "DELETE /soap")
  expect(put.headers.get("Allow")).toBe("GET, POST")
})

test("a door that is switched off is not there, and a name that is none is refused at the start", async () => {
  const { owner } = await newWorkspace()
  const without = serving({ DOORS_OFF: "soap" })
  expect((await without.call(owner, "GET /soap?wsdl")).status).toBe(404)
  expect((await without.call(owner, "GET /ws")).status).toBe(426)
  expect((await serving({ DOORS_OFF: "soap, websocket" }).call(owner, "GET /ws")).status).toBe(404)
  expect(() => serving({ DOORS_OFF: "soup" })).toThrow(/DOORS_OFF holds what is no door.*soap/)
})
