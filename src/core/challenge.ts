/** What `WWW-Authenticate` says, for every door that speaks HTTP. */
import type { Problem } from "./problem.ts"

/**
 * RFC 6750 §3: what was wrong with the credential, and where a program finds out how to get a better one (RFC 9728 §5.1); for a step-up RFC 9470
 * §3. null where another credential would change nothing.
 * @param presented whether a credential was presented
 * @param metadata address of the resource's metadata
 * @param first scope that a program is to ask for that presented none
 */
export function challengeOf(
  { code, options: { scope, maxAgeSeconds } }: Problem,
  presented: boolean,
  metadata: string,
  first?: string,
): string | null {
  const about = (...parts: readonly string[]) =>
    ['Bearer realm="selvage"', ...parts, `resource_metadata="${metadata}"`].join(", ")
  if (code === "PERMISSION_DENIED" && scope !== undefined)
    return about('error="insufficient_scope"', `scope="${scope}"`)
  if (code !== "UNAUTHENTICATED") return null
  if (maxAgeSeconds !== undefined) return about('error="insufficient_user_authentication"', `max_age=${maxAgeSeconds}`)
  if (presented) return about('error="invalid_token"')
  return first === undefined ? about() : about(`scope="${first}"`)
}
