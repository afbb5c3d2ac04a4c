/** Where a browser is sent on to after a detour. Refuses whatever leads, or could be read to lead, to another site. */

/**
 * A path of this site, in the form that browsers give it.
 * @param origin of this site: `https://example.com`
 * @param text as somebody said it
 * @returns path with query and fragment; null when it is anything else
 */
export function pathWithin(origin: string, text: string): string | null {
  const url = text.startsWith("/") ? URL.parse(text, origin) : null
  // `/..//evil.example` is a path of this site, and what is left of it is not.
  if (url === null || url.origin !== origin || url.pathname.startsWith("//")) return null
  return url.pathname + url.search + url.hash
}
