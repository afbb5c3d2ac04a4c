/** Calls to users' objects: whatever fails there is UNAVAILABLE here, never access. */
import { Problem } from "../core/problem.ts"
import type { Refusal, UserObject } from "../core/user-object.ts"

/** The objects, by what they stand for. */
export interface Objects {
  /** @param id TypeID of the user */
  user(id: string): UserObject
  /** Stands in for users that there are not, so that their absence costs the same calls. */
  ghost(bucket: number): UserObject
}

/** UNAVAILABLE, with the cause for the operator. */
export function unavailable(cause: unknown): Problem {
  return new Problem("UNAVAILABLE", "Accounts cannot be reached right now", { retryAfterSeconds: 5, cause })
}

/**
 * The answer of an object; null when it refused.
 * @throws Problem UNAVAILABLE when it did not answer or could not finish; RESOURCE_EXHAUSTED at one of its bounds
 */
export async function ask<T extends object>(call: () => Promise<T | Refusal>): Promise<T | null> {
  let answer: T | Refusal
  try {
    answer = await call()
  } catch (cause) {
    throw unavailable(cause)
  }
  if (!("error" in answer)) return answer
  const { error, cause } = answer as Refusal
  if (error === "REFUSED") return null
  if (error === "LIMIT") throw new Problem("RESOURCE_EXHAUSTED", "There are too many of these already")
  throw unavailable(cause)
}
