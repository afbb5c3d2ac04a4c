/** What operations, types and values are called in GraphQL. */
import { pascal, wordsOf } from "../../core/type-name.ts"

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
