/** The shield: the Rate Limiting binding, by address and by principal, before anything costs more. */
import { type Principal, principalId } from "../core/principal.ts"
import { Problem } from "../core/problem.ts"
import { addressKey, principalKey } from "./keys.ts"

/** Seconds after which a refused caller may come again: the binding's period. */
const periodSeconds = 60

async function admit(binding: RateLimit, key: string): Promise<void> {
  let success: boolean
  try {
    success = (await binding.limit({ key })).success
  } catch (cause) {
    // Without a count nobody is let in: an attack would come when counting fails.
    throw new Problem("UNAVAILABLE", "The service cannot count calls right now", { retryAfterSeconds: 5, cause })
  }
  if (!success) throw new Problem("RESOURCE_EXHAUSTED", "Too many requests", { retryAfterSeconds: periodSeconds })
}

/** The two limits of the pipeline. A call without an address (inside the platform) has only the principal's. */
export function shield(binding: RateLimit) {
  return {
    async limitAddress(address: string | null): Promise<void> {
      if (address !== null) await admit(binding, addressKey(address))
    },
    async limitPrincipal(principal: Principal): Promise<void> {
      const id = principalId(principal)
      if (id !== undefined) await admit(binding, principalKey(id))
    },
  }
}
