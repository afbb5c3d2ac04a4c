/**
 * An authenticator app as a second factor: a seed is shown, and kept once a code proves that the app has it. Until then it is in the caller's hands
 * alone, sealed.
 */
import * as z from "zod"
import type { NewFactor, Once } from "../../core/factors.ts"
import type { EngineWork, Operation } from "../../core/operation.ts"
import { signedIn as whoIsSignedIn } from "../../core/policy.ts"
import { invalid } from "../../core/problem.ts"
import { callerPerson, causeOf, type Flow } from "../account.ts"
import { decodeBase32, encodeBase32 } from "../base32.ts"
import { changedMail } from "../mails.ts"
import { ask } from "../objects.ts"
import { mintRecoveryCodes } from "../recovery-codes.ts"
import { handOn, renewalOf, sessionOver } from "../renewing.ts"
import { codeInput, seedPurpose } from "../second-factor.ts"
import { signedIn } from "../session-opening.ts"
import { matchingStep, newSeed, otpauthUri, qrCode } from "../totp.ts"
import { factor, factorFreshness, factorNameInput, factorPrefix, ownObject, recoveryCodes } from "./factors.ts"
import { sessionOf } from "./password.ts"

export const stateInput = z.string().min(1).max(2000).describe("As it came with the beginning")

/** The refusal of states: another session's, over, used, made up. */
export function invalidState() {
  return invalid("/state", "invalid_token", "This took too long, or was done already; begin again")
}

/** `factors.enrolTotp`. Nothing is stored. */
export function enrolTotp(flow: Flow): Operation {
  return {
    name: "factors.enrolTotp",
    kind: "mutation",
    summary: "Begin to add an authenticator app: the seed, as text, address and picture",
    input: z.strictObject({}),
    output: z
      .object({
        state: z.string().describe("For factors.confirmTotp, within ten minutes"),
        secret: z.string().describe("The seed in base32, to be typed where no camera is"),
        uri: z.string().describe("otpauth://, for the app"),
        qr: z.string().describe("The same as SVG"),
        expiresAt: z.iso.datetime(),
      })
      .meta({ id: "TotpEnrolment" }),
    policy: whoIsSignedIn(),
    credential: "session",
    fresh: factorFreshness,
    confidential: true,
    rest: { method: "POST", path: "/factors/totp" },
    engine: async (_: unknown, work) => {
      const { random, states, title } = flow.ports()
      const person = await callerPerson(work)
      const seed = newSeed(random)
      const secret = encodeBase32(seed)
      const uri = otpauthUri(seed, title, person.email ?? person.name)
      const { text, expiresAt } = await states.begin("enrol-totp", sessionOf(work), secret, work.reading.now)
      return { state: text, secret, uri, qr: await qrCode(uri), expiresAt: new Date(expiresAt).toISOString() }
    },
  }
}

const confirmInput = z
  .strictObject({
    state: stateInput,
    code: codeInput,
    name: factorNameInput.default("Authenticator app"),
    endOtherSessions: z.boolean().default(true).describe("With the first factor they end in any case"),
  })
  .meta({ id: "ConfirmTotp" })

/** What adding a factor answers. */
export const factorAdded = z
  .object({
    factor: factor.pick({ id: true, kind: true, name: true }),
    recoveryCodes: recoveryCodes.optional(),
    session: signedIn.describe("Goes on in the place of the one that asked, which is over"),
  })
  .meta({ id: "FactorAdded" })

/**
 * Keeps a factor that was confirmed, tells its owner, and goes on with the session. The letter goes first: a factor that nobody was told of must not
 * stand.
 */
export async function keepFactor(
  flow: Flow,
  work: EngineWork,
  made: NewFactor,
  { once, amr, endOthers }: { readonly once: Once; readonly amr: readonly string[]; readonly endOthers: boolean },
) {
  const ports = flow.ports()
  const person = await callerPerson(work)
  const { codes, hashes } = await mintRecoveryCodes(ports.random)
  const renewal = await renewalOf(flow, work, amr)
  await work.write(
    ({ changes }) => void changes.mail(changedMail(person.email, ports.title, "A second factor was added")),
  )
  const addition = { factor: made, once, recoveryCodes: hashes, renewal, endOthers }
  const added = await ask(() => ownObject(flow, work).addFactor(addition, causeOf(work)))
  if (added === null) throw sessionOver()
  const { id, kind, name } = made
  return {
    factor: { id, kind, name },
    ...(added.isFirst ? { recoveryCodes: [...codes] } : {}),
    session: await handOn(flow, work, added.grant),
  }
}

/** `factors.confirmTotp`. The code counts as used. */
export function confirmTotp(flow: Flow): Operation {
  return {
    name: "factors.confirmTotp",
    kind: "mutation",
    summary: "Add the authenticator app with a code that it shows; the first factor brings ten recovery codes",
    input: confirmInput,
    output: factorAdded,
    policy: whoIsSignedIn(),
    credential: "session",
    fresh: factorFreshness,
    confidential: true,
    rest: { method: "POST", path: "/factors/totp/confirm" },
    engine: async (given: z.output<typeof confirmInput>, work) => {
      const { ids, sealer, states } = flow.ports()
      const { now, principal } = work.reading
      const state = await states.open("enrol-totp", sessionOf(work), given.state, now)
      const seed = state && decodeBase32(state.secret)
      if (state === null || seed === null) throw invalidState()
      const step = await matchingStep(seed, given.code.replace(" ", ""), now)
      if (step === null) throw invalid("/code", "wrong_code", "The code is wrong, or its time is over")
      const id = ids.mint(factorPrefix)
      const userId = principal.kind === "user" ? principal.id : ""
      const sealed = await sealer.seal(seedPurpose, `${userId}/${id}`, state.secret)
      const made = { kind: "totp", id, name: given.name, sealed, step } as const
      return keepFactor(flow, work, made, {
        once: state.once,
        amr: ["otp", "mfa"],
        endOthers: given.endOtherSessions,
      })
    },
  }
}
