/** TypeIDs from UUIDv7 (RFC 9562 §5.7): sortable by time, also within one millisecond of one isolate. */
import { typeid } from "typeid-js"
import type { Ids } from "../core/context.ts"

export const ids: Ids = { mint: (prefix) => typeid(prefix).toString() }
