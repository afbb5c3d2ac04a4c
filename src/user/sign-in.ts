/** From an attempt to a session in one transaction. Refuses to open anything for a ticket that is used or over, or that a mail has to confirm. */

import type { Grant, NewSession, Outcome, Refusal } from "../core/user-object.ts"
import { changeAccount } from "./commands.ts"
import { refreshMac } from "./refresh-mac.ts"
import { createSession } from "./sessions.ts"
import { complete } from "./throttle.ts"
import type { Turn } from "./turn.ts"

/** What makes a session inside a transaction; null when it is refused. */
export type Maker = (turn: Turn) => Grant | null

/**
 * Computes the first MAC, which takes an await; what it gives back needs none.
 * @param seed 32 random bytes
 */
export async function prepareSession(session: NewSession, seed: Uint8Array): Promise<Maker> {
  const mac = await refreshMac(session.key, seed, session.sid, 0)
  return (turn) => {
    if (session.account) changeAccount(turn, session.account)
    const grant = createSession(turn, session, seed)
    return grant && { ...grant, mac }
  }
}

/** Closes an attempt and, when it succeeded and `make` is given, makes the session. */
export function finishAttempt(
  turn: Turn,
  given: Outcome,
  make: Maker | null,
): { readonly grant: Grant | null; readonly confirmByMail: boolean } | Refusal {
  const outcome = complete(turn, given)
  if (outcome === null) return { error: "REFUSED" }
  if (!given.ok || make === null || outcome.confirmByMail) return { grant: null, ...outcome }
  const grant = make(turn)
  return grant === null ? { error: "REFUSED" } : { grant, ...outcome }
}
