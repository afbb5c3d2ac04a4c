/**
 * Operations as tools (Model Context Protocol 2026-07-28, "Tools"): a name that every client takes, annotations from the kind, schemas with their
 * definitions inside. Operations whose input or answer holds secrets are none: what a model reads it may repeat.
 */
import { covers } from "../../core/credential.ts"
import { deprecationText } from "../../core/deprecation.ts"
import type { Json, JsonObject } from "../../core/json.ts"
import type { Principal } from "../../core/principal.ts"
import type { CompiledOperation, Registry } from "../../core/registry.ts"
import type { Compiled } from "../../core/shape.ts"

/** An operation as a client is told of it. */
export interface Tool {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly inputSchema: JsonObject
  readonly outputSchema: JsonObject
  readonly annotations: JsonObject
}

const reference = "#/components/schemas/"

/** References into the definitions of the schema itself. `format: byte` and its like are ours: validators warn of what they do not know. */
function inlined(node: Json): Json {
  if (Array.isArray(node)) return node.map(inlined)
  if (node === null || typeof node !== "object") return node
  const out: Record<string, Json> = {}
  for (const [key, value] of Object.entries(node as JsonObject)) {
    if (key === "format" && (value === "int32" || value === "int64" || value === "base64")) continue
    out[key] = key === "$ref" && typeof value === "string" ? value.replace(reference, "#/$defs/") : inlined(value)
  }
  return out
}

/** The names that a schema refers to, and what those refer to. */
function reachable(node: Json, named: Compiled["named"], found: Set<string>): Set<string> {
  if (Array.isArray(node)) for (const item of node) reachable(item, named, found)
  else if (node !== null && typeof node === "object")
    for (const [key, value] of Object.entries(node as JsonObject)) {
      const name = key === "$ref" && typeof value === "string" ? value.slice(reference.length) : null
      if (name === null) reachable(value, named, found)
      else if (!found.has(name)) {
        found.add(name)
        reachable(named[name] ?? null, named, found)
      }
    }
  return found
}

/** A schema that stands alone, an object at its root. */
function standalone({ schema, named }: Compiled): JsonObject {
  const root = typeof schema.$ref === "string" ? (named[schema.$ref.slice(reference.length)] ?? {}) : schema
  const definitions = [...reachable(root, named, new Set())].map((name) => [name, inlined(named[name] ?? {})])
  const own = inlined(root) as JsonObject
  const isObject = own.type === "object"
  const open = isObject ? own : { type: "object", properties: { result: own }, required: ["result"] }
  return definitions.length === 0 ? open : { ...open, $defs: Object.fromEntries(definitions) }
}

/** `project_members.list` -> `project_members_list`: what every client takes as a name. */
export function toolName(operation: string): string {
  return operation.replaceAll(".", "_")
}

/** What an operation does to the world, for a client that asks before it calls (hints, not promises: the policy decides). */
function annotationsOf({ kind, standard }: CompiledOperation): JsonObject {
  const isRead = kind === "query"
  return {
    readOnlyHint: isRead,
    destructiveHint: !isRead && (standard === undefined || standard.verb === "delete" || standard.verb === "batch"),
    idempotentHint: isRead || standard?.verb === "update" || standard?.verb === "delete",
    openWorldHint: false,
  }
}

/** The operations that are tools, by the tool's name. */
export function toolOperations(registry: Registry): ReadonlyMap<string, CompiledOperation> {
  const tools = new Map<string, CompiledOperation>()
  for (const operation of registry.operations.values()) {
    if (operation.kind === "subscription" || operation.confidential) continue
    const name = toolName(operation.name)
    const other = tools.get(name)
    if (other) throw new Error(`${operation.name} and ${other.name} are one tool, ${name}; rename one of them`)
    tools.set(name, operation)
  }
  return tools
}

/** How an operation is described. */
export function toolOf(name: string, operation: CompiledOperation): Tool {
  const { summary = operation.name, kind, deprecated } = operation
  const refusals = operation.errors?.length ? ` May be refused with ${operation.errors.join(", ")}.` : ""
  return {
    name,
    title: summary,
    description: `${summary}. ${deprecated ? `${deprecationText(deprecated)}. ` : ""}${kind === "query" ? "Changes nothing." : "Changes data."}${refusals}`,
    inputSchema: standalone(operation.inputType),
    outputSchema: standalone(operation.outputType),
    annotations: annotationsOf(operation),
  }
}

/** Whether a principal's credential reaches the operation at all: others are not listed for it. */
export function reaches(principal: Principal, operation: CompiledOperation): boolean {
  if (principal.kind !== "user") return true
  if (operation.credential === "session" && (principal.session === undefined || principal.scopes !== undefined))
    return false
  return principal.scopes === undefined || covers(principal.scopes, operation)
}
