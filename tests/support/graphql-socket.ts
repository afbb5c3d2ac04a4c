/** A raw client of `graphql-transport-ws`: it says what it is told to say, right or wrong, and keeps what comes. */
import { exports } from "cloudflare:workers"

// biome-ignore lint/suspicious/noExplicitAny: tests look into messages of every shape
type Message = any

/** A connection. */
export interface GraphqlSocket {
  /** Everything that came, but pings. */
  readonly messages: Message[]
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
  /** False: pings are not answered. */
  answersPings: boolean
  send(message: unknown): void
  /** Sends a frame as it is. */
  raw(frame: string | ArrayBuffer): void
  /** Waits until the messages are as wanted. */
  until(isMet: (messages: readonly Message[]) => boolean): Promise<void>
  /** Events of the subscriptions of an id: `reset start`, `changed First`. */
  words(id: string): string[]
  /** Runs a query or mutation to its end. */
  run(id: string, query: string, variables?: object, extensions?: object): Promise<Message>
  close(): void
}

/** Asks for a connection. */
export function graphqlHandshake(headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  const all = new Headers({
    Upgrade: "websocket",
    "Sec-WebSocket-Protocol": "graphql-transport-ws",
    "CF-Connecting-IP": "203.0.113.9",
    ...headers,
  })
  return exports.default.fetch(new Request("https://selvage.test/graphql", { headers: all }) as never) as never
}

function wordOf({ payload }: Message): string {
  const [told] = Object.values(payload.data as Record<string, Message>)
  const { __typename, record, id, reason } = told
  const kind = /(Reset|Changed|Removed|Ready)$/.exec(__typename)?.[1]?.toLowerCase()
  return `${kind} ${record?.title ?? id ?? reason ?? ""}`.trim()
}

/** Opens a connection that has said nothing yet. */
export async function openGraphql(headers?: Readonly<Record<string, string>>): Promise<GraphqlSocket> {
  const answer = await graphqlHandshake(headers)
  const socket = answer.webSocket as WebSocket | null
  if (!socket) throw new Error(`Refused: ${answer.status} ${await answer.text()}`)
  const messages: Message[] = []
  const over: { code: number; reason: string }[] = []
  const one: GraphqlSocket = {
    messages,
    answersPings: true,
    closed: new Promise((resolve) => {
      socket.addEventListener("close", ({ code, reason }) => {
        over.push({ code, reason })
        resolve({ code, reason })
      })
    }),
    send: (message) => socket.send(JSON.stringify(message)),
    raw: (frame) => socket.send(frame),
    async until(isMet) {
      for (let turn = 0; turn < 1500; turn++) {
        if (isMet(messages)) return
        if (over.length > 0) break
        await scheduler.wait(10)
      }
      throw new Error(`It did not come: ${JSON.stringify(messages).slice(0, 2000)} ${JSON.stringify(over)}`)
    },
    words: (id) => messages.filter((found) => found.id === id && found.type === "next").map(wordOf),
    async run(id, query, variables = {}, extensions = {}) {
      one.send({ id, type: "subscribe", payload: { query, variables, extensions } })
      const isEnd = (found: Message) => found.id === id && (found.type === "complete" || found.type === "error")
      await one.until((all) => all.some(isEnd))
      return messages.find((found) => found.id === id)?.payload
    },
    close: () => socket.close(1000, "done"),
  }
  socket.addEventListener("message", ({ data }) => {
    const message = JSON.parse(data as string) as Message
    if (message.type !== "ping") messages.push(message)
    else if (one.answersPings) socket.send(JSON.stringify({ type: "pong" }))
  })
  socket.accept()
  return one
}

/** Opens a connection of somebody, acknowledged. */
export async function graphqlOf(actor: { readonly token: string } | null): Promise<GraphqlSocket> {
  const one = await openGraphql()
  one.send({
    type: "connection_init",
    ...(actor === null ? {} : { payload: { Authorization: `Bearer ${actor.token}` } }),
  })
  await one.until((all) => all.some(({ type }) => type === "connection_ack"))
  return one
}

/** A subscription to the tasks of an organization. */
export const tasksWatch = `subscription ($organization: String!, $after: SafeInt) {
  tasksWatch(filter: { organizationId: { eq: $organization } }, after: $after) {
    __typename
    ... on WatchEvent { sequence }
    ... on WatchReset { reason }
    ... on TaskChanged { record { id title } }
    ... on WatchRemoved { id }
  }
}`

/** Begins it. */
export function subscribeTasks(socket: GraphqlSocket, id: string, organization: string, after?: number): void {
  socket.send({ id, type: "subscribe", payload: { query: tasksWatch, variables: { organization, after } } })
}
