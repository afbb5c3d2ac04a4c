/** tools.json: every tool as MCP lists it to whoever may call all of them, for people and for programs that are written before anybody signs in. */
import type { Registry } from "../../core/registry.ts"
import { previewTool } from "./preview.ts"
import { type Tool, toolOf, toolOperations } from "./tools.ts"

/** Where it is served. */
export const toolsPath = "/tools.json"

function toolsOf(registry: Registry): readonly Tool[] {
  return [previewTool, ...[...toolOperations(registry)].map(([name, operation]) => toolOf(name, operation))]
}

/** The document. */
export function toolsText(registry: Registry): string {
  return `${JSON.stringify({ tools: toolsOf(registry) }, null, 2)}\n`
}
