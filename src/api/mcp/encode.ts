/** Output -> the result of a tool: structured content, and the same as text for clients that read text alone. */
import type { Facts } from "../../core/door.ts"
import type { Json, JsonObject } from "../../core/json.ts"
import { deprecationJson } from "../../core/lifecycle.ts"
import { limitsJson } from "../../core/limit-fields.ts"
import { metaNames } from "./decode.ts"

/** What a call of a tool gives (2026-07-28, "CallToolResult"). */
export interface ToolResult {
  readonly content: { readonly type: "text"; readonly text: string }[]
  readonly structuredContent?: JsonObject
  readonly isError?: boolean
  readonly _meta: JsonObject
}

/** What the client may want to know of the call. */
export function metaOf(facts: Facts): JsonObject {
  const deprecated = facts.operation?.deprecated
  return {
    [metaNames.requestId]: facts.requestId,
    ...(facts.bookmark === null ? {} : { [metaNames.bookmark]: facts.bookmark }),
    ...(facts.limits.length === 0 ? {} : { [metaNames.limits]: limitsJson(facts.limits) }),
    ...(facts.replayed ? { [metaNames.replayed]: true } : {}),
    ...(deprecated === undefined ? {} : { [metaNames.deprecation]: deprecationJson(deprecated) }),
  }
}

/** The result of an operation. What is no object stands in one, as its schema says. */
export function resultOf(output: Json, facts: Facts): ToolResult {
  const isObject = output !== null && typeof output === "object" && !Array.isArray(output)
  return {
    content: [{ type: "text", text: JSON.stringify(output ?? null) }],
    structuredContent: isObject ? (output as JsonObject) : { result: output ?? null },
    _meta: metaOf(facts),
  }
}
