/**
 * The tool that tries another: what a call would change, and nothing changed. A tool of its own, so that the answers of the others have one shape, and
 * so that a client may let a model use it without asking anybody.
 */
import type { Json, JsonObject } from "../../core/json.ts"
import type { CompiledOperation } from "../../core/registry.ts"
import type { Tool } from "./tools.ts"

const change = {
  type: "object",
  properties: {
    resource: { type: "string" },
    change: { enum: ["create", "update", "delete"] },
    id: { type: ["string", "null"], description: "null: the record is not yours to see, and its values are withheld" },
    fields: {
      type: "array",
      items: {
        type: "object",
        properties: { field: { type: "string" }, before: {}, after: {} },
        required: ["field"],
      },
    },
  },
  required: ["resource", "change", "id", "fields"],
}

const count = {
  type: "object",
  properties: {
    resource: { type: "string" },
    change: { enum: ["created", "updated", "deleted"] },
    count: { type: "integer" },
  },
  required: ["resource", "change", "count"],
}

/** How it is described. */
export const previewTool: Tool = {
  name: "preview_changes",
  title: "What a call would change",
  description:
    "Tries a call of another tool under every rule and takes it back: what it would change, field by field, or why it would be refused. Changes nothing.",
  inputSchema: {
    type: "object",
    properties: {
      tool: { type: "string", description: "Name of a tool that changes data" },
      arguments: { type: "object", description: "The arguments that it would be called with" },
    },
    required: ["tool", "arguments"],
    additionalProperties: false,
  },
  outputSchema: {
    type: "object",
    properties: {
      changes: { type: "array", items: change, description: "What the call itself writes, in its order" },
      records: {
        type: "array",
        items: count,
        description: "All records that would change, those that go along among them",
      },
      letters: { type: "integer", description: "Letters that would be sent" },
      jobs: { type: "array", items: { type: "string" }, description: "Jobs that would start" },
    },
    required: ["changes", "records", "letters", "jobs"],
  },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
}

/** Whether a call can be tried: what reaches beyond the database cannot be taken back. */
export function isTriable({ kind, engine }: CompiledOperation): boolean {
  return kind === "mutation" && engine === undefined
}

/** The call that is to be tried; null when the arguments name none. */
export function triedCall(given: Json | undefined): { readonly tool: string; readonly arguments: JsonObject } | null {
  const { tool, arguments: input } = (given ?? {}) as { tool?: unknown; arguments?: unknown }
  const isObject = typeof input === "object" && input !== null && !Array.isArray(input)
  return typeof tool === "string" && isObject ? { tool, arguments: input as JsonObject } : null
}
