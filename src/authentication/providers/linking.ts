/** Linking and unlinking by somebody who is signed in. Refuses to take away the last way into an account. */
import * as z from "zod"
import type { EngineWork, Operation } from "../../core/operation.ts"
import { signedIn } from "../../core/policy.ts"
import { principalId, system } from "../../core/principal.ts"
import { notFound, Problem } from "../../core/problem.ts"
import type { Provider } from "../../core/provider.ts"
import { idSchema } from "../../core/schema.ts"
import { callerPerson, commandTo, type Flow, findPerson } from "../account.ts"
import { ask } from "../objects.ts"
import { sessionOf } from "../operations/password.ts"
import { identities, users } from "../resources.ts"
import type { Identity } from "./client.ts"
import { linkTo } from "./entering.ts"
import { findIdentity, identitiesOf, touchIdentity } from "./identities.ts"
import { unlinkedMail } from "./mails.ts"
import type { StartedFlow } from "./started.ts"

/**
 * Links an identity to the person who went to the provider for that.
 * @param link who began the flow, and in which session
 * @returns the id of the identity
 * @throws UNAUTHENTICATED when that session is over; PERMISSION_DENIED when somebody else is signed in by now; ALREADY_EXISTS when the identity is
 *   another person's
 */
export async function linkIdentity(
  flow: Flow,
  work: EngineWork,
  provider: Provider,
  identity: Identity,
  link: NonNullable<StartedFlow["link"]>,
): Promise<string> {
  const present = principalId(work.reading.principal)
  if (present !== undefined && present !== link.userId)
    throw new Problem("PERMISSION_DENIED", "Somebody else is signed in by now; start again")
  // The access token may have run out on the way; what counts is the session that asked for the link.
  const session = await ask(() => flow.ports().objects.user(link.userId).session(link.session))
  if (session === null) throw new Problem("UNAUTHENTICATED", "The session is over; sign in again")
  const known = await findIdentity(work, identity)
  if (known !== null && known.userId !== link.userId)
    throw new Problem("ALREADY_EXISTS", `This account of ${provider.title} belongs to another account here`)
  if (known !== null) {
    await touchIdentity(work, known, identity)
    return known.id
  }
  const person = await findPerson(work.store, "id", link.userId)
  if (person === null) throw new Problem("UNAUTHENTICATED", "The account does not exist any more")
  return linkTo(flow, work, provider, identity, person)
}

const input = z.strictObject({ id: idSchema("identity") })

/** `identities.unlink`. Ends the other sessions: one of them may have been opened with it. */
export function unlink(flow: Flow): Operation {
  return {
    name: "identities.unlink",
    kind: "mutation",
    summary: "Take a way to sign in away; other sessions end",
    input,
    output: z.object({ id: z.string() }).meta({ id: "Deleted" }),
    policy: signedIn(),
    credential: "session",
    fresh: "10m",
    rest: { method: "DELETE", path: "/identities/{id}", status: 204 },
    engine: async ({ id }: z.output<typeof input>, work) => {
      const ports = flow.ports()
      const person = await callerPerson(work)
      const all = await identitiesOf(work, person.id)
      const one = all.find((row) => row.id === id)
      if (one === undefined) throw notFound(identities.name)
      const [other] = all.filter((row) => row.id !== id)
      // A letter is a convenience, and its mailbox may be the provider's own: it does not count as a way in (ASVS 6.3.6).
      if (person.passwordSealed === null && other === undefined)
        throw new Problem("FAILED_PRECONDITION", "It is the only way into your account: set a password first, by mail")
      const title = flow.rules.providers.find(({ name }) => name === one.provider)?.title ?? one.provider
      await work.write(({ changes, decidedOn, send }) => {
        changes.as(system("unlinked by its owner", person.id)).delete(identities, id)
        decidedOn(users.name, person.id, person.version)
        // Two that are unlinked at the same moment must not each stand on the other.
        if (person.passwordSealed === null && other) decidedOn(identities.name, other.id, other.version)
        const createdBefore = work.reading.now.getTime() + 1
        send(commandTo(work, person.id, { kind: "revokeOthers", keep: sessionOf(work), createdBefore }))
        changes.mail(unlinkedMail(person.email, ports.title, title))
      })
      return { id }
    },
  }
}
