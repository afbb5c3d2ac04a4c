/** Calls to users' objects: whatever fails there is UNAVAILABLE here, never access. */

import type { FactorOutcome } from "../core/factors.ts"
import { Problem } from "../core/problem.ts"
import type { Command, NewSession, Outcome, Refusal, UserObject } from "../core/user-object.ts"

/** The objects, by what they stand for. */
export interface Objects {
  /** @param id TypeID of the user */
  user(id: string): UserObject
  /** Stands in for users that there are not, so that their absence costs the same calls. */
  ghost(bucket: number): UserObject
}

const reducing = new Set<PropertyKey>([
  "revoke",
  "revokeOthers",
  "revokeAll",
  "revokeKey",
  "revokeGrant",
  "destroy",
  "addFactor",
])
const reducingCommands = new Set<Command["kind"]>([
  "setAccount",
  "revokeKey",
  "revokeKeys",
  "revokeSession",
  "revokeOthers",
  "revokeAll",
])

/** Whether a call may end sessions or keys, or make their tokens stale. */
function isReducing(name: PropertyKey, given: readonly unknown[]): boolean {
  if (name === "apply") return reducingCommands.has((given[1] as Command).kind)
  if (name === "createSession" || name === "enter") return (given[0] as NewSession).replaces != null
  if (name === "complete") {
    const { session, renewal } = given[0] as Outcome
    return session?.replaces != null || renewal !== undefined
  }
  // What waits under a ticket may take the place of a session, too.
  if (name === "completeFactor") return (given[0] as FactorOutcome).proof.kind !== "wrong"
  return reducing.has(name)
}

const watchedCalls = new Set<PropertyKey>([
  ...reducing,
  "apply",
  "createSession",
  "enter",
  "complete",
  "completeFactor",
])

/**
 * The object, whose calls tell when they may have ended sessions or keys: whoever ended them must not go on believing in them.
 * @param onReduced called after the object's answer, whatever it was
 */
export function watched(object: UserObject, onReduced: () => void): UserObject {
  return new Proxy(object, {
    get: (target, name) => {
      if (!watchedCalls.has(name)) return Reflect.get(target, name)
      return async (...given: unknown[]) => {
        try {
          return await (target as unknown as Record<PropertyKey, (...of: unknown[]) => Promise<unknown>>)[name]?.(
            ...given,
          )
        } finally {
          if (isReducing(name, given)) onReduced()
        }
      }
    },
  })
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
