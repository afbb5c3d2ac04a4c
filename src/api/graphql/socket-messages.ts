/**
 * Messages of the sub-protocol `graphql-transport-ws` (github.com/enisdenjo/graphql-ws, PROTOCOL.md) as they come in. What is no message of it ends the
 * connection, with the code that the protocol has for that.
 */
import type { Json, JsonObject } from "../../core/json.ts"
import { parseJson } from "../../core/json-text.ts"
import { asProblem } from "../../core/problem.ts"
import { type Parameters, parametersOf } from "./decode.ts"

/** The sub-protocol that is spoken at `/graphql`. */
export const subprotocol = "graphql-transport-ws"

/** Longest message that is read, as at `/ws`. */
export const messageBytes = 64 * 1024

/** Longest id of an operation. */
const idLength = 100

/** Why a connection is closed: those of the protocol, of RFC 6455 §7.4.1, and the two that `/ws` has. */
export const closeCodes = {
  policy: 1008,
  tooLarge: 1009,
  internal: 1011,
  restart: 1012,
  later: 1013,
  slow: 4008,
  badMessage: 4400,
  unauthorized: 4401,
  forbidden: 4403,
  initialisationTimeout: 4408,
  subscriberExists: 4409,
  tooManyInitialisations: 4429,
} as const

/** A message that was understood. */
export type Heard =
  | { readonly type: "connection_init"; readonly payload: JsonObject }
  | { readonly type: "ping"; readonly payload: JsonObject | null }
  | { readonly type: "pong" }
  | { readonly type: "subscribe"; readonly id: string; readonly parameters: Parameters }
  | { readonly type: "complete"; readonly id: string }
  /** What ends the connection. */
  | { readonly type: "wrong"; readonly code: number; readonly reason: string }

const wrong = (reason: string, code: number = closeCodes.badMessage): Heard => ({ type: "wrong", code, reason })

const isObject = (value: Json | undefined): value is JsonObject =>
  value !== undefined && value !== null && typeof value === "object" && !Array.isArray(value)

function withId(type: "subscribe" | "complete", { id, payload }: JsonObject): Heard {
  if (typeof id !== "string" || id === "" || id.length > idLength)
    return wrong(`${type} has an id of 1 to ${idLength} characters`)
  if (type === "complete") return { type, id }
  if (!isObject(payload)) return wrong("subscribe has a payload")
  return { type, id, parameters: parametersOf(payload) }
}

function understood(message: Json): Heard {
  if (!isObject(message)) return wrong("A message is an object")
  const { type, payload } = message
  if (payload !== undefined && payload !== null && !isObject(payload)) return wrong("A payload is an object")
  switch (type) {
    case "connection_init":
      return { type, payload: payload ?? {} }
    case "ping":
      return { type, payload: payload ?? null }
    case "pong":
      return { type }
    case "subscribe":
    case "complete":
      return withId(type, message)
    default:
      return wrong("There is no such type of message")
  }
}

/** What a frame says. */
export function hear(frame: unknown): Heard {
  if (typeof frame !== "string") return wrong("Frames are text")
  // A unit of JavaScript is at most three bytes of UTF-8: most frames need no encoding to be known as short.
  if (
    frame.length > messageBytes ||
    (frame.length * 3 > messageBytes && new TextEncoder().encode(frame).length > messageBytes)
  )
    return wrong("A message is too large", closeCodes.tooLarge)
  try {
    return understood(parseJson(frame, ""))
  } catch (thrown) {
    return wrong(asProblem(thrown).message)
  }
}
