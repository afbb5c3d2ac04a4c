/** What operations, types and values are called in GraphQL. */
import { pascal } from "../../core/type-name.ts"

/** Words of a name: `projectId`, `in_progress` and `in-progress` have two. */
function wordsOf(text: string): string[] {
  return text
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2")
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== "")
}

/** A value of an enum: `in_progress` -> `IN_PROGRESS`. */
export function enumName(value: string): string {
  const name = wordsOf(value).join("_").toUpperCase()
  return /^[A-Z_]/.test(name) ? name : `_${name}`
}

/** `project_members` -> `projectMembers`. */
export function camel(text: string): string {
  const [first = "", ...rest] = text.split(/[^A-Za-z0-9]+/).filter((word) => word !== "")
  return first.charAt(0).toLowerCase() + first.slice(1) + rest.map(pascal).join("")
}

/** A type's name: shapes without one are named by where they stand, with spaces and dots. */
export function typeLabel(text: string): string {
  return text
    .split(/[^A-Za-z0-9_]+/)
    .filter((word) => word !== "")
    .map(pascal)
    .join("")
}
