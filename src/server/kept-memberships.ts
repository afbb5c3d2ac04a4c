/**
 * The memberships of principals, kept in memory for half a minute: what counts for limits and budgets may be that old. What somebody may see or do is
 * never decided by them.
 */
import type { Membership } from "../core/organization.ts"
import type { Principal } from "../core/principal.ts"

const keepMs = 30_000
const principalsMax = 10_000

/**
 * Puts a memory before a load.
 * @param load reads them from the database
 * @param elapsed milliseconds of a monotonic clock
 */
export function keptMemberships(
  load: (user: string) => Promise<readonly Membership[]>,
  elapsed: () => number,
): (principal: Principal) => Promise<readonly Membership[]> {
  const kept = new Map<string, { readonly memberships: readonly Membership[]; readonly until: number }>()
  return async (principal) => {
    if (principal.kind !== "user") return []
    const known = kept.get(principal.id)
    if (known !== undefined && known.until > elapsed()) return known.memberships
    const memberships = await load(principal.id)
    kept.delete(principal.id)
    // Oldest first out.
    if (kept.size >= principalsMax) kept.delete(kept.keys().next().value as string)
    kept.set(principal.id, { memberships, until: elapsed() + keepMs })
    return memberships
  }
}
