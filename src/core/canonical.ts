/** A value as one text: equal values give equal texts and others do not, whatever order, spelling or encoding they came in. */

/**
 * The text of a value: objects with their names sorted, no whitespace, what is undefined left out. Dates and 64-bit integers stand with a mark that
 * no JSON begins with, so that they are never taken for text.
 * @returns null for what has no such text: anything but JSON, dates and bigints
 */
export function canonicalText(value: unknown): string | null {
  switch (typeof value) {
    case "string":
    case "boolean":
      return JSON.stringify(value)
    case "number":
      return Number.isFinite(value) ? JSON.stringify(value) : null
    case "bigint":
      return `#${value}`
    case "object":
      return value === null ? "null" : objectText(value)
    default:
      return null
  }
}

function objectText(value: object): string | null {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : `@${value.toISOString()}`
  if (Array.isArray(value)) {
    const items = value.map(canonicalText)
    return items.includes(null) ? null : `[${items.join(",")}]`
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return null
  const members: string[] = []
  for (const name of Object.keys(value).sort()) {
    const inner = (value as Record<string, unknown>)[name]
    if (inner === undefined) continue
    const text = canonicalText(inner)
    if (text === null) return null
    members.push(`${JSON.stringify(name)}:${text}`)
  }
  return `{${members.join(",")}}`
}
