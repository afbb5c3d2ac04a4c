/**
 * A frame as a call of JSON-RPC 2.0, or as a batch of them. Refuses what is no text, no JSON or no call, and frames that are too large; params stand
 * by name.
 */
import type { Heard, HeardCall, HeardGarbage } from "../../core/frames.ts"
import type { Json, JsonObject } from "../../core/json.ts"
import { limits } from "../../core/limits.ts"
import { encodeFault } from "./problem.ts"

/** Longest frame that is read. */
export const frameBytes = 64 * 1024

/** Calls of a batch. */
export const batchMax = 20

const parseFault = -32700
const callFault = -32600

function garbage(code: number, message: string, isTooLarge = false): HeardGarbage {
  return { kind: "garbage", answer: encodeFault(code, message), isTooLarge }
}

function depthOf(value: Json, depth = 0): number {
  if (value === null || typeof value !== "object" || depth > limits.jsonDepth) return depth
  let deepest = depth + 1
  for (const inner of Object.values(value)) deepest = Math.max(deepest, depthOf(inner as Json, depth + 1))
  return deepest
}

/** What a frame says. */
export function hear(message: string | ArrayBuffer): Heard {
  if (typeof message !== "string") return garbage(callFault, "Frames are text")
  // A unit of JavaScript is at most three bytes of UTF-8: most frames need no encoding to be known as short.
  if (
    message.length > frameBytes ||
    (message.length * 3 > frameBytes && new TextEncoder().encode(message).length > frameBytes)
  )
    return garbage(callFault, `A frame has at most ${frameBytes} bytes`, true)
  let value: Json
  try {
    value = JSON.parse(message) as Json
  } catch {
    return garbage(parseFault, "The frame is not JSON")
  }
  if (depthOf(value) > limits.jsonDepth) return garbage(callFault, `JSON nests at most ${limits.jsonDepth} deep`)
  if (!Array.isArray(value)) return heardOf(value)
  if (value.length === 0 || value.length > batchMax)
    return garbage(callFault, `A batch has 1 to ${batchMax} calls (JSON-RPC 2.0 §6)`)
  return { kind: "batch", parts: value.map(heardOf) }
}

/** One call, or why it is none. */
function heardOf(value: Json): HeardCall | HeardGarbage {
  if (value === null || typeof value !== "object" || Array.isArray(value))
    return garbage(callFault, "A call is an object")
  const { jsonrpc, id = null, method, params = {} } = value as JsonObject
  if (jsonrpc !== "2.0" || typeof method !== "string" || method.length > 100)
    return garbage(callFault, 'A call is {"jsonrpc": "2.0", "id", "method", "params"}')
  if (id !== null && typeof id !== "string" && typeof id !== "number")
    return garbage(callFault, "An id is text or a number")
  if (typeof id === "string" && id.length > 100) return garbage(callFault, "An id has at most 100 characters")
  if (params === null || typeof params !== "object" || Array.isArray(params))
    return garbage(callFault, "Params stand by name, in an object")
  return { kind: "call", id, method, params: params as JsonObject }
}
