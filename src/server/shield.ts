/** The shield: the Rate Limiting binding, by address, before anything costs more. Roughly, at one location; limits count exactly, behind it. */
import { Problem } from "../core/problem.ts"
import { addressKey } from "./keys.ts"

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

/** The first stage of the pipeline. A call without an address comes from inside the platform. */
export function shield(binding: RateLimit) {
  return {
    async limitAddress(address: string | null): Promise<void> {
      if (address !== null) await admit(binding, addressKey(address))
    },
  }
}
