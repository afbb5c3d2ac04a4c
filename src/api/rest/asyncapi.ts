/** Streams of Server-Sent Events for the AsyncAPI document: the watch of every resource at its place, with the data of each event. */
import { type AsyncApiPart, channelMessage, channelMessages, closed, message, schemaRef } from "../../core/asyncapi.ts"
import type { JsonObject } from "../../core/json.ts"
import type { Registry } from "../../core/registry.ts"
import { pascal, typeName } from "../../core/type-name.ts"
import { routesOf } from "./routes.ts"

const sequence: JsonObject = {
  type: "integer",
  minimum: 0,
  description: "The place in the log; the event's id, but while a list is being told",
}

const common: Readonly<Record<string, JsonObject>> = {
  EventReset: message(
    "Forget what you have: the records follow, and then ready",
    closed({ sequence, reason: schemaRef("WatchResetReason") }),
    { name: "reset" },
  ),
  EventRemoved: message("It was visible and is no more", closed({ sequence, id: { type: "string" } }), {
    name: "removed",
  }),
  EventReady: message("You have everything up to `sequence`", closed({ sequence }), { name: "ready" }),
}

/** The part of the streams. */
export function eventChannels(registry: Registry): AsyncApiPart {
  const channels: Record<string, JsonObject> = {}
  const operations: Record<string, JsonObject> = {}
  const messages: Record<string, JsonObject> = { ...common }
  const schemas: Record<string, JsonObject> = {}
  for (const operation of registry.operations.values()) {
    const { kind, model, outputType, summary } = operation
    if (kind !== "subscription" || !model) continue
    const channel = `${model.name}Events`
    const changed = `Event${typeName(model)}Changed`
    Object.assign(schemas, outputType.named)
    messages[changed] = message(
      "The record as you may see it now",
      closed({ sequence, record: outputType.schema as JsonObject }),
      { name: "changed" },
    )
    const told = ["EventReset", changed, "EventRemoved", "EventReady"]
    for (const [n, { path }] of routesOf(operation, registry).entries()) {
      const key = n === 0 ? channel : `${channel}${n + 1}`
      channels[key] = {
        address: path,
        title: summary ?? operation.name,
        description: `Server-Sent Events by GET; the query is that of ${operation.name} in openapi.json. Resumes by Last-Event-ID or \`after\`.`,
        servers: [{ $ref: "#/servers/events" }],
        messages: channelMessages(told),
      }
      operations[`Stream${pascal(key)}`] = {
        action: "send",
        channel: { $ref: `#/channels/${key}` },
        messages: told.map((name) => channelMessage(key, name)),
        bindings: { http: { method: "GET", bindingVersion: "0.3.0" } },
      }
    }
  }
  return { channels, operations, messages, schemas }
}
