/** Live queries as Server-Sent Events: what a browser's EventSource and `curl -N` get. */
import { exports } from "cloudflare:workers"
import { expect, test } from "vitest"
import { newBrowser } from "../support/browser.ts"
import { call, requestOf } from "../support/calls.ts"
import { person } from "../support/people.ts"
import { must, newWorkspace, type Workspace } from "../support/workspace.ts"

interface Told {
  readonly event: string
  readonly id: string | null
  // biome-ignore lint/suspicious/noExplicitAny: the data of every kind of event
  readonly data: any
}

/** Reads a stream as a browser does. */
async function stream(actor: { readonly token: string } | null, line: string, headers: Record<string, string> = {}) {
  const answer = await exports.default.fetch(
    requestOf(actor, line, { headers: { Accept: "text/event-stream", ...headers } }),
  )
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader()
  const decoder = new TextDecoder()
  const told: Told[] = []
  let rest = ""
  /** What EventSource would send when it comes back. */
  let lastEventId = ""
  const take = (block: string) => {
    const fields = new Map<string, string>()
    for (const text of block.split("\n")) {
      const [name = "", ...more] = text.split(":")
      if (name !== "") fields.set(name, more.join(":").trim())
    }
    if (fields.has("id")) lastEventId = fields.get("id") ?? ""
    const event = fields.get("event")
    if (event !== undefined)
      told.push({ event, id: fields.get("id") ?? null, data: JSON.parse(fields.get("data") ?? "null") })
  }
  return {
    answer,
    told,
    words: () => told.map(({ event, data }) => `${event} ${data.record?.title ?? data.id ?? data.reason ?? ""}`.trim()),
    lastEventId: () => lastEventId,
    close: () => reader.cancel(),
    async until(isMet: (told: readonly Told[]) => boolean) {
      while (!isMet(told)) {
        const { value, done } = await reader.read()
        if (done) throw new Error(`It ended after ${JSON.stringify(told)}`)
        const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n")
        rest = blocks.pop() ?? ""
        for (const block of blocks) take(block)
      }
    },
  }
}

const has = (event: string) => (told: readonly Told[]) => told.some((one) => one.event === event)
const newTask = ({ owner, projectId }: Workspace, title: string) => must(owner, "POST /v1/tasks", { projectId, title })
const line = ({ organizationId }: Workspace, more = "") => `GET /v1/tasks/watch?organizationId=${organizationId}${more}`

test("a stream tells the list, and then every change, with ids to come back with", async () => {
  const place = await newWorkspace()
  const first = await newTask(place, "First")
  const events = await stream(place.viewer, line(place))
  expect(events.answer.status).toBe(200)
  expect(events.answer.headers.get("Content-Type")).toBe("text/event-stream; charset=utf-8")
  expect(events.answer.headers.get("Cache-Control")).toBe("no-store, no-transform")
  await events.until(has("ready"))
  expect(events.words()).toEqual(["reset start", "changed First", "ready"])
  expect(events.told.map(({ id }) => id)).toEqual(["", null, String(events.told[2]?.data.sequence)])
  await must(place.owner, `PATCH /v1/tasks/${first.id}`, { title: "Changed" })
  await events.until((told) => told.length === 4)
  expect(events.told[3]).toMatchObject({ event: "changed", id: String(events.told[3]?.data.sequence) })
  await call(place.owner, `DELETE /v1/tasks/${first.id}`)
  await events.until(has("removed"))
  expect(events.words().slice(3)).toEqual(["changed Changed", `removed ${first.id}`])
  await events.close()
})

test("Last-Event-ID goes on where it was cut; one that was cut within a list begins anew", async () => {
  const place = await newWorkspace()
  await newTask(place, "First")
  const events = await stream(place.viewer, line(place))
  await events.until(has("ready"))
  await events.close()
  await newTask(place, "Missed")
  const back = await stream(place.viewer, line(place), { "Last-Event-ID": events.lastEventId() })
  await back.until(has("ready"))
  expect(back.words()).toEqual(["changed Missed", "ready"])
  await back.close()
  const partial = await stream(place.viewer, line(place))
  await partial.until(has("changed"))
  const given = partial.told.some(({ event }) => event === "ready") ? "" : partial.lastEventId()
  expect(given).toBe("")
  await partial.close()
})

