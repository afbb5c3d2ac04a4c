/** TypeIDs from UUIDv7 (RFC 9562 §5.7): sortable by time, also within one millisecond of one isolate. */
import { typeid } from "typeid-js"
import type { Ids } from "../core/context.ts"

export const ids: Ids = { mint: (prefix) => typeid(prefix).toString() }

/** Bytes that nobody can guess. */
export function random(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length))
}
