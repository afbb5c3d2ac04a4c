/**
 * Sign-up: the same answer, the same work and the same calls whether the address has an account or not; what is different goes by mail to
 * the one who owns the address. No session before the address is proved, unless the application says otherwise.
 */
import * as z from "zod"
import type { Also } from "../../core/context.ts"
import type { EngineWork, Operation } from "../../core/operation.ts"
import { anyone } from "../../core/policy.ts"
import { system } from "../../core/principal.ts"
import { Problem } from "../../core/problem.ts"
import type { Resource } from "../../core/resource.ts"
import type { NewToken } from "../../core/user-object.ts"
import {
  admit,
  causeOf,
  checkChoice,
  commandTo,
  type Flow,
  findPerson,
  invalidToken,
  normaliseEmail,
  type Person,
  targetOf,
} from "../account.ts"
import { alreadyMail, provedMail, verifyMail } from "../mails.ts"
import { ask } from "../objects.ts"
import { users } from "../resources.ts"
import { checkTransport, handOver, newSession, signedIn, transport } from "../session-opening.ts"
import { mintOneTimeToken, readOneTimeToken } from "../token-once.ts"
import { endFactors, endKeys, endLateKeys, endSessions, heldBefore, isOwnSession } from "../unproved.ts"

export const emailInput = z
  .email()
  .max(254)
  .meta({ examples: ["ada@example.com"] })
export const passwordInput = z.string().min(1).max(4096).meta({ format: "password" })
export const tokenInput = z.string().min(1).max(200).describe("From the letter")
const nameInput = z.string().trim().min(1).max(100)

const input = z
  .strictObject({ email: emailInput, password: passwordInput, name: nameInput, transport })
  .meta({ id: "SignUp" })

const output = z
  .object({
    accepted: z.literal(true).describe("A letter is on its way, whoever has the address"),
    session: signedIn.optional().describe("Only where the application asks for no proof of the address"),
  })
  .meta({ id: "SignUpAnswer" })

type Input = z.output<typeof input>

/** What goes into the person's object with a letter. */
async function letterToken(
  flow: Flow,
  owner: string,
  purpose: "verifyEmail" | "resetPassword",
  now: Date,
  email: string,
) {
  const minted = await mintOneTimeToken(purpose, owner, flow.ports().random)
  // A topic of its own: whoever signs up in another's name must not void the link that the owner asked for.
  const topic = purpose === "resetPassword" ? { topic: "signUp" } : {}
  const token: NewToken = { purpose, hash: minted.hash, issuedAt: now.getTime(), data: { email }, ...topic }
  return { text: minted.text, token }
}

/**
 * Makes a person who has not proved the address, and sends the letter that does.
 * @param also what is to be written in the same batch, as the new person
 * @throws ALREADY_EXISTS when the address, or something of `also`, is taken
 */
export async function createPerson(
  flow: Flow,
  work: EngineWork,
  given: Pick<Input, "password" | "name">,
  email: string,
  also?: Also,
): Promise<Person> {
  const ports = flow.ports()
  const { now } = work.reading
  const id = ports.ids.mint("user")
  const passwordSealed = await ports.passwords.hash(id, given.password)
  const { text, token } = await letterToken(flow, id, "verifyEmail", now, email)
  await work.write(({ changes, send }) => {
    changes
      .as(system("somebody signed up", id))
      .create(users, { id, email, name: given.name, roles: [], passwordSealed })
    also?.(changes.as({ kind: "user", id, roles: [] }), id)
    send(commandTo(work, id, { kind: "issueToken", token }))
    changes.mail(verifyMail(email, ports.title, ports.link("verify-email", text)))
  })
  return {
    id,
    version: 1,
    email,
    name: given.name,
    roles: [],
    status: "active",
    kind: "person",
    emailVerifiedAt: null,
    passwordSealed,
  }
}

/**
 * The address has an account: its owner is told, the caller learns nothing. As many hashes and calls as a creation.
 *
 * As long as nobody has proved the address, nobody knows whose sign-up was the owner's. Two with different passwords leave none, for good:
 * otherwise a stranger who signed up first would know the password that the owner's click makes good. The owner sets one by letter.
 */
async function tellOwner(flow: Flow, work: EngineWork, given: Input, person: Person, email: string): Promise<void> {
  const ports = flow.ports()
  const { ok: isSame } = await ports.passwords.verify(person.id, given.password, person.passwordSealed)
  const proved = person.emailVerifiedAt !== null
  const isContested = !proved && !isSame && person.passwordSealed !== null
  const { text, token } = await letterToken(
    flow,
    person.id,
    proved ? "resetPassword" : "verifyEmail",
    work.reading.now,
    email,
  )
  const told = work.write(({ changes, decidedOn, send }) => {
    if (isContested) {
      changes
        .as(system("somebody else signed up with the address before it was proved", person.id))
        .update(users, person.id, { passwordSealed: null })
      decidedOn(users.name, person.id, person.version)
    }
    send(commandTo(work, person.id, { kind: "issueToken", token }))
    const mail = proved
      ? alreadyMail(email, ports.title, ports.link("reset-password", text))
      : verifyMail(email, ports.title, ports.link("verify-email", text))
    changes.mail(mail)
  })
  await told.catch((thrown) => {
    // The account changed meanwhile, by another sign-up or by its owner's proof: a letter from there is on its way. Nobody is told which.
    if (!(thrown instanceof Problem) || thrown.code !== "ABORTED") throw thrown
  })
}

