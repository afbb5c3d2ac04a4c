/**
 * Step-up (RFC 9470): whoever is signed in proves once more who they are, and goes on with a session of a new id whose proof is fresh. Where there is
 * a second factor it is asked for: a password alone would be less than what the session began with.
 */
import * as z from "zod"
import type { EngineWork, Operation } from "../../core/operation.ts"
import { signedIn as whoIsSignedIn } from "../../core/policy.ts"
import { principalId } from "../../core/principal.ts"
import { invalid, Problem } from "../../core/problem.ts"
import type { Grant } from "../../core/user-object.ts"
import { admit, callerPerson, causeOf, type Flow, originOf } from "../account.ts"
import { ask } from "../objects.ts"
import { handOn, renewalOf, sessionOver } from "../renewing.ts"
import { factorInputs, factorNames, type GivenFactor, giveFactor, oneOf } from "../second-factor.ts"
import { signedIn } from "../session-opening.ts"
import { sessionOf } from "./password.ts"
import { reserveAttempt } from "./sign-in.ts"
import { passwordInput } from "./sign-up.ts"

const input = z.strictObject({ password: passwordInput.optional(), ...factorInputs }).meta({ id: "StepUp" })

/** By password, for who has no second factor. One hash; guesses count as attempts to sign in. */
async function byPassword(flow: Flow, work: EngineWork, password: string): Promise<Grant> {
  const ports = flow.ports()
  const person = await callerPerson(work)
  const { target, ticket } = await reserveAttempt(flow, work, person, person.email ?? "", undefined, sessionOf(work))
  const { ok } = await ports.passwords.verify(person.id, password, person.passwordSealed)
  const renewal = ok ? { renewal: await renewalOf(flow, work, ["pwd"]) } : {}
  const outcome = { ticket, ok, ...originOf(work), ...renewal }
  const completed = await ask(() => target.object.complete(outcome, causeOf(work)))
  if (!ok) throw invalid("/password", "wrong_password", "The current password is wrong")
  if (completed === null) throw sessionOver()
  if (completed.pending !== null)
    throw invalid(
      "/password",
      "second_factor_required",
      `The account has a second factor: give one of ${completed.pending.methods.join(", ")}`,
    )
  if (completed.grant === null)
    throw new Problem(
      "FAILED_PRECONDITION",
      "After so many wrong passwords, sign in again: a letter asks whether it is you",
    )
  return completed.grant
}

/** By a second factor. No D1 read. */
async function byFactor(flow: Flow, work: EngineWork, given: GivenFactor): Promise<Grant> {
  const giving = {
    userId: principalId(work.reading.principal) ?? "",
    purpose: { session: sessionOf(work) },
    over: sessionOver,
  }
  const { grant } = await giveFactor(
    flow,
    work,
    { ...giving, opening: async (amr) => ({ kind: "renewal", renewal: await renewalOf(flow, work, amr) }) },
    given,
  )
  return grant
}

/** `auth.stepUp`. The session ends and goes on under a new id, to the end that it had. */
export function stepUp(flow: Flow): Operation {
  return {
    name: "auth.stepUp",
    kind: "mutation",
    summary:
      "Prove once more who you are: exactly one of password (without a second factor), code, recoveryCode and passkey",
    input,
    output: signedIn,
    policy: whoIsSignedIn(),
    credential: "session",
    confidential: true,
    rest: { method: "POST", path: "/auth/step-up" },
    engine: async (given: z.output<typeof input>, work) => {
      await admit(flow.ports(), "proof", work)
      const isPassword = oneOf(given, ["password", ...factorNames]) === "password"
      const grant = isPassword
        ? await byPassword(flow, work, given.password ?? "")
        : await byFactor(flow, work, given as GivenFactor)
      return handOn(flow, work, grant)
    },
  }
}
