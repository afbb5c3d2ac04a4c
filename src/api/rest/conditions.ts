/**
 * Conditional requests (RFC 9110 §13) over versions: `W/"3"` is the record at version 3. If-Match takes the weak form too, a documented
 * deviation from strong comparison: a version says all that an update needs to know. Refuses lists in If-Match, since a write expects
 * one version.
 */
import { invalid } from "../../core/problem.ts"

const tagText = /^(?:W\/)?"([1-9][0-9]{0,15})"$/
const path = "/if-match"

/** The entity tag of a record at a version. */
export function tagOf(version: number): string {
  return `W/"${version}"`
}

/**
 * The version that If-Match asks for.
 * @param taken false for operations that no version guards
 * @returns null when there is no header, or it is `*` (any version)
 * @throws INVALID_ARGUMENT at /if-match
 */
export function expectedVersionOf(header: string | null, taken: boolean): number | null {
  if (header === null) return null
  if (!taken) throw invalid(path, "not_supported", "Only updates and deletions of a record take If-Match")
  const text = header.trim()
  if (text === "*") return null
  const version = Number(tagText.exec(text)?.[1])
  if (Number.isSafeInteger(version)) return version
  throw invalid(path, "invalid_value", 'If-Match takes one entity tag as an answer gave it, such as W/"3", or *')
}
