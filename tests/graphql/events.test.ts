/** GraphQL over Server-Sent Events: every result an event `next`, and `complete` the last one. */
import { exports } from "cloudflare:workers"
import { expect, test } from "vitest"
import { call } from "../support/calls.ts"
import { tasksWatch } from "../support/graphql-socket.ts"
import { person, session } from "../support/people.ts"
import { must, newWorkspace } from "../support/workspace.ts"

interface Options {
  readonly method?: "GET" | "POST"
  readonly variables?: object
  readonly accept?: string
}

/** Asks, and reads the events of the answer one after another. */
async function ask(actor: { readonly token: string } | null, query: string, options: Options = {}) {
  const { method = "POST", variables = {}, accept = "text/event-stream" } = options
  const headers = new Headers({ Accept: accept, "CF-Connecting-IP": "203.0.113.10" })
  if (actor) headers.set("Authorization", `Bearer ${actor.token}`)
  const url = new URL("https://selvage.test/graphql")
  if (method === "GET") {
    url.searchParams.set("query", query)
    url.searchParams.set("variables", JSON.stringify(variables))
  } else headers.set("Content-Type", "application/json")
  const body = method === "POST" ? JSON.stringify({ query, variables }) : null
  const answer = (await exports.default.fetch(new Request(url, { method, headers, body }) as never)) as Response
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader()
  const decoder = new TextDecoder()
  // biome-ignore lint/suspicious/noExplicitAny: results of every shape
  const events: { event: string; data: any }[] = []
  let rest = ""
  const words = () =>
    events.map(({ event, data }) => {
      const { __typename, record, id, reason } = data?.data?.tasksWatch ?? {}
      return [event, __typename, record?.title ?? id ?? reason].filter((word) => word !== undefined).join(" ")
    })
  return {
    answer,
    events,
    words,
    cancel: () => reader.cancel(),
    /** @returns false when the stream ended first */
    async until(isMet: () => boolean): Promise<boolean> {
      while (!isMet()) {
        const { value, done } = await reader.read()
        if (done) return false
        const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n")
        rest = blocks.pop() ?? ""
        for (const block of blocks) {
          const event = /^event: (.*)$/m.exec(block)?.[1]
          const data = /^data: (.*)$/m.exec(block)?.[1]
          if (event !== undefined) events.push({ event, data: data === undefined ? null : JSON.parse(data) })
        }
      }
      return true
    },
  }
}

test.each(["GET", "POST"] as const)("a subscription by %s tells the list, and then every change", async (method) => {
  const { viewer, owner, projectId, organizationId } = await newWorkspace()
  const { id } = await must(owner, "POST /v1/tasks", { projectId, title: "First" })
  const stream = await ask(viewer, tasksWatch, { method, variables: { organization: organizationId } })
  expect(stream.answer.status).toBe(200)
  expect(stream.answer.headers.get("Content-Type")).toBe("text/event-stream; charset=utf-8")
  expect(stream.answer.headers.get("Cache-Control")).toBe("no-store, no-transform")
  await stream.until(() => stream.words().includes("next WatchReady"))
  await call(owner, `DELETE /v1/tasks/${id}`)
  await stream.until(() => stream.events.length === 4)
  expect(stream.words()).toEqual([
    "next WatchReset START",
    "next TaskChanged First",
    "next WatchReady",
    `next WatchRemoved ${id}`,
  ])
  const after = stream.events[2]?.data.data.tasksWatch.sequence
  await stream.cancel()
  const back = await ask(viewer, tasksWatch, { method, variables: { organization: organizationId, after } })
  await back.until(() => back.words().includes("next WatchReady"))
  expect(back.words()).toEqual([`next WatchRemoved ${id}`, "next WatchReady"])
  await back.cancel()
})

test("a query has one result; what is wrong with a document, or refused, is told as one", async () => {
  const { viewer, organizationId } = await newWorkspace()
  const whole = async (actor: { token: string } | null, query: string, variables: object = {}) => {
    const stream = await ask(actor, query, { variables })
    await stream.until(() => false)
    return stream.events
  }
  expect(await whole(viewer, "{ __typename }")).toEqual([
    { event: "next", data: { data: { __typename: "Query" } } },
    { event: "complete", data: null },
  ])
  expect(await whole(viewer, "{ explode }")).toMatchObject([
    { event: "next", data: { errors: [{}] } },
    { event: "complete" },
  ])
  expect(await whole(null, tasksWatch, { organization: organizationId })).toMatchObject([
    { event: "next", data: { errors: [{ path: ["tasksWatch"], extensions: { code: "UNAUTHENTICATED" } }] } },
    { event: "complete" },
  ])
})

test("a bad token is 401, a mutation by GET 405, and a subscription that may not stream 406", async () => {
  const { viewer, organizationId, projectId, owner } = await newWorkspace()
  const wrong = await ask({ token: "nonsense" }, tasksWatch, { variables: { organization: organizationId } })
  expect([wrong.answer.status, wrong.answer.headers.get("Content-Type")]).toEqual([
    401,
    "application/json; charset=utf-8",
  ])
  const mutation = `mutation { createTask(input: { projectId: "${projectId}", title: "By GET" }) { id } }`
  expect((await ask(owner, mutation, { method: "GET" })).answer.status).toBe(405)
  const { body } = await call(owner, `GET /v1/tasks?organizationId=${organizationId}`)
  expect(body.items).toEqual([])
  for (const accept of ["application/json", "application/graphql-response+json", "*/*"]) {
    const refused = await ask(viewer, tasksWatch, { accept, variables: { organization: organizationId } })
    expect([accept, refused.answer.status]).toEqual([accept, 406])
  }
})

test("the end of the session ends the stream, told as its last result", async () => {
  const ada = await person("Ada")
  const { id: organization } = await must(ada, "POST /v1/organizations", { name: "Acme" })
  const phone = await session(ada)
  const stream = await ask(phone, tasksWatch, { variables: { organization } })
  await stream.until(() => stream.words().includes("next WatchReady"))
  await call(ada, `DELETE /v1/sessions/${phone.sessionId}`)
  expect(await stream.until(() => false)).toBe(false)
  expect(stream.events.slice(-2)).toMatchObject([
    { event: "next", data: { errors: [{ extensions: { code: "UNAUTHENTICATED" } }] } },
    { event: "complete" },
  ])
})

test("a reader that goes away gives its place back", async () => {
  const { viewer, organizationId } = await newWorkspace()
  const begin = () => ask(viewer, tasksWatch, { variables: { organization: organizationId } })
  const open = await Promise.all(Array.from({ length: 20 }, begin))
  for (const one of open) await one.until(() => one.events.length > 0)
  const refused = await begin()
  await refused.until(() => false)
  expect(refused.events[0]).toMatchObject({ data: { errors: [{ extensions: { code: "RESOURCE_EXHAUSTED" } }] } })
  await Promise.all(open.map((one) => one.cancel()))
  for (let turn = 0; turn < 100; turn++) {
    const again = await begin()
    await again.until(() => again.events.length > 0)
    const isTaken = again.words()[0] === "next WatchReset START"
    await again.cancel()
    if (isTaken) return
    await scheduler.wait(50)
  }
  throw new Error("The places were not given back")
})
