/** Answers and notifications as frames of JSON-RPC 2.0. */
import type { Frames } from "../../core/frames.ts"
import { hear } from "./decode.ts"
import { refuse } from "./problem.ts"

/** The frames of this door. */
export const frames: Frames = {
  hear,
  refuse,
  answer: (id, result, meta) => JSON.stringify({ jsonrpc: "2.0", id, result, ...(meta ? { meta } : {}) }),
  together: (answers) => `[${answers.join(",")}]`,
  tell: (method, params) => JSON.stringify({ jsonrpc: "2.0", method, params }),
}
