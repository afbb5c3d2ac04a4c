/** A change of password by the one who knows the old one. Guesses at the old one count as attempts to sign in. */
import * as z from "zod"
import type { EngineWork, Operation } from "../../core/operation.ts"
import { signedIn } from "../../core/policy.ts"
import { system } from "../../core/principal.ts"
import { invalid } from "../../core/problem.ts"
import { admit, callerPerson, causeOf, checkChoice, commandTo, type Flow, originOf, type Person } from "../account.ts"
import { changedMail } from "../mails.ts"
import { ask } from "../objects.ts"
import { users } from "../resources.ts"
import { reserveAttempt } from "./sign-in.ts"
import { passwordInput } from "./sign-up.ts"

/**
 * Refuses who does not know the person's password.
 * @param path of the password in the input
 * @throws INVALID_ARGUMENT at the path; RESOURCE_EXHAUSTED after too many attempts
 */
export async function provePassword(
  flow: Flow,
  work: EngineWork,
  person: Person,
  password: string,
  path: string,
): Promise<void> {
  const ports = flow.ports()
  await admit(ports, "proof", work)
  const { target, ticket } = await reserveAttempt(flow, work, person, person.email ?? "", undefined, sessionOf(work))
  const { ok } = await ports.passwords.verify(person.id, password, person.passwordSealed)
  const completed = await ask(() => target.object.complete({ ticket, ok, ...originOf(work) }, causeOf(work)))
  if (!ok || completed === null) throw invalid(path, "wrong_password", "The current password is wrong")
}

/** The session of the one who calls; `credential: "session"` has made sure that there is one. */
export function sessionOf({ reading }: EngineWork): string {
  const { principal } = reading
  if (principal.kind !== "user" || principal.session === undefined)
    throw new Error("No session reached an operation that asks for one")
  return principal.session
}

const input = z
  .strictObject({
    currentPassword: passwordInput,
    password: passwordInput,
    endOtherSessions: z.boolean().default(true),
  })
  .meta({ id: "ChangePassword" })

/** `auth.changePassword`. */
export function changePassword(flow: Flow): Operation {
  return {
    name: "auth.changePassword",
    kind: "mutation",
    summary: "Change the password; other sessions end unless one says otherwise",
    input,
    output: z.object({ changed: z.literal(true) }).meta({ id: "PasswordChanged" }),
    policy: signedIn(),
    credential: "session",
    confidential: true,
    rest: { method: "POST", path: "/auth/change-password" },
    engine: async (given: z.output<typeof input>, work) => {
      const ports = flow.ports()
      const person = await callerPerson(work)
      await checkChoice(flow, given.password, [person.email ?? "", person.name], "/password")
      await provePassword(flow, work, person, given.currentPassword, "/currentPassword")
      const passwordSealed = await ports.passwords.hash(person.id, given.password)
      const at = work.reading.now
      await work.write(({ changes, decidedOn, send }) => {
        changes.as(system("the current password was given", person.id)).update(users, person.id, { passwordSealed })
        decidedOn(users.name, person.id, person.version)
        if (given.endOtherSessions)
          send(
            commandTo(work, person.id, {
              kind: "revokeOthers",
              keep: sessionOf(work),
              createdBefore: at.getTime() + 1,
            }),
          )
        changes.mail(changedMail(person.email, ports.title, "Your password was changed"))
      })
      return { changed: true }
    },
  }
}
