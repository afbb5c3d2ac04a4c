/**
 * `/ws` for the AsyncAPI document: the calls that only a connection has, the watches of every resource with what they tell, and why it is closed. Other
 * operations are called alike, with the input that openapi.json has for them.
 */
import { type AsyncApiPart, channelMessage, channelMessages, closed, message, schemaRef } from "../../core/asyncapi.ts"
import { codes } from "../../core/code.ts"
import type { Json, JsonObject } from "../../core/json.ts"
import type { CompiledOperation, Registry } from "../../core/registry.ts"
import { pascal, typeName } from "../../core/type-name.ts"
import { subprotocol } from "./credentials.ts"
import { batchMax, frameBytes } from "./decode.ts"
import { numberOfCode } from "./problem.ts"

/** The numbers of the live object, which the door does not know by itself. */
export interface LiveBounds {
  readonly closeCodes: Readonly<Record<"policy" | "tooLarge" | "over" | "slow", number>>
  readonly unackedFrames: number
  readonly unackedBytes: number
  readonly personSockets: number
  readonly watchesPerSocket: number
}

const channel = "live"
const text: JsonObject = { type: "string" }
const whole: JsonObject = { type: "integer", minimum: 0 }
const id: JsonObject = { oneOf: [{ type: "string", maxLength: 100 }, { type: "number" }] }
const version: JsonObject = { type: "string", const: "2.0" }
const empty = closed({})
const topic = schemaRef("LiveTopic")

/** A call of one method. */
const call = (method: string, params: JsonObject): JsonObject =>
  closed({ jsonrpc: version, "id?": id, method: { type: "string", const: method }, "params?": params })

/** The answer of a call. */
const answer = (result: JsonObject): JsonObject =>
  closed({ jsonrpc: version, id, result, "meta?": schemaRef("LiveMeta") })

/** Something that is told, with its running number. */
const telling = (method: string, params: Readonly<Record<string, Json>>): JsonObject =>
  closed({
    jsonrpc: version,
    method: { type: "string", const: method },
    params: closed({ ...params, frame: { ...whole, description: "Goes into watch.ack" } }),
  })

const sequence: JsonObject = {
  ...whole,
  description: "The place in the log up to which all is known; goes into `after`",
}

/** What is told of every watch alike. */
const watchTellings: Readonly<Record<string, [summary: string, payload: JsonObject]>> = {
  "watch.reset": [
    "Forget what you have: the records follow as watch.changed, and then watch.ready",
    telling("watch.reset", { subscription: text, sequence, reason: schemaRef("WatchResetReason") }),
  ],
  "watch.removed": [
    "It was visible and is no more",
    telling("watch.removed", { subscription: text, sequence, id: text }),
  ],
  "watch.ready": ["You have everything up to `sequence`", telling("watch.ready", { subscription: text, sequence })],
  "watch.end": [
    "The watch cannot go on",
    telling("watch.end", { subscription: text, code: { type: "string", enum: [...codes] }, message: text }),
  ],
}

const attendee = { connection: text, user: { type: ["string", "null"] } }

/** What is told of the inbox, and of who is there. */
const otherTellings: Readonly<Record<string, [summary: string, payload: JsonObject]>> = {
  "inbox.changed": [
    "A notification has come, or some were read elsewhere",
    telling("inbox.changed", { unread: whole, notice: { oneOf: [schemaRef("Notification"), { type: "null" }] } }),
  ],
  "presence.joined": ["Somebody has come", telling("presence.joined", { topic, ...attendee })],
  "presence.left": ["Somebody has gone", telling("presence.left", { topic, ...attendee })],
  "presence.end": ["You may read the record no more", telling("presence.end", { topic })],
  "topic.message": ["Somebody has said something", telling("topic.message", { topic, ...attendee, message: {} })],
}

type Method = readonly [summary: string, params: JsonObject, result: JsonObject]

