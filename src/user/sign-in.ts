/**
 * From an attempt to a session in one transaction, or to the wait for a second factor where the account has one. Refuses to open anything for a
 * ticket that is used or over, or that a mail has to confirm.
 */

import type { PendingSignIn } from "../core/factors.ts"
import type { Grant, NewSession, Opened, Outcome, Refusal } from "../core/user-object.ts"
import { changeAccount } from "./commands.ts"
import { factorMethods, hasFactor } from "./factors.ts"
import { keepPending } from "./pending.ts"
import { refreshMac } from "./refresh-mac.ts"
import { createSession, isClosed } from "./sessions.ts"
import { complete } from "./throttle.ts"
import type { Turn } from "./turn.ts"

/** What makes a session inside a transaction, or keeps it waiting; null when it is refused. */
export type Maker = (turn: Turn) => Opened | null

/**
 * Computes the first MAC, which takes an await; what it gives back needs none.
 * @param seed 32 random bytes
 */
export async function prepareSession(session: NewSession, seed: Uint8Array): Promise<Maker> {
  const mac = await refreshMac(session.key, seed, session.sid, 0)
  return (turn) => {
    if (session.account) changeAccount(turn, session.account)
    if (!session.isWhole && hasFactor(turn.sql)) {
      const pending = isClosed(turn.sql) ? null : keepPending(turn, session)
      return pending && { grant: null, pending }
    }
    const grant = createSession(turn, session, seed)
    return grant && { grant: { ...grant, mac }, pending: null }
  }
}

/** A renewal by the password alone: refused where a second factor could be asked for. */
export function renewedByPassword(renew: (turn: Turn) => Grant | null): Maker {
  return (turn) => {
    if (hasFactor(turn.sql)) return { grant: null, pending: { methods: factorMethods(turn.sql), expiresAt: turn.now } }
    const grant = renew(turn)
    return grant && { grant, pending: null }
  }
}

/** Closes an attempt and, when it succeeded and `make` is given, makes the session. */
export function finishAttempt(
  turn: Turn,
  given: Outcome,
  make: Maker | null,
): { readonly grant: Grant | null; readonly pending: PendingSignIn | null; readonly confirmByMail: boolean } | Refusal {
  const outcome = complete(turn, given)
  if (outcome === null) return { error: "REFUSED" }
  if (!given.ok || make === null || outcome.confirmByMail) return { grant: null, pending: null, ...outcome }
  const opened = make(turn)
  return opened === null ? { error: "REFUSED" } : { ...opened, ...outcome }
}
