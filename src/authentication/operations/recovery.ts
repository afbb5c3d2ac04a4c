/**
 * Ways in by a letter: a new password, a link that signs in, the confirmation of a sign-in after very many wrong ones. A token is used up
 * before anything is changed, so it works once; whoever finds it used asks for another.
 */
import * as z from "zod"
import type { EngineWork, Operation } from "../../core/operation.ts"
import { anyone } from "../../core/policy.ts"
import { system } from "../../core/principal.ts"
import { Problem } from "../../core/problem.ts"
import type { Resource } from "../../core/resource.ts"
import {
  admit,
  causeOf,
  checkChoice,
  type Flow,
  findPerson,
  invalidToken,
  normaliseEmail,
  type Person,
} from "../account.ts"
import { changedMail, magicMail, resetMail } from "../mails.ts"
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
  signInAnswer,
  transport,
} from "../session-opening.ts"
import { type OneTimePurpose, readOneTimeToken } from "../token-once.ts"
import { endFactors, endKeys, endLateKeys, endSessions, heldBefore } from "../unproved.ts"
import { restored } from "./sign-in.ts"
import { emailInput, passwordInput, sendLink, tokenInput } from "./sign-up.ts"

const addressInput = z.strictObject({ email: emailInput }).meta({ id: "AddressInput" })
const accepted = z.object({ accepted: z.literal(true) }).meta({ id: "Accepted" })

function requestLink(
  flow: Flow,
  name: string,
  path: string,
  summary: string,
  letter: Pick<Parameters<typeof sendLink>[2], "purpose" | "page" | "mail">,
): Operation {
  return {
    name,
    kind: "mutation",
    summary,
    input: addressInput,
    output: accepted,
    policy: anyone(),
    confidential: true,
    rest: { method: "POST", path, status: 202 },
    engine: async (given: z.output<typeof addressInput>, work) => {
      const email = normaliseEmail(given.email)
      await admit(flow.ports(), "mail", work, email)
      await sendLink(flow, work, { email, ...letter })
      return { accepted: true }
    },
  }
}

/** `auth.requestPasswordReset`: the same answer and work whether the address has an account. */
export function requestPasswordReset(flow: Flow): Operation {
  const letter = { purpose: "resetPassword", page: "reset-password", mail: resetMail } as const
  return requestLink(
    flow,
    "auth.requestPasswordReset",
    "/auth/request-password-reset",
    "A letter with which to set a new password",
    letter,
  )
}

/** `auth.requestMagicLink`. */
export function requestMagicLink(flow: Flow): Operation {
  const letter = { purpose: "magicLink", page: "magic-link", mail: magicMail } as const
  return requestLink(
    flow,
    "auth.requestMagicLink",
    "/auth/request-magic-link",
    "A letter with a link that signs in",
    letter,
  )
}

/** Who may come in by a letter: the owner of the token, when the account is open. Uses nothing up. */
async function holderOf(flow: Flow, work: EngineWork, purpose: OneTimePurpose, text: string) {
  const ports = flow.ports()
  await admit(ports, "proof", work)
  const read = await readOneTimeToken(purpose, text)
  if (read === null) throw invalidToken()
  const object = ports.objects.user(read.owner)
  const known = await ask(() => object.checkToken(purpose, read.hash))
  if (known === null) throw invalidToken()
  const person = await findPerson(work.store, "id", read.owner)
  if (person === null || (person.status !== "active" && person.status !== "deleting")) throw invalidToken()
  // A letter proves the address that it went to, which need not be the account's any more.
  if (person.email !== known.data.email) throw invalidToken()
  const redeem = async () => {
    if ((await ask(() => object.redeemToken(purpose, read.hash, causeOf(work)))) === null) throw invalidToken()
  }
  return { person, object, redeem }
}

const resetInput = z.strictObject({ token: tokenInput, password: passwordInput }).meta({ id: "ResetPassword" })

/**
 * `auth.resetPassword`. Ends every session, and the API keys and factors that were made before anybody had proved the address; opens no session.
 * The second factors of an account that is proved stay, and are asked for after it.
 */