/** What only a connection can do. */
const methods: Readonly<Record<string, Method>> = {
  "watch.ack": ["Acknowledges everything up to a frame", closed({ frame: whole }), empty],
  "watch.stop": ["Ends one watch", closed({ subscription: { type: "string", maxLength: 20 } }), empty],
  "inbox.watch": ["Follows the inbox of whoever signed in", empty, closed({ unread: whole })],
  "inbox.stop": ["Follows it no more", empty, empty],
  "presence.join": ["Is there, on a record that one may read", closed({ topic }), closed({ connection: text })],
  "presence.leave": ["Is there no more", closed({ topic }), empty],
  "presence.list": [
    "Tells who is there",
    closed({ topic }),
    closed({ attendees: { type: "array", items: closed(attendee) } }),
  ],
  "topic.broadcast": ["Tells something to those who are there", closed({ topic, message: {} }), empty],
}

const limits: JsonObject = {
  type: "array",
  description: "What the call was counted by, the tightest first",
  items: closed({
    name: text,
    quota: whole,
    windowSeconds: whole,
    "organization?": text,
    remaining: whole,
    resetSeconds: whole,
  }),
}
const watched = closed({ subscription: text, sequence, "limits?": limits })
const deprecation = closed({ since: text, "sunset?": text, "replacement?": text })

function schemasOf(others: readonly string[]): Record<string, JsonObject> {
  return {
    LiveTopic: closed({ resource: { type: "string", maxLength: 100 }, id: { type: "string", maxLength: 100 } }),
    LiveMeta: closed({
      "requestId?": text,
      "bookmark?": text,
      "replayed?": { type: "boolean" },
      "limits?": limits,
      "deprecation?": deprecation,
    }),
    LiveFacts: {
      ...closed({ "idempotencyKey?": text, "bookmark?": text }),
      description: "What other doors have in headers",
    },
    WatchResetReason: { type: "string", enum: ["start", "facts_changed", "after_too_old", "after_unknown"] },
    OperationName: { type: "string", enum: [...others], description: "An operationId of openapi.json" },
    LiveError: {
      ...closed({
        jsonrpc: version,
        id: { oneOf: [id, { type: "null" }] },
        error: {
          type: "object",
          required: ["code", "message"],
          properties: {
            code: { type: "integer", description: `-32700, -32600, ${codes.map(numberOfCode).join(", ")}` },
            message: text,
            data: {
              type: "object",
              required: ["code"],
              properties: {
                code: { type: "string", enum: [...codes] },
                type: text,
                retryAfter: { type: "number" },
                maxAge: { type: "integer" },
                requestId: text,
                limits,
                approval: closed({ id: text, page: text }),
                violations: {
                  type: "array",
                  items: closed({ path: text, code: text, message: text }),
                },
              },
            },
          },
          additionalProperties: false,
        },
      }),
    },
  }
}

/** The names of a watch's messages: `tasks.watch` -> `TasksWatch…`. */
const labelOf = (method: string) => method.split(/[._]/).map(pascal).join("")

/** Names, messages and operations, as they are collected. */
interface Collected {
  readonly operations: Record<string, JsonObject>
  readonly messages: Record<string, JsonObject>
  readonly schemas: Record<string, JsonObject>
}

function addCall({ operations, messages }: Collected, method: string, [summary, params, result]: Method): void {
  const name = labelOf(method)
  messages[`${name}Call`] = message(summary, call(method, params), { name: method })
  messages[`${name}Answer`] = message(`What ${method} answers`, answer(result))
  operations[name] = {
    action: "receive",
    channel: { $ref: `#/channels/${channel}` },
    summary,
    messages: [channelMessage(channel, `${name}Call`)],
    reply: {
      channel: { $ref: `#/channels/${channel}` },
      messages: [channelMessage(channel, `${name}Answer`), channelMessage(channel, "LiveRefusal")],
    },
  }
}

function addTelling({ operations, messages }: Collected, method: string, summary: string, payload: JsonObject): void {
  const name = labelOf(method)
  messages[name] = message(summary, payload, { name: method })
  operations[`Tell${name}`] = {
    action: "send",
    channel: { $ref: `#/channels/${channel}` },
    summary,
    messages: [channelMessage(channel, name)],
  }
}

