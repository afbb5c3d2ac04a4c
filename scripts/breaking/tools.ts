/** What a change of tools.json breaks: tools, what they take, what they give. */
import { followIn, type Node, schemaBreaks } from "./schema.ts"

interface Tool {
  readonly name: string
  readonly inputSchema: Node
  readonly outputSchema?: Node
}

/** What breaks between two lists of tools, as text. */
export function toolBreaks(before: string, after: string): readonly string[] {
  const toolsOf = (text: string) => (JSON.parse(text) as { tools: readonly Tool[] }).tools
  const now = new Map(toolsOf(after).map((tool) => [tool.name, tool]))
  const between = (old: Node, other: Node, direction: "input" | "output", at: string) =>
    schemaBreaks(old, other, { direction, before: followIn(old), after: followIn(other) }, at)
  return toolsOf(before).flatMap((tool) => {
    const other = now.get(tool.name)
    if (!other) return [`${tool.name}: is gone`]
    const input = between(tool.inputSchema, other.inputSchema, "input", `${tool.name} input`)
    if (!tool.outputSchema) return input
    if (!other.outputSchema) return [...input, `${tool.name} output: is told no longer`]
    return [...input, ...between(tool.outputSchema, other.outputSchema, "output", `${tool.name} output`)]
  })
}
