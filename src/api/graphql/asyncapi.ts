/** The live side of `/graphql` for the AsyncAPI document: the messages of `graphql-transport-ws`, and the events of GraphQL over Server-Sent Events. */
import { type AsyncApiPart, channelMessage, channelMessages, closed, message, schemaRef } from "../../core/asyncapi.ts"
import type { JsonObject } from "../../core/json.ts"
import { closeCodes, messageBytes, subprotocol } from "./socket-messages.ts"

const text: JsonObject = { type: "string" }
const id: JsonObject = { type: "string", minLength: 1, maxLength: 100 }
const type = (name: string): JsonObject => ({ type: "string", const: name })
const anything: JsonObject = { type: "object" }

const schemas: Readonly<Record<string, JsonObject>> = {
  GraphqlRequest: {
    ...closed({
      "query?": { oneOf: [text, { type: "null" }] },
      "operationName?": { oneOf: [text, { type: "null" }] },
      "variables?": { oneOf: [anything, { type: "null" }] },
      "extensions?": {
        type: ["object", "null"],
        properties: { idempotencyKey: text, bookmark: text, persistedQuery: anything },
      },
    }),
    description: "A document of schema.graphql; a persisted query leaves it out",
  },
  GraphqlError: {
    type: "object",
    required: ["message"],
    properties: {
      message: text,
      locations: { type: "array", items: closed({ line: { type: "integer" }, column: { type: "integer" } }) },
      path: { type: "array", items: { type: ["string", "integer"] } },
      extensions: { type: "object", properties: { code: text, requestId: text, retryAfter: { type: "number" } } },
    },
  },
  GraphqlResult: {
    ...closed({
      "data?": { type: ["object", "null"] },
      "errors?": { type: "array", minItems: 1, items: schemaRef("GraphqlError") },
      "extensions?": anything,
    }),
    description: "As the selection of the request has it; an event of a watch is a union of schema.graphql",
  },
}

type Said = readonly [summary: string, payload: JsonObject]

/** What a client says, by the message's name. */
const heard: Readonly<Record<string, Said>> = {
  GraphqlInit: [
    "Says who calls: the first message, within five seconds",
    closed({ type: type("connection_init"), "payload?": { type: "object", properties: { Authorization: text } } }),
  ],
  GraphqlSubscribe: [
    "Runs a query, a mutation or a subscription",
    closed({ type: type("subscribe"), id, payload: schemaRef("GraphqlRequest") }),
  ],
  GraphqlCancel: ["Wants no more of it", closed({ type: type("complete"), id })],
}

/** What we say. */
const told: Readonly<Record<string, Said>> = {
  GraphqlAck: ["Whoever calls was let in", closed({ type: type("connection_ack") })],
  GraphqlNext: ["A result", closed({ type: type("next"), id, payload: schemaRef("GraphqlResult") })],
  GraphqlFailed: [
    "It was refused, or broke: nothing more comes of it",
    closed({ type: type("error"), id, payload: { type: "array", minItems: 1, items: schemaRef("GraphqlError") } }),
  ],
  GraphqlComplete: ["It is over", closed({ type: type("complete"), id })],
}

/** What both say. */
const both: Readonly<Record<string, Said>> = {
  GraphqlPing: [
    "Asks whether the other side is there, and has taken what came before",
    closed({ type: type("ping"), "payload?": anything }),
  ],
  GraphqlPong: ["The answer, at once", closed({ type: type("pong"), "payload?": anything })],
}

/** Over events: the name of the event, and its data. */
const events: Readonly<Record<string, Said>> = {
  GraphqlEventNext: ["event: next, with the result as data", schemaRef("GraphqlResult")],
  GraphqlEventComplete: ["event: complete, without data: it is over", { type: "null" }],
}

const reasons: Readonly<Record<keyof typeof closeCodes, string>> = {
  policy: "too many messages",
  tooLarge: `a message above ${messageBytes / 1024} KiB`,
  internal: "something went wrong on our side",
  restart: "the connection behind was lost, or a new version was deployed: come back with the place",
  later: "too many connections, or not reachable right now: come back later",
  slow: "pings were not answered: come back with the place",
  badMessage: "what is no message of the protocol",
  unauthorized: "subscribe before connection_ack; and the end of the session, key or token",
  forbidden: "connection_init with a credential that does not hold, or from a foreign page",
  initialisationTimeout: "no connection_init within five seconds",
  subscriberExists: "an id that is in use",
  tooManyInitialisations: "a second connection_init",
}

function closing(): string {
  const rows = Object.entries(closeCodes).map(
    ([name, code]) => `| ${code} | ${reasons[name as keyof typeof reasons]} |`,
  )
  return ["| closed with | why |", "|---|---|", ...rows].join("\n")
}

const at = (channel: string): JsonObject => ({ $ref: `#/channels/${channel}` })
const named = (said: Readonly<Record<string, Said>>) =>
  Object.fromEntries(Object.entries(said).map(([name, [summary, payload]]) => [name, message(summary, payload)]))

/** The part of `/graphql`. */
export function graphqlChannels(): AsyncApiPart {
  const messages = { ...named(heard), ...named(told), ...named(both), ...named(events) }
  const refs = (channel: string, ...all: Readonly<Record<string, Said>>[]) =>
    all.flatMap((said) => Object.keys(said)).map((name) => channelMessage(channel, name))
  return {
    schemas,
    messages: { ...messages, GraphqlRequest: message("The request", schemaRef("GraphqlRequest")) },
    channels: {
      graphql: {
        address: "/graphql",
        title: "GraphQL over WebSocket",
        description: `Sub-protocol ${subprotocol}. Calls and watches count as at /ws.\n\n${closing()}`,
        servers: [{ $ref: "#/servers/sockets" }],
        messages: channelMessages(Object.keys({ ...heard, ...told, ...both })),
        bindings: { ws: { method: "GET", bindingVersion: "0.1.0" } },
      },
      graphqlEvents: {
        address: "/graphql",
        title: "GraphQL over Server-Sent Events",
        description: "Distinct connections mode: one request, POST or GET, with Accept: text/event-stream.",
        servers: [{ $ref: "#/servers/events" }],
        messages: channelMessages([...Object.keys(events), "GraphqlRequest"]),
      },
    },
    operations: {
      HearGraphql: { action: "receive", channel: at("graphql"), messages: refs("graphql", heard, both) },
      TellGraphql: { action: "send", channel: at("graphql"), messages: refs("graphql", told, both) },
      AskGraphqlEvents: {
        action: "receive",
        channel: at("graphqlEvents"),
        messages: [channelMessage("graphqlEvents", "GraphqlRequest")],
        bindings: { http: { method: "POST", bindingVersion: "0.3.0" } },
        reply: { channel: at("graphqlEvents"), messages: refs("graphqlEvents", events) },
      },
    },
  }
}
