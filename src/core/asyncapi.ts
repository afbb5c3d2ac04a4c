/** What a door says of its live side, for the one AsyncAPI document (3.0) of all doors. Types and words only. */
import type { Json, JsonObject } from "./json.ts"

/** The part of a door. Names are those of the document's components; no two parts have the same. */
export interface AsyncApiPart {
  readonly channels: Readonly<Record<string, JsonObject>>
  readonly operations: Readonly<Record<string, JsonObject>>
  readonly messages: Readonly<Record<string, JsonObject>>
  readonly schemas: Readonly<Record<string, JsonObject>>
}

/** A reference to a schema of the document. */
export const schemaRef = (name: string): JsonObject => ({ $ref: `#/components/schemas/${name}` })

/** A reference to a message of a channel, as operations name theirs (AsyncAPI 3.0, Operation Object). */
export const channelMessage = (channel: string, message: string): JsonObject => ({
  $ref: `#/channels/${channel}/messages/${message}`,
})

/** A channel's messages, by the names that they have among the components. */
export function channelMessages(names: readonly string[]): JsonObject {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }]))
}

/** An object that has these members and no others. All are required but those whose name ends with a question mark. */
export function closed(members: Readonly<Record<string, Json>>): JsonObject {
  const names = Object.keys(members)
  const required = names.filter((name) => !name.endsWith("?"))
  return {
    type: "object",
    ...(required.length === 0 ? {} : { required }),
    properties: Object.fromEntries(Object.entries(members).map(([name, schema]) => [name.replace("?", ""), schema])),
    additionalProperties: false,
  }
}

/** A message. */
export function message(summary: string, payload: JsonObject, more: JsonObject = {}): JsonObject {
  return { summary, contentType: "application/json", payload, ...more }
}
