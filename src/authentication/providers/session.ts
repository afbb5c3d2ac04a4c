/** The one place where somebody who came from a provider gets a session. */
import type { EngineWork } from "../../core/operation.ts"
import { Problem } from "../../core/problem.ts"
import { causeOf, type Flow, type Person } from "../account.ts"
import { ask } from "../objects.ts"
import { deviceOf, handOver, newSession, replacedBy, type SignedIn } from "../session-opening.ts"

/** How the caller keeps the session, and the device that it comes from. */
export interface Keeping {
  readonly transport: "bearer" | "cookie"
  readonly deviceToken?: string | undefined
}

/**
 * Opens a session for somebody whom a provider vouched for. A second factor of ours, when the person has one, is asked for here.
 * @throws PERMISSION_DENIED when the account is closed
 */
export async function openSession(
  flow: Flow,
  work: EngineWork,
  person: Person,
  { transport, deviceToken: given }: Keeping,
): Promise<SignedIn> {
  const ports = flow.ports()
  const device = await deviceOf(ports, work, person.id, given)
  const replaces = await replacedBy(ports, work, person)
  // No word of RFC 8176 says that somebody else vouched; "fed" is what others write.
  const { session, deviceToken } = await newSession(flow, work, { person, amr: ["fed"], device, replaces })
  const grant = await ask(() => ports.objects.user(person.id).createSession(session, causeOf(work)))
  if (grant === null) throw new Problem("PERMISSION_DENIED", "This account is closed")
  return handOver(flow, work, grant, { userId: person.id, transport, deviceToken })
}
