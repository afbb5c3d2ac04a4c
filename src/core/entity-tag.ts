/** If-None-Match (RFC 9110 §13.1.2), for every door that answers over HTTP. */

/** True when If-None-Match names the tag (weak comparison): the caller has this version already. */
export function isUnchanged(header: string | null, tag: string): boolean {
  if (header === null) return false
  if (header === tag || header.trim() === "*") return true
  const opaque = withoutWeakness(tag)
  return header.split(",").some((candidate) => withoutWeakness(candidate.trim()) === opaque)
}

function withoutWeakness(tag: string): string {
  return tag.startsWith("W/") ? tag.slice(2) : tag
}
