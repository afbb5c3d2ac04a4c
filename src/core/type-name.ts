/** Names of types in documents. Leaf: what a door loads late may import it. */
import type { Model } from "./model.ts"

/** The name under which a resource's record stands in documents: `project_members` -> `ProjectMember`. */
export function typeName(model: Pick<Model, "name">): string {
  return model.name
    .split(/[_\-.]/)
    .map((word, n, words) => pascal(n === words.length - 1 ? singular(word) : word))
    .join("")
}

/** `projectId` -> `ProjectId`. */
export function pascal(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}

function singular(word: string): string {
  if (word.endsWith("ies")) return `${word.slice(0, -3)}y`
  if (/(ss|us|is)$/.test(word)) return word
  if (/(xes|ches|shes|sses)$/.test(word)) return word.slice(0, -2)
  return word.endsWith("s") ? word.slice(0, -1) : word
}

/** Words of a name: `projectId`, `in_progress` and `in-progress` have two. */
export function wordsOf(text: string): string[] {
  return text
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2")
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== "")
}

/** `projectId` -> `project_id`. */
export function snake(text: string): string {
  return wordsOf(text).join("_").toLowerCase()
}

/** The package of an application's first version in Protocol Buffers: `Workspace` -> `workspace.v1`. */
export function packageOf(title: string): string {
  return `${snake(title) || "api"}.v1`
}
