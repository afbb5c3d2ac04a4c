/**
 * Sign-in, refresh, sign-out. An attempt is reserved before any hash is computed, exactly one hash is computed whatever is wrong, and the
 * object decides whether the attempt counts; so parallel guesses gain nothing and a person's own devices are not locked by others.
 */
import * as z from "zod"
import type { EngineWork, Operation } from "../../core/operation.ts"
import { anyone, signedIn as whoIsSignedIn } from "../../core/policy.ts"
import { system } from "../../core/principal.ts"
import { Problem } from "../../core/problem.ts"
import {
  accountOf,
  admit,
  causeOf,
  commandTo,
  type Flow,
  findPerson,
  normaliseEmail,
  originOf,
  type Person,
  type Target,
  targetOf,
} from "../account.ts"
import { confirmMail, verifyMail } from "../mails.ts"
import { ask } from "../objects.ts"
import { users } from "../resources.ts"
import {
  askSecondFactor,
  checkTransport,
  deviceOf,
  deviceToken,
  handOver,
  newSession,
  replacedBy,
  type SignInAnswer,
  signedIn,
  signInAnswer,
  transport,
} from "../session-opening.ts"
import { mintOneTimeToken } from "../token-once.ts"
import { emailInput, passwordInput } from "./sign-up.ts"

/** One sentence for a wrong password, an unknown address and an attempt that came too late. */
function wrong(): Problem {
  return new Problem("UNAUTHENTICATED", "The address or the password is wrong")
}

/** An attempt to prove a password, reserved. */
export interface Attempt {
  readonly target: Target
  readonly ticket: string
  readonly device: { readonly id: string | null; readonly token: string | null }
}

/**
 * Asks the object for an attempt.
 * @param given device token
 * @param session of a person who is signed in and proves it again: their device is known without a token
 * @throws RESOURCE_EXHAUSTED with the seconds to wait, the same for people and for nobody
 */
export async function reserveAttempt(
  flow: Flow,
  work: EngineWork,
  person: Person | null,
  email: string,
  given?: string,
  session?: string,
): Promise<Attempt> {
  const ports = flow.ports()
  const target = await targetOf(ports, person, email)
  const device = await deviceOf(ports, work, person?.id ?? "", given)
  const more = target.ghost !== undefined ? { ghost: target.ghost } : session !== undefined ? { session } : {}
  const reserved = await ask(() => target.object.reserve({ device: device.id, ...more }, causeOf(work)))
  if (reserved === null) throw wrong()
  if (!reserved.admitted || reserved.ticket === null)
    throw new Problem("RESOURCE_EXHAUSTED", "Too many attempts", {
      retryAfterSeconds: Math.max(1, reserved.retryAfterSeconds),
    })
  return { target, ticket: reserved.ticket, device }
}

/** Why the right password opens nothing; null when it does. */
export function hindrance(flow: Flow, person: Person): "closed" | "unverified" | null {
  if (person.kind !== "person" || person.status === "disabled" || person.status === "deleted") return "closed"
  return person.emailVerifiedAt === null && flow.rules.emailVerification === "required" ? "unverified" : null
}

/** Brings an account back whose deletion was asked for. */
export async function restored(flow: Flow, work: EngineWork, person: Person): Promise<Person> {
  if (person.status !== "deleting") return person
  const active: Person = { ...person, status: "active" }
  await work.write(({ changes, decidedOn, send }) => {
    changes
      .as(system("signed in before the account was gone", person.id))
      .update(users, person.id, { status: "active", deleteAfter: null })
    decidedOn(users.name, person.id, person.version)
    send(commandTo(work, person.id, { kind: "setAccount", account: accountOf(active, flow.rules, 1) }))
  })
  return { ...active, version: person.version + 1 }
}

async function askByMail(
  flow: Flow,
  work: EngineWork,
  person: Person,
  purpose: "confirmSignIn" | "verifyEmail",
): Promise<void> {
  const ports = flow.ports()
  const { text, hash } = await mintOneTimeToken(purpose, person.id, ports.random)
  const token = { purpose, hash, issuedAt: work.reading.now.getTime(), data: { email: person.email } }
  await work.write(({ changes, send }) => {
    send(commandTo(work, person.id, { kind: "issueToken", token }))
    const [mail, page] = purpose === "verifyEmail" ? [verifyMail, "verify-email"] : [confirmMail, "confirm-sign-in"]
    changes.mail(mail(person.email, ports.title, ports.link(page, text)))
  })
}

/** Behind the answer: a password under old parameters or an old pepper is kept anew. */
function rehash(flow: Flow, work: EngineWork, person: Person, password: string): void {
  const renew = async () => {
    const passwordSealed = await flow.ports().passwords.hash(person.id, password)
    await work.write(({ changes, decidedOn }) => {
      changes.as(system("the password's hash was out of date", person.id)).update(users, person.id, { passwordSealed })
      decidedOn(users.name, person.id, person.version)
    })
  }
  work.caller.behind(renew().catch((cause) => flow.ports().tell("rehash", cause)))
}

const input = z
  .strictObject({ email: emailInput, password: passwordInput, transport, deviceToken })
  .meta({ id: "SignIn" })

