/** A call of a tool -> a match. What stands beside the arguments, in `_meta`, are the facts that other doors have in headers. */
import type { Match } from "../../core/door.ts"
import type { Json, JsonObject } from "../../core/json.ts"
import { invalid } from "../../core/problem.ts"
import type { CompiledOperation } from "../../core/registry.ts"

/** Names of ours in `_meta` (2026-07-28, "_meta": a prefix with a dot, reversed). */
export const metaNames = {
  idempotencyKey: "dev.selvage/idempotencyKey",
  bookmark: "dev.selvage/bookmark",
  replayed: "dev.selvage/replayed",
  limits: "dev.selvage/limits",
  requestId: "dev.selvage/requestId",
  problem: "dev.selvage/problem",
  deprecation: "dev.selvage/deprecation",
} as const

/** A tool that was called. */
export interface ToolCall {
  readonly operation: CompiledOperation
  readonly arguments: Json
  readonly meta: JsonObject
  /** True for a call that is to be tried and not done. */
  readonly rehearsal?: true
}

function textOf(meta: JsonObject, name: string): string | null {
  const value = meta[name]
  if (value === undefined || value === null) return null
  if (typeof value !== "string") throw invalid(`/_meta/${name.replaceAll("/", "~1")}`, "invalid_type", "Text")
  return value
}

/** What the pipeline is to run. Throws INVALID_ARGUMENT for facts that are no text. */
export function matchOf({ operation, arguments: input, meta, rehearsal }: ToolCall): Match {
  return {
    operation,
    decode: () => input,
    idempotencyKey: operation.kind === "mutation" && !rehearsal ? textOf(meta, metaNames.idempotencyKey) : null,
    expectedVersion: null,
    bookmark: textOf(meta, metaNames.bookmark),
    ...(rehearsal ? { rehearsal } : {}),
  }
}