/** `auth.signUp`. */
export function signUp(flow: Flow): Operation {
  const { rules } = flow
  const told = rules.takenAddress === "told"
  return {
    name: "auth.signUp",
    kind: "mutation",
    summary: "Make an account; a letter proves the address",
    input,
    output,
    policy: anyone(),
    confidential: true,
    rest: { method: "POST", path: "/auth/sign-up", status: 202 },
    engine: async (given: Input, work) => {
      const email = normaliseEmail(given.email)
      checkTransport(work, given.transport)
      await admit(flow.ports(), "sign-up", work, email)
      await checkChoice(flow, given.password, [email, given.name], "/password")
      const person = await findPerson(work.store, "email", email)
      if (person !== null) {
        if (told) throw taken()
        await tellOwner(flow, work, given, person, email)
        return { accepted: true }
      }
      let created: Person
      try {
        created = await createPerson(flow, work, given, email)
      } catch (thrown) {
        if (!(thrown instanceof Problem) || thrown.code !== "ALREADY_EXISTS") throw thrown
        if (told) throw taken()
        // Another sign-up with the address was faster: this one is the second, and contests the first.
        const other = await findPerson(work.store, "email", email)
        if (other !== null) await tellOwner(flow, work, given, other, email)
        return { accepted: true }
      }
      if (!told || rules.emailVerification === "required") return { accepted: true }
      const session = await firstSession(flow, work, created, given.transport)
      return { accepted: true, session }
    },
  }
}

/** What is said of a taken address where the application has it told. */
export function taken(): Problem {
  const violation = { path: "/email", code: "taken", message: "The address has an account already" }
  return new Problem("ALREADY_EXISTS", violation.message, { violations: [violation] })
}

/** The session of somebody who was just made. */
export async function firstSession(flow: Flow, work: EngineWork, person: Person, kept: "bearer" | "cookie") {
  const { session, deviceToken } = await newSession(flow, work, {
    person,
    amr: ["pwd"],
    device: { id: null, token: null },
  })
  const grant = await ask(() => flow.ports().objects.user(person.id).createSession(session, causeOf(work)))
  if (grant === null) throw new Problem("UNAVAILABLE", "The account is made, but not the session; sign in")
  return handOver(flow, work, grant, { userId: person.id, transport: kept, deviceToken })
}

const verifyInput = z.strictObject({ token: tokenInput }).meta({ id: "VerifyEmail" })

/**
 * `auth.verifyEmail`. May be repeated until the object has heard of it: a letter that is opened twice does no harm.
 *
 * Whoever reads the letter need not be who signed up. In an account that was used before, all that opens it ends with the proof, the password
 * included, or the one who chose it would come in again; unless the proof comes from a session of the account: then both are one. Where
 * nobody could be in the account yet, the password stays: confirming the letter is how its owner ends the sign-up.
 */
export function verifyEmail(flow: Flow, apiKeys: Resource): Operation {
  return {
    name: "auth.verifyEmail",
    kind: "mutation",
    summary: "Prove the address with the token from the letter",
    input: verifyInput,
    output: z.object({ verified: z.literal(true) }).meta({ id: "VerifyEmailAnswer" }),
    policy: anyone(),
    confidential: true,
    rest: { method: "POST", path: "/auth/verify-email" },
    engine: async ({ token }: z.output<typeof verifyInput>, work) => {
      const ports = flow.ports()
      await admit(ports, "proof", work)
      const read = await readOneTimeToken("verifyEmail", token)
      if (read === null) throw invalidToken()
      const known = await ask(() => ports.objects.user(read.owner).checkToken("verifyEmail", read.hash))
      const person = known && (await findPerson(work.store, "id", read.owner))
      if (!known || !person || person.email !== known.data.email || person.status !== "active") throw invalidToken()
      const held = isOwnSession(work, person.id) ? null : await heldBefore(flow, work, person)
      const reset = held?.isUsed
        ? await letterToken(flow, person.id, "resetPassword", work.reading.now, person.email ?? "")
        : null
      await work.write((batch) => {
        const { changes, decidedOn, send } = batch
        if (person.emailVerifiedAt === null) {
          const emailVerifiedAt = work.reading.now.toISOString()
          changes
            .as(system("the address was proved", person.id))
            .update(users, person.id, { emailVerifiedAt, ...(reset === null ? {} : { passwordSealed: null }) })
          decidedOn(users.name, person.id, person.version)
        }
        if (held !== null && reset !== null) {
          endSessions(work, batch, person.id)
          endKeys(work, batch, apiKeys, person.id, held)
          endFactors(work, batch, person.id, held)
          send(commandTo(work, person.id, { kind: "issueToken", token: reset.token }))
          changes.mail(provedMail(person.email, ports.title, ports.link("reset-password", reset.text)))
        }
        send(commandTo(work, person.id, { kind: "consumeToken", purpose: "verifyEmail", hash: read.hash }))
      })
      if (held !== null) await endLateKeys(work, apiKeys, person.id, held)
      return { verified: true }
    },
  }
}

/** Sends a letter with a one-time link, or goes through the same motions when there is nobody to send it to. */
export async function sendLink(
  flow: Flow,
  work: EngineWork,
  {
    email,
    purpose,
    page,
    mail,
  }: { email: string; purpose: "resetPassword" | "magicLink"; page: string; mail: typeof verifyMail },
): Promise<void> {
  const ports = flow.ports()
  const person = await findPerson(work.store, "email", email)
  const usable = person !== null && (person.status === "active" || person.status === "deleting") ? person : null
  const { subject } = await targetOf(ports, usable, email)
  const minted = await mintOneTimeToken(purpose, usable?.id ?? ports.ids.mint("user"), ports.random)
  const token: NewToken = { purpose, hash: minted.hash, issuedAt: work.reading.now.getTime(), data: { email } }
  await work.write(({ changes, send }) => {
    send(commandTo(work, subject, { kind: "issueToken", token }))
    changes.mail(mail(usable === null ? null : email, ports.title, ports.link(page, minted.text)))
  })
}