test("the address's `after` counts when the header says nothing, and a malformed header is refused", async () => {
  const place = await newWorkspace()
  const events = await stream(place.viewer, line(place))
  await events.until(has("ready"))
  await events.close()
  const at = Number(events.lastEventId())
  await newTask(place, "Missed")
  const back = await stream(place.viewer, line(place, `&after=${at}`), { "Last-Event-ID": "" })
  await back.until(has("ready"))
  expect(back.words()).toEqual(["changed Missed", "ready"])
  await back.close()
  const refused = await call(place.viewer, line(place), { headers: { "Last-Event-ID": "yesterday" } })
  expect(refused).toMatchObject({ status: 400, body: { violations: [{ path: "/after" }] } })
})

test("filters stand in the address as in a list; what cannot be watched by is refused there", async () => {
  const place = await newWorkspace()
  await newTask(place, "Low")
  await must(place.owner, "POST /v1/tasks", { projectId: place.projectId, title: "High", priority: 5 })
  const events = await stream(place.viewer, line(place, "&priority%5Bgte%5D=4&fields=title"))
  await events.until(has("ready"))
  expect(events.words()).toEqual(["reset start", "changed High", "ready"])
  expect(Object.keys(events.told[1]?.data.record)).toEqual(["id", "title"])
  await events.close()
  const paths = async (path: string) => (await call(place.viewer, `GET /v1/tasks/watch${path}`)).body.violations
  expect(await paths("")).toMatchObject([{ path: "/filter/organizationId", code: "required" }])
  expect(await paths("?status=open")).toMatchObject([{ path: "/organizationId", code: "required" }])
  expect(await paths(`?organizationId=${place.organizationId}&internalNote=x`)).toMatchObject([
    { path: "/internalNote" },
  ])
})

test("nobody is refused before anything streams; who takes no events is told so; HEAD ends at once", async () => {
  const place = await newWorkspace()
  expect((await call(null, line(place))).status).toBe(401)
  expect((await call(place.viewer, line(place), { headers: { Accept: "application/json" } })).status).toBe(406)
  const head = await call(place.viewer, line(place).replace("GET", "HEAD"))
  expect([head.status, head.headers.get("Content-Type")]).toEqual([200, "text/event-stream; charset=utf-8"])
})

test("a browser's cookie is enough, and the stream ends with its session", async () => {
  const ada = await person("Ada")
  const { id: organizationId } = await must(ada, "POST /v1/organizations", { name: "Acme" })
  const browser = newBrowser()
  expect((await browser.signIn(ada)).status).toBe(200)
  const Cookie = [...browser.jar].map(([name, value]) => `${name}=${value}`).join("; ")
  const events = await stream(null, `GET /v1/tasks/watch?organizationId=${organizationId}`, { Cookie })
  await events.until(has("ready"))
  await browser.fetch("POST /v1/auth/sign-out", { body: {} })
  await expect(events.until(() => false)).rejects.toThrow("It ended")
})

test("a reader that goes away ends its watch", async () => {
  const place = await newWorkspace()
  const open = await Promise.all(Array.from({ length: 20 }, () => stream(place.viewer, line(place))))
  const refused = await call(place.viewer, line(place))
  expect(refused).toMatchObject({ status: 429, body: { code: "RESOURCE_EXHAUSTED" } })
  await Promise.all(open.map((one) => one.close()))
  for (let turn = 0; turn < 100; turn++) {
    const again = await stream(place.viewer, line(place))
    await again.close()
    if (again.answer.status === 200) return
    await scheduler.wait(50)
  }
  throw new Error("The places were not given back")
})

test("a slow reader is not written to faster than it reads, and gets everything", async () => {
  const place = await newWorkspace()
  const events = await stream(place.viewer, line(place))
  await events.until(has("ready"))
  for (let n = 0; n < 8; n++) {
    const records = Array.from({ length: 100 }, (_, m) => ({
      op: "create",
      values: { projectId: place.projectId, title: `${n} ${m}` },
    }))
    await must(place.owner, "POST /v1/tasks/batch", { records })
  }
  await events.until((told) => told.length === 802)
  expect(new Set(events.told.slice(2).map(({ data }) => data.record.id)).size).toBe(800)
  await events.close()
})