/** A resource that can be watched: its call, and what `watch.changed` says of its records. */
function addWatch(collected: Collected, operation: CompiledOperation): void {
  const { name, inputType, outputType, summary = "", model } = operation
  Object.assign(collected.schemas, inputType.named, outputType.named)
  addCall(collected, name, [summary, inputType.schema, watched])
  if (!model) return
  const payload = telling("watch.changed", { subscription: text, sequence, record: outputType.schema })
  const label = `${typeName(model)}Changed`
  collected.messages[label] = message("The record as you may see it now", payload, { name: "watch.changed" })
  collected.operations[`Tell${label}`] = {
    action: "send",
    channel: { $ref: `#/channels/${channel}` },
    messages: [channelMessage(channel, label)],
  }
}

function closing({ closeCodes, unackedFrames, unackedBytes }: LiveBounds): string {
  return [
    "| closed with | why |",
    "|---|---|",
    `| ${closeCodes.over} | the session, key or token has ended: authenticate, and come back with the place |`,
    `| ${closeCodes.slow} | ${unackedFrames} frames or ${unackedBytes / 1024 / 1024} MiB were not acknowledged: come back with the place |`,
    `| ${closeCodes.policy} | frames that were no calls, or too many calls |`,
    `| ${closeCodes.tooLarge} | a frame above ${frameBytes / 1024} KiB |`,
    "| 1006, 1012 | the network, or a new version was deployed: come back with the place |",
  ].join("\n")
}

/** The part of `/ws`. */
export function liveChannels(registry: Registry, bounds: LiveBounds): AsyncApiPart {
  const inbox = registry.operations.get("inbox.list")
  // Without an inbox there is none to follow.
  const isServed = (name: string) => inbox !== undefined || !name.startsWith("inbox.")
  const all = [...registry.operations.values()]
  const others = all.flatMap(({ kind, name }) => (kind === "subscription" ? [] : [name]))
  const collected: Collected = {
    operations: {},
    messages: {},
    schemas: { ...inbox?.outputType.named, ...schemasOf(others) },
  }
  const params = { type: "object", properties: { _meta: schemaRef("LiveFacts") } }
  const operation = { jsonrpc: version, "id?": id, method: schemaRef("OperationName"), "params?": params }
  collected.messages.OperationCall = message("Calls an operation; params are its input", closed(operation))
  collected.messages.OperationAnswer = message("What an operation answers", answer({}))
  collected.messages.LiveRefusal = message("Why a call was refused", schemaRef("LiveError"))
  const batch = (name: string) => ({
    type: "array",
    minItems: 1,
    maxItems: batchMax,
    items: { type: "object", title: name },
  })
  collected.messages.LiveBatch = message(`1 to ${batchMax} calls in one frame`, batch("A call"))
  collected.messages.LiveBatchAnswer = message("The answers of a batch, in one frame", batch("An answer"))
  const at = { $ref: `#/channels/${channel}` }
  const replied = (call: string, answered: string) => ({
    action: "receive",
    channel: at,
    messages: [channelMessage(channel, call)],
    reply: { channel: at, messages: [channelMessage(channel, answered), channelMessage(channel, "LiveRefusal")] },
  })
  collected.operations.CallOperation = replied("OperationCall", "OperationAnswer")
  collected.operations.CallBatch = replied("LiveBatch", "LiveBatchAnswer")
  for (const [method, described] of Object.entries(methods)) if (isServed(method)) addCall(collected, method, described)
  for (const one of all) if (one.kind === "subscription") addWatch(collected, one)
  for (const [method, [summary, payload]] of Object.entries({ ...watchTellings, ...otherTellings }))
    if (isServed(method)) addTelling(collected, method, summary, payload)
  const { personSockets, watchesPerSocket } = bounds
  return {
    ...collected,
    channels: {
      [channel]: {
        address: "/ws",
        title: "Live queries, calls, presence and the inbox",
        description: `JSON-RPC 2.0 in text frames, sub-protocol ${subprotocol}. A token stands in Authorization, or among the sub-protocols as bearer.<token>. At most ${personSockets} connections a person, and ${watchesPerSocket} watches a connection. The text \`ping\` is answered with \`pong\`.\n\n${closing(bounds)}`,
        servers: [{ $ref: "#/servers/sockets" }],
        messages: channelMessages(Object.keys(collected.messages)),
        bindings: { ws: { method: "GET", bindingVersion: "0.1.0" } },
      },
    },
  }
}
