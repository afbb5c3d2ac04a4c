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
