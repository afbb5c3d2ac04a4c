/** The one place where somebody who came from a provider gets a session. */
import type { EngineWork } from "../../core/operation.ts"
import { Problem } from "../../core/problem.ts"
import { causeOf, type Flow, type Person } from "../account.ts"
import { ask } from "../objects.ts"
import { askSecondFactor, deviceOf, handOver, newSession, replacedBy, type SignInAnswer } from "../session-opening.ts"

/** How the caller keeps the session, and the device that it comes from. */
export interface Keeping {
  readonly transport: "bearer" | "cookie"
  readonly deviceToken?: string | undefined
}

/**
 * Opens a session for somebody whom a provider vouched for. Where the person has a second factor here, it is asked for first: what the provider
 * asked for is not ours to judge.
 * @throws PERMISSION_DENIED when the account is closed
 */
export async function openSession(
  flow: Flow,
  work: EngineWork,
  person: Person,
  { transport, deviceToken: given }: Keeping,
): Promise<SignInAnswer> {
  const ports = flow.ports()
  const device = await deviceOf(ports, work, person.id, given)
  const replaces = await replacedBy(ports, work, person)
  // No word of RFC 8176 says that somebody else vouched; "fed" is what others write.
  const { session, deviceToken, ticket } = await newSession(flow, work, { person, amr: ["fed"], device, replaces })
  const opened = await ask(() => ports.objects.user(person.id).enter(session, causeOf(work)))
  if (opened === null) throw new Problem("PERMISSION_DENIED", "This account is closed")
  if (opened.pending !== null) return askSecondFactor(work, opened.pending, ticket, transport)
  return handOver(flow, work, opened.grant, { userId: person.id, transport, deviceToken })
}
