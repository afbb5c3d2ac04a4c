/**
 * From an identity to a person. A known identity is its person's, whatever its address says. An unknown one gets an account of its own, or the
 * account of its address where the provider runs the mailbox; otherwise the person signs in first and links it. Refuses in one sentence, so that
 * nobody learns from it who has an account.
 */
import type { EngineWork } from "../../core/operation.ts"
import { system } from "../../core/principal.ts"
import { Problem } from "../../core/problem.ts"
import type { Provider } from "../../core/provider.ts"
import type { Resource } from "../../core/resource.ts"
import { admit, type Flow, findPerson, normaliseEmail, type Person } from "../account.ts"
import { proved } from "../operations/recovery.ts"
import { restored } from "../operations/sign-in.ts"
import { users } from "../resources.ts"
import type { Identity } from "./client.ts"
import { tellRefusal } from "./faults.ts"
import { addIdentity, findIdentity, identitiesMax, identitiesOf, touchIdentity } from "./identities.ts"
import { linkedMail } from "./mails.ts"

/** What becomes of an identity that is nobody's. */
export type Ruling = "sign-up" | "link" | "refuse"

/**
 * The rule, and nothing but the rule.
 * @param hasAccount whether the identity's address has an account
 */
export function rulingOf(
  { email, isEmailProved, isAuthority }: Identity,
  hasAccount: boolean,
  signUp: Provider["signUp"],
): Ruling {
  // What was never proved could be anybody's address.
  if (email === null || !isEmailProved) return "refuse"
  if (!hasAccount) return signUp === "open" ? "sign-up" : "refuse"
  // Proved once is not owned today: only who runs the mailbox may open the account of its address.
  return isAuthority ? "link" : "refuse"
}

/** The person, when the account is open; one that was about to go comes back. */
async function openPerson(flow: Flow, work: EngineWork, provider: Provider, person: Person | null): Promise<Person> {
  const isOpen = person?.kind === "person" && (person.status === "active" || person.status === "deleting")
  if (person !== null && isOpen) return restored(flow, work, person)
  tellRefusal(flow.ports().providers, work, provider.name, "closed", "The account is closed")
  throw new Problem("PERMISSION_DENIED", "This account is closed")
}

/** A new account; the provider proved its address. */
async function signUp(flow: Flow, work: EngineWork, provider: Provider, identity: Identity, email: string) {
  const ports = flow.ports()
  await admit(ports, "sign-up", work, email)
  const id = ports.ids.mint("user")
  const emailVerifiedAt = work.reading.now.toISOString()
  const name = identity.name ?? (email.split("@")[0] as string)
  await work.write((batch) => {
    batch.changes
      .as(system(`signed up with ${provider.title}`, id))
      .create(users, { id, email, name, roles: [], emailVerifiedAt })
    addIdentity(batch, work, provider, identity, { id: ports.ids.mint("identity"), userId: id })
  })
  return findPerson(work.store, "id", id)
}

/**
 * Links an identity that is nobody's to a person, and tells them by letter.
 * @returns the id of the identity
 * @throws RESOURCE_EXHAUSTED when the person has too many; ALREADY_EXISTS when it was given away meanwhile
 */
export async function linkTo(
  flow: Flow,
  work: EngineWork,
  provider: Provider,
  identity: Identity,
  person: Person,
): Promise<string> {
  const ports = flow.ports()
  if ((await identitiesOf(work, person.id)).length >= identitiesMax)
    throw new Problem("RESOURCE_EXHAUSTED", `There are ${identitiesMax} identities already; unlink one`)
  const id = ports.ids.mint("identity")
  await work.write((batch) => {
    addIdentity(batch, work, provider, identity, { id, userId: person.id })
    batch.decidedOn(users.name, person.id, person.version)
    batch.changes.mail(linkedMail(person.email, ports.title, provider.title, `${ports.origin}/account`))
  })
  return id
}

/** One look at what there is, and what follows from it. */
async function decide(
  flow: Flow,
  work: EngineWork,
  apiKeys: Resource,
  provider: Provider,
  identity: Identity,
): Promise<Person | null> {
  const known = await findIdentity(work, identity)
  if (known !== null) {
    const person = await openPerson(flow, work, provider, await findPerson(work.store, "id", known.userId))
    await touchIdentity(work, known, identity)
    return person
  }
  const email = normaliseEmail(identity.email ?? "")
  const owner = identity.isEmailProved ? await findPerson(work.store, "email", email) : null
  switch (rulingOf(identity, owner !== null, provider.signUp)) {
    case "sign-up":
      return signUp(flow, work, provider, identity, email)
    case "link": {
      const person = await proved(flow, work, apiKeys, await openPerson(flow, work, provider, owner))
      await linkTo(flow, work, provider, identity, person)
      return person
    }
    case "refuse": {
      tellRefusal(flow.ports().providers, work, provider.name, "unlinked", "The identity is nobody's")
      const first = "sign in first, by password or mail, then link it on the page of your account"
      throw new Problem("FAILED_PRECONDITION", `Nobody signs in with this account of ${provider.title} yet: ${first}`)
    }
  }
}

/**
 * Whose identity it is.
 * @throws FAILED_PRECONDITION when it is nobody's and may not become anybody's; PERMISSION_DENIED when the account is closed
 */
export async function personOf(
  flow: Flow,
  work: EngineWork,
  apiKeys: Resource,
  provider: Provider,
  identity: Identity,
): Promise<Person> {
  const again = (thrown: unknown) => {
    // The identity or the address was given away in the meantime, to whoever came at the same moment: now there is somebody to find.
    if (!(thrown instanceof Problem) || thrown.code !== "ALREADY_EXISTS") throw thrown
    return decide(flow, work, apiKeys, provider, identity)
  }
  const person = await decide(flow, work, apiKeys, provider, identity).catch(again)
  if (person === null) throw new Problem("UNAVAILABLE", "The account is made, but cannot be read; sign in again")
  return person
}
