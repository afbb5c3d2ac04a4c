/** Operations that are on their way out: how it is declared, checked, and told by headers (RFC 9745, RFC 8594) and in words. */

/** What is declared. Dates are days of UTC, `2026-12-01`. */
export interface Deprecation {
  /** Since when nobody should begin to use it. */
  readonly since: string
  /** The day from which it may not answer any more. */
  readonly sunset?: string
  /** Name of the operation to use instead. */
  readonly replacedBy?: string
}

interface Deprecable {
  readonly name: string
  readonly deprecated?: Deprecation
}

const dayText = /^\d{4}-\d{2}-\d{2}$/
const isDay = (text: string) => dayText.test(text) && new Date(text).toJSON()?.slice(0, 10) === text

/**
 * Checks what is declared.
 * @throws Error naming the operation, the fault and the cure
 */
export function checkDeprecations(operations: ReadonlyMap<string, Deprecable>): void {
  for (const { name, deprecated } of operations.values()) {
    if (deprecated === undefined) continue
    const { since, sunset, replacedBy } = deprecated
    const refuse = (fault: string) => {
      throw new Error(`Operation ${name}, deprecated: ${fault}`)
    }
    for (const day of [since, sunset ?? since])
      if (!isDay(day)) refuse(`"${day}" is no day; write one such as "2026-12-01"`)
    if (sunset !== undefined && sunset < since) refuse(`its sunset ${sunset} comes before ${since}`)
    if (replacedBy !== undefined && (replacedBy === name || !operations.has(replacedBy)))
      refuse(`it is replaced by ${replacedBy}, which is no other operation`)
  }
}

/** The headers of an answer: Deprecation (RFC 9745 §2.1) and Sunset (RFC 8594 §3); none for what is not deprecated. */
export function deprecationHeaders(operation: Deprecable | null): readonly (readonly [string, string])[] {
  const { since, sunset } = operation?.deprecated ?? {}
  if (since === undefined) return []
  const headers: [string, string][] = [["Deprecation", `@${Date.parse(since) / 1000}`]]
  if (sunset !== undefined) headers.push(["Sunset", new Date(sunset).toUTCString()])
  return headers
}

/** The same in a sentence. */
export function deprecationText({ since, sunset, replacedBy }: Deprecation): string {
  const instead = replacedBy === undefined ? "" : `; use ${replacedBy}`
  return `Deprecated since ${since}${instead}${sunset === undefined ? "" : `; it may end on ${sunset}`}`
}
