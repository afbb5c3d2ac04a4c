/** A session that goes on under a new id after a proof: what the object is told, and how the caller keeps it. */
import type { Renewal } from "../core/factors.ts"
import type { EngineWork } from "../core/operation.ts"
import { principalId } from "../core/principal.ts"
import { Problem } from "../core/problem.ts"
import type { Grant } from "../core/user-object.ts"
import type { Flow } from "./account.ts"
import { sessionOf } from "./operations/password.ts"
import { sessionPrefix } from "./refresh-token.ts"
import { handOver, type SignedIn } from "./session-opening.ts"

/**
 * The renewal of the caller's session.
 * @param amr what was proved just now, RFC 8176
 */
export async function renewalOf(flow: Flow, work: EngineWork, amr: readonly string[]): Promise<Renewal> {
  const { ids, refreshTokens } = flow.ports()
  const sid = ids.mint(sessionPrefix)
  const key = await refreshTokens.sessionKey(principalId(work.reading.principal) ?? "", sid)
  return { of: sessionOf(work), sid, key, accessSeconds: flow.rules.accessSeconds, amr }
}

/** What is said when the caller's session ended meanwhile. */
export function sessionOver(): Problem {
  return new Problem("UNAUTHENTICATED", "The session is over; sign in again")
}

/** Hands the session over as the caller kept it: by the header or in cookies. */
export function handOn(flow: Flow, work: EngineWork, grant: Grant): Promise<SignedIn> {
  const transport = work.caller.bearer === null ? "cookie" : "bearer"
  return handOver(flow, work, grant, {
    userId: principalId(work.reading.principal) ?? "",
    transport,
    deviceToken: null,
  })
}
