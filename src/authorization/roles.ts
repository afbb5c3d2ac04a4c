/** Roles in a record: their order, lowest first, as the grants of a resource declare it. */
import type { Grants } from "../core/resource.ts"

/**
 * The roles that suffice where `role` is asked for: itself and those after it; all declared roles for null.
 * A role that the grants do not declare never suffices. Throws an Error when it is the one asked for: the registry refuses such a policy.
 */
export function rolesAtLeast(grants: Grants, role: string | null): string[] {
  if (role === null) return [...grants.roles]
  const lowest = grants.roles.indexOf(role)
  if (lowest < 0) throw new Error(`No role ${role} in ${grants.resource}; there are ${grants.roles.join(", ")}`)
  return grants.roles.slice(lowest)
}
