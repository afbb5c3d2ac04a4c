/**
 * The account flows as a handler calls them, for an interface whose shape somebody else dictates. They are the operations' own: no limit, rule
 * or throttle is left out. Refused where sign-up must not tell who has an account.
 */
import type { Accounts, Also, OpenedSession } from "../core/context.ts"
import { checkCredential } from "../core/credential.ts"
import type { EngineWork } from "../core/operation.ts"
import { system } from "../core/principal.ts"
import { Problem } from "../core/problem.ts"
import { admit, callerPerson, checkChoice, commandTo, type Flow, findPerson, normaliseEmail } from "./account.ts"
import { changedMail } from "./mails.ts"
import { sessionOf } from "./operations/password.ts"
import { signIn } from "./operations/sign-in.ts"
import { createPerson, firstSession, taken } from "./operations/sign-up.ts"
import { users } from "./resources.ts"
import type { SignInAnswer } from "./session-opening.ts"

function opened(email: string, answer: SignInAnswer): OpenedSession {
  if (answer.kind === "secondFactor")
    throw new Problem("FAILED_PRECONDITION", "This account asks for a second factor, which cannot be given here")
  const { userId, accessToken, accessExpiresAt, refreshToken } = answer
  if (accessToken === undefined || refreshToken === undefined) throw new Error("The session went into cookies")
  return { userId, email, accessToken, accessExpiresAt, refreshToken }
}

/** A unique column of the person, or one of what the application keeps beside it. */
function isOfEmail(thrown: unknown): boolean {
  const violations = thrown instanceof Problem && thrown.code === "ALREADY_EXISTS" ? thrown.options.violations : []
  return violations?.some(({ path }) => path.endsWith("/email")) ?? false
}

async function signUp(
  flow: Flow,
  work: EngineWork,
  given: { email: string; password: string; name: string },
  also?: Also,
): Promise<OpenedSession> {
  const email = normaliseEmail(given.email)
  await admit(flow.ports(), "sign-up", work, email)
  await checkChoice(flow, given.password, [email, given.name], "/password")
  if ((await findPerson(work.store, "email", email)) !== null) throw taken()
  const person = await createPerson(flow, work, given, email, also).catch((thrown) => {
    throw isOfEmail(thrown) ? taken() : thrown
  })
  return opened(email, await firstSession(flow, work, person, "bearer"))
}

interface Change {
  readonly email?: string | undefined
  readonly password?: string | undefined
  readonly name?: string | undefined
}

async function change(flow: Flow, work: EngineWork, given: Change, also?: Also): Promise<{ readonly email: string }> {
  const ports = flow.ports()
  const { password, name } = given
  // As `auth.changePassword` asks: a key, or whoever acts in another's name, must not take the account over.
  if (password !== undefined || given.email !== undefined)
    checkCredential({ name: "accounts.change", kind: "mutation", credential: "session" }, work.reading.principal)
  const person = await callerPerson(work)
  const email = given.email === undefined ? (person.email ?? "") : normaliseEmail(given.email)
  const isMoved = email !== person.email
  if (isMoved && (await findPerson(work.store, "email", email)) !== null) throw taken()
  if (password !== undefined) await checkChoice(flow, password, [email, name ?? person.name], "/password")
  const secrets = password === undefined ? {} : { passwordSealed: await ports.passwords.hash(person.id, password) }
  const moved = isMoved ? { email, emailVerifiedAt: null } : {}
  const values = { ...(name === undefined ? {} : { name }), ...moved, ...secrets }
  const at = work.reading.now.getTime()
  await work.write(({ changes, decidedOn, send }) => {
    if (Object.keys(values).length > 0) {
      changes.as(system("changed by its owner", person.id)).update(users, person.id, values)
      decidedOn(users.name, person.id, person.version)
    }
    also?.(changes, person.id)
    if (password === undefined && !isMoved) return
    if (password !== undefined)
      send(commandTo(work, person.id, { kind: "revokeOthers", keep: sessionOf(work), createdBefore: at + 1 }))
    // To the address that was: a thief changes it first.
    changes.mail(changedMail(person.email, ports.title, "Your address or password was changed"))
  })
  return { email }
}

/**
 * What a handler gets.
 * @param work of the call
 * @param isConfidential whether the operation says that nothing of it may be stored
 * @throws Error (to the application's author) where it must not be used
 */
export function handlerAccounts(flow: Flow): (work: EngineWork, isConfidential: boolean) => Accounts {
  const { emailVerification, takenAddress } = flow.rules
  return (work, isConfidential) => {
    const open = () => {
      if (!isConfidential) throw new Error("An operation that uses accounts says confidential: true")
      if (emailVerification !== "optional" || takenAddress !== "told")
        throw new Error(
          'Handlers use accounts where app({ accounts }) says emailVerification "optional", takenAddress "told"',
        )
    }
    return {
      signUp: async (given, also) => {
        open()
        return signUp(flow, work, given, also)
      },
      signIn: async ({ email, password }) => {
        open()
        const enter = signIn(flow).engine as (given: object, work: EngineWork) => Promise<SignInAnswer>
        return opened(normaliseEmail(email), await enter({ email, password, transport: "bearer" }, work))
      },
      change: async (given, also) => {
        open()
        return change(flow, work, given, also)
      },
      presented: () => {
        open()
        if (work.caller.bearer === null) throw new Problem("UNAUTHENTICATED", "Sign in to do this")
        return work.caller.bearer
      },
    }
  }
}