export function resetPassword(flow: Flow, apiKeys: Resource): Operation {
  return {
    name: "auth.resetPassword",
    kind: "mutation",
    summary: "Set a new password with the token from the letter; every session ends",
    input: resetInput,
    output: z.object({ changed: z.literal(true) }).meta({ id: "PasswordChanged" }),
    policy: anyone(),
    confidential: true,
    rest: { method: "POST", path: "/auth/reset-password" },
    engine: async ({ token, password }: z.output<typeof resetInput>, work) => {
      const ports = flow.ports()
      const { person, object, redeem } = await holderOf(flow, work, "resetPassword", token)
      await checkChoice(flow, password, [person.email ?? "", person.name], "/password")
      const passwordSealed = await ports.passwords.hash(person.id, password)
      const held = await heldBefore(flow, work, person)
      await redeem()
      await work.write((batch) => {
        const { changes, decidedOn } = batch
        const emailVerifiedAt = person.emailVerifiedAt ?? work.reading.now.toISOString()
        changes
          .as(system("a letter proved whose account it is", person.id))
          .update(users, person.id, { passwordSealed, emailVerifiedAt })
        decidedOn(users.name, person.id, person.version)
        endSessions(work, batch, person.id)
        endKeys(work, batch, apiKeys, person.id, held)
        endFactors(work, batch, person.id, held)
        changes.mail(changedMail(person.email, ports.title, "Your password was changed"))
      })
      await endLateKeys(work, apiKeys, person.id, held)
      await ask(() => object.forgive())
      return { changed: true }
    },
  }
}

/** Whoever signs in by mail, or by who runs the mailbox, owns the address. What was set up by somebody who never proved it goes first. */
export async function proved(flow: Flow, work: EngineWork, apiKeys: Resource, found: Person): Promise<Person> {
  const person = await restored(flow, work, found)
  if (person.emailVerifiedAt !== null) return person
  const held = await heldBefore(flow, work, person)
  const emailVerifiedAt = work.reading.now.toISOString()
  await work.write((batch) => {
    const { changes, decidedOn } = batch
    changes
      .as(system("a letter proved whose account it is", person.id))
      .update(users, person.id, { emailVerifiedAt, passwordSealed: null })
    decidedOn(users.name, person.id, person.version)
    endSessions(work, batch, person.id)
    endKeys(work, batch, apiKeys, person.id, held)
    endFactors(work, batch, person.id, held)
  })
  await endLateKeys(work, apiKeys, person.id, held)
  return { ...person, version: person.version + 1, emailVerifiedAt, passwordSealed: null }
}

const redeemInput = z.strictObject({ token: tokenInput, transport, deviceToken }).meta({ id: "RedeemLink" })

function redeemLink(
  flow: Flow,
  apiKeys: Resource,
  name: string,
  path: string,
  summary: string,
  purpose: "magicLink" | "confirmSignIn",
): Operation {
  return {
    name,
    kind: "mutation",
    summary,
    input: redeemInput,
    output: signInAnswer,
    policy: anyone(),
    confidential: true,
    rest: { method: "POST", path },
    engine: async (given: z.output<typeof redeemInput>, work) => {
      checkTransport(work, given.transport)
      const { person: found, object, redeem } = await holderOf(flow, work, purpose, given.token)
      await redeem()
      const person = await proved(flow, work, apiKeys, found)
      if (purpose === "confirmSignIn") await ask(() => object.forgive())
      const device = await deviceOf(flow.ports(), work, person.id, given.deviceToken)
      const amr = purpose === "confirmSignIn" ? ["pwd", "otp"] : ["otp"]
      const replaces = await replacedBy(flow.ports(), work, person)
      const made = await newSession(flow, work, { person, amr, device, replaces })
      const opened = await ask(() => object.enter(made.session, causeOf(work)))
      if (opened === null) throw new Problem("PERMISSION_DENIED", "This account is closed")
      if (opened.pending !== null) return askSecondFactor(work, opened.pending, made.ticket, given.transport)
      return handOver(flow, work, opened.grant, {
        userId: person.id,
        transport: given.transport,
        deviceToken: made.deviceToken,
      })
    },
  }
}

/** `auth.redeemMagicLink`. */
export function redeemMagicLink(flow: Flow, apiKeys: Resource): Operation {
  return redeemLink(
    flow,
    apiKeys,
    "auth.redeemMagicLink",
    "/auth/redeem-magic-link",
    "Sign in with the token from the letter",
    "magicLink",
  )
}

/** `auth.confirmSignIn`. */
export function confirmSignIn(flow: Flow, apiKeys: Resource): Operation {
  return redeemLink(
    flow,
    apiKeys,
    "auth.confirmSignIn",
    "/auth/confirm-sign-in",
    "Confirm by mail that a sign-in was one's own",
    "confirmSignIn",
  )
}
