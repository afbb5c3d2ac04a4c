/** Subscriptions as others call them: graphql-ws over a WebSocket, graphql-sse over events. */
import { createClient as createEventClient } from "graphql-sse"
import { type Client, createClient } from "graphql-ws"
import { afterAll, expect, inject, test } from "vitest"

const origin = inject("origin")
const { ada, nobody } = inject("tokens")
const projectId = inject("projectId")

// biome-ignore lint/suspicious/noExplicitAny: tests look into results of every shape
type Result = any

const opened: { dispose(): void | Promise<void> }[] = []
afterAll(async () => {
  for (const client of opened) await client.dispose()
})

/** A client over a socket. */
function overSocket(token: string, more: object = {}): Client {
  const url = `${origin.replace("http", "ws")}/graphql`
  const client = createClient({
    url,
    connectionParams: { Authorization: `Bearer ${token}` },
    retryAttempts: 0,
    ...more,
  })
  opened.push(client)
  return client
}

/** A client over events. */
function overEvents(token: string) {
  const client = createEventClient({
    url: `${origin}/graphql`,
    headers: { Authorization: `Bearer ${token}` },
    retryAttempts: 0,
  })
  opened.push(client)
  return client
}

async function http(query: string, variables: object = {}): Promise<Result> {
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${ada}` }
  const answer = await fetch(`${origin}/graphql`, {
    method: "POST",
    headers,
    body: JSON.stringify({ query, variables }),
  })
  return answer.json()
}

const watch = `subscription ($organization: String!, $project: String!, $after: SafeInt) {
  tasksWatch(filter: { organizationId: { eq: $organization }, projectId: { eq: $project } }, after: $after) {
    __typename
    ... on WatchEvent { sequence }
    ... on TaskChanged { record { id title status } }
    ... on WatchRemoved { id }
  }
}`
const variables = async () => {
  const { data } = await http("query ($id: ID!) { project(id: $id) { organizationId } }", { id: projectId })
  return { organization: data.project.organizationId as string, project: projectId }
}
const create = "mutation ($input: TaskCreateInput!) { createTask(input: $input) { id } }"

/** Reads a subscription until an event is as wanted. */
async function untilTold(results: AsyncIterator<Result>, isMet: (told: Result) => boolean): Promise<Result[]> {
  const all: Result[] = []
  for (;;) {
    const { value, done } = await results.next()
    if (done) throw new Error(`It ended after ${JSON.stringify(all)}`)
    if (value.errors) throw new Error(JSON.stringify(value.errors))
    all.push(value.data.tasksWatch)
    if (isMet(value.data.tasksWatch)) return all
  }
}
const isReady = (told: Result) => told.__typename === "WatchReady"

test.each(["graphql-ws", "graphql-sse"])(
  "%s: the list, a change, a removal, and back with the place",
  async (library) => {
    const given = await variables()
    const client = library === "graphql-ws" ? overSocket(ada) : overEvents(ada)
    const results = client.iterate({ query: watch, variables: given })
    const listed = await untilTold(results, isReady)
    expect(listed[0].__typename).toBe("WatchReset")
    expect(listed.length).toBeGreaterThan(3)
    const title = `Told over ${library}`
    const { id } = (await http(create, { input: { projectId, title } })).data.createTask
    const [changed] = await untilTold(results, () => true)
    expect(changed).toMatchObject({ __typename: "TaskChanged", record: { id, title, status: "OPEN" } })
    await http("mutation ($id: String!) { deleteTask(id: $id) { id } }", { id })
    expect(await untilTold(results, () => true)).toMatchObject([{ __typename: "WatchRemoved", id }])
    await results.return?.()
    const back = client.iterate({ query: watch, variables: { ...given, after: changed.sequence } })
    expect((await untilTold(back, isReady)).map((told) => told.__typename)).toEqual(["WatchRemoved", "WatchReady"])
    await back.return?.()
  },
)

test.each(["graphql-ws", "graphql-sse"])(
  "%s: queries and mutations run, and what is wrong is told as errors",
  async (library) => {
    const client = library === "graphql-ws" ? overSocket(ada) : overEvents(ada)
    const once = async (query: string, given: Record<string, unknown> = {}): Promise<Result> => {
      for await (const result of client.iterate({ query, variables: given })) return result
      throw new Error("It told nothing")
    }
    const made = await once(create, { input: { projectId, title: `Made over ${library}` } })
    expect(made.data.createTask.id).toMatch(/^task_/)
    const read = await once("query ($id: ID!) { task(id: $id) { title } }", { id: made.data.createTask.id })
    expect(read.data).toEqual({ task: { title: `Made over ${library}` } })
    const refused = await once("query ($id: ID!) { task(id: $id) { title } }", {
      id: "task_00000000000000000000000000",
    })
    expect(refused).toMatchObject({ data: { task: null }, errors: [{ extensions: { code: "NOT_FOUND" } }] })
    const stale = "mutation ($id: String!) { updateTask(id: $id, patch: { priority: 1 }, version: 9) { id } }"
    const { errors } = await once(stale, { id: made.data.createTask.id })
    expect(errors).toMatchObject([
      {
        path: ["updateTask"],
        extensions: {
          type: "urn:selvage:problem:version-mismatch",
          requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        },
      },
    ])
    const after = await once("query ($id: ID!) { task(id: $id) { version } }", { id: made.data.createTask.id })
    expect(after.data).toEqual({ task: { version: 1 } })
  },
)

test("somebody without rights is told of an empty list, and of nothing that happens there", async () => {
  const given = await variables()
  const theirs = overSocket(nobody).iterate({ query: watch, variables: given })
  expect((await untilTold(theirs, isReady)).map((told) => told.__typename)).toEqual(["WatchReset", "WatchReady"])
  const mine = overSocket(ada).iterate({ query: watch, variables: given })
  await untilTold(mine, isReady)
  let heard: Result = null
  const next = theirs.next().then((result) => {
    heard = result
  })
  await http(create, { input: { projectId, title: "Not for everybody" } })
  await untilTold(mine, (told) => told.record?.title === "Not for everybody")
  expect(heard).toBeNull()
  await theirs.return?.()
  await next
  expect(heard).toMatchObject({ done: true })
})

test("a token that does not hold is refused by the protocol's own code, and fatal ones are not tried again", async () => {
  const closed: number[] = []
  const on = { closed: (event: unknown) => closed.push((event as CloseEvent).code) }
  const client = overSocket("nonsense", { on, retryAttempts: 0 })
  await expect(client.iterate({ query: "{ __typename }" }).next()).rejects.toMatchObject({ code: 4403 })
  expect(closed).toEqual([4403])
  const events = overEvents("nonsense").iterate({ query: "{ __typename }" })
  await expect(events.next()).rejects.toMatchObject({ response: { status: 401 } })
})

test("a socket that its client keeps alive with pings stays open, and is closed by its client without a fault", async () => {
  const pongs: boolean[] = []
  const on = { pong: (received: boolean) => pongs.push(received) }
  const client = overSocket(ada, { keepAlive: 50, lazy: false, on })
  await expect.poll(() => pongs.filter((received) => received).length).toBeGreaterThan(2)
  const { value } = await client.iterate({ query: "{ __typename }" }).next()
  expect(value).toEqual({ data: { __typename: "Query" } })
})
