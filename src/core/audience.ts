/** Whom an event concerns: the tenants whose watchers see the record, the users whose rights it changes. Pure; the feed and catching up share it. */
import type { Event } from "./event.ts"
import type { Models } from "./model.ts"

type GrantColumns = ReadonlyMap<string, ReadonlySet<string>>

const known = new WeakMap<Models, GrantColumns>()

/** Columns with the user of a grant, by the resource whose rows are the grants. */
function grantColumns(models: Models): GrantColumns {
  let found = known.get(models)
  if (!found) {
    const made = new Map<string, Set<string>>()
    for (const { members, shares } of models.values())
      for (const grants of [members, shares])
        if (grants) made.set(grants.resource, (made.get(grants.resource) ?? new Set()).add(grants.user))
    known.set(models, (found = made))
  }
  return found
}

/** The resource that people stand in. */
const usersResource = "users"
const accountColumns = ["roles", "status"]

/** Whether one of the columns differs between before and after. */
export function changesAny({ before, after }: Event, columns: Iterable<string>): boolean {
  for (const column of columns)
    if (JSON.stringify(before?.[column] ?? null) !== JSON.stringify(after?.[column] ?? null)) return true
  return false
}

/** The users whose memberships, shares, roles or status an event changes. */
export function usersOf(models: Models, event: Event): readonly string[] {
  if (event.resource === usersResource) return changesAny(event, accountColumns) ? [event.record] : []
  const users = new Set<string>()
  for (const column of grantColumns(models).get(event.resource) ?? [])
    for (const image of [event.before, event.after]) {
      const user = image?.[column]
      if (typeof user === "string") users.add(user)
    }
  return [...users]
}

/** The tenants of an event's record: two when it moved, none where the resource has none. */
export function tenantsOf(models: Models, event: Event): ReadonlySet<string> {
  const column = models.get(event.resource)?.tenant ?? null
  const tenants = new Set<string>()
  if (column === null) return tenants
  for (const image of [event.before, event.after]) {
    const tenant = image?.[column]
    if (typeof tenant === "string") tenants.add(tenant)
  }
  // A personal tenant stands in no image.
  if (tenants.size === 0 && event.tenant !== null) tenants.add(event.tenant)
  return tenants
}

/** About how many bytes an event's images take. */
export function sizeOf({ before, after }: Event): number {
  let size = 500
  for (const image of [before, after])
    for (const value of Object.values(image ?? {})) {
      if (typeof value === "string") size += value.length
      else if (value !== null && typeof value === "object") size += JSON.stringify(value).length
    }
  return size
}
