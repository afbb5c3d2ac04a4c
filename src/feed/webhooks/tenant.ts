/** Whether somebody has any place in a tenant: a stranger must not even have its events looked at. */
import { handlerGet, handlerList } from "../../core/handler-plans.ts"
import type { Models } from "../../core/model.ts"
import type { Reading, Store } from "../../core/ports.ts"
import type { Tellable } from "./subscription.ts"

/**
 * True when the reader may see the tenant's own record, or any record in it. One read a resource until something is seen.
 * @param models all of the registry
 */
export async function seesTenant(
  store: Store,
  reading: Reading,
  { models, tellable }: { readonly models: Models; readonly tellable: Tellable },
  tenantId: string,
): Promise<boolean> {
  for (const { name, tenant, idPrefix, filter } of tellable.values()) {
    if (tenant === "id" && tenantId.startsWith(`${idPrefix}_`)) {
      if ((await store.get(handlerGet(models, name, tenantId, { fields: [] }), reading)) !== null) return true
    } else if (tenant !== null && filter.has(tenant)) {
      const options = { filter: { op: "eq", field: tenant, value: tenantId }, fields: [], limit: 1 } as const
      if ((await store.list(handlerList(models, name, options), reading)).items.length > 0) return true
    }
  }
  return false
}