type Input = z.output<typeof input>

/** Completes an attempt whose password was right. */
async function open(
  flow: Flow,
  work: EngineWork,
  given: Input,
  found: Person,
  attempt: Attempt,
): Promise<SignInAnswer> {
  const { target, ticket, device } = attempt
  const hindered = hindrance(flow, found)
  const person = hindered === null ? await restored(flow, work, found) : found
  const replaces = await replacedBy(flow.ports(), work, person)
  const made = hindered === null ? await newSession(flow, work, { person, amr: ["pwd"], device, replaces }) : null
  const outcome = { ticket, ok: true, ...originOf(work), ...(made === null ? {} : { session: made.session }) }
  const completed = await ask(() => target.object.complete(outcome, causeOf(work)))
  if (completed === null) throw wrong()
  if (completed.confirmByMail) {
    await askByMail(flow, work, person, "confirmSignIn")
    throw wrong()
  }
  if (hindered === "unverified") {
    await askByMail(flow, work, person, "verifyEmail")
    throw new Problem("FAILED_PRECONDITION", "The address is not proved yet; a new letter is on its way")
  }
  if (made !== null && completed.pending !== null)
    return askSecondFactor(work, completed.pending, made.ticket, given.transport)
  if (made === null || completed.grant === null) throw new Problem("PERMISSION_DENIED", "This account is closed")
  return handOver(flow, work, completed.grant, {
    userId: person.id,
    transport: given.transport,
    deviceToken: made.deviceToken,
  })
}

/** `auth.signIn`. */
export function signIn(flow: Flow): Operation {
  return {
    name: "auth.signIn",
    kind: "mutation",
    summary: "Sign in with address and password; an account with a second factor asks for it next",
    input,
    output: signInAnswer,
    policy: anyone(),
    confidential: true,
    rest: { method: "POST", path: "/auth/sign-in" },
    engine: async (given: Input, work) => {
      const ports = flow.ports()
      const email = normaliseEmail(given.email)
      checkTransport(work, given.transport)
      await admit(ports, "sign-in", work)
      const person = await findPerson(work.store, "email", email)
      const attempt = await reserveAttempt(flow, work, person, email, given.deviceToken)
      const checked = await ports.passwords.verify(person?.id ?? "", given.password, person?.passwordSealed ?? null)
      if (checked.unreadable) ports.tell("password", `The stored password of ${person?.id} does not open under PEPPER`)
      if (person !== null && checked.ok) {
        const session = await open(flow, work, given, person, attempt)
        if (checked.rehash) rehash(flow, work, person, given.password)
        return session
      }
      await ask(() =>
        attempt.target.object.complete({ ticket: attempt.ticket, ok: false, ...originOf(work) }, causeOf(work)),
      )
      throw wrong()
    },
  }
}

const refreshInput = z
  .strictObject({ refreshToken: z.string().max(200).optional().describe("Left out where the session is in cookies") })
  .meta({ id: "Refresh" })

/** `auth.refresh`. One object call, no D1. */
export function refresh(flow: Flow): Operation {
  return {
    name: "auth.refresh",
    kind: "mutation",
    summary: "A new access token, and the refresh token that follows",
    input: refreshInput,
    output: signedIn,
    policy: anyone(),
    confidential: true,
    rest: { method: "POST", path: "/auth/refresh" },
    engine: async ({ refreshToken }: z.output<typeof refreshInput>, work) => {
      const ports = flow.ports()
      const kept = refreshToken === undefined ? "cookie" : "bearer"
      if (kept === "cookie") checkTransport(work, "cookie")
      const text = refreshToken ?? work.caller.cookies?.refresh ?? null
      const presented = text === null ? null : await ports.refreshTokens.read(text)
      const { accessSeconds } = flow.rules
      const grant =
        presented &&
        (await ask(() =>
          ports.objects.user(presented.user).refresh({ ...presented, accessSeconds, ...originOf(work) }, causeOf(work)),
        ))
      if (!presented || !grant) {
        if (kept === "cookie") work.session({ kind: "clear" })
        throw new Problem("UNAUTHENTICATED", "The session is over; sign in again")
      }
      return handOver(flow, work, grant, { userId: presented.user, transport: kept, deviceToken: null })
    },
  }
}

/** `auth.signOut`. Answers when the session is over everywhere but for access tokens within the revocation bound. */
export function signOut(flow: Flow): Operation {
  return {
    name: "auth.signOut",
    kind: "mutation",
    summary: "End this session",
    input: z.strictObject({}),
    output: z.object({ ended: z.int() }).meta({ id: "SessionsEnded" }),
    policy: whoIsSignedIn(),
    credential: "session",
    rest: { method: "POST", path: "/auth/sign-out" },
    engine: async (_: unknown, work) => {
      const { principal } = work.reading
      if (principal.kind !== "user" || principal.session === undefined)
        throw new Problem("UNAUTHENTICATED", "Sign in to do this")
      const { id, session } = principal
      const done = await ask(() => flow.ports().objects.user(id).revoke(session, causeOf(work)))
      if (work.caller.cookies?.access != null) work.session({ kind: "clear" })
      return { ended: done?.revoked ?? 0 }
    },
  }
}
